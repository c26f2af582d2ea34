"""The front door: reads the command line, the environment and the clocks, calls one function, prints, exits.

Nothing heavy is imported before it is known to be needed: ``alys version`` and a typing error answer at once.
"""

import argparse
import contextlib
import itertools
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from typing_extensions import override

import alys
from alys.base import errors

if TYPE_CHECKING:
    from alys.config.settings import Settings
    from alys.report.record import CaseRecord, RunRecord
    from alys.worlds.protocol import DriverFactory


_CHOSEN_SEED_BELOW = 2**32  # short enough to type again
_UNKNOWN_WITHOUT_A_RUN = ("counts", "seed", "trace_hash", "duration_s", "results_dir")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing its usage as well."""

    @override
    def error(self, message: str) -> NoReturn:
        raise errors.UsageError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="alys", description=alys.__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    test = commands.add_parser(
        "test",
        help="run a suite of scenarios and say what came of it",
        description="Run a suite, or a scenario file. The exit code is the verdict: 0 pass, 1 fail, 2 usage or "
        "configuration, 3 environment, 4 inconclusive, 5 threshold, 130 interrupted.",
        allow_abbrev=False,
    )
    test.add_argument(
        "suite", metavar="SUITE", help="integration, supervision, or the path of a scenario file"
    )
    test.add_argument("--world", metavar="local|sim", help="real sockets, or virtual time")
    test.add_argument("--seed", metavar="N", help="decides every choice in simulation")
    test.add_argument(
        "-k", dest="keyword", metavar="EXPR", help="only scenarios that match, as in pytest"
    )
    test.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    test.add_argument("--results-dir", metavar="DIR", help="where the run makes its folder")
    test.add_argument("--time-scale", metavar="X", help="node seconds per wall second, local world")
    test.add_argument(
        "-o", dest="output", metavar="json|text", help="what to print on standard output"
    )
    _add_config(commands.add_parser("config", help="look at settings", allow_abbrev=False))
    commands.add_parser("version", help="print the version")
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=_Parser)
    check = actions.add_parser("check", help="say everything that is wrong with a file")
    check.add_argument("files", metavar="FILE", type=Path, nargs="+")
    show = actions.add_parser(
        "show", help="print what a run would use, and where each value is from"
    )
    show.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")


def main(
    argv: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    open_driver: "DriverFactory | None" = None,
) -> int:
    """Run one command and return its exit code. ``open_driver`` replaces the worlds, for tests of this front door."""
    words = list(sys.argv[1:] if argv is None else argv)
    if environment is None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC adds lines of its own to ours
    try:
        return _command(words, os.environ if environment is None else environment, open_driver)
    except errors.AlysError as error:
        return _refuse(words, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _refuse(words, "interrupted", errors.ExitCode.INTERRUPTED)


def _command(
    words: list[str], environment: Mapping[str, str], open_driver: "DriverFactory | None"
) -> int:
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.command == "version":
        _out(f"alys {alys.__version__}\n")
        return int(errors.ExitCode.PASS)
    if arguments.command == "test":
        return _test(arguments, environment, open_driver)
    if arguments.command == "config" and arguments.action == "check":
        return _check_config(arguments.files)
    if arguments.command == "config" and arguments.action == "show":
        return _show_config(arguments.config, environment)
    parser.print_help(sys.stderr)
    return int(errors.ExitCode.USAGE)


def _test(
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    open_driver: "DriverFactory | None",
) -> int:
    """``alys test``: settings first, then the suite, so that a mistake is told before anything starts."""
    settings = _settings(arguments, environment)
    from alys.runner import catalogue, selection

    suite, files = catalogue.resolve(arguments.suite)
    files = selection.chosen(files, settings.test_scenarios)
    from alys.config import logs
    from alys.report import text
    from alys.runner import session
    from alys.worlds import registry

    logs.set_up(settings.test_environment)
    say = _sayer(settings.test_environment.log_format)

    def progress(case: "CaseRecord") -> None:
        say(text.case_line(case), {"scenario": case.name, "outcome": case.outcome.value})

    world = settings.world
    about = {"suite": suite, "world": world.kind, "seed": world.seed}
    say(f"alys: {suite} in world {world.kind}, seed {world.seed}", about)
    request = session.RunRequest(
        suite=suite,
        target=arguments.suite,
        files=files,
        settings=settings,
        keyword=arguments.keyword,
        wall_clock=time.time,
        stopwatch=time.perf_counter,
        progress=progress,
    )
    with _terminated_like_interrupted():
        run = session.run(request, open_driver or registry.open_driver)
    _print(run, settings.test_environment.report_format)
    return run.exit_code


def _settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Settings":
    from alys.config import loader

    return loader.load(
        arguments.config,
        environment,
        {
            ("world", "kind"): ("--world", arguments.world),
            ("world", "seed"): ("--seed", arguments.seed),
            ("world", "time_scale"): ("--time-scale", arguments.time_scale),
            ("test_environment", "results_dir"): ("--results-dir", arguments.results_dir),
            ("test_environment", "report_format"): ("-o", arguments.output),
        },
        chosen={("world", "seed"): secrets.randbelow(_CHOSEN_SEED_BELOW)},
    )


def _print(run: "RunRecord", form: str) -> None:
    """The result on standard output; an interruption is one line on standard error."""
    from alys.report import json as json_report
    from alys.report import text

    if form == "json":
        _out(json_report.render(run))
    elif run.exit_code == errors.ExitCode.INTERRUPTED:
        _err(f"alys: {run.cause}; what there is of it: {run.results_dir}")
    else:
        _out(text.render(run))


def _refuse(words: list[str], message: str, exit_code: errors.ExitCode) -> int:
    """One line on standard error; with ``-o json`` also the one object that its reader waits for."""
    _err(f"alys: {message}")
    if {"-ojson", "-o=json"} & set(words) or ("-o", "json") in itertools.pairwise(words):
        said = {"verdict": exit_code.name.lower(), "exit_code": int(exit_code), "cause": message}
        said |= {"causes": [message]} | dict.fromkeys(_UNKNOWN_WITHOUT_A_RUN)
        _out(json.dumps(said, indent=2) + "\n")
    return int(exit_code)


def _out(text: str) -> None:
    """To standard output. A reader that has gone away changes nothing about the verdict."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere when Python flushes it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _err(line: str) -> None:
    _line(line, sys.stderr)


