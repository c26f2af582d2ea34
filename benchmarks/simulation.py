"""How fast the simulation is: `python -m benchmarks.simulation [--rounds N] [--quick] [--out DIR]`.

A whole run writes simulation.json and its part of RESULTS.md into the folder of the benchmarks; a quick one goes to
results/benchmarks unless ``--out`` says otherwise. Exit codes: 0 all goals met, 5 a goal missed, 2 usage.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks import busy, living, machine, page, plots, results
from benchmarks.arithmetic import median
from benchmarks.node import figures as node_figures
from benchmarks.simulation_figures import (
    BY_NAME,
    FILE,
    GOALS,
    Figure,
    SimulationFigures,
    section,
    shown,
)

HERE = Path(__file__).resolve().parent
ELSEWHERE = HERE.parent / "results" / "benchmarks"
PASSED, MISSED = 0, 5
ROUNDS, QUICK_ROUNDS = 5, 1
HOURS = 2
"""Rounds of the simulated hour at most."""


def main(arguments: Sequence[str]) -> int:
    """Measure, write, say where, and judge."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    made.add_argument("--rounds", type=int, metavar="N", help=f"by default {ROUNDS}")
    made.add_argument("--quick", action="store_true", help="one short round")
    made.add_argument("--only", choices=sorted(BY_NAME), help="one figure; nothing is written")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    options = made.parse_args(arguments)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    if rounds < 1:
        made.error("--rounds must be at least 1")
    if options.only:
        print(_said(measured(options.only, rounds, options.quick)))
        return PASSED
    found = SimulationFigures(
        machine=machine.describe(),
        rounds=rounds,
        quick=options.quick,
        figures=tuple(measured(goal.name, rounds, options.quick) for goal in GOALS),
    )
    write(found, options.out or (ELSEWHERE if options.quick else HERE))
    return MISSED if found.missed() else PASSED


def measured(name: str, rounds: int, quick: bool) -> Figure:
    """One figure, all its rounds."""
    print(f"benchmarks: simulation: {BY_NAME[name].title}", file=sys.stderr, flush=True)
    share = 10 if quick else 1
    match name:
        case "bare":
            steps = 1_000_000 // share
            return _rates(name, rounds, steps, lambda: busy.bare(steps))
        case "actors":
            messages = 200_000 // share
            return _actors(name, rounds, messages)
        case "cycle":
            taken = [living.cycle(seed) for seed in range(1, rounds + 1)]
        case _:
            weather_s = 3600.0 / share
            seeds = range(1, min(rounds, HOURS) + 1)
            taken = [living.campaign(seed, weather_s) for seed in seeds]
    return Figure(
        name=name,
        values=tuple(round(one.real_s, 3) for one in taken),
        simulated_s=round(median([one.simulated_s for one in taken]), 1),
        note="; ".join(one.note for one in taken if one.note),
    )


def _rates(name: str, rounds: int, steps: int, work: Callable[[], object]) -> Figure:
    values = []
    for _ in range(rounds):
        begun = perf_counter()
        work()
        values.append(round(steps / (perf_counter() - begun)))
    return Figure(name=name, values=tuple(values))


def _actors(name: str, rounds: int, messages: int) -> Figure:
    """With everything, and what the parts cost."""
    values, notes = [], []
    for number in range(rounds):
        done = busy.actors(messages, seed=number, trace=True, oracles=True)
        values.append(round(done.steps / done.seconds))
        if number == 0:
            alone = busy.actors(messages, seed=number, trace=False, oracles=False)
            traced = busy.actors(messages, seed=number, trace=True, oracles=False)
            asking = busy.actors(messages, seed=number, trace=True, oracles=True, ask_each=4)
            notes = [
                f"{done.messages / done.steps:.2f} messages a step, {done.messages / done.seconds:,.0f} messages/s",
                f"without the oracles {traced.steps / traced.seconds:,.0f} steps/s",
                f"without the trace too {alone.steps / alone.seconds:,.0f} steps/s",
                f"with everything and a question about one ball in four {asking.steps / asking.seconds:,.0f} steps/s",
            ]
    return Figure(name=name, values=tuple(values), note="; ".join(notes))


def write(found: SimulationFigures, folder: Path) -> None:
    """The figures as data, and the page anew, around the other figures that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")
    kept = folder / "results.json"
    section_of_it = section(found)
    whole = node_figures.kept_section(folder) + section_of_it
    if kept.exists():
        drawn = [name for name in plots.PLOTS if (folder / "plots" / name).exists()]
        whole = page.render(results.parse(kept.read_text(encoding="utf-8")), drawn, whole)
    (folder / "RESULTS.md").write_text(whole, encoding="utf-8")
    print(section_of_it)
    print(f"benchmarks: the page is {folder / 'RESULTS.md'}")


def _said(one: Figure) -> str:
    goal = BY_NAME[one.name]
    values = ", ".join(shown(value) for value in one.values)
    return f"{goal.title}: {shown(one.middle)} {goal.unit} ({values}). {one.note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
