"""The suites' settings."""

from pathlib import Path

import msgspec

import alys
from alys.config import scenarios


def test_the_flows_are_the_built_in_integration_scenarios() -> None:
    folder = Path(alys.__file__).parent / "suites" / "integration"
    files = {path.stem for path in folder.glob("*.py") if not path.name.startswith("_")}
    assert files == set(scenarios.IntegrationSettings().test_flows)


def test_every_suite_can_be_turned_off_and_has_a_time_in_the_documents_spelling() -> None:
    tree = msgspec.to_builtins(scenarios.TestScenarios())
    assert {name: (suite["enabled"], suite["timeout"]) for name, suite in tree.items()} == {
        "stream_actor": (True, 60),
        "supervision": (True, 120),
        "integration": (True, 180),
        "performance": (True, 300),
    }
