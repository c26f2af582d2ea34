"""Running a coroutine to its end in virtual time, and the report of a run that cannot get there: who waits for whom."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from alys.actors.cell import Cell
from alys.actors.system import System
from alys.sim.dispatch import SimDispatcher, SimulationError

R = TypeVar("R")


def run_to_end(
    dispatcher: SimDispatcher,
    system: System,
    coroutine: Coroutine[Any, Any, R],
    limit_seconds: float,
) -> R:
    """The coroutine's result; it may await whatever ``system`` gives (asks, ``sleep``, ``stop``, ``drive``).

    Raises what the coroutine raises; Stuck ("deadlock: ...") when nothing could ever wake it, OutOfTime ("timeout: ...")
    when it is not done after so many virtual seconds, both with a line per actor that is not at rest. The coroutine is
    closed then.
    """
    slot = system.drive(coroutine)
    try:
        dispatcher.run_until(lambda: slot.done, limit_seconds)
    except SimulationError:
        coroutine.close()
        raise
    return slot.result()


def reporter(system: System) -> Callable[[], str]:
    """A report on demand; hand it to ``SimDispatcher.report``."""
    return lambda: describe(system)


def describe(system: System) -> str:
    """One line per actor that is not at rest: queued messages, the ask it waits for, a status other than running."""
    lines = []
    for cell in system.cells():
        facts = _facts(cell)
        if facts:
            lines.append(f"{cell.path}: {', '.join(facts)}")
    return "\n".join(lines) if lines else "all actors are at rest"


def _facts(cell: Cell) -> list[str]:
    facts = []
    if cell.status.value != "running":
        facts.append(cell.status.value)
    if cell.mailbox.count:
        facts.append(f"{cell.mailbox.count} queued")
    waiting = cell.activity.waiting if cell.activity is not None else None
    if waiting is not None:
        target = waiting.target
        facts.append(f"waits for {target.path if target is not None else 'an open reply'}")
    if cell.belongings is not None and cell.belongings.promises:
        facts.append(f"owes {len(cell.belongings.promises)} replies")
    return facts
