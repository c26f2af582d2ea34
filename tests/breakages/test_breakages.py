"""Broken on purpose, the suite is red and says why: each rule that matters is taken away once, and must be missed.

One function is replaced, the real command runs a real scenario in simulation, and the verdict must be 1 with the cause
named. The control run without a breakage is green, so it is the breakage that makes the difference.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alys.actors.context import Context
from alys.base.units import Gwei
from alys.chain import payout, peg, state
from alys.cli import front as cli
from alys.node import messages
from alys.node.bridge_deposits import Deposits
from alys.node.judging import Judge
from alys.node.operations import PeginRecord
from alys.wire.engine import PayloadAttributes, Withdrawal

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it, with the one object that it prints."""

    def command(scenario: str) -> dict[str, Any]:
        words = ["test", "integration", "--world", "sim", "--seed", "7", "-k", scenario]
        code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


def red(told: dict[str, Any]) -> str:
    """The cause of a run that must have failed."""
    assert told["exit_code"] == 1, told
    assert told["verdict"] == "fail"
    return str(told["cause"])


@pytest.mark.parametrize("scenario", ["block_production", "bridge_operation", "multi_actor"])
def test_unbroken_it_is_green(run: Run, scenario: str) -> None:
    told = run(scenario)
    assert (told["exit_code"], told["verdict"], told["counts"]["passed"]) == (0, "pass", 1)


def test_minting_a_tenth_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sats x 10^9 wei instead of 10^10, in producer and validators alike."""
    monkeypatch.setattr(peg, "mint_amount", lambda sats: Gwei(sats))
    assert "exactly sats x 10^10 wei" in red(run("bridge_operation"))


def test_minting_at_five_confirmations_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peg, "deep_enough", lambda found, required: found >= required - 1)
    cause = red(run("bridge_operation"))
    assert "5 confirmations: nothing is minted" in cause or "mint_before_confirmations" in cause


def test_a_skipped_signature_check_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A governance node signs wrongly in the scenario; without the check its signature would count."""
    monkeypatch.setattr(payout, "check_signature", lambda *_: None)
    assert "1 of 2 signatures" in red(run("bridge_operation"))


def test_a_dropped_duplicate_check_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "already_minted", lambda *_: False)
    assert "double_mint" in red(run("bridge_operation"))


def test_cosigners_that_approve_everything_are_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Judge, "check", lambda *_: None)
    assert "a block out of turn gets no approvals" in red(run("block_production"))


def test_a_withdrawal_too_many_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """All authorities agree on it; only the ledger can tell."""
    honest = state.withdrawals

    def generous(*arguments: Any) -> tuple[Withdrawal, ...]:
        extra = Withdrawal(index=0, validator_index=0, address=b"\xff" * 20, amount_gwei=1)
        return (*honest(*arguments), extra)

    monkeypatch.setattr(state, "withdrawals", generous)
    assert "unexplained_withdrawal" in red(run("bridge_operation"))


def test_a_withdrawal_too_many_by_the_producer_alone_gets_no_approval(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list that everybody checks says otherwise, so there is no block and no scenario can pass."""
    honest = PayloadAttributes

    def greedy(withdrawals: tuple[Withdrawal, ...], **rest: Any) -> PayloadAttributes:
        extra = Withdrawal(index=0, validator_index=0, address=b"\xff" * 20, amount_gwei=1)
        return honest(withdrawals=(*withdrawals, extra), **rest)

    monkeypatch.setattr("alys.node.engine.PayloadAttributes", greedy)
    assert "unknown-withdrawal" in red(run("block_production"))


def test_a_pegout_fee_paid_twice_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The payees bear it twice over; everybody who signs agrees."""
    honest = payout.fee_shares
    monkeypatch.setattr(payout, "fee_shares", lambda burden, payees: honest(2 * burden, payees))
    assert "payout_fee_wrong" in red(run("bridge_operation"))


def test_a_pegout_fee_borne_by_the_federation_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payees get all that they burnt; then nobody pays the miner, or the federation does."""
    monkeypatch.setattr(payout, "fee_shares", lambda burden, payees: (0,) * payees)
    assert red(run("bridge_operation"))


def test_a_message_too_many_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chain takes a deposit that it is told of twice for one, so only the count of the messages shows it."""
    honest = Deposits.tell_ready

    def insistent(self: Deposits, record: PeginRecord, ctx: Context) -> None:
        honest(self, record, ctx)
        honest(self, record, ctx)

    monkeypatch.setattr(Deposits, "tell_ready", insistent)
    assert "bridge to chain: 4 PeginReady, the flow needs 2" in red(run("multi_actor"))


def test_a_message_that_has_lost_its_operation_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anonymous(self: Deposits, record: PeginRecord, ctx: Context) -> None:
        message = messages.PeginReady(deposit=record.deposit, block_hash=record.block_hash)
        ctx.tell(ctx.whereis(self._names.chain), message, about="something else")

    monkeypatch.setattr(Deposits, "tell_ready", anonymous)
    assert "PeginReady" in red(run("multi_actor"))
