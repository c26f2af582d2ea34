"""Ending a system in phases: stop what comes in, let what is under way end, then stop the actors.

The phases are data: each has a name, the phases it comes after, and how long it may take. They run one after the other in
topological order, those that could change places in the order of their declaration. Tasks are coroutine functions that
await replies only (``system.ask``, ``system.stop``, ``system.sleep``); the tasks of a phase run side by side. One that
raises, or is not done in time, is reported, and the later phases run all the same, unless the phase says otherwise.
Whatever happens, the last step is ``System.shutdown``. All of it happens once. (Pekko's CoordinatedShutdown.)
"""

import enum
import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

import msgspec

from alys.actors.errors import BadSpec, Cancelled, ShutdownBegun, TaskTimeout
from alys.actors.exits import SHUTDOWN
from alys.actors.reply import Reply, Shared
from alys.actors.system import System

PHASE_SECONDS = 5.0
STOP_SECONDS = 60.0

Task: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]


class Phase(msgspec.Struct, frozen=True):
    """One step of the way down."""

    name: str
    after: tuple[str, ...] = ()
    """The phases that must be over before this one begins."""
    timeout_seconds: float = PHASE_SECONDS
    """Node seconds that its tasks may take; ``inf`` for no limit."""
    recover: bool = True
    """Whether the rest goes on when a task of this phase raises or takes too long; else the actors are stopped next."""


BEFORE_STOP = Phase("before-stop")
"""While all still works: tell others, leave the cluster."""
STOP_INTAKE = Phase("stop-intake", after=("before-stop",))
"""Close the doors: no new connections, no new work."""
DRAIN = Phase("drain", after=("stop-intake",), timeout_seconds=30.0)
"""Let what was begun end."""
ACTORS = Phase("actors", after=("drain",), timeout_seconds=10.0)
"""Stop actors whose order matters; the rest follows by itself."""
PHASES = (BEFORE_STOP, STOP_INTAKE, DRAIN, ACTORS)


class Outcome(enum.Enum):
    """How a phase or a task ended."""

    DONE = "done"
    FAILED = "failed"
    """It raised."""
    TIMED_OUT = "timed out"
    """It was not done in time and was ended."""
    SKIPPED = "skipped"
    """A phase before it went wrong that says ``recover=False``."""


class TaskReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one task."""

    name: str
    outcome: Outcome
    error: BaseException | None = None


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one phase; TIMED_OUT when any task was not done, else FAILED when any raised."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    """Node time that it took."""
    tasks: tuple[TaskReport, ...] = ()
    """In the order in which they were added."""


class ShutdownReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``CoordinatedShutdown.run`` gives."""

    reason: str
    """Why, in the words of whoever called first."""
    phases: tuple[PhaseReport, ...]
    """In the order in which they ran, or would have."""
    exit: str
    """How the root ended, as text."""

    @property
    def clean(self) -> bool:
        """Whether every phase was done."""
        return all(phase.outcome is Outcome.DONE for phase in self.phases)


