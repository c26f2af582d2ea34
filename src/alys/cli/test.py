"""``alys test``: run a suite, or a scenario file, and say what came of it."""

import argparse
import functools
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.config.secrets import Secret
    from alys.config.settings import Settings
    from alys.report.record import CaseRecord, RunRecord
    from alys.worlds.protocol import DriverFactory

_CHOSEN_SEED_BELOW = 2**32  # short enough to type again
_NEW_SEEDS = 5
_NEW_SEEDS_MAX = 1000


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    test = commands.add_parser(
        "test",
        help="run a suite of scenarios and say what came of it",
        description="Run a suite, or a scenario file. The exit code is the verdict: 0 pass, 1 fail, 2 usage or "
        "configuration, 3 environment, 4 inconclusive, 5 threshold, 130 interrupted.",
        allow_abbrev=False,
    )
    test.add_argument(
        "suite",
        metavar="SUITE",
        help="integration, stream, supervision, performance, regression or all, or the path of a scenario file",
    )
    test.add_argument(
        "--world", metavar="local|sim|remote", help="real sockets, virtual time, or services by URL"
    )
    test.add_argument("--seed", metavar="N", help="decides every choice in simulation")
    test.add_argument(
        "-k", dest="keyword", metavar="EXPR", help="only scenarios that match, as in pytest"
    )
    test.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    test.add_argument("--results-dir", metavar="DIR", help="where the run makes its folder")
    test.add_argument(
        "--time-scale", metavar="X", help="node seconds per wall second, outside simulation"
    )
    test.add_argument("--nodes", metavar="N", help="authorities that are whole nodes, 1 to 3")
    test.add_argument(
        "--profile",
        metavar="P",
        help="world sim: full, or light with fakes of execution and signatures",
    )
    test.add_argument(
        "--flake-check",
        action="store_true",
        help="replay what is red, on its seed and on new ones, and say what kind of red it is",
    )
    test.add_argument(
        "--times",
        metavar="N",
        help=f"with --flake-check: on so many new seeds (default {_NEW_SEEDS})",
    )
    test.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )


def run(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    open_driver: "DriverFactory | None" = None,
) -> int:
    """``alys test``: settings first, then the suite, so that a mistake is told before anything starts."""
    flake_seeds = _flake_seeds(arguments)
    settings = _settings(arguments, environment)
    from alys.config import secrets as tokens
    from alys.runner import catalogue, selection

    token = tokens.token(environment, tokens.UPLOAD_TOKEN)

    suite, files = catalogue.resolve(arguments.suite)
    left_out = selection.left_out(suite, files, settings)
    files = selection.chosen(suite, files, settings)
    from alys.config import logs
    from alys.report import text
    from alys.runner import session

    logs.set_up(settings.test_environment)
    say = _sayer(settings.test_environment.log_format)

    def progress(case: "CaseRecord") -> None:
        say(text.case_line(case), {"scenario": case.name, "outcome": case.outcome.value})

    world = settings.world

    def begun() -> None:
        about = {"suite": suite, "world": world.kind, "seed": world.seed}
        say(f"alys: {suite} in world {world.kind}, seed {world.seed}{_elsewhere(settings)}", about)

    request = session.RunRequest(
        suite=suite,
        target=arguments.suite,
        files=files,
        settings=settings,
        keyword=arguments.keyword,
        left_out=left_out,
        besides=_besides(suite, arguments.keyword, settings, environment),
        flake_seeds=flake_seeds,
        wall_clock=time.time,
        stopwatch=time.perf_counter,
        progress=progress,
        begun=begun,
    )
    with words.terminated_like_interrupted():
        run = session.run(request, open_driver or _opener(settings, environment))
        run = _deliver(run, settings, token)
    _print(run, settings.test_environment.report_format)
    return run.exit_code


