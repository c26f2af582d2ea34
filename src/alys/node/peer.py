"""One governance connection's life, without I/O: its state, its waits, its breaker, its heartbeats.

    down -> opening -> registering -> ready
      ^________|____________|__________|      suspended: refused too often, nothing is tried for a while
                                              failed: refused on and on; tried ever so often

Two ways to fail, two answers. A node that *cannot be reached* is tried again after 0.1 s, 0.2 s, 0.4 s .. and never less
often than every 1.76 s (1.6 s and the jitter): an attempt is one refused connection, and its return must be noticed within 2 s.
It may be away for days and is not failed. A node that *is reached and says no* (wrong token, refused registration, no ack) is not
better for being asked again: it is tried after 1 s, 2 s, 4 s ..; after five times in a row the breaker opens for a minute, then
three more attempts are made before it opens again, and after ten it counts as failed.
The doubling starts anew only after a minute of being ready, so a node that comes and goes is not hurried. All figures are in
``stream_figures``; the field's names of these states are disconnected (down), connecting (opening, registering), connected
(ready), suspended and failed.
"""

import math

import msgspec

from alys.base.prng import Random
from alys.node.outbox import Outbox, Room
from alys.node.stream_figures import FIGURES, StreamFigures

DOUBLINGS_MAX = 16


class PeerView(msgspec.Struct, frozen=True, kw_only=True):
    """One governance connection as the node's RPC shows it."""

    endpoint: int
    id: str
    """``gov_<region>_<8 hex>``, the field's name of a connection."""
    state: str
    priority: int
    attempts: int
    """Failures in a row."""
    queued: int
    dropped: int
    """Frames that had to make room for later ones, or found none."""
    expired: int
    """Frames that waited too long."""
    unconfirmed: int
    """Frames sent that may have been lost; sent again if the stream is."""
    pending: int
    """Requests sent that are not answered yet."""
    heartbeats_sent: int
    heartbeats_acked: int
    unmatched: int
    """Answers to nothing that was asked."""
    last_unmatched: str
    reason: str
    """Why the last attempt failed, or what the node last complained of."""


class Peer:
    """See the module's docstring."""

    def __init__(
        self, index: int, figures: StreamFigures = FIGURES, room: Room | None = None
    ) -> None:
        self.index = index
        self.state = "down"
        self.reason = ""
        self.attempts = 0
        self.openings = 0
        self.outbox = Outbox(figures, room)
        self.unmatched = 0
        self.last_unmatched = ""
        self.heartbeats_sent = 0
        self.heartbeats_acked = 0
        self.owes = False
        """Something that must be heard was dropped: it has to be said again when the node is back."""
        self._figures = figures
        self._missed = 0
        self._refusals = 0
        self._refusals_in_row = 0
        self._ready_since = 0.0
        self._heard_at = 0.0
        self._renew_at = math.inf

    @property
    def waits(self) -> bool:
        """Whether nothing is under way, and the next attempt is still to come."""
        return self.state in ("down", "suspended", "failed")

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
        self._refusals_in_row = 0
        self._missed = 0
        self._ready_since = now
        self._heard_at = now

    def heard(self, now: float) -> None:
        """Something came in."""
        self._heard_at = now

    def idle(self, now: float) -> bool:
        """Whether a stream that stands has been silent for too long."""
        return self.state == "ready" and now - self._heard_at >= self._figures.idle_seconds

    def session(self, now: float, seconds: float) -> None:
        """The registration holds for so long."""
        self._renew_at = now + seconds - min(self._figures.renewal_seconds, seconds / 2)

    def session_wears_out(self, now: float) -> bool:
        """Whether it is time to register again."""
        return now >= self._renew_at

    def lost(self, reason: str, now: float, random: Random, *, refused: bool) -> float:
        """The attempt or the stream failed; node seconds to wait before the next attempt."""
        figures = self._figures
        if self.state == "ready" and now - self._ready_since >= figures.stable_seconds:
            self.attempts = 0
        self.attempts += 1
        self.reason = reason
        self._renew_at = math.inf
        self._refusals = self._refusals + 1 if refused else 0
        self._refusals_in_row = self._refusals_in_row + 1 if refused else 0
        wait = self._next_wait(refused)
        jitter = 1.0 + figures.jitter * (2.0 * random.random() - 1.0)
        return max(figures.wait_min_seconds * (1.0 - figures.jitter), wait * jitter)

    def _next_wait(self, refused: bool) -> float:
        """The state after a failure, and the wait before jitter."""
        figures = self._figures
        if self._refusals_in_row >= figures.attempts_max:
            self.state = "failed"
            return figures.failed_seconds
        if self._refusals >= figures.breaker_refusals:
            self.state = "suspended"
            self._refusals = figures.breaker_refusals - figures.breaker_tests
            return figures.breaker_seconds
        self.state = "down"
        if refused:
            return retry_seconds(self._refusals_in_row, figures)
        return probe_seconds(self.attempts, figures)

    def beat(self) -> int | None:
        """The next heartbeat's sequence; None when too many went unacked, and the stream is as good as lost."""
        if self._missed >= self._figures.heartbeat_misses_max:
            return None
        self._missed += 1
        self.heartbeats_sent += 1
        self.outbox.beat(self.heartbeats_sent)
        return self.heartbeats_sent

    def acked(self, sequence: int) -> list[str] | None:
        """A heartbeat's ack: the ids of notices that it confirms; None for one that was never sent."""
        if not 0 < sequence <= self.heartbeats_sent:
            return None
        self._missed = 0
        self.heartbeats_acked = max(self.heartbeats_acked, sequence)
        return self.outbox.confirm_before(sequence)

    def unasked(self, request_id: str) -> None:
        """An answer to nothing that was asked."""
        self.unmatched += 1
        self.last_unmatched = request_id

    def view(self) -> PeerView:
        """See PeerView."""
        return PeerView(
            endpoint=self.index,
            id=f"gov_local_{self.index + 1:08x}",
            state=self.state,
            priority=self._figures.priority(self.index),
            attempts=0 if self.state == "ready" else self.attempts,
            queued=len(self.outbox),
            dropped=self.outbox.dropped,
            expired=self.outbox.expired,
            unconfirmed=self.outbox.unconfirmed,
            pending=self.outbox.pending,
            heartbeats_sent=self.heartbeats_sent,
            heartbeats_acked=self.heartbeats_acked,
            unmatched=self.unmatched,
            last_unmatched=self.last_unmatched,
            reason=self.reason,
        )


def probe_seconds(failures: int, figures: StreamFigures = FIGURES) -> float:
    """The wait for a node that cannot be reached, after so many failures in a row, before jitter."""
    return _doubled(failures, figures.probe_min_seconds, figures.probe_max_seconds, figures)


def retry_seconds(refusals: int, figures: StreamFigures = FIGURES) -> float:
    """The wait for a node that says no, after so many refusals in a row, before jitter."""
    return _doubled(refusals, figures.retry_min_seconds, figures.retry_max_seconds, figures)


def _doubled(failures: int, least: float, most: float, figures: StreamFigures) -> float:
    doublings = min(max(failures - 1, 0), DOUBLINGS_MAX)
    return float(min(most, least * figures.retry_factor**doublings))
