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
        self.bounds = Bounds(self._look)
        #: Every actor that there was, by uid.
        self.cells: dict[int, Cell] = {}
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
        held = {entry for cell in self.cells.values() for entry in _held(cell)}
        numbers = (
            None
            if self._lines
            else self._notices + sum(cell.sequence for cell in self.cells.values())
        )
        self.conservation.close(held, numbers)
        return {
            "order": self.order.samples,
            "conservation": self.conservation.samples,
            "mailbox": self.bounds.samples,
        }

    def _add(self, actor: Any) -> None:
        spec = actor.spec
        self.cells[actor.uid] = actor
        self._lines = self._lines or spec.overflow is Overflow.SUSPEND
        self.bounds.opened(actor.uid, spec.mailbox_messages_max, spec.mailbox_reserve)

    # Messages

    @override
    def sent(self, envelope: Envelope, target: "Ref") -> None:
        try:
            uid = target.uid
            self.conservation.sent(envelope, uid)
            if envelope.sequence == NOTICE:
                self._notices += 1
                return
            lane = envelope.message.priority
            self.bounds.entered(uid, lane > _NORMAL)
            if lane > _NORMAL:
                self.order.urgent(uid, lane)
            if self._down and uid in self._down:
                self._came_to_one_down(target)
        except Broken as broken:
            self._found(broken)

    @override
    def handling(self, envelope: Envelope, target: "Ref") -> None:
        try:
            cell: Any = target
            uid = target.uid
            if cell.status is not _RUNNING or cell.activity is not None:
                self.order.begins(uid, cell.status.value, cell.activity is not None)
            if envelope.taken:  # put aside once, and taken out in its order then
                return
            self.conservation.begun(envelope)
            sender = envelope.sender.uid
            if envelope.sequence == NOTICE:
                self.order.told_of_death(sender, uid, _LANES, self._waiting(sender, uid))
                return
            lane = envelope.message.priority
            self._left(uid, lane)
            self.order.handled(sender, uid, lane, envelope.sequence)
        except Broken as broken:
            self._found(broken)

    @override
    def handled(self, envelope: Envelope, target: "Ref") -> None:
        try:
            self.conservation.ended(envelope)
        except Broken as broken:
            self._found(broken)

    @override
    def dropped(self, envelope: Envelope, target: "Ref", reason: str) -> None:
        self._lost(envelope, target)

    @override
    def dead_letter(self, envelope: Envelope, target: "Ref", reason: str) -> None:
        if reason != "late reply":  # its message has an end of its own
            self._lost(envelope, target)

    def _lost(self, envelope: Envelope, target: "Ref") -> None:
        if self.conservation.lost(envelope) and envelope.sequence != NOTICE:
            self._left(target.uid, envelope.message.priority)

    def _left(self, uid: int, lane: Priority) -> None:
        self.bounds.left(uid)
        if lane > _NORMAL:
            self.order.urgent_gone(uid, lane)

    def _waiting(self, sender: int, receiver: int) -> int:
        """Messages of the one that are in the other's mailbox, but for what was put aside and for news."""
        return sum(
            to == receiver and entry.sender.uid == sender and entry.sequence != NOTICE
            for entry, to in self.conservation.waiting.items()
            if isinstance(entry, Envelope)
        )

    def _look(self, receiver: int) -> int:
        """Messages in a mailbox that its bound is about."""
        entries = self.cells[receiver].mailbox.entries()
        return sum(not entry.taken and entry.sequence != NOTICE for entry in entries)

    def _came_to_one_down(self, target: Any) -> None:
        if target.status is Status.RESTARTING:
            self.bounds.restarting(target.uid, target.spec.restart_messages_max)

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
        self.bounds.closed(actor.uid)

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
