"""Who waits for whom: the report of a run that cannot go on."""

from collections.abc import Callable
from typing import Any

from alys.actors.system import System


def reporter(system: System) -> Callable[[], str]:
    """A report on demand; hand it to ``SimDispatcher.report``."""
    return lambda: describe(system)


def describe(system: System) -> str:
    """One line per actor that is not at rest: queued messages, the ask it waits for, a status other than running."""
    lines = []
    todo: list[Any] = [system.outside.cell]
    while todo:
        cell = todo.pop()
        todo.extend(reversed(cell.family.cells()))
        facts = _facts(cell)
        if facts:
            lines.append(f"{cell.ref.path}: {', '.join(facts)}")
    return "\n".join(lines) if lines else "all actors are at rest"


def _facts(cell: Any) -> list[str]:
    facts = []
    if cell.status.value != "running":
        facts.append(cell.status.value)
    if cell.mailbox.count:
        facts.append(f"{cell.mailbox.count} queued")
    waiting = cell.waiting
    if waiting is not None:
        target = waiting.target_cell
        facts.append(f"waits for {target.ref.path if target is not None else 'an open reply'}")
    if cell.promises:
        facts.append(f"owes {len(cell.promises)} replies")
    return facts
