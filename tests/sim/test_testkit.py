"""The kit runs actors in virtual time, and at its end finds what a test easily misses."""

import time

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import AskFailed, AskTimeout, IntensityExceeded
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity, Restart
from alys.sim.dispatch import Stuck
from alys.sim.testkit import ActorKit
from alys.sim.trap import Nondeterminism
from tests.sim.counter import Add, Added, Counter, Fetch, Load, Remind, Total


def counter_of(kit: ActorKit) -> Ref:
    listener = kit.probe("listener")
    return kit.spawn(lambda: Counter(listener.ref), "counter")


# Running


def test_nothing_happens_between_the_lines_of_a_test() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        kit.tell(counter, Add(amount=1))
        assert counter.cell.status.value == "starting"
        kit.settle()
        assert (counter.cell.status.value, kit.now) == ("running", 0.0)


def test_an_answer_has_its_type_and_its_errors() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        kit.tell(counter, Add(amount=2))
        assert kit.ask(counter, Total()) + 1 == 3
        with pytest.raises(AskTimeout):
            kit.ask(kit.probe("deaf").ref, Total(), timeout=2.0)
        assert kit.now == 2.0


def test_time_passes_to_the_moment_and_an_hour_costs_nothing() -> None:
    with ActorKit() as kit:
        listener = kit.probe("listener")
        kit.tell(kit.spawn(lambda: Counter(listener.ref), "counter"), Remind())
        kit.advance(3599.999)
        listener.expect_nothing()
        kit.advance(0.001)
        assert (listener.expect(Added).total, kit.now) == (0, 3600.0)


def test_a_spec_may_be_given_in_full() -> None:
    with ActorKit() as kit:
        spec = ChildSpec(
            factory=lambda: Counter(kit.system.outside), name="c", restart=Restart.TEMPORARY
        )
        assert kit.spawn(spec).path == "/test/c"
        kit.settle()


def test_a_coroutine_may_be_the_test() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)

        async def scenario() -> int:
            await kit.system.sleep(60.0)
            return await kit.system.ask(counter, Total())

        assert (kit.run(scenario()), kit.now) == (0, 60.0)


def test_a_coroutine_that_can_never_go_on_says_so() -> None:
    with ActorKit() as kit:
        kit.settle()

        async def scenario() -> None:
            await kit.system.terminated

        with pytest.raises(Stuck, match="all actors are at rest"):
            kit.run(scenario())


def test_waiting_for_a_condition_takes_no_longer_than_needed() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        kit.tell(counter, Remind())
        kit.wait_until(lambda: len(kit.effects.messages(counter)) == 2, "a reminder", 1e6)
        assert kit.now == 3600.0
        with pytest.raises(AssertionError, match="expected within 5 s: it rains"):
            kit.wait_until(lambda: False, "it rains", 5.0)
        assert kit.now == 3605.0


def test_stopping_says_how_it_ended() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        assert kit.stop(counter) == "shutdown: system"
        assert kit.effects.stop_reason(counter) == "shutdown: system"


def test_equal_seeds_give_equal_runs_and_other_seeds_other_orders() -> None:
    def play(seed: int) -> list[str]:
        with ActorKit(seed) as kit:
            listener = kit.probe("listener")
            for number in range(6):
                counter = kit.spawn(lambda: Counter(listener.ref), f"counter{number}")
                kit.tell(counter, Add(amount=1))
            kit.settle()
            return [str(effect) for effect in kit.effects.of("sent", listener.ref)]

    assert play(1) == play(1)
    assert len({tuple(play(seed)) for seed in range(10)}) > 1


def test_ambient_time_is_refused_unless_the_test_says_otherwise() -> None:
    class Impure(Counter):
        @override
        def on_total(self, message: Total, ctx: Context) -> int:
            return int(time.time())  # noqa: TID251 - the point of it

    def ask(kit: ActorKit) -> int:
        return kit.ask(kit.spawn(lambda: Impure(kit.system.outside), "impure"), Total())

    with pytest.raises(Nondeterminism, match=r"time\.time"), ActorKit() as kit:
        ask(kit)
    with ActorKit(trap=False) as kit:
        assert ask(kit) > 0


# The end


def test_a_crash_that_nobody_looked_at_fails_the_test_with_actor_message_and_error() -> None:
    kit = ActorKit(seed=3)
    counter = counter_of(kit)
    kit.tell(counter, Add(amount=-1))
    with pytest.raises(AssertionError) as caught:
        kit.close()
    assert str(caught.value).splitlines() == [
        "an actor failed: 0 s: /test/counter failed Add(amount=-1) [ValueError: a counter only goes up]",
        "(kit.allow_failures() says that a test means its actors to fail)",
        "seed 3",
    ]
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_crash_that_the_test_means_is_none() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        kit.allow_failures()
        kit.tell(counter, Add(amount=-1))
        kit.settle()
        assert kit.effects.restarts(counter) == 1


