"""The last runs are read from the reports that runs leave behind."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alys.monitoring import catalogue
from alys.report import json
from alys.runner import results
from alys.shells import run_results
from tests.report import records

MINUTE = datetime(2026, 1, 1, 2, 0, tzinfo=UTC).timestamp()


def leave(root: Path, suite: str, started: float, exit_code: int = 0) -> Path:
    """What a run leaves behind, in the runner's own folders and words."""
    folder = results.make_folder(root, suite, started)
    when = datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
    run = records.run(suite=suite, started_at=when, duration_s=30.0, exit_code=exit_code)
    (folder / run_results.REPORT).write_text(json.render(run), encoding="utf-8")
    results.point_latest(folder)
    return folder


def read(root: Path) -> dict[tuple[str, ...], float]:
    return {(one.family.name, *one.labels): one.value for one in run_results.last_runs(root)}


def test_the_newest_run_of_each_suite_is_told_with_its_end_and_its_exit_code(
    tmp_path: Path,
) -> None:
    leave(tmp_path, "regression", MINUTE, exit_code=1)
    leave(tmp_path, "regression", MINUTE + 60)
    leave(tmp_path, "integration", MINUTE + 3600, exit_code=4)
    finished, code = catalogue.RUN_FINISHED.name, catalogue.RUN_EXIT_CODE.name
    assert read(tmp_path) == {
        (finished, "integration"): MINUTE + 3630,
        (code, "integration"): 4,
        (finished, "regression"): MINUTE + 90,
        (code, "regression"): 0,
    }


def test_a_run_that_has_not_ended_hides_no_earlier_one(tmp_path: Path) -> None:
    leave(tmp_path, "regression", MINUTE)
    results.make_folder(tmp_path, "regression", MINUTE + 60)
    assert read(tmp_path)[(catalogue.RUN_FINISHED.name, "regression")] == MINUTE + 30


@pytest.mark.parametrize("text", ["", "{", "[]", '{"suite": "regression"}'])
def test_a_report_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (leave(tmp_path, "regression", MINUTE) / run_results.REPORT).write_text(text)
    assert read(tmp_path) == {}


def test_no_folder_and_no_runs_are_no_samples(tmp_path: Path) -> None:
    assert read(tmp_path) == {}
    assert read(tmp_path / "none") == {}
