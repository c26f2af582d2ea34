"""A bounded queue in lanes.

Order: a higher lane is emptied before a lower one, and a lane is first in, first out, so two messages of one priority from
one sender to one receiver never change places (OTP's signal order, within a priority). The bound counts all lanes together;
messages above NORMAL may use a reserve behind it, so that a flood of ordinary ones cannot shut them out. Being full is an
outcome that the policy names, never a silent loss. What the runtime says to a cell (stop, a child's failure) does not pass
through here and can therefore neither be dropped nor wait behind messages.

Senders that wait for room stand in a line of their own. While somebody stands there nobody passes (no barging), and the
line moves when half of the bound is free, so that a full mailbox costs a wake-up per batch and not one per message.

``queue``, ``room`` and ``last`` are what the fast path of sending looks at (``Context.tell``): a NORMAL message whose mark
is ``last`` may be appended bare to ``queue`` while that is shorter than ``room``. ``room`` is 0 whenever a question has
to be asked first: nobody is coming to read, somebody stands in the line, every message is observed.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from alys.actors.envelope import NOTICE, Entry, Envelope, Mark, message_of, reply_of, sender_of
from alys.actors.message import Message, Priority
from alys.actors.reply import Reply

MAILBOX_MESSAGES_MAX = 1000
MAILBOX_RESERVE = 8
"""Messages above NORMAL that a full mailbox still takes."""

UNKNOWN: Any = object()
"""A mark that no sender has: the next message says who sent it."""

_NORMAL = Priority.NORMAL
_ABOVE = tuple(priority for priority in reversed(Priority) if priority > _NORMAL)
_BELOW = tuple(priority for priority in reversed(Priority) if priority < _NORMAL)


class Overflow(enum.Enum):
    """What happens to a message that meets a full mailbox."""

    FAIL = "fail"
    """The sender gets MailboxFull."""
    SUSPEND = "suspend"
    """``await ctx.send`` waits for room; who cannot wait (``tell``) gets MailboxFull."""
    DROP_NEW = "drop_new"
    """The newcomer is dropped."""
    DROP_OLD = "drop_old"
    """The oldest message of the lowest lane is dropped, the newcomer if its own lane is lower still."""
    DEAD_LETTERS = "dead_letters"
    """The newcomer goes to the dead letters (Pekko's bounded mailbox)."""


class Mailbox:
    """The lanes of one actor; outlives its restarts."""

    __slots__ = (
        "_lanes", "capacity", "last", "line", "others", "overflow", "queue", "reserve", "room", "urgent",
    )  # fmt: skip

    def __init__(
        self,
        capacity: int = MAILBOX_MESSAGES_MAX,
        overflow: Overflow = Overflow.FAIL,
        reserve: int = MAILBOX_RESERVE,
    ) -> None:
        self.capacity = capacity
        self.overflow = overflow
        self.reserve = reserve
        #: The lane of NORMAL messages.
        self.queue: deque[Any] = deque()
        #: Messages in the lanes above.
        self.urgent = 0
        #: See the module's docstring.
        self.room = 0
        #: The mark that a bare message at the end of ``queue`` has.
        self.last: Mark = UNKNOWN
        #: Messages in the lanes above and below.
        self.others = 0
        self._lanes: dict[Priority, deque[Any]] | None = None
        #: Senders that wait for room, with their messages.
        self.line: deque[tuple[Any, Priority, Reply[None]]] | None = None

    @property
    def count(self) -> int:
        """Messages in all lanes; above ``capacity`` only by the reserve and by news of deaths."""
        return len(self.queue) + self.others

    @property
    def waiting(self) -> int:
        """Senders in the line (those that gave up included, until the line moves)."""
        return len(self.line) if self.line is not None else 0

    def open(self) -> None:
        """Somebody is coming to read: the fast path may be taken, unless there are questions."""
        self.room = 0 if self.line else self.capacity - self.others

    def put(self, entry: Entry, priority: Priority, origin: Mark | None = None) -> Entry | None:
        """Queue it, and return the entry that had to give way, if one had to.

        With every policy but DROP_OLD that is the newcomer itself; the caller decides by the policy what to tell whom.
        """
        victim = None
        if self.is_full(priority):
            if self.overflow is not Overflow.DROP_OLD:
                return entry
            victim = self._take_lowest(priority, origin)
            if victim is None:
                return entry
        self._append(entry, priority)
        return victim

    def is_full(self, priority: Priority) -> bool:
        """Whether a message of this priority finds no room, or would pass those who wait for it."""
        if priority > _NORMAL:
            return self.count >= self.capacity + self.reserve
        return self.count >= self.capacity or bool(self.line)

    def stand_in_line(self, entry: Entry, priority: Priority, turn: Reply[None]) -> None:
        """Wait for room; ``turn`` is filled when the entry is in the mailbox. An abandoned turn sends nothing."""
        if self.line is None:
            self.line = deque()
        self.line.append((entry, priority, turn))
        self.room = 0

    def admit(self) -> Iterator[Entry]:
        """Let the line move if half of the bound is free, in its order; gives the entries that came in."""
        line = self.line
        if not line or self.count > self.capacity // 2:
            return
        while line and self.count < self.capacity:
            entry, priority, turn = line.popleft()
            if not turn.done:
                self._append(entry, priority)
                turn.complete(None)
                yield entry

    def dismiss(self) -> list[tuple[Entry, Reply[None]]]:
        """Send the line home: those that still wait in it."""
        line, self.line = self.line, None
        return [(entry, turn) for entry, _, turn in line or () if not turn.done]

    def settle(self, origin: Mark | None) -> None:
        """Give every bare message its mark: the runs are about to be cut. ``origin`` is that of the last one taken."""
        self.last = UNKNOWN
        self.room = 0
        mark = origin
        for index, entry in enumerate(self.queue):
            if isinstance(entry, tuple):
                mark = entry[1]
            elif isinstance(entry, Message):
                self.queue[index] = (entry, mark, None)

    def cut(self, origin: Mark | None) -> None:
        """A message that is not next in ``queue`` is about to be handled: let no bare one inherit from it."""
        if not self.queue:
            self.last = UNKNOWN
        elif isinstance(self.queue[0], Message):
            self.queue[0] = (self.queue[0], origin, None)

    def put_behind(self, entry: Envelope, sender: Any, origin: Mark | None) -> Priority:
        """Queue news of a sender's death behind all that it had sent: in the lowest lane that holds a message of it.

        Not held against the bound and never dropped for it, since a death cannot be refused. Returns the lane.
        """
        self.settle(origin)
        lane = _NORMAL
        for priority in Priority:
            if any(sender_of(item) is sender for item in self._lane(priority)):
                lane = priority
                break
        self._append(entry, lane)
        return lane

    def take(self) -> Entry | None:
        """The next message, or None."""
        if self.urgent:
            self.urgent -= 1
            return self._pop(_ABOVE)
        if self.queue:
            entry: Entry = self.queue.popleft()
            return entry
        return self._pop(_BELOW) if self.others else None

    def drain(self, origin: Mark | None) -> list[Entry]:
        """Everything, in the order in which it would have been handled."""
        self.settle(origin)
        drained = []
        while (entry := self.take()) is not None:
            drained.append(entry)
        return drained

    def put_back(self, entries: list[Any], origin: Mark | None) -> None:
        """Queue what was handled later than it came (a stash) before everything that is here, in its order."""
        self.settle(origin)
        self.queue.extendleft(reversed(entries))

    def discard(self, unwanted: Callable[[Any], bool], origin: Mark | None) -> list[Entry]:
        """Take out the entries for which ``unwanted(entry)`` holds (a notice that was called off)."""
        self.settle(origin)
        dropped: list[Entry] = []
        for priority in Priority:
            queued = self._lane(priority)
            found = [item for item in queued if unwanted(item)]
            for item in found:
                queued.remove(item)
            dropped += found
            if priority is not _NORMAL:
                self.others -= len(found)
                self.urgent -= len(found) if priority > _NORMAL else 0
        return dropped

    def entries(self) -> Iterator[Entry]:
        """All that is queued, highest lane first, nothing taken out."""
        for priority in reversed(Priority):
            yield from self._lane(priority)

    def _lane(self, priority: Priority) -> deque[Any]:
        if priority is _NORMAL:
            return self.queue
        return (self._lanes or {}).get(priority) or deque()

    def _append(self, entry: Entry, priority: Priority) -> None:
        if priority is _NORMAL:
            self.queue.append(entry)
            self.last = entry[1] if isinstance(entry, tuple) else UNKNOWN
            return
        if self._lanes is None:
            self._lanes = {}
        self._lanes.setdefault(priority, deque()).append(entry)
        self.others += 1
        self.urgent += 1 if priority > _NORMAL else 0
        if self.room:
            self.open()  # all lanes count for the bound

    def _pop(self, priorities: tuple[Priority, ...]) -> Entry:
        lanes = self._lanes or {}
        queued = next(lane for priority in priorities if (lane := lanes.get(priority)))
        self.others -= 1
        entry: Entry = queued.popleft()
        return entry

    def _take_lowest(self, priority_max: Priority, origin: Mark | None) -> Entry | None:
        """The oldest message of the lowest lane up to ``priority_max``; news of deaths stay."""
        self.settle(origin)
        for priority in Priority:
            if priority > priority_max:
                break
            queued = self._lane(priority)
            for index, item in enumerate(queued):
                if not (isinstance(item, Envelope) and item.sequence == NOTICE):
                    del queued[index]
                    if priority is not _NORMAL:
                        self.others -= 1
                        self.urgent -= 1 if priority > _NORMAL else 0
                    entry: Entry = item
                    return entry
        return None


NOWHERE = Mailbox(capacity=0)
"""The mailbox of nobody, and of an actor that never got a message: it has no room, so a sender asks the runtime."""


def describe(entry: Entry) -> str:
    """The type of the message, and whether somebody waits for an answer; for reports."""
    name = type(message_of(entry)).__name__
    return f"{name}?" if reply_of(entry) is not None else name
