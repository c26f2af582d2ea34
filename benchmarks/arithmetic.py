"""The harness's own arithmetic: pure, so that tests/benchmarks can hold it to numbers worked out by hand."""

import math
from collections.abc import Sequence

ROUNDS_MIN = 5
"""A median over fewer rounds is the luck of one of them."""


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle. Raises ValueError when there are none."""
    if not values:
        raise ValueError("the median of no values is not a number")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all are not above (nearest rank): always one that occurred."""
    if not values:
        raise ValueError("a percentile of no values is not a number")
    if not 0 < percent <= 100:
        raise ValueError(f"percent must be above 0 and at most 100, not {percent}")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[rank - 1]


def rate(count: int, seconds: float) -> float:
    """How many in one second."""
    if seconds <= 0:
        raise ValueError(f"{count} cannot have taken {seconds} s; the clock is too coarse")
    return count / seconds


def beside(before: float, after: float) -> float:
    """One rate for two measured round a workload, so that a machine that slows down favours nobody.

    Both passes have the same count, so it is the rate of the two together: the harmonic mean.
    """
    return 2 / (1 / before + 1 / after)


def ratios(ours: Sequence[float], queue: Sequence[float]) -> list[float]:
    """Our rate in Q, round by round: what one round did to both cancels out."""
    return [own / q for own, q in zip(ours, queue, strict=True)]


def spread(values: Sequence[float]) -> float:
    """How far apart the rounds lie: the range, as a part of the median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else math.inf
