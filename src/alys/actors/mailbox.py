"""A bounded queue in lanes.

Order: a higher lane is emptied before a lower one, and a lane is first in, first out, so two messages of one priority from
one sender to one receiver never change places (OTP's signal order, within a priority). The bound counts all lanes
together; being full is an outcome that the policy names, never a silent loss. What the runtime says to a cell
(stop, a child's failure) does not pass through here and can therefore neither be dropped nor wait behind messages.
"""

import enum
from collections import deque
from collections.abc import Callable
from typing import Any

from alys.actors.message import Message, Priority
from alys.actors.ref import Ref

MAILBOX_MESSAGES_MAX = 1000

NOTICE = 0
"""The sequence number of what the runtime itself puts into a mailbox: news of a death."""


class Overflow(enum.Enum):
    """What happens to a message that meets a full mailbox."""

    FAIL = "fail"
    """The sender gets MailboxFull."""
    DROP_NEW = "drop_new"
    """The newcomer goes to the dead letters."""
    DROP_OLD = "drop_old"
    """The oldest message of the lowest lane goes to the dead letters, the newcomer if its own lane is lower still."""


class Envelope:
    """A message on its way: who sent it, as which of its messages, because of which one, about what, and who waits."""

    __slots__ = ("cause", "correlation", "incarnation", "message", "reply", "sender", "sequence")

    def __init__(
        self,
        message: Message,
        sender: Ref,
        sequence: int,
        cause: str | None = None,
        correlation: str | None = None,
        reply: Any = None,
        incarnation: int | None = None,
    ) -> None:
        self.message = message
        self.sender = sender
        self.sequence = sequence
        self.cause = cause
        self.correlation = correlation
        #: The reply slot of an ask, None for a tell.
        self.reply = reply
        #: Set for a timer's message: the incarnation that armed it; a later one discards it.
        self.incarnation = incarnation

    @property
    def id(self) -> str:
        """The sender's uid and its count: unique in a run and equal in every replay."""
        return f"{self.sender.uid}.{self.sequence}"


class Mailbox:
    """The lanes of one actor; outlives its restarts."""

    __slots__ = ("_lanes", "capacity", "count", "overflow")

    def __init__(
        self, capacity: int = MAILBOX_MESSAGES_MAX, overflow: Overflow = Overflow.FAIL
    ) -> None:
        self.capacity = capacity
        self.overflow = overflow
        #: Messages in all lanes; above ``capacity`` only by news of deaths.
        self.count = 0
        self._lanes: list[deque[Envelope] | None] = [None] * len(Priority)

    def put(self, envelope: Envelope) -> Envelope | None:
        """Queue it, and return the envelope that had to give way, if one had to.

        With FAIL and DROP_NEW that is the newcomer itself; the caller decides by the policy what to tell whom.
        """
        victim = None
        if self.count >= self.capacity:
            if self.overflow is not Overflow.DROP_OLD:
                return envelope
            victim = self._take_lowest(envelope.message.priority)
            if victim is None:
                return envelope
        self._append(envelope, envelope.message.priority)
        return victim

    def put_behind(self, envelope: Envelope, sender: Ref) -> None:
        """Queue news of a sender's death behind all that it had sent: the lowest lane that holds a message of it.

        Not held against the bound and never dropped for it, since a death cannot be refused.
        """
        lane = Priority.NORMAL
        for priority in Priority:
            queued = self._lanes[priority]
            if queued and any(item.sender == sender for item in queued):
                lane = priority
                break
        self._append(envelope, lane)

    def take(self) -> Envelope | None:
        """The next message, or None."""
        if not self.count:
            return None
        for priority in reversed(Priority):
            queued = self._lanes[priority]
            if queued:
                self.count -= 1
                return queued.popleft()
        return None

    def drain(self) -> list[Envelope]:
        """Everything, in the order in which it would have been handled."""
        drained = []
        while (envelope := self.take()) is not None:
            drained.append(envelope)
        return drained

    def discard(self, unwanted: Callable[[Envelope], bool]) -> list[Envelope]:
        """Take out the envelopes for which ``unwanted(envelope)`` holds (a notice that was called off)."""
        dropped: list[Envelope] = []
        for priority in Priority:
            queued = self._lanes[priority]
            if queued:
                found = [item for item in queued if unwanted(item)]
                if found:
                    self._lanes[priority] = deque(item for item in queued if not unwanted(item))
                    dropped += found
        self.count -= len(dropped)
        return dropped

    def _append(self, envelope: Envelope, priority: Priority) -> None:
        queued = self._lanes[priority]
        if queued is None:
            queued = self._lanes[priority] = deque()
        queued.append(envelope)
        self.count += 1

    def _take_lowest(self, priority_max: Priority) -> Envelope | None:
        """The oldest message of the lowest lane up to ``priority_max``; news of deaths stay."""
        for priority in Priority:
            queued = self._lanes[priority]
            if priority > priority_max or not queued:
                continue
            for index, item in enumerate(queued):
                if item.sequence != NOTICE:
                    del queued[index]
                    self.count -= 1
                    return item
        return None
