"""The process of one peer: `python -m benchmarks.peers.worker NAME` answers one JSON line with another until its input ends.

The first line goes out unasked and says that the peer could be loaded. Only then is there a peer to measure: a
peer that is not installed answers with words, and never with a number.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from benchmarks.peers.kit import Kit, reply_to

NOT_INSTALLED = "not installed"


def load(name: str) -> Kit | str:
    """The kit of a peer; the words where its package is missing."""
    try:
        module = importlib.import_module(f"benchmarks.peers.{name}_peer")
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] == name:
            return NOT_INSTALLED
        raise
    kit: Kit = module.KIT
    return kit


def answer(kit: Kit, question: dict[str, Any]) -> dict[str, Any]:
    """What goes back for one workload; a peer that fails costs only its own cell."""
    try:
        found = reply_to(kit, question["workload"], quick=question["quick"])
    except Exception as error:
        return {"absent": f"failed: {type(error).__name__}: {error}"}
    return {"absent": found} if isinstance(found, str) else {"values": found}


@contextmanager
def answers_alone() -> Iterator[IO[str]]:
    """Standard output for answers only: whatever a peer prints goes to standard error."""
    with os.fdopen(os.dup(1), "w") as channel:
        os.dup2(2, 1)
        yield channel


def main(arguments: list[str]) -> int:
    """Serve; 0 when the input has ended."""
    with answers_alone() as channel:
        kit = load(arguments[0])
        say(channel, {"absent": kit} if isinstance(kit, str) else {})
        if isinstance(kit, Kit):
            for line in sys.stdin:
                say(channel, answer(kit, json.loads(line)))
    return 0


def say(channel: IO[str], message: dict[str, Any]) -> None:
    """One line."""
    channel.write(json.dumps(message) + "\n")
    channel.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