def _line(line: str, stream: TextIO) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(line, file=stream, flush=True)


def _sayer(log_format: str) -> Callable[[str, dict[str, object]], None]:
    """How progress is told on standard error: as a line, or, where logs are JSON, as a record among them."""
    watcher = sys.stderr  # the run may lead what scenarios print elsewhere
    if log_format == "text":
        return lambda line, _: _line(line, watcher)
    import logging

    return lambda line, fields: logging.getLogger("alys.run").info(line, extra=fields)


def _check_config(files: list[Path]) -> int:
    """``alys config check``: each complaint is a line on standard error, each file that stands one on standard output."""
    from alys.config import loader

    wrong = False
    for path in files:
        problems = loader.problems(path)
        for problem in problems:
            _err(f"alys: {problem}")
        if not problems:
            _out(f"{path}: {len(loader.read_file(path))} settings, none of them wrong\n")
        wrong = wrong or bool(problems)
    return int(errors.ExitCode.USAGE if wrong else errors.ExitCode.PASS)


def _show_config(path: Path | None, environment: Mapping[str, str]) -> int:
    """``alys config show``: the settings as TOML, each with its origin."""
    from alys.config import loader

    _out(loader.dump(*loader.resolve(path, environment, {})))
    return int(errors.ExitCode.PASS)


class _terminated_like_interrupted:
    """While inside, SIGTERM does what Ctrl-C does: worlds close, results are written, exit code 130."""

    def __init__(self) -> None:
        self._before: Callable[..., object] | int | None = None

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, _interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
