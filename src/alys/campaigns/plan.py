"""A plan: everything that a run does from outside, as data. What a seed makes of it is drawn once, before the run begins.

A run is a function of its plan (and of the code). So a plan can be written down, cut smaller, and run again: dropping one of its
orders changes nothing about the others.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from alys.base.trouble import AnyTrouble

PROFILES = ("light", "full")

Seconds = Annotated[float, Meta(ge=0)]
"""Node time since the weather began: the nodes are up and the users have coins by then."""


class At(msgspec.Struct, frozen=True, kw_only=True, tag="at", tag_field="when"):
    """At a time."""

    seconds: Seconds


class On(msgspec.Struct, frozen=True, kw_only=True, tag="on", tag_field="when"):
    """When an actor takes up a message, for the so-and-so-many-th time since the weather began."""

    actor: str
    """Its path."""
    message: str
    """The name of the message's class."""
    nth: Annotated[int, Meta(ge=1)] = 1


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: whom, what, when."""

    number: int
    """Within its plan; keeps its meaning when others are dropped."""
    target: str
    """See ``alys.base.trouble``."""
    fault: AnyTrouble
    when: At | On


class Deposit(msgspec.Struct, frozen=True, kw_only=True, tag="deposit", tag_field="work"):
    """Somebody pays the federation on Bitcoin."""

    number: int
    at: Seconds
    sats: int
    user: int
    """Whose account is credited."""
    form: Annotated[str, Meta(pattern=r"\A(good|twin|nobody|garbled)\Z")] = "good"
    """``twin``: a second output to the federation in the same transaction, which is nobody's; ``nobody``: without an account to
    credit; ``garbled``: with too short a one."""


class Burn(msgspec.Struct, frozen=True, kw_only=True, tag="burn", tag_field="work"):
    """Somebody asks for a payout."""

    number: int
    at: Seconds
    sats: int
    user: int
    """Who has coins on the sidechain from the beginning, at the execution client of the same number."""
    form: Annotated[str, Meta(pattern=r"\A(good|foreign|garbled|dust)\Z")] = "good"
    """``foreign``: to an address of another Bitcoin network; ``garbled``: to none; ``dust``: so little that its fee would eat it."""
    wei: int = 0
    """Burnt besides, less than a sat."""


class Transfer(msgspec.Struct, frozen=True, kw_only=True, tag="transfer", tag_field="work"):
    """Somebody pays somebody on the sidechain."""

    number: int
    at: Seconds
    gwei: int
    user: int
    """Who pays: one of those who have coins."""
    to: int
    """Whose account is credited: one of those who deposit."""


class Announce(msgspec.Struct, frozen=True, kw_only=True, tag="announce", tag_field="work"):
    """Somebody insists, at a node, on every deposit that was made so far."""

    number: int
    at: Seconds
    node: int


class Vanish(msgspec.Struct, frozen=True, kw_only=True, tag="vanish", tag_field="work"):
    """Production is paused, a deposit gets its confirmations, and Bitcoin takes it back for good: its coin is spent otherwise on the
    branch that wins. Then production goes on."""

    number: int
    at: Seconds
    sats: int
    user: int


class Forgery(msgspec.Struct, frozen=True, kw_only=True, tag="forgery", tag_field="work"):
    """Somebody with an author's key offers a node a block with one thing wrong (``worlds.forgeries``)."""

    number: int
    at: Seconds
    form: str
    node: int
    restart: bool = False
    """Whether the node is ended and started right before."""


Work = Deposit | Burn | Transfer | Announce | Vanish | Forgery


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """How the dispatcher chooses among what is ready."""

    kind: Annotated[str, Meta(pattern=r"\A(uniform|pct|round_robin|replay)\Z")] = "uniform"
    depth: int = 3
    """PCT: how many ordering constraints a bug may need (d of the paper, d - 1 priority change points)."""
    picks: tuple[int, ...] = ()
    """Replay: the index chosen at each step that had a choice; after them, the oldest first."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    seed: int
    """Delays, keys of users, the schedule, and everything else that is left to chance."""
    profile: Annotated[str, Meta(pattern=r"\A(light|full)\Z")] = "light"
    nodes: Annotated[int, Meta(ge=1, le=3)] = 3
    weather_s: Seconds = 40.0
    """How long faults and work may begin; then all is healed, and what was begun must come to an end."""
    faults: str = "all"
    """The name of the fault profile that the orders were drawn from."""
    schedule: Schedule = Schedule()
    orders: tuple[Order, ...] = ()
    work: tuple[Work, ...] = ()


def encode(plan: Plan) -> str:
    """As JSON."""
    return msgspec.json.encode(plan).decode()


def decode(text: str | bytes) -> Plan:
    """Of JSON; raises msgspec.ValidationError."""
    return msgspec.json.decode(text, type=Plan)
