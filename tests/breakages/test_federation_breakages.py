"""Three nodes with one rule taken away: what the watch over a federation, or its ledger, must miss at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors.context import Context
from alys.chain import approvals, blocks
from alys.chain.approvals import BlsScheme
from alys.chain.spec import DEV_SECRETS, ChainSpec
from alys.cli import front as cli
from alys.node import gossip
from alys.node.branches import Branches
from alys.node.importing import Importer
from alys.node.voice import Voice
from alys.worlds import forger

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


def test_two_blocks_for_one_slot_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An author offers and approves a second block after each of its own."""
    honest = Voice.publish

    def doubly(self: Voice, item: gossip.Item, ctx: Context) -> None:
        honest(self, item, ctx)
        if isinstance(item, gossip.ProposedBlock):
            block = blocks.decode(item.block).block
            author = block.slot % len(DEV_SECRETS)
            other = msgspec.structs.replace(block, parent_root=bytes(32))
            signed = forger.signed_by(other, author, BlsScheme())
            honest(self, gossip.ProposedBlock(block=signed), ctx)

    monkeypatch.setattr(Voice, "publish", doubly)
    assert "an authority approved two blocks of one slot" in red(run())


def test_a_node_that_comes_back_without_what_was_final_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins at the first block again, whatever it has stored."""

    async def forgetful(self: Importer, ctx: Context) -> Branches:
        return await self._begin(ctx)

    monkeypatch.setattr(Importer, "start", forgetful)
    assert "a node's finalised height went back" in red(run())
