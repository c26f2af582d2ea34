"""Reads the command line, the environment and the clocks, calls one command, prints, exits."""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import alys
from alys.base import errors
from alys.cli import (
    check,
    config,
    doctor,
    inject,
    mine,
    mock,
    node,
    replay,
    secrets,
    serve,
    shrink,
    sim,
    store,
    test,
    up,
    version,
    words,
)

if TYPE_CHECKING:
    from alys.worlds.protocol import DriverFactory

_COMMANDS = (
    test,
    sim,
    replay,
    shrink,
    check,
    serve,
    up,
    mock,
    inject,
    node,
    mine,
    store,
    secrets,
    doctor,
    config,
    version,
)
"""In the order of the help; each module has an ``add``."""

_RUN: dict[str, Callable[[argparse.Namespace, Mapping[str, str]], int]] = {
    "check": check.run,
    "config": config.run,
    "doctor": doctor.run,
    "inject": inject.run,
    "mine": mine.run,
    "mock": mock.run,
    "node": node.run,
    "replay": replay.run,
    "secrets": secrets.run,
    "serve": serve.run,
    "shrink": shrink.run,
    "sim": sim.run,
    "store": store.run,
    "up": up.run,
    "version": version.run,
}
"""What runs a command, but for ``test``, whose worlds can be replaced."""

_UNKNOWN_WITHOUT_A_RUN = ("counts", "seed", "trace_hash", "duration_s", "results_dir")


def _parser() -> words.Parser:
    parser = words.Parser(prog="alys", description=alys.__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=words.Parser)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def main(
    argv: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    open_driver: "DriverFactory | None" = None,
) -> int:
    """Run one command and return its exit code. ``open_driver`` replaces the worlds, for tests of this front door."""
    typed = list(sys.argv[1:] if argv is None else argv)
    if environment is None:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # else gRPC adds lines of its own to ours
    try:
        return _command(typed, os.environ if environment is None else environment, open_driver)
    except errors.AlysError as error:
        return _refuse(typed, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _refuse(typed, "interrupted", errors.ExitCode.INTERRUPTED)


def _command(
    typed: list[str], environment: Mapping[str, str], open_driver: "DriverFactory | None"
) -> int:
    parser = _parser()
    arguments = parser.parse_args(typed)
    if arguments.command == "test":
        return test.run(arguments, environment, open_driver)
    if arguments.command in _RUN:
        return _RUN[arguments.command](arguments, environment)
    parser.print_help(sys.stderr)
    return int(errors.ExitCode.USAGE)


def _refuse(typed: list[str], message: str, exit_code: errors.ExitCode) -> int:
    """One line on standard error; with ``-o json`` also the one object that its reader waits for."""
    words.err(f"alys: {message}")
    if {"-ojson", "-o=json"} & set(typed) or ("-o", "json") in itertools.pairwise(typed):
        said = {"verdict": exit_code.name.lower(), "exit_code": int(exit_code), "cause": message}
        said |= {"causes": [message]} | dict.fromkeys(_UNKNOWN_WITHOUT_A_RUN)
        words.out(json.dumps(said, indent=2) + "\n")
    return int(exit_code)
