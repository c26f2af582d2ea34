"""Messages: frozen structs with keyword-only fields, and requests that declare the type of their reply."""

import enum
from typing import ClassVar, Generic, TypeVar

import msgspec

R_co = TypeVar("R_co", covariant=True)

ASK_TIMEOUT_SECONDS = 10.0


class Priority(enum.IntEnum):
    """Lanes of a mailbox; a higher lane is emptied first, and a lane is first in, first out."""

    BACKGROUND = 0
    LOW = 1
    NORMAL = 2
    HIGH = 3
    CRITICAL = 4
    EMERGENCY = 5


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that one actor says to another."""

    priority: ClassVar[Priority] = Priority.NORMAL


class Request(Message, Generic[R_co], frozen=True, kw_only=True):
    """A message that is answered with an ``R``. ``timeout_seconds`` is the default deadline of an ask."""

    timeout_seconds: ClassVar[float] = ASK_TIMEOUT_SECONDS


class PoisonPill(Message, frozen=True, kw_only=True):
    """Stops its receiver when its turn comes: what was queued before it is handled, what comes after is a dead letter."""


class ReceiveTimeout(Message, frozen=True, kw_only=True):
    """Nothing came for as long as ``Context.receive_timeout`` said."""
