"""``alys version``."""

import argparse
from collections.abc import Mapping

import alys
from alys.base import errors
from alys.cli import words


def add(commands: "words.Commands") -> None:
    """Say what the command takes: nothing."""
    commands.add_parser("version", help="print the version")


def run(_arguments: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print it."""
    words.out(f"alys {alys.__version__}\n")
    return int(errors.ExitCode.PASS)