def test_only_errors_of_the_allowed_types_are_meant() -> None:
    kit = ActorKit()
    kit.allow_failures(LookupError)
    kit.tell(counter_of(kit), Add(amount=-1))
    with pytest.raises(AssertionError, match="an actor failed"):
        kit.close()


@pytest.mark.parametrize(("kinds", "red"), [((), True), ((AssertionError,), False)])
def test_an_assertion_in_an_actor_fails_the_test_unless_it_is_named(
    kinds: tuple[type[Exception], ...], red: bool
) -> None:
    kit = ActorKit()
    kit.allow_failures(*kinds)
    storeless = kit.spawn(lambda: Counter(kit.system.outside), "counter")
    with pytest.raises(AskFailed):
        kit.ask(storeless, Load(key="a"))
    if red:
        with pytest.raises(AssertionError, match="an actor failed"):
            kit.close()
    else:
        kit.close()


def test_the_root_of_a_kit_restarts_without_limit_unless_it_is_told_one() -> None:
    with ActorKit() as kit:
        counter = counter_of(kit)
        kit.allow_failures()
        for _ in range(50):
            kit.tell(counter, Add(amount=-1))
        kit.settle()
        assert (kit.effects.restarts(counter), kit.system.status) == (50, 0)
    with ActorKit(intensity=Intensity(restarts=1)) as kit:
        counter = counter_of(kit)
        kit.allow_failures(ValueError, IntensityExceeded)
        for _ in range(3):
            kit.tell(counter, Add(amount=-1))
        kit.settle()
        assert (kit.effects.restarts(counter), kit.system.status) == (1, 1)


def test_an_actor_that_cannot_be_stopped_is_named() -> None:
    class Forever(Actor):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await kit.system.terminated

    kit = ActorKit()
    kit.spawn(ChildSpec(factory=Forever, name="forever", shutdown_seconds=float("inf")))
    with pytest.raises(
        AssertionError, match=r"(?s)does not come to its end.*/test/forever: stopping"
    ):
        kit.close()


def test_messages_that_are_under_way_at_the_end_are_no_leak() -> None:
    kit = ActorKit()
    store = kit.probe("store")
    counter = kit.spawn(lambda: Counter(store.ref, store.ref), "counter")
    kit.begin_ask(counter, Load(key="a"))
    kit.tell(counter, Add(amount=1))
    store.expect(Fetch)
    kit.close()
    assert (kit.effects.living, kit.effects.open_messages) == ([], [])
    assert [effect.detail for effect in kit.effects.dead_letters(counter)] == ["aborted", "stopped"]


def test_a_message_that_the_runtime_lost_is_named() -> None:
    kit = ActorKit()
    counter = counter_of(kit)
    kit.tell(counter, Add(amount=1))
    counter.cell.mailbox.queue.clear()
    with pytest.raises(
        AssertionError, match=r"never handled: Add\(amount=1\) from /test to /test/c"
    ):
        kit.close()


def test_an_actor_that_the_runtime_forgot_is_named() -> None:
    kit = ActorKit()
    counter = counter_of(kit)
    kit.settle()
    del kit.system.root.family.cells["counter"]
    with pytest.raises(AssertionError, match="still alive: /test/counter"):
        kit.close()
    assert counter.path == "/test/counter"


def test_a_test_that_failed_keeps_its_own_error() -> None:
    kit = ActorKit()

    def fail() -> None:
        with kit:
            kit.tell(counter_of(kit), Add(amount=-1))
            raise LookupError("the test's own")

    with pytest.raises(LookupError, match="the test's own"):
        fail()
    assert kit.effects.living == []


def test_closing_twice_is_closing_once() -> None:
    kit = ActorKit()
    kit.tell(counter_of(kit), Add(amount=-1))
    with pytest.raises(AssertionError):
        kit.close()
    kit.close()
    kit.abandon()


def test_a_hook_that_hangs_at_the_end_is_cut_off_when_its_time_is_over() -> None:
    class Slow(Actor):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await kit.system.sleep(3600.0)

    with ActorKit() as kit:
        slow = kit.spawn(ChildSpec(factory=Slow, name="slow", shutdown_seconds=2.0))
        kit.settle()
    assert kit.effects.stop_reason(slow) == "killed: parent"
    assert kit.now == 2.0
