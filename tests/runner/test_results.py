"""The results folder and the event log."""

import hashlib
from pathlib import Path

import pytest

from alys.base import errors
from alys.runner import results
from tests.report import records


def test_the_folder_is_named_by_time_suite_and_an_id(tmp_path: Path) -> None:
    first = results.make_folder(tmp_path / "deep" / "results", "integration", 1_767_225_600.0)
    second = results.make_folder(tmp_path / "deep" / "results", "integration", 1_767_225_600.25)
    assert first.is_dir()
    assert first.name.startswith("20260101T000000Z-integration-")
    assert second.name.rpartition("-")[0] == first.name.rpartition("-")[0]
    assert second != first


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.EnvironmentFailure, match=r"Not a directory; .*--results-dir"):
        results.make_folder(tmp_path / "file", "integration", 0.0)


def test_the_hash_of_the_log_is_that_of_the_file(tmp_path: Path) -> None:
    log = results.EventLog(tmp_path / "events.jsonl")
    log.scenario("peg_in", ['{"n":1}', '{"n":2}'])
    log.scenario("peg_out", [])
    digest = log.close()
    content = (tmp_path / "events.jsonl").read_bytes()
    assert content.splitlines() == [
        b'{"kind":"scenario","name":"peg_in"}',
        b'{"n":1}',
        b'{"n":2}',
        b'{"kind":"scenario","name":"peg_out"}',
    ]
    assert digest == log.close() == hashlib.blake2b(content, digest_size=32).hexdigest()


def test_everything_is_written_and_a_full_disk_is_told(tmp_path: Path) -> None:
    results.write(tmp_path, records.run(), "[world]\n")
    assert (tmp_path / "config.resolved.toml").read_text() == "[world]\n"
    with pytest.raises(errors.EnvironmentFailure, match=r"cannot write .*config\.resolved\.toml"):
        results.write(tmp_path / "gone", records.run(), "")


def test_latest_points_to_the_newest_and_a_folder_in_the_way_is_left_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        results.point_latest(tmp_path / name)
    assert (tmp_path / "latest").readlink() == Path("two")
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").mkdir()
    results.point_latest(tmp_path / "one")
    assert not (tmp_path / "latest").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]
