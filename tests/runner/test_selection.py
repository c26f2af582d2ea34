"""Editing the settings changes what runs, and for how long."""

import json
from pathlib import Path

import msgspec
import pytest

from alys.cli import front as cli
from alys.config import scenarios
from alys.config.settings import Settings, TestEnvironment, WorldSettings
from alys.runner import catalogue, selection

PLAIN = scenarios.TestScenarios()
THOROUGH = TestEnvironment(comprehensive=True)
OFF = scenarios.TestScenarios(
    **{
        name: msgspec.structs.replace(getattr(PLAIN, name), enabled=False)
        for name in PLAIN.__struct_fields__
    }
)


def flows(*names: scenarios.TestFlow) -> Settings:
    told = scenarios.IntegrationSettings(test_flows=names)
    return Settings(test_scenarios=scenarios.TestScenarios(integration=told))


def without(suite: str, environment: TestEnvironment) -> Settings:
    off = msgspec.structs.replace(getattr(PLAIN, suite), enabled=False)
    told = msgspec.structs.replace(PLAIN, **{suite: off})
    return Settings(test_scenarios=told, test_environment=environment)


def suites_in(files: list[Path]) -> list[str]:
    return list(dict.fromkeys(catalogue.suite_of(file) for file in files))


def test_a_thorough_run_by_the_defaults_leaves_nothing_out() -> None:
    for suite, files in catalogue.suites().items():
        assert selection.chosen(suite, files, Settings(test_environment=THOROUGH)) == files


def test_a_flow_that_is_not_listed_is_left_out() -> None:
    files = catalogue.suites()["integration"]
    told = flows("bridge_operation_flow", "block_production_flow")
    assert [file.stem for file in selection.chosen("integration", files, told)] == [
        "block_production_flow",
        "bridge_operation_flow",
    ]


def test_files_of_ones_own_and_scenarios_beyond_the_lists_stay(tmp_path: Path) -> None:
    folder = catalogue.suites()["integration"][0].parent
    files = [
        tmp_path / "integration" / "multi_actor_coordination.py",
        tmp_path / "integration" / "extended" / "mine.py",
        folder / "another_flow.py",
    ]
    assert selection.chosen("integration", files, flows("block_production_flow")) == files


def test_a_suite_that_is_turned_off_is_no_part_of_everything_and_the_run_says_so() -> None:
    told = without("supervision", THOROUGH)
    _, files = catalogue.resolve("all")
    kept = selection.chosen("all", files, told)
    assert suites_in(kept) == [name for name in suites_in(files) if name != "supervision"]
    assert selection.left_out("all", files, told) == (
        "supervision: test_scenarios.supervision.enabled is false",
    )


def test_who_names_a_suite_gets_it_even_if_it_is_turned_off() -> None:
    files = catalogue.suites()["supervision"]
    told = without("supervision", THOROUGH)
    assert selection.chosen("supervision", files, told) == files
    assert selection.left_out("supervision", files, told) == ()


def test_extended_scenarios_run_where_a_thorough_run_is_asked_for() -> None:
    _, files = catalogue.resolve("regression")
    short = selection.chosen("regression", files, Settings())
    thorough = selection.chosen("regression", files, Settings(test_environment=THOROUGH))
    extra = [file for file in thorough if file not in short]
    assert extra
    assert {file.parent.name for file in extra} == {"extended"}
    off = "test_environment.comprehensive is false"
    assert selection.left_out("regression", files, Settings()) == (
        f"extended scenarios ({', '.join(file.stem for file in extra)}): {off}",
        f"a simulated campaign and the planted bugs: {off}",
    )


def test_what_kills_some_of_several_nodes_is_not_for_services_elsewhere() -> None:
    _, files = catalogue.resolve("regression")
    here = Settings(test_environment=THOROUGH)
    there = msgspec.structs.replace(here, world=WorldSettings(kind="remote"))
    chosen = {file.stem for file in selection.chosen("regression", files, there)}
    every = {file.stem for file in selection.chosen("regression", files, here)}
    assert every - chosen == {"federation_under_failure"}
    assert selection.left_out("regression", files, here) == ()
    assert selection.left_out("regression", files, there) == (
        "federation_under_failure: it needs several nodes, and world remote has one",
    )


def test_a_flow_that_is_not_listed_is_told_of_in_a_run_of_everything() -> None:
    _, files = catalogue.resolve("all")
    told = msgspec.structs.replace(
        flows("bridge_operation_flow", "block_production_flow"), test_environment=THOROUGH
    )
    assert selection.left_out("all", files, told) == (
        "multi_actor_coordination: test_scenarios.integration.test_flows does not list it",
    )


@pytest.mark.parametrize(
    ("suite", "seconds"),
    [("stream_actor", 60), ("supervision", 120), ("integration", 180), ("performance", 300)],
)
def test_each_scenario_has_the_time_of_its_own_suite(suite: str, seconds: int) -> None:
    _, files = catalogue.resolve("regression")
    mine = [file for file in files if catalogue.suite_of(file) == suite]
    assert mine
    for file in mine:
        times = 4 if file.parent.name == "extended" else 1
        assert selection.scenario_seconds(file, PLAIN) == times * seconds


def test_a_scenario_of_ones_own_has_the_time_of_integration(tmp_path: Path) -> None:
    assert selection.scenario_seconds(tmp_path / "supervision" / "mine.py", PLAIN) == 180


def test_a_run_of_everything_may_take_what_its_suites_may_take_alone() -> None:
    told = without("integration", TestEnvironment(timeout_seconds=100))
    assert selection.run_seconds("supervision", told) == 100
    assert selection.run_seconds("all", told) == selection.run_seconds("regression", told) == 300
    assert selection.run_seconds("all", Settings(test_scenarios=OFF)) == 300
    thorough = TestEnvironment(timeout_seconds=100, comprehensive=True)
    assert selection.run_seconds("regression", without("integration", thorough)) == 1200


def test_everything_turned_off_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "a.toml"
    sections = [f"[test_scenarios.{name}]\nenabled = false\n" for name in PLAIN.__struct_fields__]
    config.write_text("".join(sections))
    words = ["test", "all", "--world", "sim", "--seed", "1", "--config", str(config)]
    code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)], environment={})
    told = json.loads(capsys.readouterr().out)
    assert (code, told["verdict"], told["cases"]) == (4, "inconclusive", [])
    assert told["cause"].startswith("nothing collected: all has no scenario left (stream_actor: ")
    assert "performance: test_scenarios.performance.enabled is false" in told["left_out"]


def test_an_edited_file_changes_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.toml"
    config.write_text('[test_scenarios.integration]\ntest_flows = ["block_production_flow"]\n')
    words = ["test", "integration", "--world", "sim", "--seed", "1", "--config", str(config)]
    code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)], environment={})
    told = json.loads(capsys.readouterr().out)
    assert (code, [case["name"] for case in told["cases"]]) == (0, ["block_production_flow"])


def test_what_measures_the_node_needs_it_in_a_process_of_its_own(tmp_path: Path) -> None:
    _, files = catalogue.resolve("all")
    split = {catalogue.suite_of(file) for file in files if selection.placement(file) == "split"}
    assert split == {"performance"}
    assert selection.placement(tmp_path / "performance" / "mine.py") is None
