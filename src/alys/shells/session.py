"""The session protocol of our services: what a run asks of an admin port, and what it is answered (JSON, bearer token).

A service is long-lived, a run wants chains that begin with it. ``POST /session`` throws the old chains away and begins new ones
on a clock of the session; whoever drove the old ones sees another ``name`` in every answer and knows that its turn is over.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from alys.config.settings import TimeScale

UnixSeconds = Annotated[float, Meta(ge=1, le=2**32 - 1)]
"""A Bitcoin header has 32 bits for its time."""
XOnlyKey = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Session(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /session``: fresh chains, please."""

    name: Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
    """Whose session it is; every later answer repeats it."""
    now: UnixSeconds | None = None
    """What the session's clock shows at its start; None: the wall clock's time."""
    time_scale: TimeScale = 1.0
    """How many of its seconds pass in one of the wall's."""


class BitcoinSession(msgspec.Struct, frozen=True, kw_only=True):
    """A Bitcoin node's answer: the tip of its new chain, which is its genesis block."""

    name: str
    network: str
    height: int
    hash: str


class EthereumSession(msgspec.Struct, frozen=True, kw_only=True):
    """An execution client's answer: what its genesis block was made from, and its hash as 0x hex."""

    name: str
    chain_id: int
    genesis_time: int
    genesis_hash: str


class GovernanceSession(msgspec.Struct, frozen=True, kw_only=True):
    """A governance node's answer: the key (x-only, hex) that it made for this session."""

    name: str
    public_key: str


class Federation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /session/federation``: who the node signs with. The keys are x-only hex, in the order of the specification."""

    keys: tuple[XOnlyKey, ...]
    threshold: int


class FederationSession(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to it: the address that deposits go to."""

    name: str
    public_key: str
    address: str


class Listening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /listening``: whether a governance node shall be on the network."""

    grpc: bool


class ListeningSession(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to it."""

    name: str
    grpc: bool


def clock(
    session: Session, wall: Callable[[], float], steady: Callable[[], float]
) -> Callable[[], float]:
    """The session's clock, in Unix seconds. It runs on ``steady``, so that corrections of the wall clock do not move it."""
    begin = wall() if session.now is None else session.now
    origin = steady()
    return lambda: begin + (steady() - origin) * session.time_scale
