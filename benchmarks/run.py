"""The benchmarks' command: `python -m benchmarks.run [--rounds N] [--quick] [--only NAME] [--out DIR]`.

A whole run writes results.json, RESULTS.md and plots/ beside this file. A quick or partial one must not overwrite those,
and goes to results/benchmarks unless ``--out`` says otherwise. Exit codes are the project's: 0 all goals met, 5 a goal
missed, 1 a workload failed, 2 usage.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    catalogue,
    machine,
    page,
    plots,
    results,
    samples,
    simulation_figures,
    yardstick,
)
from benchmarks.arithmetic import ROUNDS_MIN, median, ratios, spread
from benchmarks.goals import BY_NAME
from benchmarks.measure import Findings, measure
from benchmarks.node import figures
from benchmarks.peers.client import PEERS, version_of
from benchmarks.runtime import make_observer

ROUNDS = 7
HERE = Path(__file__).resolve().parent
ELSEWHERE = HERE.parent / "results" / "benchmarks"
PASSED, FAILED, USAGE, MISSED = 0, 1, 2, 5


def main(arguments: Sequence[str]) -> int:
    """Measure, write, say where, and judge."""
    options = parser().parse_args(arguments)
    chosen = [
        workload
        for workload in catalogue.chosen(options.only)
        if workload.quick_size or not options.quick
    ]
    if not chosen:
        names = ", ".join(workload.name for workload in catalogue.WORKLOADS)
        print(f"benchmarks: no workload {options.only!r} in this run; there are {names}")
        return USAGE
    number = options.rounds or (ROUNDS_MIN if options.quick else ROUNDS)
    findings = measure(chosen, number, quick=options.quick, say=say)
    found = summary(findings, chosen, number, quick=options.quick)
    whole = not options.quick and options.only is None
    write(found, options.out or (HERE if whole else ELSEWHERE))
    return exit_code(found)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    made.add_argument("--rounds", type=rounds, metavar="N", help=f"{ROUNDS_MIN} or more")
    made.add_argument("--quick", action="store_true", help="short passes")
    made.add_argument(
        "--only", metavar="NAME", help="one workload, or the one that has this figure"
    )
    made.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    return made


def rounds(text: str) -> int:
    """A number of rounds that has a median worth the name."""
    number = int(text)
    if number < ROUNDS_MIN:
        raise argparse.ArgumentTypeError(f"at least {ROUNDS_MIN} rounds, not {number}")
    return number


def summary(
    findings: Findings, chosen: Sequence[catalogue.Workload], number: int, *, quick: bool
) -> results.Results:
    """The results behind the findings."""
    names = [kind.name for kind in PEERS]
    queues = findings.all_queues()
    alone = [rate for rate, _ in findings.same_task]
    return results.Results(
        machine=machine.describe(),
        yardstick=results.Yardstick(
            messages=yardstick.MESSAGES_QUICK if quick else yardstick.MESSAGES,
            queue_per_second=samples.short(median(queues)),
            same_task_per_second=samples.short(median(alone)),
            same_task_ratio=samples.short(
                median(ratios(alone, [q for _, q in findings.same_task]))
            ),
            spread=samples.short(spread(queues)),
        ),
        observer=type(make_observer()).__name__,
        rounds=number,
        quick=quick,
        peers=[
            results.Peer(name=kind.name, version=version_of(kind), note=kind.note) for kind in PEERS
        ],
        rows=[
            samples.row(BY_NAME[figure], findings.samples[workload.name], names)
            for workload in chosen
            for figure in workload.figures
        ],
        notes=findings.notes,
    )


def write(found: results.Results, folder: Path) -> None:
    """The three kinds of files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = plots.write(found, folder / "plots")
    (folder / "results.json").write_text(results.render(found), encoding="utf-8")
    node = figures.kept_section(folder) + simulation_figures.kept_section(folder)
    (folder / "RESULTS.md").write_text(page.render(found, drawn, node), encoding="utf-8")
    for row in found.rows:
        ours = "-" if row.ours is None else page.figure(row.ours, row.unit)
        ratio = "" if row.ratio_to_queue is None else f"{row.ratio_to_queue:.2f} Q"
        print(f"{row.name:14} {ours:>10} {ratio:>8}  {page.goal(row)}: {page.verdict(row)}")
    print(f"benchmarks: the page is {folder / 'RESULTS.md'}")


def exit_code(found: results.Results) -> int:
    """A failure is worse than a goal that was missed."""
    if any(row.failure for row in found.rows):
        return FAILED
    return PASSED if all(row.met for row in found.rows) else MISSED


def say(line: str) -> None:
    """Progress, apart from the output."""
    print(f"benchmarks: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
