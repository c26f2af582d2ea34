"""``alys shrink``: make a failing life as small as it can be, and keep it as a scenario."""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import drawing, words

if TYPE_CHECKING:
    from alys.campaigns.shrink import Step

_RUNS_MAX = 100_000


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    shrink = commands.add_parser(
        "shrink",
        help="make a failing life of a campaign small, and write it as a scenario",
        description="Leave out faults, then work, then simplify the schedule, as long as the run fails for the same reason; then let "
        "faults wait for messages instead of times, and write a scenario file. Exit code 0: it was written; 2: the plan does not "
        "fail here, or something was typed wrong; 3: another commit or lock without --force, or a file that cannot be written; 130: interrupted.",
        allow_abbrev=False,
    )
    shrink.add_argument("what", metavar="FILE|SEED", help="plan.json, its folder, or a seed")
    shrink.add_argument(
        "-o", dest="out", metavar="SCENARIO.py", type=Path, required=True, help="the file to write"
    )
    drawing.add(shrink, "of the plan that is drawn of a SEED")
    shrink.add_argument("--runs", metavar="N", help="run so many plans at most (400)")
    shrink.add_argument("--minutes", metavar="M", help="and for so long at most")
    shrink.add_argument(
        "--force", action="store_true", help="shrink the plan of another commit all the same"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """``alys shrink``."""
    drawing.settings(environment)
    found = drawing.kept(arguments)
    out: Path = arguments.out
    if out.suffix != ".py":
        raise errors.UsageError(f"-o {str(out)!r} cannot stand; allowed: a scenario file, *.py")
    from alys.campaigns import shrinking
    from alys.runner import simulation

    budget = _runs(arguments.runs, shrinking.BUDGET_RUNS)
    seconds = drawing.seconds(arguments.minutes) or math.inf
    if not arguments.force:
        simulation.refuse_another(found)
    begun = f"alys: shrink seed {found.plan.seed}, {len(found.plan.orders)} faults, {len(found.plan.work)} pieces of work"
    with words.quiet(), words.ChangingLine(begun) as line:

        def progress(step: "Step") -> None:
            line.change(lambda: shrinking.progress_line(step))

        kept = shrinking.keep(
            found.plan, budget_runs=budget, budget_seconds=seconds, progress=progress
        )
    shrinking.write(kept, simulation.commit(), out)
    words.out(
        "\n".join([*shrinking.summary(kept), f"keep it: {out}", f"alys test {out} --world sim"])
        + "\n"
    )
    return int(errors.ExitCode.PASS)


def _runs(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _RUNS_MAX:
        raise errors.UsageError(f"--runs {text!r} cannot stand; allowed: 1 to {_RUNS_MAX}")
    return int(text)
