"""Editing the settings changes what runs, and for how long."""

import json
from pathlib import Path

import msgspec
import pytest

from alys.cli import front as cli
from alys.config import scenarios
from alys.runner import catalogue, selection

PLAIN = scenarios.TestScenarios()


def flows(*names: scenarios.TestFlow) -> scenarios.TestScenarios:
    return scenarios.TestScenarios(integration=scenarios.IntegrationSettings(test_flows=names))


def test_the_defaults_leave_nothing_out() -> None:
    for files in catalogue.suites().values():
        assert selection.chosen(files, PLAIN) == files


def test_a_flow_that_is_not_listed_is_left_out() -> None:
    files = catalogue.suites()["integration"]
    told = flows("bridge_operation_flow", "block_production_flow")
    assert [file.stem for file in selection.chosen(files, told)] == [
        "block_production_flow",
        "bridge_operation_flow",
    ]


def test_files_of_ones_own_and_scenarios_beyond_the_lists_stay(tmp_path: Path) -> None:
    folder = catalogue.suites()["integration"][0].parent
    files = [tmp_path / "integration" / "multi_actor_coordination.py", folder / "another_flow.py"]
    assert selection.chosen(files, flows("block_production_flow")) == files


def test_a_suite_that_is_turned_off_is_no_part_of_everything() -> None:
    off = scenarios.SupervisionSettings(enabled=False)
    assert selection.enabled(PLAIN) == [
        "stream_actor",
        "supervision",
        "integration",
        "performance",
    ]
    told = msgspec.structs.replace(PLAIN, supervision=off)
    assert selection.enabled(told) == ["stream_actor", "integration", "performance"]


@pytest.mark.parametrize(
    ("suite", "seconds"),
    [("stream_actor", 60), ("supervision", 120), ("integration", 180), ("performance", 300),
     ("my_scenarios", 180), ("regression", 300), ("all", 300)],
)  # fmt: skip
def test_each_suite_has_its_own_time_per_scenario(suite: str, seconds: int) -> None:
    assert selection.timeout_seconds(suite, PLAIN) == seconds


def test_everything_turned_off_has_a_time_all_the_same() -> None:
    off = {
        name: msgspec.structs.replace(getattr(PLAIN, name), enabled=False)
        for name in PLAIN.__struct_fields__
    }
    assert selection.timeout_seconds("all", scenarios.TestScenarios(**off)) == 180


def test_an_edited_file_changes_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.toml"
    config.write_text('[test_scenarios.integration]\ntest_flows = ["block_production_flow"]\n')
    words = ["test", "integration", "--world", "sim", "--seed", "1", "--config", str(config)]
    code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)], environment={})
    told = json.loads(capsys.readouterr().out)
    assert (code, [case["name"] for case in told["cases"]]) == (0, ["block_production_flow"])
