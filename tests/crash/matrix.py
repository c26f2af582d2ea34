"""The whole matrix: every act of the journey, at every moment; as a table for people.

``python -m tests.crash.matrix`` prints it, with ``--record`` into ``benchmarks/CRASH_MATRIX.md``. The exit code is 1 when one
run lost something.
"""

import datetime
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from tests.crash.lethal import Moment
from tests.crash.mortal import DOWN_SECONDS
from tests.crash.runs import SEED, Run, run

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "benchmarks" / "CRASH_MATRIX.md"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run: where the node was killed, and what came of it."""

    number: int
    act: str
    moment: Moment
    failure: str
    seconds: float
    """Node time from the deposit to the settled payout."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one seed."""

    seed: int
    acts: tuple[str, ...]
    rows: tuple[Row, ...]
    wall_seconds: float

    @property
    def failed(self) -> tuple[Row, ...]:
        """Those that lost something, or did not arrive."""
        return tuple(row for row in self.rows if row.failure)


def whole(seed: int = SEED, only: Iterable[int] | None = None) -> Matrix:
    """Run it over all processors. ``only`` these acts, by number; None: all of them."""
    begun = time.monotonic()  # noqa: TID251 - what the whole costs
    acts = undisturbed(seed)
    numbers = range(len(acts)) if only is None else only
    jobs = [(number, moment, seed) for number in numbers for moment in Moment]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=spawn) as pool:
        runs = list(pool.map(_job, jobs, chunksize=4))
    rows = tuple(
        row_of(acts, number, moment, found)
        for (number, moment, _), found in zip(jobs, runs, strict=True)
    )
    took = time.monotonic() - begun  # noqa: TID251 - what the whole costs
    return Matrix(seed=seed, acts=acts, rows=rows, wall_seconds=took)


def undisturbed(seed: int = SEED) -> tuple[str, ...]:
    """The acts of a node that lives; raises AssertionError when even its journey does not end well."""
    found = _job((-1, Moment.BEFORE, seed))
    assert not found.failure, f"undisturbed: {found.failure}"
    return found.acts


def row_of(acts: tuple[str, ...], number: int, moment: Moment, found: Run) -> Row:
    """What a run proves: only one that died where it should is worth anything."""
    failure = found.failure
    if not found.killed:
        failure = f"was not killed; {failure or 'arrived'}"
    elif found.acts[number] != acts[number]:
        failure = f"was killed at another act: {found.acts[number]}; {failure or 'arrived'}"
    seconds = 0.0 if found.arrived is None else found.arrived.seconds
    return Row(number=number, act=acts[number], moment=moment, failure=failure, seconds=seconds)


def _job(job: tuple[int, Moment, int]) -> Run:
    number, moment, seed = job
    with tempfile.TemporaryDirectory(prefix="alys-crash-") as scratch:
        return run((number, moment) if number >= 0 else None, Path(scratch), seed)


# For people


def table(matrix: Matrix) -> str:
    """A line for each act; node seconds that the journey took, or what was lost, for each moment."""
    lines = [f"| # | act | {' | '.join(Moment)} |", "|---|---|" + "---|" * len(Moment)]
    by_number: dict[int, list[Row]] = {}
    for row in matrix.rows:
        by_number.setdefault(row.number, []).append(row)
    for number, rows in by_number.items():
        cells = " | ".join(row.failure or f"{row.seconds:.0f} s" for row in rows)
        lines.append(f"| {number + 1} | {rows[0].act} | {cells} |")
    return "\n".join(lines)


def summary(matrix: Matrix) -> str:
    """One sentence."""
    lost = len(matrix.failed)
    verdict = "nothing was lost" if not lost else f"{lost} lost something"
    return (
        f"{len(matrix.rows)} runs, one for each of {len(matrix.acts)} acts and {len(Moment)} moments, seed {matrix.seed}: "
        f"{verdict}; {matrix.wall_seconds:.0f} s of wall time"
    )


def page(matrix: Matrix, commit: str, day: str) -> str:
    """For the repository."""
    return f"""# Killed at every act

A coin goes in and out again in simulation: deposit, mint, burn, payout. Whatever the node does to the world outside on this way (a batch
written, a call that changes something, a frame to governance, an item to another node) is one act. For each act and each of three
moments one run kills the node there, with all that was on its way to it, and starts it again on the same store {DOWN_SECONDS:g} node seconds
later. A cell says after how many node seconds the payout was settled. Demanded of each: one mint to the wei, one payout, both operations
ended, the ledger explains every wei.

{summary(matrix)}. {day}, commit {commit}; `python -m tests.crash.matrix --record` makes this page anew.

{table(matrix)}
"""


def main() -> int:
    """See the module's docstring."""
    matrix = whole()
    sys.stdout.write(f"{table(matrix)}\n\n{summary(matrix)}\n")
    if "--record" in sys.argv:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()  # noqa: TID251 - the page's
        PAGE.write_text(page(matrix, found.stdout.strip(), day), encoding="utf-8")
    return 1 if matrix.failed else 0


if __name__ == "__main__":
    sys.exit(main())
