"""Hears every message of a system and says what it hears to the oracles of the mail: order, conservation, mailboxes.

It hears before others do: who hears later may make a handler fail (an ordered fault). It costs every message, so it does little,
and looks things up only where something rare happens.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from alys.actors.cell import Cell
from alys.actors.envelope import NOTICE, Envelope
from alys.actors.mailbox import Overflow
from alys.actors.message import Priority
from alys.actors.observe import Observer
from alys.actors.state import Status
from alys.oracles.bounds import Bounds
from alys.oracles.broken import Broken
from alys.oracles.conservation import Conservation
from alys.oracles.order import Order

if TYPE_CHECKING:
    from alys.actors.ref import Ref

_NORMAL = Priority.NORMAL
_RUNNING = Status.RUNNING
_LANES = tuple(int(priority) for priority in Priority)


class MailWitness(Observer):
    """See the module's docstring. ``found`` is told what an oracle finds; nothing is raised here."""

    def __init__(self, root: Cell, found: Callable[[Broken], None]) -> None:
        self.order = Order()
        self.conservation = Conservation(named)
        self.bounds = Bounds()
        #: Every actor that there was.
        self.cells: list[Cell] = []
        self._waiting = self.conservation.waiting
        #: Messages that came into mailboxes which were far from full, and news of deaths.
        self._entered = 0
        #: Those that wait in a lane above the ordinary one.
        self._urgent: set[Envelope] = set()
        #: What was handled last.
        self._last: Envelope | None = None
        self._found = found
        #: Actors that have failed and have not gone on yet.
        self._down: set[int] = set()
        #: News of deaths, which no sender has counted.
        self._notices = 0
        #: Whether senders may stand in a line, and give up there without a word.
        self._lines = False
        self._add(root)

    def close(self) -> dict[str, int]:
        """The end, whether or not the system was stopped: samples by oracle. Raises Broken."""
        held = {entry for cell in self.cells for entry in _held(cell)}
        numbers = None if self._lines else self._notices + sum(cell.sequence for cell in self.cells)
        self.conservation.close(held, numbers)
        return {
            "order": self.order.samples,
            "conservation": self.conservation.samples,
            "mailbox": self.bounds.samples + self._entered - self._notices,
        }

    def _add(self, actor: Any) -> None:
        spec = actor.spec
        self.cells.append(actor)
        self._lines = self._lines or spec.overflow is Overflow.SUSPEND

    # Messages

    @override
    def sent(self, envelope: Envelope, target: "Ref") -> None:
        try:
            cell: Any = target
            self.conservation.sent(envelope, cell.uid)
            self._entered += 1
            if envelope.message.priority is not _NORMAL or envelope.sequence == NOTICE:
                self._came_unusually(envelope, cell)
            elif len(cell.mailbox.queue) >= cell.spec.mailbox_messages_max or cell.mailbox.others:
                self._look(cell, urgent=False)
            if self._down and cell.uid in self._down:
                self._came_to_one_down(envelope, cell)
        except Broken as broken:
            self._found(broken)

    @override
    def handling(self, envelope: Envelope, target: "Ref") -> None:
        try:
            cell: Any = target
            if cell.status is not _RUNNING or cell.activity is not None:
                self.order.begins(cell.uid, cell.status.value, cell.activity is not None)
            if envelope not in self._waiting:
                self.conservation.begun(envelope)
            if envelope.taken:  # put aside once, and taken out in its order then
                return
            lane = envelope.message.priority
            if lane is not _NORMAL or envelope.sequence == NOTICE:
                self._begins_unusually(envelope, cell.uid)
            else:
                self.order.handled(envelope.sender.uid, cell.uid, lane, envelope.sequence)
        except Broken as broken:
            self._found(broken)

    @override
    def handled(self, envelope: Envelope, target: "Ref") -> None:
        try:
            self.conservation.ended(envelope)
            self._last = envelope
        except Broken as broken:
            self._found(broken)

    @override
    def dropped(self, envelope: Envelope, target: "Ref", reason: str) -> None:
        self._lost(envelope, target)

    @override
    def dead_letter(self, envelope: Envelope, target: "Ref", reason: str) -> None:
        after_all = (
            reason == "failed" and envelope is self._last
        )  # a fault after the handler was done
        if reason != "late reply" and not after_all:  # otherwise the message has an end of its own
            self._lost(envelope, target)

    def _lost(self, envelope: Envelope, target: "Ref") -> None:
        if self.conservation.lost(envelope):
            self._not_urgent_any_more(envelope, target.uid)

    # What is rare

    def _came_unusually(self, envelope: Envelope, cell: Any) -> None:
        """News of a death, or a message of another lane."""
        if envelope.sequence == NOTICE:
            self._notices += 1
            return
        lane = envelope.message.priority
        if lane > _NORMAL:
            self._urgent.add(envelope)
            self.order.urgent(cell.uid, lane)
        self._look(cell, urgent=lane > _NORMAL)

    def _begins_unusually(self, envelope: Envelope, uid: int) -> None:
        sender, lane = envelope.sender.uid, envelope.message.priority
        if envelope.sequence == NOTICE:
            self.order.told_of_death(sender, uid, _LANES, self._still_waiting(sender, uid))
            return
        self._not_urgent_any_more(envelope, uid)
        self.order.handled(sender, uid, lane, envelope.sequence)

    def _not_urgent_any_more(self, envelope: Envelope, uid: int) -> None:
        """It was taken out of its lane: to be handled, or because it is lost."""
        if envelope in self._urgent:
            self._urgent.discard(envelope)
            self.order.urgent_gone(uid, envelope.message.priority)

    def _still_waiting(self, sender: int, receiver: int) -> int:
        """Messages of the one that are in the other's mailbox, but for what was put aside and for news."""
        return sum(
            to == receiver
            and entry.sender.uid == sender
            and entry.sequence != NOTICE
            and not entry.taken
            for entry, to in self._waiting.items()
            if isinstance(entry, Envelope)
        )

    def _look(self, cell: Any, *, urgent: bool) -> None:
        """Count what is in a mailbox that may be full, and was not put back into it."""
        entries = cell.mailbox.entries()
        count = sum(not entry.taken and entry.sequence != NOTICE for entry in entries)
        spec = cell.spec
        bound, reserve = spec.mailbox_messages_max, spec.mailbox_reserve
        if (
            spec.overflow is Overflow.DROP_OLD
        ):  # it takes the place of another one, be that one put back or urgent
            urgent, reserve = True, reserve + spec.stash_messages_max
        self.bounds.entered(cell.uid, count, bound, reserve, urgent)
        self._entered -= 1  # counted there

    def _came_to_one_down(self, envelope: Envelope, cell: Any) -> None:
        if cell.status is Status.RESTARTING and envelope.sequence != NOTICE:
            self.bounds.restarting(cell.uid, cell.spec.restart_messages_max)

    # Actors

    @override
    def spawned(self, actor: "Ref") -> None:
        self._add(actor)

    @override
    def failed(self, actor: "Ref", error: BaseException, envelope: "Envelope | None") -> None:
        self._down.add(actor.uid)

    @override
    def resumed(self, actor: "Ref", error: BaseException) -> None:
        self._up(actor.uid)

    @override
    def restarted(self, actor: "Ref", incarnation: int, cause: BaseException) -> None:
        self._up(actor.uid)

    @override
    def stopped(self, actor: "Ref", reason: str) -> None:
        self._up(actor.uid)

    def _up(self, uid: int) -> None:
        self._down.discard(uid)
        self.bounds.restarted(uid)


def named(message: Hashable) -> str:
    """A message in words: its type, its id and who sent it."""
    if not isinstance(message, Envelope):
        return str(message)
    return f"{type(message.message).__name__} {message.id} of {message.sender.path}"


def _held(cell: Cell) -> list[Any]:
    """What an actor holds: in its mailbox, aside, in its hands."""
    more, activity = cell.belongings, cell.activity
    aside = more.stash if more is not None and more.stash is not None else []
    in_hands = [cell.current, activity.entry if activity is not None else None]
    found = [*cell.mailbox.entries(), *aside, *in_hands]
    return [entry for entry in found if isinstance(entry, Envelope)]
