"""The command: `python -m benchmarks.services.run [--rounds N] [--quick] [--only SERVICE] [--out DIR]`.

A whole run writes services.json and SERVICES.md into benchmarks/. A quick or partial one goes to results/benchmarks unless
``--out`` says otherwise. Real nodes that are not on PATH are left out, with a word that says so. Exit codes are the project's:
0 measured, 1 something failed, 2 usage, 3 a real node was not here (what is here was measured all the same).
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.arithmetic import ROUNDS_MIN
from benchmarks.run import ELSEWHERE, rounds
from benchmarks.services import bitcoin, ethereum, governance, page, results
from benchmarks.services.pairs import measure
from benchmarks.services.processes import Failed

ROUNDS = 11
SERVICES = {
    "bitcoin": bitcoin.prepared,
    "ethereum": ethereum.prepared,
    "governance": governance.prepared,
}
HERE = Path(__file__).resolve().parent.parent
PASSED, FAILED, ABSENT = 0, 1, 3


def main(arguments: Sequence[str]) -> int:
    """Measure, write, say where."""
    options = parser().parse_args(arguments)
    chosen = [options.only] if options.only else list(SERVICES)
    number = options.rounds or (ROUNDS_MIN if options.quick else ROUNDS)
    try:
        found = compare(chosen, number, quick=options.quick)
    except Failed as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return FAILED
    whole = not options.quick and options.only is None
    write(found, options.out or (HERE if whole else ELSEWHERE))
    return PASSED if all(other.here for other in found.others) else ABSENT


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.services.run", description=__doc__)
    made.add_argument("--rounds", type=rounds, metavar="N", help=f"{ROUNDS_MIN} or more")
    made.add_argument("--quick", action="store_true", help="fewer rounds")
    made.add_argument("--only", choices=sorted(SERVICES), help="one service")
    made.add_argument("--out", type=Path, metavar="DIR", help="where the results go")
    return made


def compare(chosen: Sequence[str], number: int, *, quick: bool) -> results.Comparison:
    """One service after the other, each with all its processes to itself. Raises Failed."""
    cases: list[results.Case] = []
    others: list[results.Other] = []
    load = [os.getloadavg()[0]]
    for name in chosen:
        say(f"{name}: preparing")
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pairs, other = stack.enter_context(SERVICES[name](folder, number))
            if not other.here:
                say(f"{name}: {other.name} is left out: {other.said}")
            others.append(other)
            cases += measure(pairs, number, say)
    load.append(os.getloadavg()[0])
    return results.Comparison(
        machine=machine.describe(),
        rounds=number,
        quick=quick,
        others=others,
        cases=cases,
        load=[round(one, 1) for one in load],
    )


def write(found: results.Comparison, folder: Path) -> None:
    """The page and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "services.json").write_text(results.render(found), encoding="utf-8")
    (folder / "SERVICES.md").write_text(page.render(found), encoding="utf-8")
    for case in found.cases:
        print(" ".join(cell.rjust(12) for cell in page.row(case)))
    print(f"benchmarks: the page is {folder / 'SERVICES.md'}")


def say(line: str) -> None:
    """Progress, apart from the output."""
    print(f"benchmarks: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
