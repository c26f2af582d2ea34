"""The figures: what actors count for themselves, and what the observer adds up."""

import pytest
from typing_extensions import override

from alys.actors.cell import Cell
from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.metrics import Figures, Metrics
from alys.actors.observe import PER_MESSAGE, overrides
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import EPOCH, LENIENT, Boom, Do, Puppet, Say


class Mute(Puppet):
    """A puppet that needs no stage."""

    def __init__(self) -> None:
        self.name = ""
        self.heard = []

    @override
    def note(self, what: str) -> None:
        """Nobody reads it."""


class Bench:
    """A system under the metrics, in virtual time."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.dispatcher = SimDispatcher(SeededRandom(1), EPOCH)
        self.system = System(
            self.dispatcher, SeededRandom(2), observer=self.metrics, intensity=LENIENT
        )

    def spawn(self, name: str = "", **more: object) -> Ref:
        """A puppet."""
        return self.system.spawn(ChildSpec(name=name, factory=Mute, **more))  # type: ignore[arg-type]

    def run(self) -> None:
        """All that can happen now."""
        self.dispatcher.run_until_idle()

    def line(self, path: str) -> Figures:
        """The line of one path."""
        return {line.path: line for line in self.metrics.reading(self.system)}[path]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def crash(puppet: Puppet, ctx: Context) -> None:
    """To be done by a puppet."""
    raise Boom


def test_the_metrics_do_not_listen_to_single_messages() -> None:
    """So most messages travel bare under them: observation costs nothing."""
    assert not overrides(Metrics(), PER_MESSAGE)


def test_messages_are_counted_when_they_are_handled_and_those_that_wait_are_waiting(
    bench: Bench,
) -> None:
    ref = bench.spawn("a")
    bench.run()
    for n in range(5):
        bench.system.tell(ref, Say(text=str(n)))
    assert (bench.line("/alys/a").messages_processed, bench.line("/alys/a").mailbox_messages) == (
        0,
        5,
    )
    bench.run()
    assert (bench.line("/alys/a").messages_processed, bench.line("/alys/a").mailbox_messages) == (
        5,
        0,
    )


def test_a_failed_message_is_a_failure_a_dead_letter_and_a_restart_and_was_not_processed(
    bench: Bench,
) -> None:
    ref = bench.spawn("a")
    bench.system.tell(ref, Say(text="x"))
    bench.system.tell(ref, Do(act=crash))
    bench.system.tell(ref, Say(text="y"))
    bench.run()
    line = bench.line("/alys/a")
    assert (line.messages_processed, line.failures, line.restarts, line.dead_letters) == (
        2,
        1,
        1,
        1,
    )


def test_what_a_full_mailbox_throws_away_is_counted_as_dropped(bench: Bench) -> None:
    ref = bench.spawn("a", mailbox_messages_max=2, overflow=Overflow.DROP_NEW)
    for n in range(5):
        bench.system.tell(ref, Say(text=str(n)))
    bench.run()
    line = bench.line("/alys/a")
    assert (line.dropped, line.messages_processed, line.dead_letters) == (3, 2, 0)


def test_the_messages_of_an_actor_that_is_gone_stay_in_the_totals(bench: Bench) -> None:
    ref = bench.spawn("a")
    bench.system.tell(ref, Say(text="x"))
    bench.run()
    before = bench.metrics.totals(bench.system)
    bench.system.stop(ref)
    bench.run()
    after = bench.metrics.totals(bench.system)
    assert (before.active, after.active) == (2, 1)  # the root is one of them
    assert before.messages_processed == after.messages_processed == 1


def test_actors_without_a_name_share_one_line(bench: Bench) -> None:
    refs = [bench.spawn() for _ in range(3)]
    for ref in refs:
        bench.system.tell(ref, Say(text="x"))
    bench.run()
    bench.system.stop(refs[0])
    bench.run()
    line = bench.line("/alys/$")
    assert (line.active, line.messages_processed) == (2, 3)


def test_a_dead_tree_has_no_active_actors(bench: Bench) -> None:
    bench.spawn("a")
    bench.run()
    bench.system.shutdown()
    bench.run()
    assert bench.metrics.totals(bench.system).active == 0


def test_memory_is_read_only_when_it_is_asked_for(bench: Bench) -> None:
    bench.spawn("a")
    bench.run()
    assert bench.metrics.totals(bench.system).memory_bytes == 0
    assert bench.metrics.totals(bench.system, memory=True).memory_bytes > 0


def test_a_reading_does_not_change_the_next(bench: Bench) -> None:
    ref = bench.spawn("a")
    bench.system.tell(ref, Do(act=crash))
    bench.run()
    assert bench.metrics.reading(bench.system) == bench.metrics.reading(bench.system)
    assert isinstance(ref, Cell)
