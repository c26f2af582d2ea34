"""A reply that is given later, by a later message or by a gateway's own task."""

from typing import TYPE_CHECKING, Any

from alys.actors.envelope import reply_of

if TYPE_CHECKING:
    from alys.actors.cell import Cell


class Promise:
    """What ``Context.defer`` returns. One that is still open when its incarnation ends fails the ask."""

    __slots__ = ("_cell", "_entry", "_open")

    def __init__(self, cell: "Cell", entry: Any) -> None:
        self._cell = cell
        self._entry = entry
        self._open = True

    def complete(self, value: object) -> None:
        """Answer; a reply that nobody waits for any more goes to the dead letters."""
        if self._close():
            self._cell.answer(self._entry, value)

    def fail(self, error: BaseException) -> None:
        """Let the ask fail with this error."""
        if self._close():
            reply = reply_of(self._entry)
            if reply is not None:
                reply.fail(error)

    def _close(self) -> bool:
        was_open, self._open = self._open, False
        if was_open:
            self._cell.more.promises.pop(self, None)
        return was_open
