"""What is said in the workloads, by our actors, by the peers and through the queue: the same small structs."""

from alys.actors.message import Message, Request


class Tick(Message, frozen=True, kw_only=True):
    """Counted by whoever gets it."""

    n: int


class Get(Request[int], frozen=True, kw_only=True):
    """Answered with a number, at once."""

    n: int


class Go(Request[int], frozen=True, kw_only=True):
    """Do so much; answered when that is done."""

    count: int


class Break(Message, frozen=True, kw_only=True):
    """Raise."""


class Boom(Exception):
    """What an actor that was told to break raises."""