def _flake_seeds(arguments: argparse.Namespace) -> int:
    """On how many new seeds what is red is replayed; 0 where nobody asked for it."""
    times = arguments.times
    if not arguments.flake_check:
        if times is not None:
            raise errors.UsageError("--times goes with --flake-check: say both, or neither")
        return 0
    if times is None:
        return _NEW_SEEDS
    if not (times.isascii() and times.isdigit() and 1 <= int(times) <= _NEW_SEEDS_MAX):
        raise errors.UsageError(f"--times {times}: a number of seeds, 1 to {_NEW_SEEDS_MAX}")
    return int(times)


def _besides(
    suite: str, keyword: str | None, settings: "Settings", environment: Mapping[str, str]
) -> "tuple[Callable[[Path], CaseRecord], ...]":
    """A thorough run of everything ends with a small campaign and the planted bugs."""
    from alys.runner import nightly

    if not nightly.wanted(suite, keyword, settings):
        return ()
    return nightly.Nightly(environment, time.perf_counter).cases()


def _opener(settings: "Settings", environment: Mapping[str, str]) -> "DriverFactory":
    """What opens the world; services elsewhere have doors, and the environment has their keys."""
    from alys.config import keys
    from alys.worlds import registry, turn

    if settings.world.kind != "remote" and not settings.mock_services.elsewhere:
        return registry.open_driver
    return functools.partial(
        registry.open_driver,
        keys=keys.read(environment, settings.mock_services),
        turns=turn.lease_of(settings, environment),
    )


def _elsewhere(settings: "Settings") -> str:
    """Which nodes stand in the place of ours, so that nobody has to guess."""
    given = settings.mock_services
    if settings.world.kind != "local" or not given.elsewhere:
        return ""
    from alys.worlds import addresses

    named = {"Bitcoin": given.bitcoin_rpc_url, "execution client": given.engine_api_url}
    return "".join(f", {what} {addresses.without_user(url)}" for what, url in named.items() if url)


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    return loader.load(
        arguments.config,
        environment,
        {
            ("world", "kind"): ("--world", arguments.world),
            ("world", "seed"): ("--seed", arguments.seed),
            ("world", "nodes"): ("--nodes", arguments.nodes),
            ("world", "profile"): ("--profile", arguments.profile),
            ("world", "time_scale"): ("--time-scale", arguments.time_scale),
            ("test_environment", "results_dir"): ("--results-dir", arguments.results_dir),
            ("test_environment", "report_format"): ("-o", arguments.output),
        },
        chosen={("world", "seed"): secrets.randbelow(_CHOSEN_SEED_BELOW)},
    )


def _deliver(run: "RunRecord", settings: "Settings", token: "Secret | None") -> "RunRecord":
    """Send the results where they are wanted; the record as it is told then. The files keep the verdict of the run itself."""
    told = settings.test_environment
    if not told.results_url:
        return run
    import asyncio

    from alys.runner import verdict
    from alys.shells import results_upload

    folder = Path(run.results_dir)
    try:
        asyncio.run(
            results_upload.send(folder, told.results_url, token, told.results_upload_seconds)
        )
    except results_upload.NotStored as error:
        words.err(f"alys: {error}")
        return verdict.befallen(run, error.exit_code, str(error))
    return run


def _print(run: "RunRecord", form: str) -> None:
    """The result on standard output; an interruption is one line on standard error."""
    from alys.report import json as json_report
    from alys.report import text

    if form == "json":
        words.out(json_report.render(run))
    elif run.exit_code == errors.ExitCode.INTERRUPTED:
        words.err(f"alys: {run.cause}; what there is of it: {run.results_dir}")
    else:
        words.out(text.render(run))


def _sayer(log_format: str) -> Callable[[str, dict[str, object]], None]:
    """How progress is told on standard error: as a line, or, where logs are JSON, as a record among them."""
    watcher = sys.stderr  # the run may lead what scenarios print elsewhere
    if log_format == "text":
        return lambda line, _: words.line(line, watcher)
    import logging

    return lambda line, fields: logging.getLogger("alys.run").info(line, extra=fields)
