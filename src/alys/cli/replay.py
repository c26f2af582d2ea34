"""``alys replay``: one run of a campaign again, by its seed or by the plan that was kept of it."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from alys.base import errors
from alys.cli import drawing, words


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    replay = commands.add_parser(
        "replay",
        help="run one life of a campaign again: a seed, a plan file, or the results of a failure",
        description="Run the plan of a seed, or the one in a file or a results folder of alys sim, and say what came of it and "
        "whether it left the same trace as before. A plan that was run at another commit or with other dependencies is refused. "
        "The exit code is the verdict of the run: 0 pass, 1 fail (also when the trace is another one), 2 usage, "
        "3 another commit or lock without --force, 4 inconclusive.",
        allow_abbrev=False,
    )
    replay.add_argument("what", metavar="FILE|SEED", help="plan.json, its folder, or a seed")
    drawing.add(replay, "of the plan that is drawn of a SEED")
    replay.add_argument("--trace-hash", metavar="HASH", help="what a SEED is expected to leave")
    replay.add_argument(
        "--trace", metavar="FILE", type=Path, help="where its records go, a line each"
    )
    replay.add_argument(
        "--force", action="store_true", help="run the plan of another commit all the same"
    )
    replay.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """``alys replay``."""
    told = drawing.settings(environment, output=arguments.output).test_environment
    found = drawing.kept(arguments)
    from alys.campaigns import life
    from alys.config import logs
    from alys.runner import simulation

    logs.set_up(told)
    if not arguments.force:
        simulation.refuse_another(found)
    words.err(
        f"alys: replay of seed {found.plan.seed}, {len(found.plan.orders)} orders, profile {found.plan.profile}"
    )
    outcome, records = life.traced(found.plan)
    if arguments.trace is not None:
        _write(arguments.trace, records)
    judged = simulation.replayed(found, outcome, forced=arguments.force)
    words.out(judged.json if told.report_format == "json" else judged.text)
    return judged.exit_code


def _write(path: Path, records: "list[str]") -> None:
    try:
        path.write_text("".join(f"{record}\n" for record in records), encoding="utf-8")
    except OSError as error:
        raise errors.EnvironmentFailure(f"cannot write --trace {path}: {error.strerror}") from error
