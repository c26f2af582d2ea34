"""The topics of what nodes say to each other: who hears of an item, how often a peer may speak, and what was said already.

Rates are those of the specification of the actors: federation without a limit, blocks 1000, transactions 100, discovery 10 a second.
No item of ours is about transactions: execution clients pass those on among themselves.
"""

from collections import OrderedDict
from collections.abc import Mapping

from alys.node import gossip

RATES: Mapping[str, float | None] = {
    "federation": None,
    "blocks": 1000.0,
    "transactions": 100.0,
    "discovery": 10.0,
}
"""Items per second of node time that one peer may send. None: as many as the connection carries."""
BURST_SECONDS = 10.0
"""So many seconds' worth may come at once: after a stall they do."""

SEEN_MAX = 10_000
SEEN_SECONDS = 10.0
"""How long an item is known by its hash. After that it may be said again, to whoever missed it."""


def topic_of(item: gossip.Item) -> str:
    """See RATES."""
    match item:
        case gossip.ProposedBlock() | gossip.SealedBlock():
            return "blocks"
        case gossip.BlocksRequest() | gossip.BlocksResponse():
            return "blocks"
        case gossip.Status():
            return "discovery"
        case _:
            return "federation"


def flooded(item: gossip.Item) -> bool:
    """Whether whoever hears it passes it on; the rest is between two nodes."""
    return not isinstance(item, gossip.Status | gossip.BlocksRequest | gossip.BlocksResponse)


class Bucket:
    """A rate, and so many seconds of it at once."""

    def __init__(self, rate: float, now: float, burst_seconds: float = BURST_SECONDS) -> None:
        self._rate = rate
        self._most = rate * burst_seconds
        self._left = self._most
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more is within the rate."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Seen:
    """Hashes of what was said lately, with a bound."""

    def __init__(self, size: int = SEEN_MAX, seconds: float = SEEN_SECONDS) -> None:
        self._size = size
        self._seconds = seconds
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def first(self, key: bytes, now: float) -> bool:
        """Whether this is the first time; from now on it is not."""
        while self._until and (
            len(self._until) >= self._size or next(iter(self._until.values())) <= now
        ):
            self._until.popitem(last=False)
        if key in self._until:
            return False
        self._until[key] = now + self._seconds
        return True
