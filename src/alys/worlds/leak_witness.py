"""Looks for what outlives its owner, at each end and each new beginning of an actor, and when the system has ended."""

from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import override

from alys.actors.cell import Cell
from alys.actors.envelope import Envelope
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.actors.system import System
from alys.oracles.broken import Broken
from alys.oracles.leaks import Leaks

SWEEP_AT = 512
"""Questions kept until those that have been answered are swept out."""


class LeakWitness(Observer):
    """See the module's docstring. ``armed`` gives what the dispatcher's timers would call; where it is None nobody looks at timers."""

    def __init__(
        self,
        system: System,
        armed: Callable[[], Any] | None,
        found: Callable[[Broken], None],
    ) -> None:
        self.leaks = Leaks()
        self._system = system
        self._armed = armed
        self._found = found
        self._cells: list[Cell] = [system.root]
        #: Questions that may be open still, with what was asked of whom.
        self._asked: list[tuple[Reply[Any], Envelope, Ref]] = []
        self._sweep_at = SWEEP_AT
        #: By tick on its way: the incarnation that it was sent to.
        self._ticks: dict[Envelope, int] = {}

    def close(self) -> dict[str, int]:
        """The end: samples by oracle. Raises Broken. What must be gone is only looked for when the system has ended."""
        if self._system.root.status is Status.STOPPED:
            self.leaks.close(
                {
                    "actors": [
                        cell.path for cell in self._cells if cell.status is not Status.STOPPED
                    ],
                    "questions": [
                        f"{type(letter.message).__name__} to {target.path}"
                        for reply, letter, target in self._asked
                        if not reply.done
                    ],
                    "senders in a line": [
                        cell.path
                        for cell in self._cells
                        if any(not turn.done for _, _, turn in cell.mailbox.line or ())
                    ],
                    "timers": [whose for call in self._calls() if (whose := _left(call))],
                }
            )
        return {"leaks": self.leaks.samples}

    def _calls(self) -> Any:
        return () if self._armed is None else self._armed()

    # Messages

    @override
    def sent(self, envelope: Envelope, target: Ref) -> None:
        if envelope.reply is not None:
            self._asked.append((envelope.reply, envelope, target))
            if len(self._asked) > self._sweep_at:
                self._sweep()
        elif envelope.timer is not None:
            self._ticks[envelope] = target.cell.incarnation

    @override
    def handling(self, envelope: Envelope, target: Ref) -> None:
        if envelope.timer is not None and not envelope.taken:
            sent_to = self._ticks.pop(envelope, None)
            if sent_to is not None:
                self._say(self.leaks.tick, target.path, sent_to, target.cell.incarnation)

    @override
    def dead_letter(self, envelope: Envelope, target: Ref, reason: str) -> None:
        if envelope.timer is not None:
            self._ticks.pop(envelope, None)

    def _sweep(self) -> None:
        self._asked = [one for one in self._asked if not one[0].done]
        self._sweep_at = max(SWEEP_AT, 2 * len(self._asked))
        timers = sum(1 for _ in self._calls())
        self._say(self.leaks.open_now, len(self._asked), timers)

    # Actors

    @override
    def spawned(self, actor: Ref) -> None:
        self._cells.append(actor.cell)

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        timers = sum(_owner(call) is actor for call in self._calls())
        self._say(self.leaks.ended, actor.path, timers)

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        timers = sum(
            _owner(call) is actor and getattr(call, "__name__", "") == "_tick"
            for call in self._calls()
        )
        self._say(self.leaks.renewed, actor.path, timers)

    def _say(self, feed: Callable[..., None], *values: object) -> None:
        try:
            feed(*values)
        except Broken as broken:
            self._found(broken)


def _owner(call: Any) -> Any:
    """Whose method a timer would call."""
    while isinstance(call, partial):
        call = call.func
    return getattr(call, "__self__", None)


def _left(call: Any) -> str:
    """Who is gone or answered, and has a timer nevertheless; empty for all others."""
    owner = _owner(call)
    if isinstance(owner, Cell) and owner.status is Status.STOPPED:
        return owner.path
    if isinstance(owner, Reply) and owner.done:
        return f"the answer to {owner.request}"
    return ""
