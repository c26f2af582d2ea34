"""A load and its judgement, as arithmetic: when each message is due, what became of it, which figures follow, which limits hold.

Theory of operation. The load is open: message n is due n / rate seconds after the start, whatever became of those before
it, and its latency runs from that moment to its answer. A node that stands still for a second is charged for every message
that came due in it; a generator that waited for answers would have sent fewer and hidden the rest (coordinated omission).

Sending happens in ticks, a batch each, so a message may leave up to one tick after it was due. That is part of its latency:
the figures err to the node's disadvantage, by at most a tick.

All times are seconds since the start of the load.
"""

import statistics
from array import array
from collections.abc import Iterator, Sequence

import msgspec

from alys.base.errors import Inconclusive

TICK_MS = 10
RATE_SHARE_MIN = 0.99
"""Of the target: the load offers exactly the target and no more, so a single late answer would miss a limit of all of it."""

OVERRUN_S = 10
"""A node that is so far behind will not catch up; the load may be broken off and judged as it is."""

_WAITING, _GOOD, _REFUSED = 0, 1, 2


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is offered: ``rate_per_s`` messages for ``warmup_s`` that do not count, then for ``measured_s`` that do."""

    rate_per_s: int
    warmup_s: int
    measured_s: int

    @property
    def total(self) -> int:
        """Messages in all; they are numbered from 0."""
        return self.rate_per_s * (self.warmup_s + self.measured_s)

    @property
    def first_measured(self) -> int:
        """The number of the first message that counts."""
        return self.rate_per_s * self.warmup_s

    @property
    def measured(self) -> int:
        """How many count."""
        return self.total - self.first_measured

    @property
    def end_s(self) -> int:
        """When the last measured second is over."""
        return self.warmup_s + self.measured_s

    def due(self, number: int) -> float:
        """When this message is due."""
        return number / self.rate_per_s

    def ticks(self) -> Iterator[tuple[float, range]]:
        """When to send which messages: at the first tick that none of them is late for. Ticks without a message are left out."""
        sent = 0
        tick = 0
        while sent < self.total:
            due = min(self.total, self.rate_per_s * tick * TICK_MS // 1000 + 1)
            if due > sent:
                yield tick * TICK_MS / 1000, range(sent, due)
                sent = due
            tick += 1


class Tally:
    """What became of each message of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._fate = bytearray(plan.total)
        self._answered_at = array("d", bytes(8 * plan.total))
        self.sent = 0
        self.open = 0
        """Messages that wait for their answer."""

    @property
    def hopeless(self) -> bool:
        """Whether more messages wait for an answer than come due in ``OVERRUN_S``."""
        return self.open > OVERRUN_S * self._plan.rate_per_s

    def went_out(self, numbers: range) -> None:
        """These were sent; they go out in order."""
        assert numbers.start == self.sent, "messages go out in order, each once"
        self.sent = numbers.stop
        self.open += len(numbers)

    def answered(self, number: int, at: float, *, refused: bool = False) -> None:
        """One was answered; ``refused`` when the answer is an error of the node."""
        assert number < self.sent, "an answer follows its message"
        assert self._fate[number] == _WAITING, "a message is answered once"
        self._fate[number] = _REFUSED if refused else _GOOD
        self._answered_at[number] = at
        self.open -= 1

    def figures(self, grace_s: float) -> "Figures":
        """Over the measured messages. ``grace_s``: how long after the last measured second an answer still counts as in time.

        Raises Inconclusive when not one of them was answered, since there is nothing to measure then.
        """
        plan = self._plan
        measured = range(plan.first_measured, plan.total)
        answered = [n for n in measured if self._fate[n] != _WAITING]
        if not answered:
            raise Inconclusive(
                f"no samples: none of {plan.measured} measured messages was answered"
            )
        good = [n for n in answered if self._fate[n] == _GOOD]
        in_time = sum(self._answered_at[n] <= plan.end_s + grace_s for n in good)
        latencies = sorted(1000 * (self._answered_at[n] - plan.due(n)) for n in answered)
        offered = max(0, self.sent - plan.first_measured)
        return Figures(
            wanted=plan.measured,
            offered=offered,
            answered=len(answered),
            refused=len(answered) - len(good),
            lost=offered - len(answered),
            rate_per_s=in_time / plan.measured_s,
            p50_ms=percentile(latencies, 50),
            p95_ms=percentile(latencies, 95),
            p99_ms=percentile(latencies, 99),
            max_ms=latencies[-1],
        )


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the measured messages came to."""

    wanted: int
    """That the plan has."""
    offered: int
    """That went out; fewer when the load was broken off."""
    answered: int
    refused: int
    """Answered with an error of the node."""
    lost: int
    """Sent and never answered."""
    rate_per_s: float
    """Answered without error and in time, by the length of the measurement."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class UsageSample(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's process took at one moment."""

    at: float
    resident_bytes: int
    cpu_seconds: float


class UsageFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What it took over the measured time."""

    samples: int
    resident_max_mb: float
    """MiB, as in the settings."""
    cpu_percent: float
    """Mean, of the processor that it can use."""


def usage_figures(samples: Sequence[UsageSample], plan: Plan, cores: float) -> UsageFigures:
    """Over the samples inside the measured time; raises Inconclusive for fewer than two."""
    inside = [one for one in samples if plan.warmup_s <= one.at <= plan.end_s]
    if len(inside) < 2:
        raise Inconclusive(
            f"no samples: memory and processor were looked at {len(inside)} times while it was measured"
        )
    first, last = inside[0], inside[-1]
    spent = last.cpu_seconds - first.cpu_seconds
    return UsageFigures(
        samples=len(inside),
        resident_max_mb=max(one.resident_bytes for one in inside) / 2**20,
        cpu_percent=100 * spent / (last.at - first.at) / cores,
    )


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold."""

    rate_per_s: float
    p99_ms: float
    failure_share: float
    """Of the answers, that may be errors."""
    memory_mb: float
    cpu_percent: float


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One figure beside its limit."""

    what: str
    measured: float
    bound: str
    """``at least`` or ``at most``."""
    limit: float
    unit: str
    met: bool

    @property
    def sentence(self) -> str:
        """Both, in words."""
        return f"{self.what} {self.measured:g} {self.unit}, wanted {self.bound} {self.limit:g}"


def judge(figures: Figures, usage: UsageFigures | None, limits: Limits) -> tuple[Threshold, ...]:
    """Every figure with its limit; those of the process only where it was measured."""
    refused = figures.refused / figures.answered
    rate = limits.rate_per_s * RATE_SHARE_MIN
    found = [
        _at_least("throughput", figures.rate_per_s, rate, "messages/s"),
        _at_most("p99 latency", figures.p99_ms, limits.p99_ms, "ms"),
        _at_most("failures", refused, limits.failure_share, "of the answers"),
    ]
    if usage is not None:
        found.append(_at_most("memory", usage.resident_max_mb, limits.memory_mb, "MiB"))
        found.append(
            _at_most("processor", usage.cpu_percent, limits.cpu_percent, "% of what it can use")
        )
    return tuple(found)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Of an ascending sequence, from 1 to 99, between neighbours by linear interpolation; of a single value, that."""
    if len(ordered) == 1:
        return ordered[0]
    return statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1]


def _at_least(what: str, measured: float, limit: float, unit: str) -> Threshold:
    return _threshold(what, measured, "at least", limit, unit, met=measured >= limit)


def _at_most(what: str, measured: float, limit: float, unit: str) -> Threshold:
    return _threshold(what, measured, "at most", limit, unit, met=measured <= limit)


def _threshold(
    what: str, measured: float, bound: str, limit: float, unit: str, *, met: bool
) -> Threshold:
    return Threshold(
        what=what, measured=round(measured, 4), bound=bound, limit=limit, unit=unit, met=met
    )
