"""``alys sim``: a federation's life under faults, once for every seed; with a word more, what such campaigns are worth."""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import drawing, words

if TYPE_CHECKING:
    from alys.campaigns.campaign import Options
    from alys.config.settings import Settings

_ACTIONS = ("mutants", "check-determinism")
_SEEDS = "0..1000"
_DETERMINISM_SEEDS = "0..100"


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    sim = commands.add_parser(
        "sim",
        help="run thousands of simulated lives of a federation under faults, one for each seed",
        description="Run three nodes with their services under faults and work, once for each seed, until one fails. What a seed "
        "does is decided by the seed alone. Without an ACTION: a campaign. mutants: plant known bugs and see that each is found. "
        "check-determinism: run each seed in two processes in which strings hash differently, and compare the traces. "
        "The exit code is the verdict: 0 pass, 1 fail, 2 usage, 3 environment (a run without an end, or whose process died), "
        "4 inconclusive, 130 interrupted.",
        allow_abbrev=False,
    )
    sim.add_argument(
        "action", metavar="ACTION", nargs="?", help="mutants or check-determinism; none: a campaign"
    )
    sim.add_argument(
        "--seeds",
        metavar="A..B",
        help=f"from A up to but not including B, or one seed ({_SEEDS}; check-determinism: {_DETERMINISM_SEEDS})",
    )
    sim.add_argument("--jobs", metavar="N", help="runs at a time (one for each processor)")
    sim.add_argument(
        "--minutes",
        metavar="M",
        help="begin no run after so long; without --seeds there is no last one",
    )
    drawing.add(sim, "in every plan")
    sim.add_argument("--keep-going", action="store_true", help="go on after a failure")
    sim.add_argument("--only", metavar="NAME", help="mutants: this one alone")
    sim.add_argument(
        "--no-shrink", action="store_true", help="mutants: do not make the failing plans small"
    )
    sim.add_argument("--results-dir", metavar="DIR", help="where the campaign makes its folder")
    sim.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """``alys sim``."""
    action = arguments.action
    if action is not None and action not in _ACTIONS:
        raise errors.UsageError(
            f"no action {action!r} of alys sim{drawing.near(action, _ACTIONS)}; there are: {', '.join(_ACTIONS)}"
        )
    _refuse_strangers(arguments)
    settings = drawing.settings(
        environment, output=arguments.output, results_dir=arguments.results_dir
    )
    options = _options(arguments)
    if action == "check-determinism":
        return _check_determinism(options, settings, environment)
    if action == "mutants":
        return _mutants(options, arguments, settings)
    return _campaign(options, settings)


def _refuse_strangers(arguments: argparse.Namespace) -> None:
    """A flag that would be passed over is a mistake."""
    action = arguments.action
    fits = {
        "--minutes": action is None,
        "--keep-going": action is None,
        "--only": action == "mutants",
        "--no-shrink": action == "mutants",
        "--results-dir": action is None,
    }
    for flag, fitting in fits.items():
        given = getattr(arguments, flag.strip("-").replace("-", "_"))
        if given not in (None, False) and not fitting:
            planted = flag in ("--only", "--no-shrink")
            whose = "alys sim mutants" if planted else "alys sim without an action"
            raise errors.UsageError(f"{flag} is for {whose}")


def _options(arguments: argparse.Namespace) -> "Options":
    from alys.campaigns import campaign
    from alys.campaigns.campaign import Options

    first, after = 0, None
    if arguments.seeds is not None:
        first, after = campaign.seeds(arguments.seeds)
    elif arguments.action == "check-determinism":
        first, after = campaign.seeds(_DETERMINISM_SEEDS)
    elif arguments.minutes is None:
        first, after = campaign.seeds(_SEEDS)
    return Options(
        first=first,
        after=after,
        jobs=_jobs(arguments.jobs),
        seconds=drawing.seconds(arguments.minutes),
        faults=drawing.faults(arguments.faults),
        profile=drawing.profile(arguments.profile, light=arguments.action == "mutants"),
        keep_going=arguments.keep_going,
    )


