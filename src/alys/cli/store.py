"""``alys store``: look at a node's store while no node has it open, and bring a snapshot back."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.node.integrity import Findings


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    store = commands.add_parser(
        "store",
        help="look at a node's store, and bring a snapshot back",
        description="check reads every value of the store in FOLDER (exit code 1: it is damaged); snapshots lists those that were taken "
        "of it (alys_snapshot of the node's JSON-RPC takes one); restore puts SNAPSHOT where the store in FOLDER was, which must be "
        "moved away first. The node must not run meanwhile.",
        allow_abbrev=False,
    )
    verbs = store.add_subparsers(
        dest="verb", metavar="VERB", required=True, parser_class=words.Parser
    )
    for verb in ("check", "snapshots"):
        verbs.add_parser(verb, allow_abbrev=False).add_argument(
            "folder", metavar="FOLDER", type=Path
        )
    restore = verbs.add_parser("restore", allow_abbrev=False)
    restore.add_argument("snapshot", metavar="SNAPSHOT", type=Path)
    restore.add_argument("folder", metavar="FOLDER", type=Path)


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do it and print what was found."""
    match arguments.verb:
        case "check":
            return _check(arguments.folder)
        case "snapshots":
            return _list(arguments.folder)
        case _:
            return _restore(arguments.snapshot, arguments.folder)


def _check(folder: Path) -> int:
    found = _examined(folder)
    for sentence in found.damage:
        words.out(f"{sentence}\n")
    words.out(f"{folder}: {'damaged' if found.damage else 'sound'}; {_summary(found)}\n")
    return int(errors.ExitCode.FAIL if found.damage else errors.ExitCode.PASS)


def _list(folder: Path) -> int:
    from alys.shells import store_files

    for snapshot in store_files.snapshots_in(store_files.snapshots_of(folder)):
        words.out(f"{snapshot}: {_summary(_examined(snapshot))}\n")
    return int(errors.ExitCode.PASS)


def _restore(snapshot: Path, folder: Path) -> int:
    from alys.shells import store_files

    found = _examined(snapshot)
    if found.damage:
        raise errors.UsageError(
            f"{snapshot} is damaged itself: {found.damage[0]}; take another one"
        )
    store_files.restore(snapshot, folder)
    words.out(f"{folder}: restored from {snapshot}; {_summary(found)}\n")
    return int(errors.ExitCode.PASS)


def _examined(folder: Path) -> "Findings":
    from alys.node import integrity
    from alys.shells import store_gateway

    return integrity.examine(store_gateway.read_all(folder))


def _summary(found: "Findings") -> str:
    head = "no head" if found.head is None else f"head at {found.head.height}"
    final = "" if found.head is None else f", final up to {found.head.finalised_height}"
    version = "1" if found.version is None else str(found.version)
    return f"version {version}, {head}{final}, {found.blocks} blocks, {found.records} records"
