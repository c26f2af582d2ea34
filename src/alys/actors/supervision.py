"""Supervision as data and one pure decision.

A parent learns of a child's failure as an ``Exit`` and asks ``decide`` what to do. The rules are OTP's
(``supervisor``): a sliding log of restarts, entries older than the period fall out (one exactly as old as the period
still counts), and one restart more than the intensity makes the parent stop its children and fail to its own parent.
"""

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alys.actors.errors import BadSpec
from alys.actors.mailbox import MAILBOX_MESSAGES_MAX, Overflow

NAME_CHARACTERS_MAX = 128
SHUTDOWN_SECONDS = 5.0
DOUBLINGS_MAX = 64
"""Enough to get from a microsecond past any maximum; a float of 2^1024 does not exist."""


class Restart(enum.Enum):
    """When a child is started again (OTP's restart types)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only after a failure."""
    TEMPORARY = "temporary"
    """Never."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to wait before the n-th restart in a row: min(max, min * 2^n) * (1 + U[0,1) * jitter)."""

    min_seconds: float
    max_seconds: float
    jitter: float = 0.0

    @property
    def quiet_seconds(self) -> float:
        """A child that ran for so long without a failure starts counting anew."""
        return (self.min_seconds + self.max_seconds) / 2

    def delay(self, attempt: int, chance: float) -> float:
        """The wait before restart ``attempt`` (0-based), with ``chance`` drawn from [0, 1)."""
        doubled = self.min_seconds * 2.0 ** min(attempt, DOUBLINGS_MAX)
        return min(self.max_seconds, doubled) * (1 + chance * self.jitter)


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How to make a child and what to do when it ends."""

    name: str
    """Last step of its path; unique among its siblings, at most 128 characters."""
    factory: Callable[[], Any]
    """Makes a fresh instance; called again for every restart."""
    restart: Restart = Restart.PERMANENT
    shutdown_seconds: float = SHUTDOWN_SECONDS
    """Node seconds that stopping may take before the child is killed and that is reported; ``inf`` for no limit."""
    mailbox_messages_max: int = MAILBOX_MESSAGES_MAX
    overflow: Overflow = Overflow.FAIL
    backoff: Backoff | None = None
    register: str | None = None
    """Under this name ``Context.whereis`` finds the child while it lives (OTP's registered names)."""
    escalate: tuple[type[Exception], ...] = ()
    """Failures that the parent does not decide but passes on."""


class Intensity(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``restarts`` within ``period_seconds`` (node time). OTP's default is 1 in 5 s."""

    restarts: int = 1
    period_seconds: float = 5.0


class Decision(enum.Enum):
    """What the parent does about a child that ended."""

    RESTART = "restart"
    STOP = "stop"
    """Leave it stopped (and forget a temporary one)."""
    ESCALATE = "escalate"
    """Not ours to decide: fail to our own parent."""
    GIVE_UP = "give_up"
    """The intensity is exceeded: stop all children and fail to our own parent."""


def decide(
    spec: ChildSpec,
    intensity: Intensity,
    history: Sequence[float],
    error: BaseException | None,
    now: float,
) -> tuple[Decision, tuple[float, ...]]:
    """What to do about a child that ended with ``error`` (None: normally), and the new restart log."""
    kept = tuple(history)
    if error is not None and isinstance(error, spec.escalate):
        return Decision.ESCALATE, kept
    if spec.restart is Restart.TEMPORARY or (spec.restart is Restart.TRANSIENT and error is None):
        return Decision.STOP, kept
    kept = (*(t for t in kept if t >= now - intensity.period_seconds), now)
    if len(kept) > intensity.restarts:
        return Decision.GIVE_UP, kept
    return Decision.RESTART, kept


def check_intensity(intensity: Intensity) -> None:
    """Raise BadSpec when it cannot be obeyed."""
    if intensity.restarts < 0:
        raise BadSpec(f"intensity.restarts is {intensity.restarts}; it must be 0 or more")
    if intensity.period_seconds <= 0:
        raise BadSpec(f"intensity.period_seconds is {intensity.period_seconds}; it must be above 0")


def check_spec(spec: ChildSpec) -> None:
    """Raise BadSpec, naming the child and the field, when the spec cannot be obeyed."""
    if not spec.name or "/" in spec.name or len(spec.name) > NAME_CHARACTERS_MAX:
        raise BadSpec(
            f"child name {spec.name!r}: use 1 to {NAME_CHARACTERS_MAX} characters and no slash"
        )
    if not callable(spec.factory):
        raise BadSpec(f"child {spec.name!r}: factory must be callable, not {spec.factory!r}")
    if spec.mailbox_messages_max < 1:
        raise BadSpec(f"child {spec.name!r}: mailbox_messages_max must be 1 or more")
    if not spec.shutdown_seconds >= 0:
        raise BadSpec(f"child {spec.name!r}: shutdown_seconds must be 0 or more")
    backoff = spec.backoff
    if backoff is not None and not (
        0 <= backoff.min_seconds <= backoff.max_seconds < math.inf and backoff.jitter >= 0
    ):
        raise BadSpec(
            f"child {spec.name!r}: backoff needs 0 <= min <= max and a jitter of 0 or more"
        )


def check_specs(specs: Sequence[ChildSpec]) -> None:
    """Check the whole list before the first child starts."""
    seen: set[str] = set()
    for spec in specs:
        check_spec(spec)
        if spec.name in seen:
            raise BadSpec(f"two children are named {spec.name!r}; names are unique among siblings")
        seen.add(spec.name)
