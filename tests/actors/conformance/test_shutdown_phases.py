"""Check 65 of the contract: a graph of phases, one hangs, one raises; order, limits, later phases, only once."""

import itertools
from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.errors import BadSpec, TaskTimeout
from alys.actors.shutdown import CoordinatedShutdown, Outcome, Phase, ShutdownReport
from tests.actors.stage import Boom, Puppet, Stage, in_simulation, simulate

Run = Any

#:      a --> b --> d --> e
#:       \--> c --/
DIAMOND = (
    Phase("e", after=("d",)),
    Phase("d", after=("b", "c"), timeout_seconds=4.0),
    Phase("b", after=("a",), timeout_seconds=3.0),
    Phase("c", after=("a",)),
    Phase("a"),
)


class Way:
    """A shutdown whose tasks note when they begin and end."""

    def __init__(self, stage: Stage, phases: tuple[Phase, ...]) -> None:
        self.stage = stage
        self.notes: list[tuple[float, str]] = []
        self.shutdown = CoordinatedShutdown(stage.system, phases)

    def add(self, phase: str, seconds: float, error: Exception | None = None) -> None:
        """A task that takes so long, and then raises if it is told to."""

        async def task() -> None:
            self.note(f"{phase} begins")
            await self.stage.system.sleep(seconds)
            if error is not None:
                raise error
            self.note(f"{phase} ends")

        self.shutdown.add(phase, f"task of {phase}", task)

    def note(self, what: str) -> None:
        self.notes.append((self.stage.now(), what))


def outcomes(report: ShutdownReport) -> dict[str, Outcome]:
    return {phase.name: phase.outcome for phase in report.phases}


