"""The store shows what is there, gives files of runs and nothing else, and throws away only what it may."""

from pathlib import Path

import pytest

from alys.runner import results
from alys.shells.run_store import INCOMING, RunStore
from tests.shells import stored


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    made = RunStore(tmp_path / "results")
    made.prepare()
    return made


def test_runs_are_listed_newest_first_and_read_again_when_they_change(store: RunStore) -> None:
    first = stored.leave(store.root, minute=1, verdict="fail", job="nightly-1")
    second = stored.leave(store.root, minute=2)
    assert [run.run_id for run in store.runs()] == [second, first]
    assert (store.runs()[1].passed, store.runs()[1].job) == (False, "nightly-1")
    assert store.runs()[0] is store.runs()[0], "not read twice"
    report = store.root / first / "report.json"
    report.write_text(report.read_text().replace("nightly-1", "nightly-2"))
    assert store.runs()[1].job == "nightly-2"


def test_what_is_no_finished_run_is_none(store: RunStore) -> None:
    begun = results.make_folder(store.root, "integration", stored.MINUTE).name
    broken = stored.leave(store.root, minute=1)
    (store.root / broken / "report.json").write_text("{")
    (store.root / "notes").mkdir()
    (store.root / "20260101T000000Z-link-abcdef").symlink_to("/etc")
    assert store.runs() == []
    assert store.unfinished() == [begun]
    assert RunStore(store.root / "none").runs() == []


def test_preparing_throws_half_uploads_away_and_keeps_runs(store: RunStore) -> None:
    run = stored.leave(store.root)
    (store.root / INCOMING / "unpacked-7").mkdir()
    again = RunStore(store.root)
    again.prepare()
    assert list((store.root / INCOMING).iterdir()) == []
    assert [one.run_id for one in again.runs()] == [run]


def test_files_of_a_run_are_given_by_their_path_below_it(store: RunStore) -> None:
    run = stored.leave(store.root)
    (store.root / run / "logs").mkdir()
    (store.root / run / "logs" / "node.log").write_text("hello")
    assert store.files(run) == ["events.jsonl", "logs/node.log", "report.html", "report.json"]
    found = store.file(run, "logs/node.log")
    assert found is not None
    assert found.read_text() == "hello"


@pytest.mark.parametrize(
    "inside",
    [
        "../secret.txt",
        "..",
        ".",
        "",
        "/etc/passwd",
        "//etc/passwd",
        "logs/../../secret.txt",
        "logs/./../report.json",
        "outward",
        "inward",
        "outside/passwd",
        ".hidden",
        "report.json/x",
        "report.json\x00.html",
        "..\\secret.txt",
        "logs",
        "none",
        "x" * 5000,
    ],
)
def test_no_path_leads_out_of_a_run(store: RunStore, inside: str) -> None:
    run = stored.leave(store.root)
    folder = store.root / run
    (store.root / "secret.txt").write_text("secret")
    (folder / "logs").mkdir()
    (folder / ".hidden").write_text("hidden")
    (folder / "outward").symlink_to("/etc/passwd")
    (folder / "inward").symlink_to("report.json")
    (folder / "outside").symlink_to("/etc")
    assert store.file(run, inside) is None
    assert inside not in store.files(run)


@pytest.mark.parametrize("run", ["..", ".", "", "latest", ".incoming", "results", "x/../y"])
def test_no_run_id_leads_elsewhere(store: RunStore, run: str) -> None:
    results.point_latest(store.root / stored.leave(store.root))
    (store.root / INCOMING / "report.json").write_text("{}")
    assert store.file(run, "report.json") is None
    assert store.files(run) == []


def test_the_oldest_beyond_each_limit_go(store: RunStore) -> None:
    passed = [stored.leave(store.root, minute=minute) for minute in range(5)]
    failed = [stored.leave(store.root, minute=10 + n, verdict="fail") for n in range(5)]
    begun = results.make_folder(store.root, "integration", stored.MINUTE - 60).name
    gone = store.clean(keep_passed=2, keep_failed=4)
    assert sorted(gone) == sorted([*passed[:3], failed[0]])
    assert {run.run_id for run in store.runs()} == {*passed[3:], *failed[1:]}
    assert store.unfinished() == [begun], "a run under way is nobody's to throw away"
    assert list((store.root / INCOMING).iterdir()) == []
    assert store.clean(keep_passed=2, keep_failed=4) == []


def test_the_newest_of_each_suite_and_the_latest_stay(store: RunStore) -> None:
    nightly = stored.leave(store.root, suite="regression", minute=1)
    pointed = stored.leave(store.root, minute=2)
    results.point_latest(store.root / pointed)
    between = stored.leave(store.root, minute=3)
    newest = stored.leave(store.root, minute=4)
    assert store.clean(keep_passed=0, keep_failed=0) == [between]
    assert {run.run_id for run in store.runs()} == {nightly, pointed, newest}
