"""The books of a soak: every numbered letter and where it ended, every actor, and which rare things have happened.

Two independent accounts are kept. By number: each letter carries one, and the actors themselves and the observer say
what became of it; this one needs no observer per message, so it also holds where messages travel bare. By envelope
(``FullBooks``): what was reported as sent has to be reported as handled, dead or dropped, once.
"""

from collections import Counter, defaultdict
from typing import Any

from typing_extensions import override

from alys.actors.cell import Cell
from alys.actors.envelope import Envelope, message_of
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.sim.trace import TraceRecorder

HANDLED = "handled"


class Books(Observer):
    """Hears of no single message, so most of them travel bare."""

    def __init__(self) -> None:
        #: What became of each number.
        self.ends: dict[int, list[str]] = defaultdict(list)
        #: Numbers that have to end exactly once.
        self.sure: set[int] = set()
        #: Numbers that end once or never: ticks and news, which may be called off before they are sent.
        self.perhaps: set[int] = set()
        #: Numbers whose sender stood in line, with what it waited for.
        self.turns: list[tuple[int, Reply[None]]] = []
        #: Every slot that an ask opened.
        self.asks: list[Reply[Any]] = []
        #: Every actor that there ever was.
        self.cells: list[Cell] = []
        #: Rare things that happened: the "sometimes" of check 70.
        self.probes: Counter[str] = Counter()
        #: Promises that were seen broken while the run went on.
        self.wrong: list[str] = []
        #: Letters that the actors say they have handled, by uid.
        self.handled_by: Counter[int] = Counter()

    def end(self, message: Any, what: str) -> None:
        """A letter has ended."""
        number = getattr(message, "number", None)
        if number is not None:
            self.ends[number].append(what)

    @override
    def spawned(self, actor: Ref) -> None:
        self.cells.append(actor.cell)
        super().spawned(actor)

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: Envelope | None) -> None:
        self.probes[f"failed: {type(error).__name__}"] += 1
        super().failed(actor, error, envelope)

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        self.probes["resumed"] += 1
        super().resumed(actor, error)

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self.probes[f"restarted: {type(cause).__name__}"] += 1
        super().restarted(actor, incarnation, cause)

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        self.probes[f"escalated: {type(error).__name__}"] += 1
        super().escalated(actor, error)

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        self.probes[f"stopped: {reason}"] += 1
        super().stopped(actor, reason)

    @override
    def dropped(self, envelope: Envelope, target: Ref, reason: str) -> None:
        self.probes[f"dropped: {reason}"] += 1
        if envelope.timer is None:  # a tick that found no room comes again
            self.end(envelope.message, f"dropped: {reason}")
        super().dropped(envelope, target, reason)

    @override
    def dead_letter(self, envelope: Envelope, target: Ref, reason: str) -> None:
        self.probes[f"dead: {reason}"] += 1
        again = envelope.timer is not None and reason == "mailbox full"  # such a tick comes again
        if reason != "late reply" and not again:  # the question itself was handled
            self.end(envelope.message, f"dead: {reason}")
        super().dead_letter(envelope, target, reason)

    # The reckoning

    def balance(self) -> None:
        """Every letter has ended as often as it should, or is still queued; see the module's docstring."""
        queued = Counter(number for cell in self.cells for number in queued_in(cell))
        for number in self.sure:
            found = self.ends.get(number, [])
            assert len(found) + queued[number] == 1, f"letter {number}: {found} {queued[number]}"
        for number in self.perhaps:
            found = self.ends.get(number, [])
            assert len(found) + queued[number] <= 1, f"letter {number}: {found} {queued[number]}"
        for number, turn in self.turns:
            found = self.ends.get(number, [])
            if turn.done and turn.error is None:
                assert len(found) + queued[number] == 1, f"letter {number}: {found}, let in"
            else:
                assert len(found) + queued[number] <= 1, f"letter {number}: {found}, refused"
                assert HANDLED not in found, f"letter {number} was handled but never let in"
        assert not self.wrong, self.wrong[:3]

    def nothing_is_left(self) -> None:
        """After the end: no actor, timer, promise, watch, slot or letter has outlived the system."""
        self.balance()
        for cell in self.cells:
            assert cell.status is Status.STOPPED, cell
            held = (
                cell.instance,
                cell.context,
                cell.activity,
                cell.control,
                cell.current,
                cell.late,
            )
            assert held == (None,) * 6, f"{cell} still holds {held}"
            assert (cell.idle, cell.mailbox.count) == (False, 0), cell
            assert not cell.mailbox.line, cell
            more = cell.more
            left = (more.stash, more.promises, more.watchers, more.watching)
            assert not any(left), f"{cell} still has {left}"
            assert more.timers is None or more.timers.count == 0, cell
            assert not cell.has_children or list(cell.family.living()) == [], cell
        for slot in (*self.asks, *(turn for _, turn in self.turns)):
            assert (slot.done, slot.timer, slot.callbacks) == (True, None, None), slot.request

    def counts_agree(self) -> None:
        """What actors count as handled is what they did handle (a pill is handled by the runtime)."""
        for cell in self.cells:
            mine = self.handled_by[cell.uid]
            assert mine <= cell.handled <= mine + 1, (cell, mine, cell.handled)


class FullBooks(Books):
    """Hears of every message, too."""

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[int, Envelope] = {}
        self.over: dict[int, Envelope] = {}

    @override
    def sent(self, envelope: Envelope, target: Ref) -> None:
        assert id(envelope) not in self.open, f"{envelope.id} was sent twice"
        self.open[id(envelope)] = envelope
        super().sent(envelope, target)

    @override
    def handled(self, envelope: Envelope, target: Ref) -> None:
        self._close(envelope)
        super().handled(envelope, target)

    @override
    def dropped(self, envelope: Envelope, target: Ref, reason: str) -> None:
        self._close(envelope)
        super().dropped(envelope, target, reason)

    @override
    def dead_letter(self, envelope: Envelope, target: Ref, reason: str) -> None:
        if reason != "late reply":
            self._close(envelope)
        super().dead_letter(envelope, target, reason)

    def _close(self, envelope: Envelope) -> None:
        if id(envelope) in self.over:
            self.wrong.append(f"{envelope.id} ended twice: {envelope.message}")
        self.over[id(envelope)] = envelope
        self.open.pop(id(envelope), None)

    @override
    def nothing_is_left(self) -> None:
        super().nothing_is_left()
        assert list(self.open.values()) == []


class TracedBooks(FullBooks, TraceRecorder):
    """Writes the trace besides."""

    def __init__(self, now: Any, sink: Any) -> None:
        TraceRecorder.__init__(self, now, sink)
        FullBooks.__init__(self)


def queued_in(cell: Cell) -> set[int]:
    """The numbers of the letters that wait in a mailbox or a stash, or are being handled."""
    entries = list(cell.mailbox.entries())
    if cell.belongings is not None:
        entries += cell.belongings.stash or []
    if cell.activity is not None:
        entries.append(cell.activity.entry)
    return {m.number for m in map(message_of, entries) if hasattr(m, "number")}
