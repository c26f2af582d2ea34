"""A message on its way, in three forms.

Most messages follow another one from the same sender about the same operation. They travel bare: the mailbox holds the
message itself. The first of such a run, and every ask, travels as a tuple ``(message, mark, reply)``, whose mark names
sender and operation; bare ones behind it inherit that. Where somebody listens to every message (an observer that
overrides ``sent`` or its like), each travels in an ``Envelope`` with a number of its own.
"""

from typing import Any, TypeAlias

import msgspec

from alys.actors.message import Message

NOTICE = 0
"""The sequence number of what the runtime itself puts into a mailbox: news of a death."""

#: Who sends, and about which operation (correlation id). Compared by identity: a sender makes a new one when either changes.
Mark: TypeAlias = tuple[Any, str | None]


class Envelope(msgspec.Struct, eq=False):
    """A message with who sent it, as which of its messages, because of which one, about what, and who waits."""

    message: Message
    sender: Any
    """The ref of the sender."""
    sequence: int
    """Counts the sender's messages from 1; ``NOTICE`` for news of a death."""
    cause: str | None = None
    """The id of the message whose handler sent this one."""
    correlation: str | None = None
    """The operation that it is about."""
    reply: Any = None
    """The reply slot of an ask, None for a tell."""
    timer: Any = None
    """Set for a timer's message: a restart or a cancel after it fired takes the message with it."""
    taken: bool = False
    """Whether a handler has had it already and put it aside."""
    made: str | None = None
    """The id, once somebody has asked for it."""

    @property
    def id(self) -> str:
        """The sender's uid and its count: unique in a run and equal in every replay."""
        made = self.made
        if made is None:
            made = self.made = f"{self.sender.uid}.{self.sequence}"
        return made


#: What a mailbox holds: a Message, a tuple (Message, Mark, Reply or None) or an Envelope.
Entry: TypeAlias = Any


#: The reply of an ask that is being answered at once: a slot is only made when it turns out that one is needed.
LAZY: Any = object()


def message_of(entry: Any) -> Message:
    """What was sent."""
    if isinstance(entry, tuple):
        message: Message = entry[0]
        return message
    return entry.message if isinstance(entry, Envelope) else entry


def reply_of(entry: Any) -> Any:
    """The slot that waits for the answer; None for a tell."""
    if isinstance(entry, tuple):
        return entry[2]
    return entry.reply if isinstance(entry, Envelope) else None


def sender_of(entry: Any) -> Any:
    """The ref of who sent it; None for a bare message."""
    if isinstance(entry, tuple):
        return entry[1][0]
    return entry.sender if isinstance(entry, Envelope) else None
