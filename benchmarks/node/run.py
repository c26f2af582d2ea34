"""The node's figures: `python -m benchmarks.node.run [--rounds N] [--quick] [--out DIR]`.

A whole run writes node.json and its part of RESULTS.md into the folder of the benchmarks; a quick one goes to results/benchmarks
unless ``--out`` says otherwise. Exit codes: 0 all targets met, 5 a target missed, 2 usage.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, page, plots, results, simulation_figures
from benchmarks.node import figures, worlds
from benchmarks.node.figures import NodeFigures
from benchmarks.node.worlds import Samples, played

ROUNDS, QUICK_ROUNDS = 5, 1
HERE = Path(__file__).resolve().parent.parent
ELSEWHERE = HERE.parent / "results" / "benchmarks"
PASSED, MISSED = 0, 5


def main(arguments: Sequence[str]) -> int:
    """Measure, write, say where, and judge."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.node.run", description=__doc__)
    made.add_argument("--rounds", type=int, metavar="N", help=f"by default {ROUNDS}")
    made.add_argument("--quick", action="store_true", help="one short round")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    options = made.parse_args(arguments)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    if rounds < 1:
        made.error("--rounds must be at least 1")
    found = NodeFigures(
        machine=machine.describe(),
        rounds=rounds,
        quick=options.quick,
        time_scale=worlds.TIME_SCALE,
        figures=_figures(measured(rounds, quick=options.quick)),
    )
    write(found, options.out or (ELSEWHERE if options.quick else HERE))
    return MISSED if found.missed() else PASSED


def measured(rounds: int, *, quick: bool) -> Samples:
    """The samples of all rounds together."""
    found: Samples = {}
    for number in range(1, rounds + 1):
        for name, work, placement, scale in (
            ("blocks", worlds.blocks, "split", worlds.TIME_SCALE),
            ("kills", worlds.kills, "split", worlds.TIME_SCALE),
            ("actors", worlds.actors, "one", 1.0),
        ):
            print(f"benchmarks: round {number} of {rounds}: {name}", file=sys.stderr, flush=True)
            for figure, values in played(work(quick=quick), placement, scale, number).items():
                found.setdefault(figure, []).extend(values)
    return found


def _figures(found: Samples) -> tuple[figures.Figure, ...]:
    return tuple(figures.figure(target.name, found[target.name]) for target in figures.TARGETS)


def write(found: NodeFigures, folder: Path) -> None:
    """The figures as data, and the page anew, around the runtime's figures that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / figures.FILE).write_text(figures.render(found), encoding="utf-8")
    kept = folder / "results.json"
    text = figures.section(found) + simulation_figures.kept_section(folder)
    if kept.exists():
        drawn = [name for name in plots.PLOTS if (folder / "plots" / name).exists()]
        text = page.render(results.parse(kept.read_text(encoding="utf-8")), drawn, text)
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")
    print(figures.section(found))
    print(f"benchmarks: the page is {folder / 'RESULTS.md'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