def _jobs(text: str | None) -> int:
    if text is None:
        return len(os.sched_getaffinity(0))
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 256:
        raise errors.UsageError(f"--jobs {text!r} cannot stand; allowed: 1 to 256")
    return int(text)


def _campaign(options: "Options", settings: "Settings") -> int:
    from alys.campaigns import campaign, life, told
    from alys.runner import results, simulation

    started = time.time()
    folder = results.make_folder(
        Path(settings.test_environment.results_dir), simulation.SUITE, started
    )
    with (
        words.quiet(),
        words.asked_to_stop() as stopped,
        words.ChangingLine(told.begun(options)) as line,
    ):
        life.warm()
        doors = campaign.Doors(
            plan_of=life.plan_of,
            run=life.run,
            clock=time.monotonic,
            progress=lambda now: line.change(lambda: told.progress(now, options)),
            ended_badly=lambda seed, why: line.keep(
                f"seed {seed}: {why}; {simulation.replay_line(seed, options)}"
            ),
            stopped=stopped,
            probes=life.PROBES,
            oracles=life.ORACLES,
        )
        found = campaign.conduct(options, doors)
        again = None
        if found.first_failure is not None and not stopped():
            outcome, records = life.traced(found.first_failure.plan)
            again = simulation.Again(outcome=outcome, records=records)
    run = simulation.run_record(found, again, folder, started, settings)
    simulation.write(found, again, run, settings)
    if settings.test_environment.report_format == "json":
        words.out(simulation.as_json(found, run))
    else:
        words.out("\n".join(simulation.told(found, run)) + "\n")
    return run.exit_code


def _check_determinism(
    options: "Options", settings: "Settings", environment: Mapping[str, str]
) -> int:
    from alys.campaigns import determinism
    from alys.runner import simulation

    assert options.after is not None, "it has an end"
    asked = determinism.Asked(
        first=options.first,
        after=options.after,
        faults=options.faults,
        profile=options.profile,
        jobs=max(1, options.jobs // len(determinism.HASH_SEEDS)),
        environment=dict(environment),
    )
    total, began = options.after - options.first, time.monotonic()
    first = f"alys: {total:,} seeds, each in two processes with hash seeds {' and '.join(determinism.HASH_SEEDS)}"
    with words.asked_to_stop() as stopped, words.ChangingLine(first) as line:
        found = determinism.check(
            asked,
            progress=lambda done: line.change(lambda: f"{done:,} of {total:,} seeds"),
            stopped=stopped,
        )
    judged = simulation.determinism(found, asked, time.monotonic() - began, stopped())
    as_json = settings.test_environment.report_format == "json"
    words.out(judged.json if as_json else judged.text)
    return judged.exit_code


def _mutants(options: "Options", arguments: argparse.Namespace, settings: "Settings") -> int:
    from alys.campaigns import detection, life, proving
    from alys.mutants import catalogue
    from alys.runner import simulation

    assert options.after is not None, "it has an end"
    asked = proving.Asked(
        mutants=proving.named(catalogue.MUTANTS, arguments.only),
        first=options.first,
        after=options.after,
        jobs=options.jobs,
        faults=options.faults,
        profile=options.profile,
        shrink_runs=0 if arguments.no_shrink else detection.SHRINK_RUNS_MAX,
    )
    many, began = len(asked.mutants), time.monotonic()
    first = f"alys: {many} planted bugs, each looked for in seeds {asked.first}..{asked.after}"
    with words.quiet(), words.asked_to_stop() as stopped, words.ChangingLine(first) as line:
        life.warm()

        def progress(done: int, found: int) -> None:
            line.change(lambda: f"{done} of {many} looked for, {found} found")

        proof = proving.prove(asked, time.monotonic, progress=progress, stopped=stopped)
    judged = simulation.proved(proof, asked, time.monotonic() - began)
    as_json = settings.test_environment.report_format == "json"
    words.out(judged.json if as_json else judged.text)
    return judged.exit_code
