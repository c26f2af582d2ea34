"""What is logged of the actors of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli

SCENARIO = """
async def test_quiet(world):
    world.check(True, "something is checked")
"""


def run(
    folder: Path, capture: pytest.CaptureFixture[str], directives: str
) -> tuple[Any, list[dict[str, Any]]]:
    """The result, and the records on standard error."""
    scenario = folder / "quiet_scenario.py"
    scenario.write_text(SCENARIO)
    words = ["test", str(scenario), "--world", "sim", "--seed", "1", "-o", "json"]
    environment = {"RUST_LOG": directives, "ALYS_LOG_FORMAT": "json"}
    assert cli.main([*words, "--results-dir", str(folder / "r")], environment=environment) == 0
    captured = capture.readouterr()
    return json.loads(captured.out), [json.loads(line) for line in captured.err.splitlines()]


def test_standard_error_is_records_alone_and_progress_is_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, records = run(tmp_path, capsys, "info")
    assert [(record["target"], record["fields"]) for record in records] == [
        ("alys.run", {"suite": "quiet_scenario", "world": "sim", "seed": 1}),
        ("alys.run", {"scenario": "quiet", "outcome": "passed"}),
    ]


def test_actors_are_logged_under_their_path_and_the_trace_stays_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, _ = run(tmp_path, capsys, "off")
    told, records = run(tmp_path, capsys, "off,alys::node=trace")
    assert told["trace_hash"] == plain["trace_hash"]
    assert {record["target"].split(".")[1] for record in records} == {"node"}
    assert {"alys.node", "alys.node.consensus.chain", "alys.node.storage.storage"} <= {
        record["target"] for record in records
    }
    messages = [record["fields"] for record in records if record["level"] == "trace"]
    assert all(fields["handles"] and "sender" in fields for fields in messages)
    assert messages
    lives = {record["message"] for record in records if record["level"] == "debug"}
    assert {"started", "stopped"} <= lives
