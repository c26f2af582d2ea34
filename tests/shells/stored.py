"""Results of runs as they lie in a folder, made by the runner's own writers; and archives of them."""

import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from alys.report import json
from alys.runner import results
from tests.report import records

MINUTE = datetime(2026, 1, 1, 2, 0, tzinfo=UTC).timestamp()


def leave(
    root: Path, *, suite: str = "integration", minute: int = 0, verdict: str = "pass", job: str = ""
) -> str:
    """A run that is over; its id."""
    started = MINUTE + 60 * minute
    folder = results.make_folder(root, suite, started)
    run = msgspec.structs.replace(
        records.run(
            suite=suite,
            started_at=datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
            duration_s=30.0,
        ),
        run_id=folder.name,
        verdict=verdict,
        exit_code=0 if verdict == "pass" else 1,
        job=job,
    )
    (folder / "report.html").write_text("<!DOCTYPE html><style>p{color:red}</style><p>report")
    (folder / "events.jsonl").write_text("{}\n")
    (folder / "report.json").write_text(json.render(run), encoding="utf-8")
    return folder.name


def archive(folder: Path, extra: tuple[tarfile.TarInfo, ...] = (), content: bytes = b"x") -> bytes:
    """The folder as a tar.gz, and members with this content behind it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
        for member in extra:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """One member of an archive."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made
