"""A campaign in words for a terminal: its progress in a line, and in the end what it saw."""

from collections.abc import Iterable

from alys.campaigns import campaign
from alys.campaigns.campaign import Campaign, Options, Progress
from alys.campaigns.tally import Figures

_WIDTH = 110
_INDENT = " " * 12


def begun(options: Options) -> str:
    """What is about to be run."""
    which = f"seeds {options.first}.." + (f"{options.after}" if options.after is not None else "")
    limit = f", for {options.seconds / 60:g} min" if options.seconds is not None else ""
    jobs = "1 job" if options.jobs == 1 else f"{options.jobs} jobs"
    return f"alys: sim, {which}{limit}, faults {options.faults}, profile {options.profile}, {jobs}"


def progress(now: Progress, options: Options) -> str:
    """How it stands, in one line."""
    figures, wall = now.figures, max(now.wall_seconds, 1e-9)
    done = figures.seeds + figures.lost
    total = options.after - options.first if options.after is not None else None
    said = [f"{done:,}" + (f" of {total:,}" if total is not None else "") + " seeds"]
    said.append(f"{done / wall:.1f}/s")
    said.append(_count(figures.failed, "failure"))
    if figures.inconclusive:
        said.append(f"{figures.inconclusive} inconclusive")
    if figures.lost:
        said.append(f"{figures.lost} lost")
    said.append(
        f"{figures.simulated_seconds:,.0f} s simulated in {wall:.0f} s ({figures.simulated_seconds / wall:.0f}x)"
    )
    if (left := _left(done, total, wall, options)) is not None:
        said.append(f"{left:.0f} s left")
    return ", ".join(said)


def _left(done: int, total: int | None, wall: float, options: Options) -> float | None:
    """Seconds until it is over, as it looks now."""
    guesses = []
    if options.seconds is not None:
        guesses.append(max(0.0, options.seconds - wall))
    if total is not None and done:
        guesses.append((total - done) * wall / done)
    return min(guesses, default=None)


def summary(found: Campaign) -> list[str]:
    """What it saw: seeds, time, faults, rare states, oracles."""
    figures = found.figures
    lines = [_seeds(found), _time(found)]
    lines += _row("faults", _bites(figures))
    if figures.never_bit:
        lines += _row("never bit", figures.never_bit)
    if figures.never_ordered:
        lines += _row("not drawn", figures.never_ordered)
    reached = {name: one for name, one in figures.probes.items() if one.seeds}
    lines += _row(
        "reached", [f"{name} {one.seeds:,}" for name, one in reached.items()] or ["nothing rare"]
    )
    if figures.never_reached:
        lines += _row("not reached", figures.never_reached)
        if figures.seeds >= campaign.PROBES_EXPECTED_FROM:
            lines.append(
                f"{_INDENT}so many seeds should have come to each of these: look at the weather or at the probe"
            )
    lines += _row("looked at", _looked_at(figures))
    return lines


def _seeds(found: Campaign) -> str:
    figures, wall = found.figures, max(found.wall_seconds, 1e-9)
    done = figures.seeds + figures.lost
    by_profile = ", ".join(f"{count:,} {name}" for name, count in sorted(figures.profiles.items()))
    jobs = _count(found.options.jobs, "job")
    return f"{'seeds':<12}{done:,} in {wall:.1f} s with {jobs}, {done / wall:.1f}/s ({by_profile or 'none ended'})"


def _time(found: Campaign) -> str:
    figures, wall = found.figures, max(found.wall_seconds, 1e-9)
    pace = figures.steps / max(figures.worked_seconds, 1e-9)
    return (
        f"{'simulated':<12}{figures.simulated_seconds:,.0f} s, {figures.simulated_seconds / wall:,.0f} times as fast as life; "
        f"{figures.steps:,} steps, {pace:,.0f}/s for each job; {figures.heights:,} blocks"
    )


def _bites(figures: Figures) -> list[str]:
    """The kinds that did something, each with how many of its orders did."""
    bitten = {kind: one for kind, one in figures.faults.items() if one.bit}
    said = [f"{kind} {one.bit:,} of {one.ordered:,}" for kind, one in bitten.items()]
    return said or ["none bit"]


def _looked_at(figures: Figures) -> list[str]:
    """Oracles of several parts (``storm/lanes``) by the word before the stroke; those that never looked by their whole name."""
    counts: dict[str, int] = {}
    for name, count in figures.samples.items():
        family = name.partition("/")[0]
        counts[family] = counts.get(family, 0) + count
    said = [f"{name} {count:,}" for name, count in counts.items()]
    return said + [f"{name} never" for name in figures.never_looked if "/" in name]


def _row(head: str, items: Iterable[str]) -> list[str]:
    """A head and its items, broken where the line is full."""
    lines, line = [], f"{head:<12}"
    for number, item in enumerate(items):
        piece = item if number == 0 else f", {item}"
        if len(line) + len(piece) > _WIDTH and number:
            lines.append(f"{line},")
            line = f"{_INDENT}{item}"
        else:
            line += piece
    return [*lines, line]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
