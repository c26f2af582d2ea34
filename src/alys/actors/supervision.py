"""Supervision as data and one pure decision.

A parent learns of a child's end as an ``Exit`` and asks ``decide`` what to do. The rules are OTP's (``supervisor``): a
sliding log of restarts, entries older than the period fall out (one exactly as old as the period still counts), and one
restart more than the intensity makes the parent stop its children and end with ``shutdown`` itself. A restart of a whole
group counts once, every failed attempt to start during a restart counts too.
"""

import enum
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from alys.actors.errors import BadSpec
from alys.actors.exits import Exit, Kind
from alys.actors.mailbox import MAILBOX_MESSAGES_MAX, MAILBOX_RESERVE, Overflow

NAME_CHARACTERS_MAX = 128
SHUTDOWN_SECONDS = 5.0
DOUBLINGS_MAX = 64
"""Enough to get from a microsecond past any maximum; a float of 2^1024 does not exist."""


FACTOR_MAX = 1_000
"""So that its highest power is a float too."""


class Restart(enum.Enum):
    """When a child is started again (OTP's restart types)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only after a failure."""
    TEMPORARY = "temporary"
    """Never."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to wait before the n-th restart in a row: min(max, min * factor^n) * (1 + U[0,1) * jitter)."""

    min_seconds: float
    max_seconds: float
    jitter: float = 0.0
    factor: float = 2.0

    @property
    def quiet_seconds(self) -> float:
        """A child that ran for so long without a failure starts counting anew."""
        return (self.min_seconds + self.max_seconds) / 2

    def delay(self, attempt: int, chance: float) -> float:
        """The wait before restart ``attempt`` (0-based), with ``chance`` drawn from [0, 1)."""
        grown = self.min_seconds * self.factor ** min(attempt, DOUBLINGS_MAX)
        return min(self.max_seconds, grown) * (1 + chance * self.jitter)


