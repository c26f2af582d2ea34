"""The near side of a peer's process, and the list of peers."""

import json
import select
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.kit import Values

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "benchmarks.peers.worker")
ANSWER_SECONDS = 60.0
CLOSING_SECONDS = 5.0


class Kind(NamedTuple):
    """A peer as the page names it."""

    name: str
    distribution: str
    """Empty for what comes with Python."""
    note: str


PEERS = (
    Kind("asyncio", "", "no runtime: one asyncio.Queue and one task per actor, not supervised"),
    Kind("pykka", "pykka", "ThreadingActor: a thread per actor; an ask blocks the asker's thread"),
    Kind(
        "thespian",
        "thespian",
        "simpleSystemBase, its fastest: all in the caller's thread, run to rest within each call",
    ),
    Kind("xoscar", "xoscar", "one actor pool without subprocesses, on the stock event loop"),
)


class Client:
    """Starts the process of a peer and asks it for one workload at a time. Use it in a ``with``."""

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        #: Why nothing can be asked of it; empty while it can.
        self.absent = ""
        self.absent = self._heard().get("absent", "")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def measure(self, workload: str, *, quick: bool) -> Values | str:
        """The values of one pass, or the words that stand in their place."""
        if self.absent:
            return self.absent
        question = json.dumps({"workload": workload, "quick": quick}) + "\n"
        try:
            self._in().write(question.encode())
            self._in().flush()
        except OSError:
            self.absent = "failed: its process is gone"
            return self.absent
        answer = self._heard()
        values: Values | None = answer.get("values")
        return values if values is not None else str(answer.get("absent", "no answer"))

    def close(self) -> None:
        """End the process: by the end of its input, else by force."""
        with suppress(OSError):
            self._in().close()
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out().close()

    def _heard(self) -> dict[str, Any]:
        """The next line; a process that says nothing is asked nothing more."""
        ready, _, _ = select.select([self._out()], [], [], ANSWER_SECONDS)
        line = self._out().readline() if ready else b""
        if not line:
            self.absent = "failed: its process " + ("ended" if ready else "fell silent")
            return {"absent": self.absent}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _in(self) -> Any:
        return self._process.stdin

    def _out(self) -> Any:
        return self._process.stdout


def version_of(kind: Kind) -> str:
    """The installed version; empty when there is none."""
    if not kind.distribution:
        return ".".join(str(part) for part in sys.version_info[:3])
    try:
        return metadata.version(kind.distribution)
    except metadata.PackageNotFoundError:
        return ""
