"""The results folder of a run: made before the run, filled as it goes, written whatever became of the run."""

import contextlib
import hashlib
import os
import platform
import shutil
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from alys.base import errors
from alys.config.settings import Settings
from alys.report import html, json, junit, record

LATEST = "latest"
LOG = "run.log"
LEFT_OVER = "left-over"
"""What the worlds left on disk (their stores), where the settings keep it."""


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


_HEADER = b'{"kind":"scenario"'


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


def scenario_hashes(events: Path, names: Collection[str]) -> dict[str, str]:
    """Of such a file, the hash over each of these scenarios' own lines, by name."""
    found = {}
    digest = hashlib.blake2b(digest_size=32)
    with events.open("rb") as lines:
        for line in lines:
            if line.startswith(_HEADER):
                name = msgspec.json.decode(line)["name"]
                digest = hashlib.blake2b(digest_size=32)
                if name in names:
                    found[name] = digest
            else:
                digest.update(line)
    return {name: digest.hexdigest() for name, digest in found.items()}


def write(folder: Path, run: record.RunRecord, config_toml: str) -> None:
    """Everything besides the events; ``report.json`` last, so that who finds it finds the rest.

    Raises EnvironmentFailure when the disk refuses.
    """
    about = f"# at commit {run.versions.commit}, lock {run.versions.lock_hash}"
    texts = {
        "config.resolved.toml": config_toml,
        "replay.txt": f"{run.replay}\n{about}\n",
        "junit.xml": junit.render(run),
        "report.html": html.render(run),
        "report.json": json.render(run),
    }
    for name, text in texts.items():
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise errors.EnvironmentFailure(
                f"cannot write {folder / name}: {error.strerror}"
            ) from error


def keep_left_over(folder: Path, exit_code: int, settings: Settings, scratch: Path) -> None:
    """What is kept of a run besides its results, as the settings say.

    The log of a run that passed goes where ``cleanup.preserve_logs`` is false. What the worlds left on disk is kept where
    ``cleanup.auto_cleanup`` is false, and for a run that did not pass where ``kubernetes.cleanup_on_failure`` is.
    """
    passed = exit_code == errors.ExitCode.PASS
    if passed and not settings.cleanup.preserve_logs:
        (folder / LOG).unlink(missing_ok=True)
    cleans = settings.cleanup.auto_cleanup and (passed or settings.kubernetes.cleanup_on_failure)
    if not cleans and any(scratch.iterdir()):
        shutil.copytree(scratch, folder / LEFT_OVER)


def point_latest(folder: Path) -> None:
    """Let ``latest`` beside the folder point to it, in one step; best effort where links are not allowed."""
    pending = folder.parent / f".{LATEST}-{folder.name}"
    with contextlib.suppress(OSError):
        pending.symlink_to(folder.name)
        pending.replace(folder.parent / LATEST)
        return
    with contextlib.suppress(OSError):
        pending.unlink(missing_ok=True)