@in_simulation
def test_65_shutdown_phases_run_in_topological_order_ties_as_declared(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        way = Way(stage, DIAMOND)
        for phase in "edcba":
            way.add(phase, 1.0)
        report = await way.shutdown.run("test")
        assert way.notes == [
            *[(0.0, "a begins"), (1.0, "a ends")],
            *[(1.0, "b begins"), (2.0, "b ends")],
            *[(2.0, "c begins"), (3.0, "c ends")],
            *[(3.0, "d begins"), (4.0, "d ends")],
            *[(4.0, "e begins"), (5.0, "e ends")],
        ]
        assert list(outcomes(report)) == ["a", "b", "c", "d", "e"]
        assert report.clean

    run(scenario)


@in_simulation
def test_65_shutdown_phases_one_hangs_and_one_raises_and_the_later_ones_run(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        way = Way(stage, DIAMOND)
        way.add("a", 1.0)
        way.add("b", 1e9)
        way.add("c", 0.5, Boom("c"))
        way.add("d", 1.0)
        way.add("e", 1.0)
        report = await way.shutdown.run("test")
        assert outcomes(report) == {
            "a": Outcome.DONE,
            "b": Outcome.TIMED_OUT,
            "c": Outcome.FAILED,
            "d": Outcome.DONE,
            "e": Outcome.DONE,
        }
        assert way.notes[2:] == [
            (1.0, "b begins"),
            (4.0, "c begins"),
            *[(4.5, "d begins"), (5.5, "d ends")],
            *[(5.5, "e begins"), (6.5, "e ends")],
        ]
        assert [type(error) for _, error in stage.log.failures] == [TaskTimeout, Boom]

    run(scenario)


@in_simulation
def test_65_shutdown_phases_have_their_own_limit_for_all_their_tasks_together(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        way = Way(stage, (Phase("a", timeout_seconds=2.0), Phase("b", after=("a",))))
        for seconds in (0.5, 1.5, 2.5, 1e9):
            way.add("a", seconds)
        way.add("b", 4.9)
        report = await way.shutdown.run("test")
        first, second = report.phases
        assert [task.outcome for task in first.tasks] == [
            *[Outcome.DONE] * 2,
            *[Outcome.TIMED_OUT] * 2,
        ]
        assert (first.seconds, round(second.seconds, 6), second.outcome) == (2.0, 4.9, Outcome.DONE)
        assert [when for when, what in way.notes if what == "a ends"] == [0.5, 1.5]

    run(scenario)


@in_simulation
def test_65_shutdown_phases_without_recovery_skip_the_rest_and_stop_the_system(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        way = Way(
            stage,
            (
                Phase("first"),
                Phase("strict", after=("first",), recover=False),
                Phase("later", after=("strict",)),
                Phase("aside"),
            ),
        )
        for phase in ("first", "later", "aside"):
            way.add(phase, 1.0)
        way.add("strict", 0.5, Boom("strict"))
        report = await way.shutdown.run("test")
        assert outcomes(report) == {
            "first": Outcome.DONE,
            "strict": Outcome.FAILED,
            "later": Outcome.SKIPPED,
            "aside": Outcome.SKIPPED,
        }
        assert [what for _, what in way.notes] == ["first begins", "first ends", "strict begins"]
        assert (report.exit, a.cell.is_stopped, stage.now()) == ("shutdown", True, 1.5)

    run(scenario)


@in_simulation
def test_65_shutdown_phases_run_only_once_with_the_first_reason(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        way = Way(stage, DIAMOND)
        for phase in "abcde":
            way.add(phase, 1.0)
        first = way.shutdown.run("first")
        await stage.system.sleep(1.5)
        second = way.shutdown.run("second")
        assert second is first
        report = await second
        assert (report.reason, await first is report, len(way.notes)) == ("first", True, 10)
        assert await way.shutdown.run("third") is report
        assert len(way.notes) == 10

    run(scenario)


@in_simulation
def test_65_shutdown_phases_stop_the_actors_last_and_the_last_started_first(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        for name in ("one", "two"):
            stage.spawn(name)
        way = Way(stage, (Phase("a"),))

        async def look() -> None:
            await stage.system.sleep(1.0)
            stage.journal.append(("phase", str(len(stage.system.tree()))))

        way.shutdown.add("a", "look", look)
        await way.shutdown.run("test")
        assert stage.journal[-3:] == [("phase", "3"), ("two", "post_stop"), ("one", "post_stop")]
        assert stage.system.tree() == []

    run(scenario)


@in_simulation
def test_65_shutdown_phases_may_stop_actors_in_an_order_of_their_own(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        refs = [stage.spawn(name) for name in ("one", "two", "three")]
        await stage.settle()
        way = Way(stage, (Phase("a"), Phase("b", after=("a",))))

        async def stop_first() -> None:
            assert await stage.system.stop(refs[0]) == "shutdown: system"

        way.shutdown.add("a", "stop one", stop_first)
        await way.shutdown.run("test")
        stops = [who for who, what in stage.journal if what == "post_stop"]
        assert stops == ["one", "three", "two"]

    run(scenario)


def test_65_shutdown_phases_begun_by_an_actor_do_not_wait_for_it() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        way = Way(stage, (Phase("a"),))
        way.add("a", 1.0)

        def begin(puppet: Puppet, ctx: Context) -> None:
            way.shutdown.run(f"asked by {ctx.self.path}")

        await stage.do(a, begin)
        report = await way.shutdown.run("test")
        assert (report.reason, report.clean) == ("asked by /alys/a", True)

    simulate(scenario)


def test_65_shutdown_phases_are_checked_whole_whatever_the_order_of_declaration() -> None:
    async def scenario(stage: Stage) -> None:
        circle = (Phase("a", after=("c",)), Phase("b", after=("a",)), Phase("c", after=("b",)))
        for phases in itertools.permutations((*circle, Phase("free"))):
            with pytest.raises(BadSpec) as caught:
                CoordinatedShutdown(stage.system, phases)
            told = str(caught.value).partition("circle: ")[2].split(" -> ")
            assert told[0] == told[-1]
            assert "".join(told[:-1]) in ("abc", "bca", "cab")
        for phases in itertools.permutations(DIAMOND):
            order = [phase.name for phase in CoordinatedShutdown(stage.system, phases).phases]
            assert order in (list("abcde"), list("acbde"))

    simulate(scenario)
