"""The simulation's figures, the goals beside them, and the part of RESULTS.md that shows both."""

from pathlib import Path

import msgspec

from benchmarks.arithmetic import median
from benchmarks.results import Machine

FILE = "simulation.json"
"""Beside the page."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, and what it should be; the median of the rounds is held against it."""

    name: str
    title: str
    unit: str
    bound: float
    at_least: bool
    """Whether more is better."""
    how: str


GOALS = (
    Goal(
        name="bare",
        title="the scheduler alone",
        unit="steps/s",
        bound=1_000_000,
        at_least=True,
        how="calls that put themselves back into the queue, eight of them ready at any time, uniform schedule, trap armed",
    ),
    Goal(
        name="actors",
        title="actors with faults, trace and oracles",
        unit="steps/s",
        bound=400_000,
        at_least=True,
        how="eight actors that tell each other and set timers (see `benchmarks/busy.py`), one made to fail every thousand steps, every "
        "message in the trace and hashed, and heard by the oracles of order, conservation and mailboxes; no file is written",
    ),
    Goal(
        name="cycle",
        title="a deposit, its mint, a burn and its payout, on EELS",
        unit="s",
        bound=1.0,
        at_least=False,
        how="from the call that pays the federation until the payout stands in a Bitcoin block and its operation is closed; "
        "one whole node with two co-signers, Bitcoin blocks as soon as they are waited for, the real execution client; "
        "the world has been opened before",
    ),
    Goal(
        name="hour",
        title="an hour of three nodes",
        unit="s",
        bound=10.0,
        at_least=False,
        how="a campaign run with an hour of weather on the light profile: slots of two seconds, the pegs and faults of fifteen seeds one "
        "after the other, all oracles; from the opening of the world to the last audit",
    ),
)
BY_NAME = {goal.name: goal for goal in GOALS}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    name: str
    values: tuple[float, ...]
    """One a round."""
    simulated_s: float = 0.0
    """Node time that one round took; 0 where no node is in it."""
    note: str = ""
    """What else is to be known of it."""

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        goal = BY_NAME[self.name]
        return self.middle >= goal.bound if goal.at_least else self.middle <= goal.bound


class SimulationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A run."""

    machine: Machine
    rounds: int
    quick: bool
    figures: tuple[Figure, ...]

    def missed(self) -> list[str]:
        """The goals that are not reached, in words."""
        return [
            f"{BY_NAME[one.name].title}: {shown(one.middle)} {BY_NAME[one.name].unit}, goal "
            f"{shown(BY_NAME[one.name].bound)}"
            for one in self.figures
            if not one.met
        ]


def shown(value: float) -> str:
    """A number as the eye takes it in."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def kept_section(folder: Path) -> str:
    """The part of the page for the figures that are kept in a folder; empty where there are none."""
    path = folder / FILE
    if not path.exists():
        return ""
    return section(msgspec.json.decode(path.read_bytes(), type=SimulationFigures))


def section(found: SimulationFigures) -> str:
    """The part of the page."""
    lines = [
        "| figure | goal | median | slowest round | simulated | met |",
        "|---|---|---|---|---|---|",
    ]
    for one in found.figures:
        goal = BY_NAME[one.name]
        slowest = min(one.values) if goal.at_least else max(one.values)
        cells = (
            goal.title,
            f"at {'least' if goal.at_least else 'most'} {shown(goal.bound)} {goal.unit}",
            shown(one.middle),
            shown(slowest),
            f"{shown(one.simulated_s)} s" if one.simulated_s else "",
            "yes" if one.met else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    missed = found.missed()
    verdict = f"Missed: {'; '.join(missed)}." if missed else "All are met."
    how = "\n".join(
        f"- {BY_NAME[one.name].title}: {BY_NAME[one.name].how}.{f' {one.note}.' if one.note else ''}"
        for one in found.figures
    )
    quick = "A quick run: good for a look and not for a verdict.\n\n" if found.quick else ""
    machine_line = (
        f"{found.machine.cpu}, {found.machine.cores} cores ({found.machine.cores_usable} usable); "
        f"{found.machine.system}; {found.machine.python}."
    )
    return f"""
## The simulation

Made by `make bench-sim` (`python -m benchmarks.simulation`); the same figures as data are in `simulation.json`. The median of
{found.rounds} rounds is held against the goal; seconds are the wall's where "simulated" does not stand above them. A step is one call that the
dispatcher runs: a turn of an actor, the rest of a handler that waited, a timer.

{quick}{chr(10).join(lines)}

{verdict}

{how}

{machine_line}
"""