class Directive(enum.Enum):
    """What to do about a failure of a certain type (Pekko's directives)."""

    RESUME = "resume"
    """Keep the instance and go on with the next message."""
    RESTART = "restart"
    """As the restart type and the strategy say."""
    STOP = "stop"
    """End the child, whatever its restart type."""
    ESCALATE = "escalate"
    """Not for this parent to decide: it fails to its own."""


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How to make a child and what to do when it ends."""

    factory: Callable[[], Any]
    """Makes a fresh instance; called again for every restart. Raises ``Ignore`` when there is nothing to start now."""
    name: str = ""
    """Last step of its path; unique among its siblings, at most 128 characters. Without one it is called by its uid."""
    restart: Restart = Restart.PERMANENT
    directives: tuple[tuple[type[Exception], Directive], ...] = ()
    """Decisions by type of exception; the first (innermost) that matches wins, RESTART where none does."""
    backoff: Backoff | None = None
    shutdown_seconds: float | None = None
    """Node seconds that stopping may take before the child is killed and that is reported; ``inf`` for no limit, 0 for
    OTP's brutal_kill: it is ended at once and no ``post_stop`` is waited for. By default 5, and no limit for a
    supervisor: each of its children has a limit of its own."""
    mailbox_messages_max: int = MAILBOX_MESSAGES_MAX
    mailbox_reserve: int = MAILBOX_RESERVE
    """Messages above NORMAL priority that a full mailbox still takes."""
    overflow: Overflow = Overflow.FAIL
    stash_messages_max: int = MAILBOX_MESSAGES_MAX
    """How many messages it may put aside (``Context.stash``)."""
    restart_messages_max: int = MAILBOX_MESSAGES_MAX
    """How many messages may arrive while it is torn down or waits for a back-off; more are dropped."""
    keep_children: bool = False
    """Whether its children live through its restarts; otherwise they are stopped and awaited."""
    register: str | None = None
    """Under this name ``Context.whereis`` finds the child while it lives (OTP's registered names)."""
    significant: bool = False
    """Its end by itself may end its supervisor (``AutoShutdown``); not for permanent children."""
    supervisor: bool = False
    """Counted as a supervisor and not as a worker (``CountChildren``); stopping it has no limit of its own."""

    @property
    def stop_limit(self) -> float:
        """Node seconds that stopping may take."""
        if self.shutdown_seconds is not None:
            return self.shutdown_seconds
        return math.inf if self.supervisor else SHUTDOWN_SECONDS


class Intensity(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``restarts`` within ``period_seconds`` (node time). OTP's default is 1 in 5 s.

    ``restarts=None`` sets no limit; then a child that fails to start while it is restarted at once is stopped, since it
    would do so for ever.
    """

    restarts: int | None = 1
    period_seconds: float = 5.0


class Strategy(enum.Enum):
    """Who is restarted with a child that failed (OTP)."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody."""
    ONE_FOR_ALL = "one_for_all"
    """All: torn down in reverse order of their start, then started in order."""
    REST_FOR_ONE = "rest_for_one"
    """Those that were started after it."""


class AutoShutdown(enum.Enum):
    """Whether a supervisor ends when significant children end by themselves (OTP 24)."""

    NEVER = "never"
    ANY = "any_significant"
    ALL = "all_significant"


class Decision(enum.Enum):
    """What the parent does about a child that ended."""

    RESUME = "resume"
    """Let it go on."""
    RESTART = "restart"
    STOP = "stop"
    """Leave it stopped (and forget a temporary one)."""
    ESCALATE = "escalate"
    """Not ours to decide: fail to our own parent."""
    GIVE_UP = "give_up"
    """The intensity is exceeded: stop all children and end with ``shutdown``."""


def decide(
    spec: ChildSpec, intensity: Intensity, history: Sequence[float], end: Exit, now: float
) -> tuple[Decision, tuple[float, ...]]:
    """What to do about a child that ended so, and the new restart log.

    An ``end`` that is a failure means that it raised and stands still; otherwise it is gone.
    """
    kept = tuple(history)
    if end.kind is Kind.FAILED and spec.directives:
        directive = directive_for(spec, end.error)
        if directive is not Directive.RESTART:
            return _DECISIONS[directive], kept
    if spec.restart is Restart.TEMPORARY or (spec.restart is Restart.TRANSIENT and end.is_normal):
        return Decision.STOP, kept
    return count_restart(intensity, kept, now)


def count_restart(
    intensity: Intensity, history: Sequence[float], now: float
) -> tuple[Decision, tuple[float, ...]]:
    """Enter one restart into the log; GIVE_UP when that is one too many."""
    if intensity.restarts is None:
        return Decision.RESTART, ()
    first = bisect_left(history, now - intensity.period_seconds)
    kept = (*history[first:], now)
    return (Decision.GIVE_UP if len(kept) > intensity.restarts else Decision.RESTART), kept


def directive_for(spec: ChildSpec, error: BaseException | None) -> Directive:
    """The first rule that the exception falls under."""
    for kind, directive in spec.directives:
        if isinstance(error, kind):
            return directive
    return Directive.RESTART


_DECISIONS = {
    Directive.RESUME: Decision.RESUME,
    Directive.STOP: Decision.STOP,
    Directive.ESCALATE: Decision.ESCALATE,
}


def check_intensity(intensity: Intensity) -> None:
    """Raise BadSpec when it cannot be obeyed."""
    if intensity.restarts is not None and intensity.restarts < 0:
        raise BadSpec(f"intensity.restarts is {intensity.restarts}; it must be 0 or more, or None")
    if not intensity.period_seconds > 0:
        raise BadSpec(f"intensity.period_seconds is {intensity.period_seconds}; it must be above 0")


def check_spec(spec: ChildSpec) -> None:
    """Raise BadSpec, naming the child and the field, when the spec cannot be obeyed."""
    for wrong, what in _faults(spec):
        if wrong:
            raise BadSpec(f"child {spec.name!r}: {what}")


def _faults(spec: ChildSpec) -> Iterator[tuple[bool, str]]:
    """What may be wrong with it, in the order of the fields."""
    yield not callable(spec.factory), f"factory must be callable, not {spec.factory!r}"
    yield (
        "/" in spec.name or len(spec.name) > NAME_CHARACTERS_MAX,
        f"a name has at most {NAME_CHARACTERS_MAX} characters and no slash",
    )
    yield not isinstance(spec.restart, Restart), f"restart must be a Restart, not {spec.restart!r}"
    for kind, directive in spec.directives:
        yield (
            not (isinstance(kind, type) and issubclass(kind, Exception)),
            f"directives are for types of Exception, not {kind!r}",
        )
        yield not isinstance(directive, Directive), f"{directive!r} is no Directive"
    backoff = spec.backoff
    yield (
        backoff is not None
        and not (
            0 <= backoff.min_seconds <= backoff.max_seconds < math.inf
            and backoff.jitter >= 0
            and 1 <= backoff.factor <= FACTOR_MAX
        ),
        f"backoff needs 0 <= min <= max, a jitter of 0 or more and a factor from 1 to {FACTOR_MAX}",
    )
    yield not spec.stop_limit >= 0, "shutdown_seconds must be 0 or more"
    yield spec.mailbox_messages_max < 1, "mailbox_messages_max must be 1 or more"
    yield (
        not isinstance(spec.overflow, Overflow),
        f"overflow must be an Overflow, not {spec.overflow!r}",
    )
    for field in ("mailbox_reserve", "stash_messages_max", "restart_messages_max"):
        yield getattr(spec, field) < 0, f"{field} must be 0 or more"
    yield (
        spec.significant and spec.restart is Restart.PERMANENT,
        "a permanent child cannot be significant: it never ends by itself for good",
    )


def check_specs(specs: Sequence[ChildSpec]) -> None:
    """Check the whole list before the first child starts: they need names, and each its own."""
    seen: set[str] = set()
    for spec in specs:
        if not isinstance(spec, ChildSpec):
            raise BadSpec(f"a list of children holds ChildSpecs, not {spec!r}")
        check_spec(spec)
        if not spec.name:
            raise BadSpec(
                "a supervisor's child needs a name; only children that share a spec have none"
            )
        if spec.name in seen:
            raise BadSpec(f"two children are named {spec.name!r}; names are unique among siblings")
        seen.add(spec.name)
