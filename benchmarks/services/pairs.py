"""Rounds in which both sides do the same, now one first and now the other, so that a busy moment spoils both alike."""

import gc
from collections.abc import Callable, Sequence
from time import perf_counter

import msgspec

from benchmarks.services.results import Case

Work = Callable[[int], None]
"""Makes one call; the number grows from call to call over the whole run, warm-up included."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One case, ready to be measured. ``theirs`` None: the other side is not here."""

    service: str
    name: str
    how: str
    calls: int
    ours: Work
    theirs: Work | None


def measure(pairs: Sequence[Pair], rounds: int, say: Callable[[str], None]) -> list[Case]:
    """Every case in every round, after a round that does not count."""
    ours: dict[str, list[float]] = {pair.name: [] for pair in pairs}
    theirs: dict[str, list[float]] = {pair.name: [] for pair in pairs}
    for number in range(rounds + 1):
        say("warming up" if number == 0 else f"round {number} of {rounds}")
        for pair in pairs:
            first = number * pair.calls
            sides = [(pair.ours, ours)]
            if pair.theirs is not None:
                sides.append((pair.theirs, theirs))
            for work, kept in sides if number % 2 else sides[::-1]:
                spent = _timed(work, first, pair.calls)
                if number:
                    kept[pair.name].append(spent)
    return [
        Case(
            service=pair.service,
            name=pair.name,
            how=pair.how,
            calls=pair.calls,
            ours_ms=ours[pair.name],
            theirs_ms=theirs[pair.name],
        )
        for pair in pairs
    ]


def _timed(work: Work, first: int, calls: int) -> float:
    """Milliseconds for one call."""
    gc.collect()
    started = perf_counter()
    for number in range(first, first + calls):
        work(number)
    return (perf_counter() - started) * 1000 / calls
