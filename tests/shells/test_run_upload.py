"""What is uploaded is in place whole, or nothing of it is anywhere."""

import tarfile
from pathlib import Path

import pytest

from alys.shells import run_upload
from alys.shells.run_store import INCOMING, RunStore
from alys.shells.run_upload import Conflict, Refused
from tests.shells import stored


class Grounds:
    """A store, and a run elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.store = RunStore(folder / "store")
        self.store.prepare()
        (folder / "away").mkdir()
        self.run = stored.leave(folder / "away")
        self.away = folder / "away" / self.run
        self._archive = folder / "archive"

    def place(self, whole: bytes, run: str | None = None) -> bool:
        """Put these bytes in place."""
        self._archive.write_bytes(whole)
        return run_upload.place(self.store, run or self.run, self._archive, "1")

    def untouched(self) -> bool:
        """Whether the store is as empty as at first."""
        inside = sorted(path.name for path in self.store.root.rglob("*"))
        return inside == [INCOMING]


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds(tmp_path)


def test_an_archive_becomes_the_run_that_was_sent(grounds: Grounds) -> None:
    (grounds.away / "logs").mkdir()
    (grounds.away / "logs" / "node.log").write_bytes(b"\x00 binary \xff")
    assert grounds.place(stored.archive(grounds.away)) is True
    there = grounds.store.root / grounds.run
    for path in grounds.away.rglob("*"):
        if path.is_file():
            assert (there / path.relative_to(grounds.away)).read_bytes() == path.read_bytes()
    assert [run.run_id for run in grounds.store.runs()] == [grounds.run]
    assert list((grounds.store.root / INCOMING).iterdir()) == []


def test_sent_twice_is_stored_once_and_another_run_of_that_id_is_refused(grounds: Grounds) -> None:
    whole = stored.archive(grounds.away)
    assert grounds.place(whole) is True
    assert grounds.place(whole) is False
    report = grounds.away / "report.json"
    report.write_text(report.read_text().replace('"pass"', '"fail"'))
    with pytest.raises(Conflict, match="another run is stored as"):
        grounds.place(stored.archive(grounds.away))
    assert grounds.store.runs()[0].verdict == "pass"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (stored.member("../evil"), "unsafe name in the archive: '../evil'"),
        (stored.member("a/../../evil"), "unsafe name"),
        (stored.member("/etc/evil"), "unsafe name"),
        (stored.member("a\\..\\evil"), "unsafe name"),
        (stored.member(".hidden"), "unsafe name"),
        (stored.member("link", tarfile.SYMTYPE, "/etc/passwd"), "neither file nor folder"),
        (stored.member("hard", tarfile.LNKTYPE, "report.json"), "neither file nor folder"),
        (stored.member("pipe", tarfile.FIFOTYPE), "neither file nor folder"),
        (stored.member("disk", tarfile.BLKTYPE), "neither file nor folder"),
        (stored.member("report.json"), "a name stands twice"),
        (stored.member("report.json/below"), "a name stands twice"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else "",
)
def test_one_bad_member_refuses_the_whole(
    grounds: Grounds, extra: tarfile.TarInfo, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        grounds.place(stored.archive(grounds.away, (extra,)))
    assert grounds.untouched()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.99])
def test_half_an_archive_leaves_nothing(grounds: Grounds, part: float) -> None:
    (grounds.away / "noise").write_bytes(bytes(range(256)) * 100)
    whole = stored.archive(grounds.away)
    with pytest.raises(Refused):
        grounds.place(whole[: int(len(whole) * part)])
    assert grounds.untouched()


@pytest.mark.parametrize("at", [0, 10, 40, -6])
def test_a_damaged_archive_leaves_nothing(grounds: Grounds, at: int) -> None:
    whole = bytearray(stored.archive(grounds.away))
    whole[at] ^= 0xFF
    with pytest.raises(Refused):
        grounds.place(bytes(whole))
    assert grounds.untouched()


def test_limits_on_size_and_number_hold(grounds: Grounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_upload, "FILES_MAX", 2)
    with pytest.raises(Refused, match="more than 2 files"):
        grounds.place(stored.archive(grounds.away))
    monkeypatch.setattr(run_upload, "FILES_MAX", 100)
    monkeypatch.setattr(run_upload, "UNPACKED_BYTES_MAX", 10)
    with pytest.raises(Refused, match="or 10 bytes unpacked"):
        grounds.place(stored.archive(grounds.away))
    assert grounds.untouched()


def test_the_report_must_be_there_and_its_own(grounds: Grounds) -> None:
    with pytest.raises(Refused, match="is no run id"):
        grounds.place(stored.archive(grounds.away), "../../evil")
    other = grounds.run[:-6] + "ffffff"
    with pytest.raises(Refused, match="is that of run"):
        grounds.place(stored.archive(grounds.away), other)
    (grounds.away / "report.json").unlink()
    with pytest.raises(Refused, match=r"no report\.json"):
        grounds.place(stored.archive(grounds.away))
    assert grounds.untouched()
