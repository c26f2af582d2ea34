"""What can be counted about actors: an observer that costs nothing per message, and the figures of a moment.

Actors count for themselves what they handle; this observer only adds up what happens rarely (failures, restarts, drops,
ends). A reading walks the tree and joins both. Figures of actors that are gone stay in the totals, under the path that they
had; actors without a name of their own share one line with their siblings (``/system/pool/$``), so that a million
short-lived actors do not make a million lines.
"""

from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from alys.actors.memory import memory_of
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.state import Status

if TYPE_CHECKING:
    from alys.actors.cell import Cell
    from alys.actors.envelope import Envelope
    from alys.actors.system import System


class Figures(msgspec.Struct, kw_only=True):
    """One line of a reading. Counts are since the start of the system, over all actors that had this path."""

    path: str
    active: int = 0
    """Living actors."""
    messages_processed: int = 0
    """Handled to the end, without a failure."""
    handling_seconds: float = 0.0
    """Wall seconds of their turns, estimated from a sample of them (0 in a simulation, where turns take no time)."""
    mailbox_messages: int = 0
    """Waiting now."""
    failures: int = 0
    restarts: int = 0
    dropped: int = 0
    """Messages thrown away by the policy of a full mailbox."""
    dead_letters: int = 0
    memory_bytes: int = 0
    """State and mailbox, see ``memory``."""


class Metrics(Observer):
    """Give it to a system as its observer, alone or in ``observe.together``; then ask it for a ``reading``."""

    def __init__(self) -> None:
        self._lines: dict[str, Figures] = {}
        #: The line of each living actor that something has happened to, by the actor's ``id``.
        self._lines_of: dict[int, Figures] = {}

    def reading(self, system: "System", *, memory: bool = False) -> list[Figures]:
        """The figures now, parents before children; with ``memory`` it looks into every actor's state as well."""
        lines = {path: msgspec.structs.replace(line) for path, line in self._lines.items()}
        for cell in system.cells():
            _add(_line(lines, cell), cell)
            if memory:
                _line(lines, cell).memory_bytes += memory_of(cell).total_bytes
        return sorted(lines.values(), key=lambda line: line.path)

    def totals(self, system: "System", *, memory: bool = False) -> Figures:
        """All lines in one."""
        total = Figures(path="")
        for line in self.reading(system, memory=memory):
            for name in _COUNTS:
                setattr(total, name, getattr(total, name) + getattr(line, name))
        return total

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        self._line_of(actor).failures += 1

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self._line_of(actor).restarts += 1

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._line_of(target).dropped += 1

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._line_of(target).dead_letters += 1

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        line = self._line_of(actor)
        self._lines_of.pop(id(actor), None)
        line.messages_processed += actor.cell.handled
        line.handling_seconds += actor.cell.seconds

    def _line_of(self, actor: Ref) -> Figures:
        line = self._lines_of.get(id(actor))
        if line is None:
            line = _line(self._lines, actor)
            cell = actor.cell
            if cell is not None and cell.status is not Status.STOPPED:
                self._lines_of[id(actor)] = line
        return line


_COUNTS = tuple(field for field in Figures.__struct_fields__ if field != "path")


def path_of(actor: Ref) -> str:
    """The path under which an actor is counted."""
    parent, _, name = actor.path.rpartition("/")
    return f"{parent}/$" if name.startswith("$") else actor.path


def _line(lines: dict[str, Figures], actor: Ref) -> Figures:
    path = path_of(actor)
    line = lines.get(path)
    if line is None:
        line = lines[path] = Figures(path=path)
    return line


def _add(line: Figures, cell: "Cell") -> None:
    line.active += 1
    line.messages_processed += cell.handled
    line.handling_seconds += cell.seconds
    line.mailbox_messages += cell.mailbox.count
