"""The results folder and the event log."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.config.settings import Settings
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


def told(**changes: bool) -> Settings:
    plain = Settings()
    cleanup = {name: value for name, value in changes.items() if name != "cleanup_on_failure"}
    kubernetes = {name: value for name, value in changes.items() if name == "cleanup_on_failure"}
    return msgspec.structs.replace(
        plain,
        cleanup=msgspec.structs.replace(plain.cleanup, **cleanup),
        kubernetes=msgspec.structs.replace(plain.kubernetes, **kubernetes),
    )


@pytest.mark.parametrize(
    ("changes", "exit_code", "kept"),
    [
        ({}, 0, {results.LOG}),
        ({}, 1, {results.LOG}),
        ({"preserve_logs": False}, 0, set()),
        ({"preserve_logs": False}, 4, {results.LOG}),
        ({"cleanup_on_failure": False}, 0, {results.LOG}),
        ({"cleanup_on_failure": False}, 130, {results.LOG, results.LEFT_OVER}),
        ({"auto_cleanup": False}, 0, {results.LOG, results.LEFT_OVER}),
    ],
)
def test_what_is_kept_besides_the_results_is_a_setting(
    tmp_path: Path, changes: dict[str, bool], exit_code: int, kept: set[str]
) -> None:
    folder, scratch = tmp_path / "run", tmp_path / "scratch"
    (scratch / "peg_in" / "node" / "store").mkdir(parents=True)
    (scratch / "peg_in" / "node" / "store" / "data.mdb").write_text("blocks")
    folder.mkdir()
    (folder / results.LOG).write_text("said")
    results.keep_left_over(folder, exit_code, told(**changes), scratch)
    assert {path.name for path in folder.iterdir()} == kept
    if results.LEFT_OVER in kept:
        store = folder / results.LEFT_OVER / "peg_in" / "node" / "store" / "data.mdb"
        assert store.read_text() == "blocks"


def test_nothing_left_over_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    results.keep_left_over(tmp_path, 1, told(auto_cleanup=False), tmp_path / "scratch")
    assert not (tmp_path / results.LEFT_OVER).exists()


def test_each_scenarios_part_of_the_log_has_a_hash_that_others_do_not_change(
    tmp_path: Path,
) -> None:
    hashes = []
    for first, second in (("1", "2"), ("9", "2")):
        log = results.EventLog(tmp_path / "events.jsonl")
        log.scenario("a", [f'{{"n":{first}}}'])
        log.scenario("b", [f'{{"n":{second}}}'])
        log.close()
        hashes.append(results.scenario_hashes(tmp_path / "events.jsonl", {"a", "b", "gone"}))
    assert hashes[0]["b"] == hashes[1]["b"]
    assert hashes[0]["a"] != hashes[1]["a"]
    assert hashes[0]["b"] == hashlib.blake2b(b'{"n":2}\n', digest_size=32).hexdigest()
