"""Three nodes with one rule taken away: what the watch over a federation, or its ledger, must miss at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alys.chain import approvals
from alys.chain.spec import ChainSpec
from alys.cli import front as cli

Run = Callable[[], dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The scenario as a user orders it, in simulation."""

    def command() -> dict[str, Any]:
        words = ["test", "integration", "--world", "sim", "--seed", "7"]
        line = [*words, "-k", "federation_under_failure"]
        code = cli.main(
            [*line, "-o", "json", "--results-dir", str(tmp_path)],
            environment={"COMPREHENSIVE_TESTING": "true"},
        )
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


def red(told: dict[str, Any]) -> str:
    """The cause of a run that must have failed."""
    assert (told["exit_code"], told["verdict"]) == (1, "fail"), told
    return str(told["cause"])


def test_blocks_with_one_approval_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """All nodes agree that the author's own approval is enough."""
    monkeypatch.setattr(ChainSpec, "quorum", property(lambda self: 1))
    monkeypatch.setattr(approvals, "has_quorum", lambda *_: True)
    assert "fewer than two thirds of the authorities approved a block" in red(run())
