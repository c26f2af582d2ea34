"""Every figure of the governance streams, in one table (domain reference, 4.3). Seconds are node seconds.

Where the sources disagree the choice is argued here. ``config.settings.StreamSettings`` has those that an operator may want to
change; the rest are the protocol's.
"""

from typing import Literal

import msgspec

BufferPolicy = Literal["drop_oldest", "drop_lowest_priority", "reject_new", "back_pressure"]


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring; the defaults are the table."""

    # Connections
    connections_max: int = 10
    priorities: tuple[int, ...] = ()
    """By governance node; higher ones are opened and told first. Missing ones are 0."""
    ready_seconds: float = 30.0
    """From the first word to a port until the registration must be acked."""
    idle_seconds: float = 300.0
    """A stream on which nothing came for so long is as good as lost."""
    renewal_seconds: float = 300.0
    """A session (3600 s) is renewed when it lasts no longer than this, or than half of what it was given."""

    unhealthy_seconds: float = 30.0
    """With fewer ready streams than a signature needs for so long, Chain is told that the federation is unhealthy, and halts; 0: never.
    (Upstream's supervisor waits 30 s for a federation.) Who cannot hear governance would not hear an emergency halt either."""

    # Heartbeats
    heartbeat_seconds: float = 30.0
    heartbeat_misses_max: int = 3
    """So many in a row without an ack are a lost stream. Upstream's heartbeat timeout is as long as its interval, which would
    make one late ack the end of a stream; its keepalive has three probes, and so have we."""

    # Trying again
    probe_min_seconds: float = 0.1
    probe_max_seconds: float = 1.6
    """Of a node that *cannot be reached*: an attempt is one refused connection, and its return must be noticed within 2 s, so the
    cap with its jitter is below that. Upstream's 1 s, doubled up to 60 s or 300 s, could not hold the promise of 2 s."""
    retry_min_seconds: float = 1.0
    retry_max_seconds: float = 60.0
    """Of a node that *was reached and said no*: upstream's figures."""
    retry_factor: float = 2.0
    jitter: float = 0.1
    """Each wait is shorter or longer by up to this part, so that many nodes do not come back at once."""
    wait_min_seconds: float = 0.1
    stable_seconds: float = 60.0
    """The doubling starts anew only after so long of being ready, so a node that comes and goes is not hurried."""
    attempts_max: int = 10
    """Refusals in a row until a connection counts as failed; it is tried on all the same, ever so often:"""
    failed_seconds: float = 300.0
    breaker_refusals: int = 5
    breaker_seconds: float = 60.0
    breaker_tests: int = 3

    # Requests
    request_seconds: float = 60.0
    """An answer to what was sent is waited for so long. A deadline of the wall's clock (decision D8): where node time is hurried
    the world stretches it."""
    pending_max: int = 100
    """Requests on one stream that are not answered yet; further ones wait their turn."""
    sweep_seconds: float = 10.0
    """Between two looks at what has had its time."""
    signature_seconds: float = 30.0
    """After which a collection that is still short is reported as short, and begins again. Upstream waits 300 s for one attempt."""
    call_seconds: float = 300.0
    """That whoever asks governance waits at the most, for a connection included."""

    # Buffers
    buffer_messages: int = 1_000
    """Waiting for one governance node."""
    buffer_messages_total: int = 10_000
    """Waiting for all of them together."""
    buffer_policy: BufferPolicy = "drop_oldest"
    """What a full buffer does with one more. ``back_pressure`` tells whoever asks to come again later (``busy``)."""
    message_ttl_seconds: float = 300.0
    notice_ttl_seconds: float = 3_600.0
    """Peg-in notices and signature requests; they are not lost then, but said again when the node is back."""
    unconfirmed_max: int = 250
    """Notices out without a heartbeat after them; one more is reason for a heartbeat now."""

    def priority(self, endpoint: int) -> int:
        """Of one governance node."""
        return self.priorities[endpoint] if endpoint < len(self.priorities) else 0


FIGURES = StreamFigures()
