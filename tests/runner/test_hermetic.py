"""Nothing on the user's machine steers a run."""

import os
import sys
from pathlib import Path

import pytest

from alys.base import errors
from alys.runner import hermetic
from tests.runner import runs, tiny_world


@pytest.fixture(autouse=True)
def _fresh() -> None:
    tiny_world.fresh()


def test_configuration_and_conftest_of_the_user_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --nosuchoption\npython_functions = x\n"
    )
    (tmp_path / "conftest.py").write_text("raise RuntimeError('read')\n")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.exit_code, done.counts.passed) == (0, 1)


def test_variables_that_steer_pytest_are_not_obeyed_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only -k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "no.such.plugin")
    done = runs.run(runs.request(tmp_path, runs.PASSING))
    assert (done.exit_code, done.counts.passed) == (0, 1)
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only -k nothing"  # noqa: TID251 - the proof


def test_no_cache_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs.run(runs.request(tmp_path, runs.PASSING))
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"results", "scenario.py"}


def test_the_scenarios_of_one_run_are_forgotten_before_the_next(tmp_path: Path) -> None:
    first = runs.run_source(tmp_path / "a", runs.PASSING)
    second = runs.run_source(tmp_path / "b", runs.PASSING.replace("True", "False"))
    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "scenario" not in sys.modules


@pytest.mark.parametrize("name", ["json", "queue", "pytest", "msgspec"])
def test_a_file_named_like_another_module_is_refused(tmp_path: Path, name: str) -> None:
    path = runs.scenario_file(tmp_path, runs.PASSING, name)
    with pytest.raises(errors.UsageError, match=rf"{name}\.py.*rename"):
        hermetic.refuse_taken_names([path])


def test_a_file_in_a_package_may_have_any_name(tmp_path: Path) -> None:
    path = runs.scenario_file(tmp_path, runs.PASSING, "json")
    (tmp_path / "__init__.py").touch()
    hermetic.refuse_taken_names([path])


def test_the_keyword_goes_to_pytest_last(tmp_path: Path) -> None:
    words = hermetic.arguments([tmp_path / "a.py"], "peg")
    assert words[-2:] == ["-k", "peg"]
    assert "-k" not in hermetic.arguments([tmp_path / "a.py"], None)
