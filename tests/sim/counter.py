"""A small actor that the tests of the test kit test, as a user would."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.ref import Ref


class Add(Message, frozen=True, kw_only=True):
    """Adds; a negative amount is a bug of whoever sends it."""

    amount: int


class Total(Request[int], frozen=True, kw_only=True):
    """What is the sum so far?"""


class Fetch(Request[int], frozen=True, kw_only=True):
    """What the counter asks the store for."""

    key: str


class Load(Request[int], frozen=True, kw_only=True):
    """Take the sum from the store; answers with it."""

    key: str


class Added(Message, frozen=True, kw_only=True):
    """Told to the listener."""

    total: int


class Remind(Message, frozen=True, kw_only=True):
    """Let the listener be told again after an hour."""


class Counter(Actor):
    """Adds up, tells a listener, loads from a store."""

    def __init__(self, listener: Ref, store: Ref | None = None) -> None:
        self.total = 0
        self.listener = listener
        self.store = store

    def on_add(self, message: Add, ctx: Context) -> None:
        """Add and tell."""
        if message.amount < 0:
            raise ValueError("a counter only goes up")
        self.total += message.amount
        ctx.tell(self.listener, Added(total=self.total))

    def on_total(self, message: Total, ctx: Context) -> int:
        """Say it."""
        return self.total

    async def on_load(self, message: Load, ctx: Context) -> int:
        """Ask the store."""
        assert self.store is not None
        self.total = await ctx.ask(self.store, Fetch(key=message.key), about=message.key)
        return self.total

    def on_remind(self, message: Remind, ctx: Context) -> None:
        """Tell again in an hour."""
        ctx.after(3600.0, Add(amount=0))
