"""The list of runs as JSON: orders of this service and the folders of results, whoever made them, in one form."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from alys.shells.run_desk import Entry, RunDesk
from alys.shells.run_store import RunStore, StoredRun

LISTED_MAX = 200


def listed(desk: RunDesk, store: RunStore) -> list[dict[str, Any]]:
    """Every run, newest first: orders that wait or run, then what there is of the rest."""
    stored = store.runs()
    known = {run.run_id for run in stored}
    entries = [entry for entry in desk.entries() if entry.run_id not in known]
    active = [entry for entry in entries if entry.state != "ended"]
    rest = [entry for entry in entries if entry.state == "ended"]
    began = min((entry.started_at for entry in active if entry.started_at), default=None)
    lost = [name for name in store.unfinished() if not _since(name, began)]
    done = [*map(of_run, stored), *map(of_entry, rest), *map(_of_folder, lost)]
    done.sort(key=lambda one: str(one["started_at"] or ""), reverse=True)
    return [*map(of_entry, active), *done][:LISTED_MAX]


def of_entry(entry: Entry) -> dict[str, Any]:
    """An order that waits, runs, or ended."""
    ended = entry.ended_at or 0.0
    return {
        "id": entry.id,
        "run_id": entry.run_id,
        "state": entry.state,
        "suite": entry.order.suite,
        "world": entry.order.world,
        "seed": entry.order.seed,
        "keyword": entry.order.keyword,
        "verdict": entry.verdict,
        "exit_code": entry.exit_code,
        "cause": entry.cause,
        "started_at": _utc(entry.started_at),
        "duration_s": round(ended - entry.started_at, 3) if entry.started_at and ended else None,
        "progress": entry.lines[-1] if entry.lines else "",
        "report": None,
    }


def of_run(run: StoredRun) -> dict[str, Any]:
    """A run whose results are stored."""
    told = {name: getattr(run, name) for name in run.__struct_fields__ if name != "counts"}
    return told | {
        "id": run.run_id,
        "state": "ended",
        "counts": msgspec.to_builtins(run.counts),
        "report": f"/runs/{run.run_id}/report.html",
    }


def _of_folder(name: str) -> dict[str, Any]:
    """A run that left no report: it was killed, or its machine went down."""
    stamp, _, rest = name.partition("-")
    started = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:11]}:{stamp[11:13]}:{stamp[13:15]}+00:00"
    return {
        "id": name,
        "run_id": name,
        "state": "ended",
        "suite": rest.rpartition("-")[0],
        "verdict": "unfinished",
        "cause": "ended without a report",
        "started_at": started,
        "report": None,
    }


def _since(name: str, began: float | None) -> bool:
    """Whether a folder was made since then: it is the one of the run that is under way."""
    if began is None:
        return False
    return name[:16] >= _utc(began, "%Y%m%dT%H%M%SZ")  # type: ignore[operator]


def _utc(seconds: float | None, form: str | None = None) -> str | None:
    if seconds is None:
        return None
    when = datetime.fromtimestamp(seconds, UTC)
    return when.strftime(form) if form else when.isoformat(timespec="seconds")
