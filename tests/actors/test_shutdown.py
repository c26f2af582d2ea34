"""The way down: phases as data, checked whole; tasks, and what the report says of them."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import BadSpec, Cancelled, ShutdownBegun, TaskTimeout
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.shutdown import (
    ACTORS,
    DRAIN,
    PHASES,
    CoordinatedShutdown,
    Outcome,
    Phase,
    PhaseReport,
    ShutdownReport,
    TaskReport,
    in_order,
)
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.testkit import ActorKit
from tests.actors.stage import Boom, Stage, everywhere


@pytest.fixture
def kit() -> ActorKit:
    kit = ActorKit()
    kit.allow_failures(Boom, TaskTimeout)
    return kit


def names(phases: tuple[Phase, ...]) -> list[str]:
    return [phase.name for phase in phases]


def run(kit: ActorKit, shutdown: CoordinatedShutdown) -> ShutdownReport:
    report = kit.result_of(shutdown.run("test"))
    kit.close()
    return report


# Phases


def test_the_usual_phases_are_in_order() -> None:
    assert names(in_order(PHASES)) == ["before-stop", "stop-intake", "drain", "actors"]


def test_a_phase_runs_after_those_it_names_and_else_in_the_order_of_declaration() -> None:
    phases = (
        Phase("e", after=("c", "d")),
        Phase("b"),
        Phase("d", after=("b",)),
        Phase("a"),
        Phase("c", after=("a",)),
    )
    assert names(in_order(phases)) == ["b", "d", "a", "c", "e"]


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ((Phase("a"), Phase("b", after=("nowhere",))), "phase 'b' comes after 'nowhere', which is"),
        ((Phase("a"), Phase("a")), "phase 'a': every phase has a name of its own"),
        ((Phase(""),), "phase '': every phase has a name of its own"),
        ((Phase("a", after=("a",)),), "in a circle: a -> a"),
        (
            (
                Phase("start"),
                Phase("a", after=("start", "c")),
                Phase("b", after=("a",)),
                Phase("c", after=("b",)),
                Phase("end", after=("c",)),
            ),
            "in a circle: a -> b -> c -> a",
        ),
        ((Phase("a", timeout_seconds=0.0),), "phase 'a': timeout_seconds must be above 0"),
        ((Phase("a", timeout_seconds=float("nan")),), "timeout_seconds must be above 0"),
    ],
)
def test_phases_that_cannot_be_obeyed_are_refused_whole(
    kit: ActorKit, phases: tuple[Phase, ...], words: str
) -> None:
    with pytest.raises(BadSpec) as caught:
        CoordinatedShutdown(kit.system, phases)
    assert words in str(caught.value)


def test_a_circle_behind_which_others_wait_is_told_without_them() -> None:
    phases = (Phase("end", after=("b",)), Phase("a", after=("b",)), Phase("b", after=("a",)))
    with pytest.raises(BadSpec, match=r"circle: b -> a -> b$"):
        in_order(phases)


# Tasks


def test_a_task_for_an_unknown_phase_is_refused_with_the_known_ones(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system)

    async def task() -> None: ...

    with pytest.raises(
        BadSpec, match="no phase 'drian'; there are before-stop, stop-intake, drain"
    ):
        shutdown.add("drian", "flush", task)


def test_a_task_comes_too_late_once_the_shutdown_has_begun(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system)

    async def task() -> None: ...

    before = shutdown.begun
    shutdown.run("test")
    assert (before, shutdown.begun) == (False, True)
    with pytest.raises(ShutdownBegun, match="'flush' cannot be added to its phase 'actors'"):
        shutdown.add(ACTORS.name, "flush", task)
    kit.close()


def test_the_tasks_of_a_phase_run_side_by_side(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system)

    async def wait_a_second() -> None:
        await kit.system.sleep(1.0)

    for name in "abc":
        shutdown.add(DRAIN.name, name, wait_a_second)
    report = run(kit, shutdown)
    assert kit.now == 1.0
    assert report.phases[2] == PhaseReport(
        name="drain",
        outcome=Outcome.DONE,
        seconds=1.0,
        tasks=tuple(TaskReport(name=name, outcome=Outcome.DONE) for name in "abc"),
    )


def test_without_tasks_no_time_passes_and_all_is_clean(kit: ActorKit) -> None:
    report = run(kit, CoordinatedShutdown(kit.system))
    assert (report.clean, report.reason, report.exit, kit.now) == (True, "test", "shutdown", 0.0)
    assert [phase.outcome for phase in report.phases] == [Outcome.DONE] * 4


def test_a_task_may_end_before_it_waits_for_anything_or_raise_when_it_is_called(
    kit: ActorKit,
) -> None:
    shutdown = CoordinatedShutdown(kit.system)

    async def quick() -> int:
        return 1

    def wrong() -> Any:
        raise Boom

    shutdown.add("drain", "quick", quick)
    shutdown.add("drain", "wrong", wrong)
    phase = run(kit, shutdown).phases[2]
    assert [task.outcome for task in phase.tasks] == [Outcome.DONE, Outcome.FAILED]
    assert (phase.outcome, phase.seconds) == (Outcome.FAILED, 0.0)


def test_a_failed_task_is_reported_to_the_observer_too(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system)

    async def raise_it() -> None:
        raise Boom

    shutdown.add("drain", "raises", raise_it)
    report = run(kit, shutdown)
    assert kit.effects.failures(kit.system.outside) == [report.phases[2].tasks[0].error]


def test_a_task_that_takes_too_long_is_cancelled_and_its_finally_blocks_run(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system, (Phase("only", timeout_seconds=2.0),))
    seen: list[object] = []

    async def hang() -> None:
        try:
            await kit.system.terminated
        except Cancelled as cancelled:
            seen.append(type(cancelled))
            raise
        finally:
            seen.append(kit.now)

    shutdown.add("only", "hang", hang)
    phase = run(kit, shutdown).phases[0]
    assert seen == [Cancelled, 2.0]
    assert (phase.outcome, phase.seconds) == (Outcome.TIMED_OUT, 2.0)
    assert isinstance(phase.tasks[0].error, TaskTimeout)


def test_a_task_that_will_not_be_cancelled_or_raises_then_holds_nobody_up(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system, (Phase("only", timeout_seconds=2.0),))

    async def stubborn() -> None:
        try:
            await kit.system.terminated
        except Cancelled:
            await kit.system.sleep(1.0)

    async def clumsy() -> None:
        try:
            await kit.system.terminated
        finally:
            raise Boom

    shutdown.add("only", "stubborn", stubborn)
    shutdown.add("only", "clumsy", clumsy)
    report = run(kit, shutdown)
    first, second = report.phases[0].tasks
    assert (first.outcome, second.outcome, kit.now) == (Outcome.TIMED_OUT, Outcome.TIMED_OUT, 2.0)
    assert second.error is not None
    assert isinstance(second.error.__cause__, Boom)
    assert report.exit == "shutdown"


def test_a_phase_without_a_limit_waits_as_long_as_it_takes(kit: ActorKit) -> None:
    shutdown = CoordinatedShutdown(kit.system, (Phase("only", timeout_seconds=float("inf")),))

    async def slow() -> None:
        await kit.system.sleep(7200.0)

    shutdown.add("only", "slow", slow)
    assert run(kit, shutdown).clean
    assert kit.now == 7200.0


# The end


def test_actors_that_do_not_stop_are_killed_when_their_time_is_over(kit: ActorKit) -> None:
    class Forever(Actor):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await kit.system.terminated

    kit.spawn(ChildSpec(factory=Forever, name="forever", shutdown_seconds=float("inf")))
    kit.settle()
    report = run(kit, CoordinatedShutdown(kit.system, stop_seconds=3.0))
    assert (report.exit, kit.now) == ("killed", 3.0)


def test_a_system_that_is_stopped_already_is_no_obstacle(kit: ActorKit) -> None:
    kit.result_of(kit.system.shutdown())
    assert run(kit, CoordinatedShutdown(kit.system)).exit == "shutdown"


def test_one_who_gives_up_waiting_does_not_take_the_report_from_others() -> None:
    """A task of asyncio that times out abandons the reply that it waits for."""

    async def main() -> ShutdownReport:
        dispatcher = LoopDispatcher(asyncio.get_running_loop(), time_scale=100.0)
        system = System(dispatcher, SeededRandom(0))
        shutdown = CoordinatedShutdown(system)

        async def drain() -> None:
            await system.sleep(10.0)

        shutdown.add("drain", "drain", drain)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(shutdown.run("first")), 0.01)
        return await asyncio.wait_for(wait(shutdown.run("second")), 20)

    report = asyncio.run(main())
    assert (report.reason, report.clean) == ("first", True)


@everywhere
def test_tasks_may_ask_actors_which_are_still_there(run: Any) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        shutdown = CoordinatedShutdown(stage.system)

        async def say_goodbye() -> None:
            await stage.do(a, lambda puppet, ctx: puppet.note("goodbye"))

        shutdown.add("drain", "say goodbye", say_goodbye)
        report = await shutdown.run("the end")
        assert (report.clean, report.reason) == (True, "the end")
        assert stage.notes("a") == ["start", "goodbye", "post_stop"]

    run(scenario)
