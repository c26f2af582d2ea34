"""``alys config``: look at settings, and at the genesis that other execution clients need to share a chain with us."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from alys.base import errors
from alys.cli import words


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    parser = commands.add_parser("config", help="look at settings", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=words.Parser)
    check = actions.add_parser("check", help="say everything that is wrong with a file")
    check.add_argument("files", metavar="FILE", type=Path, nargs="+")
    show = actions.add_parser(
        "show", help="print what a run would use, and where each value is from"
    )
    show.add_argument("--config", metavar="FILE", type=Path, help="settings, TOML")
    genesis = actions.add_parser(
        "genesis",
        help="print the development genesis, bridge contract and all, as geth's genesis.json",
    )
    genesis.add_argument(
        "--timestamp", metavar="SECONDS", required=True, help="of block 0, since the Unix epoch"
    )


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Check files, show what a run would use, or print a genesis."""
    if arguments.action == "check":
        return _check(arguments.files)
    if arguments.action == "show":
        return _show(arguments.config, environment)
    if arguments.action == "genesis":
        return _genesis(arguments.timestamp)
    raise errors.UsageError(
        "config needs an action: check, show or genesis (see alys config --help)"
    )


def _check(files: list[Path]) -> int:
    """``alys config check``: each complaint is a line on standard error, each file that stands one on standard output."""
    from alys.config import loader

    wrong = False
    for path in files:
        problems = loader.problems(path)
        for problem in problems:
            words.err(f"alys: {problem}")
        if not problems:
            words.out(f"{path}: {len(loader.read_file(path))} settings, none of them wrong\n")
        wrong = wrong or bool(problems)
    return int(errors.ExitCode.USAGE if wrong else errors.ExitCode.PASS)


def _show(path: Path | None, environment: Mapping[str, str]) -> int:
    """``alys config show``: the settings as TOML, each with its origin."""
    from alys.config import loader

    words.out(loader.dump(*loader.resolve(path, environment, {})))
    return int(errors.ExitCode.PASS)


def _genesis(timestamp: str) -> int:
    """``alys config genesis``: block 0 for other clients; the same second gives the same block."""
    if not timestamp.isascii() or not timestamp.isdecimal() or int(timestamp) >= 1 << 64:
        raise errors.UsageError(
            f"--timestamp is {timestamp!r}, it must be whole seconds since the Unix epoch"
        )
    import json

    from alys.models.ethereum.genesis import dev_genesis, geth_genesis

    words.out(json.dumps(geth_genesis(dev_genesis(int(timestamp))), indent=2) + "\n")
    return int(errors.ExitCode.PASS)