class CoordinatedShutdown:
    """The way down of one system. Raises BadSpec, naming the phase, when the phases cannot be obeyed."""

    def __init__(
        self,
        system: System,
        phases: Sequence[Phase] = PHASES,
        *,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        """``stop_seconds`` of node time the actors have for stopping at the end; then they are killed."""
        self.phases = in_order(phases)
        self._system = system
        self._stop_seconds = stop_seconds
        self._tasks: dict[str, list[tuple[str, Task]]] = {phase.name: [] for phase in self.phases}
        self._report: Shared[ShutdownReport] | None = None

    @property
    def begun(self) -> bool:
        """Whether it runs, or is over."""
        return self._report is not None

    def add(self, phase: str, name: str, task: Task) -> None:
        """Let the task run in this phase. Raises BadSpec for an unknown phase, ShutdownBegun when it is too late."""
        if phase not in self._tasks:
            raise BadSpec(f"there is no phase {phase!r}; there are {', '.join(self._tasks)}")
        if self.begun:
            raise ShutdownBegun(phase, name)
        self._tasks[phase].append((name, task))

    def run(self, reason: str) -> Reply[ShutdownReport]:
        """Begin, and reply when the system is stopped. Called again it returns the same reply."""
        if self._report is None:
            report = self._report = Shared(self._system.dispatcher)
            driven = self._system.drive(self._run(reason))

            def over() -> None:
                if driven.error is not None:
                    report.fail(driven.error)
                else:
                    report.complete(driven.result())

            driven.subscribe(over)
        return self._report

    async def _run(self, reason: str) -> ShutdownReport:
        reports: list[PhaseReport] = []
        go_on = True
        for phase in self.phases:
            if go_on:
                reports.append(await self._run_phase(phase))
                go_on = phase.recover or reports[-1].outcome is Outcome.DONE
            else:
                reports.append(PhaseReport(name=phase.name, outcome=Outcome.SKIPPED))
        end = await self._stop_actors()
        return ShutdownReport(reason=reason, phases=tuple(reports), exit=end)

    async def _run_phase(self, phase: Phase) -> PhaseReport:
        dispatcher = self._system.dispatcher
        begun = dispatcher.now()
        running = [_Running(self._system, name, task) for name, task in self._tasks[phase.name]]
        over: Reply[None] = Reply(dispatcher)

        def look() -> None:
            if all(task.slot.done for task in running):
                over.complete(None)

        timer = None
        if running and math.isfinite(phase.timeout_seconds):
            timer = dispatcher.call_after(phase.timeout_seconds, over.complete, None)
        for task in running:
            task.slot.subscribe(look)
        if running:
            await over
        if timer is not None:
            timer.cancel()
        reports = tuple(task.end(phase) for task in running)
        for told in reports:
            if told.error is not None:
                self._system.observer.failed(self._system.outside, told.error, None)
        return PhaseReport(
            name=phase.name,
            outcome=_worst(reports),
            seconds=dispatcher.now() - begun,
            tasks=reports,
        )

    async def _stop_actors(self) -> str:
        system = self._system
        stopped = system.shutdown()
        timer = None
        if math.isfinite(self._stop_seconds):
            kill = system.root.begin_stop
            timer = system.dispatcher.call_after(
                self._stop_seconds, lambda: kill(SHUTDOWN, seconds=0.0)
            )
        end = await stopped
        if timer is not None:
            timer.cancel()
        return end


class _Running:
    """A task under way."""

    def __init__(self, system: System, name: str, task: Task) -> None:
        self.name = name
        self._coroutine = _called(task)
        self.slot: Reply[Any] = system.drive(self._coroutine)

    def end(self, phase: Phase) -> TaskReport:
        """What became of it; one that is not done is ended now: it sees ``Cancelled``, and its ``finally`` blocks run."""
        if not self.slot.done:
            error: BaseException = TaskTimeout(phase.name, self.name, phase.timeout_seconds)
            error.__cause__ = self._cancel()
            return TaskReport(name=self.name, outcome=Outcome.TIMED_OUT, error=error)
        if self.slot.error is not None:
            return TaskReport(name=self.name, outcome=Outcome.FAILED, error=self.slot.error)
        return TaskReport(name=self.name, outcome=Outcome.DONE)

    def _cancel(self) -> Exception | None:
        """What a ``finally`` block raised; one that goes on waiting in spite of it is not asked again."""
        try:
            self._coroutine.throw(Cancelled(self.name))
            self._coroutine.close()
        except (Cancelled, StopIteration):
            return None
        except Exception as raised:
            return raised
        return None


async def _called(task: Task) -> Any:
    """So that what the call itself raises is the task's failure too."""
    return await task()


def _worst(reports: Sequence[TaskReport]) -> Outcome:
    outcomes = {report.outcome for report in reports}
    for outcome in (Outcome.TIMED_OUT, Outcome.FAILED):
        if outcome in outcomes:
            return outcome
    return Outcome.DONE


def in_order(phases: Sequence[Phase]) -> tuple[Phase, ...]:
    """The phases in the order in which they run. Raises BadSpec, naming the phase, when there is none."""
    known: dict[str, Phase] = {}
    for phase in phases:
        if not phase.name or phase.name in known:
            raise BadSpec(f"phase {phase.name!r}: every phase has a name of its own")
        if not phase.timeout_seconds > 0:
            raise BadSpec(f"phase {phase.name!r}: timeout_seconds must be above 0")
        known[phase.name] = phase
    for phase in phases:
        for name in phase.after:
            if name not in known:
                raise BadSpec(f"phase {phase.name!r} comes after {name!r}, which is no phase")
    ordered: dict[str, Phase] = {}
    while len(ordered) < len(known):
        free = [p for p in phases if p.name not in ordered and all(n in ordered for n in p.after)]
        if not free:
            circle = " -> ".join(_circle(known, ordered))
            raise BadSpec(f"the phases go round in a circle: {circle}")
        ordered[free[0].name] = free[0]
    return tuple(ordered.values())


def _circle(known: dict[str, Phase], ordered: dict[str, Phase]) -> list[str]:
    """From what could not be ordered: walk back until a phase comes again; told in the order of running."""
    way = [next(name for name in known if name not in ordered)]
    while way.count(way[-1]) == 1:
        way.append(next(name for name in known[way[-1]].after if name not in ordered))
    return way[way.index(way[-1]) :][::-1]
