"""The last run of each suite, read from the folder of results: what the alerts on missed and failed nights look at."""

from datetime import datetime
from pathlib import Path

import msgspec

from alys.monitoring import samples
from alys.monitoring.samples import Sample

REPORT = "report.json"
FOLDERS_MAX = 1000
"""Results folders that are looked at, the newest first; a runner keeps fewer."""


class _Run(msgspec.Struct, frozen=True):
    """What is read of a report; the rest of it is passed over."""

    suite: str
    exit_code: int
    started_at: str
    duration_s: float


def last_runs(results: Path) -> list[Sample]:
    """Samples for the newest finished run of each suite; a report that cannot be read is none."""
    found: dict[str, list[Sample]] = {}
    # Their names begin with the time of their start; "latest" is a link to one of them.
    folders = sorted((path for path in _folders(results) if not path.is_symlink()), reverse=True)
    for folder in folders[:FOLDERS_MAX]:
        run = _read(folder / REPORT)
        if run is None or run.suite in found:
            continue
        finished = datetime.fromisoformat(run.started_at).timestamp() + run.duration_s
        found[run.suite] = samples.of_run(run.suite, finished=finished, exit_code=run.exit_code)
    return [sample for suite in sorted(found) for sample in found[suite]]


def _folders(results: Path) -> list[Path]:
    try:
        return [path for path in results.iterdir() if path.is_dir()]
    except OSError:
        return []


def _read(report: Path) -> _Run | None:
    try:
        return msgspec.json.decode(report.read_bytes(), type=_Run)
    except (OSError, msgspec.MsgspecError):
        return None
