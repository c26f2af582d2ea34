"""The folder of results as the service sees it: which runs there are, their files, what is put there and what is thrown away.

A run is a folder with the name of its run id, made by ``alys test`` or put in place by an upload. It is over when it holds
``report.json``, which is written last. Whatever begins with a dot is in the making and nobody's business.
"""

import os
import re
import shutil
from pathlib import Path

import msgspec

REPORT = "report.json"
LATEST = "latest"
INCOMING = ".incoming"
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[^/\\\x00-\x1f]{1,120}-[0-9a-f]{6}")
"""As ``runner.results`` names folders: start (UTC), suite, six hex digits."""


class StoredCounts(msgspec.Struct, frozen=True):
    """Scenarios by outcome, as far as the list shows them."""

    collected: int = 0
    passed: int = 0
    samples: int = 0


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a report for the list; the rest of it is passed over."""

    run_id: str
    suite: str
    world: str
    seed: int
    verdict: str
    exit_code: int
    cause: str
    started_at: str
    duration_s: float
    counts: StoredCounts = StoredCounts()
    job: str = ""

    @property
    def passed(self) -> bool:
        """Whether its verdict is a pass."""
        return self.verdict == "pass"


class RunStore:
    """The runs below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[str, tuple[int, StoredRun | None]] = {}

    def prepare(self) -> None:
        """Make the folder, and throw away what an upload left half done. Raises OSError."""
        self.root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.root / INCOMING, ignore_errors=True)
        (self.root / INCOMING).mkdir()

    def names(self) -> list[str]:
        """The ids of all runs, over or not, newest first."""
        try:
            entries = list(os.scandir(self.root))
        except OSError:
            return []
        found = [entry.name for entry in entries if RUN_ID.fullmatch(entry.name)]
        folders = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        return sorted((name for name in found if name in folders), reverse=True)

    def runs(self) -> list[StoredRun]:
        """The runs that are over, newest first; a report that cannot be read is passed over."""
        names = self.names()
        self._read = {name: read for name, read in self._read.items() if name in set(names)}
        return [run for name in names if (run := self.run(name)) is not None]

    def run(self, name: str) -> StoredRun | None:
        """One that is over. Reports are read again only when they changed."""
        try:
            changed = (self.root / name / REPORT).stat().st_mtime_ns
        except OSError:
            return None
        known = self._read.get(name)
        if known is None or known[0] != changed:
            known = self._read[name] = (changed, read_report(self.root / name / REPORT))
        return known[1]

    def unfinished(self) -> list[str]:
        """Runs without a report: under way, or ended without one."""
        return [name for name in self.names() if not (self.root / name / REPORT).is_file()]

    def files(self, name: str) -> list[str]:
        """The files of a run, as paths below it."""
        folder = self.root / name
        if not RUN_ID.fullmatch(name) or folder.is_symlink():
            return []
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return [
            inside
            for path in found
            if self.file(name, inside := path.relative_to(folder).as_posix()) is not None
        ]

    def file(self, name: str, inside: str) -> Path | None:
        """A file of a run; None for one that is not there, and for any way out of the run's folder, links included."""
        parts = inside.split("/")
        if not RUN_ID.fullmatch(name) or "\x00" in inside or "\\" in inside:
            return None
        if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            return None
        try:
            folder = self.root.resolve() / name
            path = folder.joinpath(*parts)
            # A path that resolving changes goes through a link somewhere.
            return path if path.resolve(strict=True) == path and path.is_file() else None
        except OSError:
            return None

    def clean(self, *, keep_passed: int, keep_failed: int) -> list[str]:
        """Throw away the oldest runs beyond the two limits; the ids of those.

        Runs that are not over, the newest of each suite and the one that ``latest`` points to stay.
        """
        spared = {_target(self.root / LATEST)}
        seen: set[str] = set()
        left = {True: keep_passed, False: keep_failed}
        gone = []
        for run in self.runs():
            newest = run.suite not in seen
            seen.add(run.suite)
            left[run.passed] -= 1
            if left[run.passed] >= 0 or newest or run.run_id in spared:
                continue
            # Out of sight in one step, so that no reader meets half a run.
            doomed = self.root / INCOMING / f"gone-{run.run_id}"
            (self.root / run.run_id).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
            gone.append(run.run_id)
        return gone


def read_report(path: Path) -> StoredRun | None:
    """What the list shows of a report; None where it is none, or the report of another folder."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=StoredRun)
    except (OSError, msgspec.MsgspecError):
        return None
    return run if RUN_ID.fullmatch(run.run_id) else None


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""
