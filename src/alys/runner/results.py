"""The results folder of a run: made before the run, filled as it goes, complete before anything is cleaned up."""

import contextlib
import hashlib
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from alys.base import errors
from alys.report import html, json, junit, record

LATEST = "latest"


def make_folder(root: Path, suite: str, started: float) -> Path:
    """A new folder ``<UTC>-<suite>-<id>``; raises EnvironmentFailure when it cannot be made.

    The id tells apart runs of one second: six hex digits from the start time, the process and the machine.
    """
    stamp = datetime.fromtimestamp(started, UTC).strftime("%Y%m%dT%H%M%SZ")
    origin = f"{started!r} {os.getpid()} {platform.node()}"
    digest = hashlib.blake2b(origin.encode(), digest_size=3).hexdigest()
    folder = root / f"{stamp}-{suite}-{digest}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise errors.EnvironmentFailure(
            f"cannot make the results folder {folder}: {error.strerror}; choose another with --results-dir"
        ) from error
    return folder


class EventLog:
    """``events.jsonl``: per scenario one header line, then its records; and the hash over all of it.

    The hash is BLAKE2b with 32 bytes over the file as it lies there: ``b2sum -l 256 events.jsonl`` gives it too.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.blake2b(digest_size=32)

    def scenario(self, name: str, records: Iterable[str]) -> None:
        """Append one scenario."""
        self._line(msgspec.json.encode({"kind": "scenario", "name": name}))
        for line in records:
            self._line(line.encode())
        self._file.flush()

    def _line(self, line: bytes) -> None:
        whole = line + b"\n"
        self._file.write(whole)
        self._hash.update(whole)

    def close(self) -> str:
        """The hash, in hex. May be called twice."""
        self._file.close()
        return self._hash.hexdigest()


def write(folder: Path, run: record.RunRecord, config_toml: str) -> None:
    """Everything besides the events; ``report.json`` last, so that who finds it finds the rest."""
    (folder / "config.resolved.toml").write_text(config_toml, encoding="utf-8")
    (folder / "replay.txt").write_text(run.replay + "\n", encoding="utf-8")
    (folder / "junit.xml").write_text(junit.render(run), encoding="utf-8")
    (folder / "report.html").write_text(html.render(run), encoding="utf-8")
    (folder / "report.json").write_text(json.render(run), encoding="utf-8")


def point_latest(folder: Path) -> None:
    """Let ``latest`` beside the folder point to it, in one step; best effort where links are not allowed."""
    pending = folder.parent / f".{LATEST}-{folder.name}"
    with contextlib.suppress(OSError):
        pending.symlink_to(folder.name)
        pending.replace(folder.parent / LATEST)
