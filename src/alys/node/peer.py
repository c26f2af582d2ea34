"""One governance connection's life, without I/O: its state, its waits, its breaker, its heartbeats.

    down -> opening -> registering -> ready
      ^________|____________|__________|      suspended: refused too often, nothing is tried for a while

Two ways to fail, two answers. A node that *cannot be reached* is tried again after 0.1 s, 0.2 s, 0.4 s .. and never less
often than every 1.76 s (1.6 s and the jitter): an attempt is one refused connection, and its return must be noticed within 2 s.
A node that *is reached and says no* (wrong token, refused registration, no ack) is not better for being asked again: after five
times in a row the breaker opens for a minute, then three more attempts are made before it opens again.
The doubling starts anew only after a minute of being ready, so a node that comes and goes is not hurried.
"""

import math

import msgspec

from alys.base.prng import Random
from alys.node.outbox import Outbox

BACKOFF_MIN_SECONDS = 0.1
BACKOFF_MAX_SECONDS = 1.6
BACKOFF_DOUBLINGS_MAX = 16
JITTER = 0.1
"""Each wait is shorter or longer by up to this part, so that many nodes do not come back at once."""

STABLE_SECONDS = 60.0
BREAKER_REFUSALS = 5
BREAKER_SECONDS = 60.0
BREAKER_TESTS = 3
MISSED_HEARTBEATS_MAX = 3
RENEWAL_SECONDS = 300.0
"""A session is renewed when it lasts no longer than this, or than half of what it was given."""


class PeerView(msgspec.Struct, frozen=True, kw_only=True):
    """One governance connection as the node's RPC shows it."""

    endpoint: int
    state: str
    attempts: int
    """Failures in a row."""
    queued: int
    dropped: int
    """Frames that had to make room for later ones."""
    unconfirmed: int
    """Frames sent that may have been lost; sent again if the stream is."""
    heartbeats_sent: int
    heartbeats_acked: int
    unmatched: int
    """Answers to nothing that was asked."""
    last_unmatched: str
    reason: str
    """Why the last attempt failed, or what the node last complained of."""


class Peer:
    """See the module's docstring."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.state = "down"
        self.reason = ""
        self.attempts = 0
        self.openings = 0
        self.outbox = Outbox()
        self.unmatched = 0
        self.last_unmatched = ""
        self.heartbeats_sent = 0
        self.heartbeats_acked = 0
        self._missed = 0
        self._refusals = 0
        self._ready_since = 0.0
        self._renew_at = math.inf

    def opening(self) -> int:
        """An attempt begins; its number."""
        self.state = "opening"
        self.openings += 1
        return self.openings

    def ready(self, now: float) -> None:
        """The registration was accepted."""
        self.state = "ready"
        self.reason = ""
        self._refusals = 0
        self._missed = 0
        self._ready_since = now

    def session(self, now: float, seconds: float) -> None:
        """The registration holds for so long."""
        self._renew_at = now + seconds - min(RENEWAL_SECONDS, seconds / 2)

    def session_wears_out(self, now: float) -> bool:
        """Whether it is time to register again."""
        return now >= self._renew_at

    def lost(self, reason: str, now: float, random: Random, *, refused: bool) -> float:
        """The attempt or the stream failed; node seconds to wait before the next attempt."""
        if self.state == "ready" and now - self._ready_since >= STABLE_SECONDS:
            self.attempts = 0
        self.attempts += 1
        self.reason = reason
        self._renew_at = math.inf
        self.outbox.lost()
        self._refusals = self._refusals + 1 if refused else 0
        jitter = 1.0 + JITTER * (2.0 * random.random() - 1.0)
        if self._refusals >= BREAKER_REFUSALS:
            self.state = "suspended"
            self._refusals = BREAKER_REFUSALS - BREAKER_TESTS
            return BREAKER_SECONDS * jitter
        self.state = "down"
        return backoff_seconds(self.attempts) * jitter

    def beat(self) -> int | None:
        """The next heartbeat's sequence; None when too many went unacked, and the stream is as good as lost."""
        if self._missed >= MISSED_HEARTBEATS_MAX:
            return None
        self._missed += 1
        self.heartbeats_sent += 1
        self.outbox.beat(self.heartbeats_sent)
        return self.heartbeats_sent

    def acked(self, sequence: int) -> bool:
        """A heartbeat's ack; False for one that was never sent."""
        if not 0 < sequence <= self.heartbeats_sent:
            return False
        self._missed = 0
        self.heartbeats_acked = max(self.heartbeats_acked, sequence)
        self.outbox.confirm_before(sequence)
        return True

    def unasked(self, request_id: str) -> None:
        """An answer to nothing that was asked."""
        self.unmatched += 1
        self.last_unmatched = request_id

    def view(self) -> PeerView:
        """See PeerView."""
        return PeerView(
            endpoint=self.index,
            state=self.state,
            attempts=0 if self.state == "ready" else self.attempts,
            queued=len(self.outbox),
            dropped=self.outbox.dropped,
            unconfirmed=self.outbox.unconfirmed,
            heartbeats_sent=self.heartbeats_sent,
            heartbeats_acked=self.heartbeats_acked,
            unmatched=self.unmatched,
            last_unmatched=self.last_unmatched,
            reason=self.reason,
        )


def backoff_seconds(failures: int) -> float:
    """The wait after so many failures in a row, before jitter."""
    doublings = min(failures - 1, BACKOFF_DOUBLINGS_MAX)
    return float(min(BACKOFF_MAX_SECONDS, BACKOFF_MIN_SECONDS * 2.0**doublings))
