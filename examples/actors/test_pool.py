"""How the pool is tested: in virtual time, with probes in the place of others. Run it with

pytest examples/actors
"""

import pytest

from alys.actors.errors import ActorStopped, AskFailed
from alys.actors.ref import Ref
from alys.actors.supervisor import CountChildren
from alys.sim.testkit import ActorKit
from examples.actors.pool import Parse, Pool

pytest_plugins = ["alys.runner.actor_kit"]


@pytest.fixture
def pool(actor_kit: ActorKit) -> Ref:
    """Two workers, two jobs per second."""
    return actor_kit.spawn(lambda: Pool(workers=2, per_second=2), "pool")


def test_a_question_gets_its_answer(actor_kit: ActorKit, pool: Ref) -> None:
    number = actor_kit.ask(pool, Parse(text="42"))
    assert number + 1 == 43  # an int, for the type checker too


def test_jobs_start_half_a_second_apart(actor_kit: ActorKit, pool: Ref) -> None:
    replies = [actor_kit.begin_ask(pool, Parse(text=text)) for text in "123"]
    actor_kit.settle()
    assert [reply.done for reply in replies] == [True, False, False]
    actor_kit.advance(0.5)
    assert [reply.done for reply in replies] == [True, True, False]
    assert actor_kit.result_of(replies[2]) == 3
    assert actor_kit.now == 1.0


def test_a_bad_question_costs_one_restart_and_nobody_elses_answer(
    actor_kit: ActorKit, pool: Ref
) -> None:
    actor_kit.allow_failures(ValueError)
    replies = [actor_kit.begin_ask(pool, Parse(text=text)) for text in ("1", "two", "3", "4")]
    with pytest.raises(AskFailed, match="invalid literal"):
        actor_kit.result_of(replies[1])
    assert [actor_kit.result_of(replies[index]) for index in (0, 2, 3)] == [1, 3, 4]
    assert actor_kit.effects.restarts() == 1
    assert [type(error) for error in actor_kit.effects.failures()] == [ValueError]


def test_whoever_waits_when_the_pool_stops_learns_it_at_once(
    actor_kit: ActorKit, pool: Ref
) -> None:
    client = actor_kit.probe("client")
    client.watch(pool)
    replies = [client.begin_ask(pool, Parse(text=text)) for text in "12"]
    assert actor_kit.result_of(replies[0]) == 1
    actor_kit.stop(pool)
    with pytest.raises(ActorStopped):
        actor_kit.result_of(replies[1])
    client.expect_terminated(pool)
    assert actor_kit.now == 0.0


def test_all_workers_are_there(actor_kit: ActorKit, pool: Ref) -> None:
    actor_kit.settle()
    (supervisor,) = (ref for ref in actor_kit.effects.living if ref.name == "workers")
    counts = actor_kit.ask(supervisor, CountChildren())
    assert (counts.workers, counts.active) == (2, 2)
