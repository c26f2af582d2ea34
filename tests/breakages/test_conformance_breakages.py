"""Every requirement of ``alys check`` is broken once in a node of ours, and its row must say so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alys.base.units import Gwei
from alys.chain import payout, peg, slots, state
from alys.cli import front as cli
from alys.node.bridge_deposits import Deposits
from alys.node.bridge_payouts import Payouts
from alys.node.chain import Chain
from alys.report import conformance
from alys.wire import ethereum
from alys.wire.engine import Withdrawal
from tests.broken_nodes import mints_twice, nothing

Rows = dict[str, tuple[str, str]]
Run = Callable[[str], tuple[int, Rows]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """One conformance scenario in simulation: the exit code, and what was found of each requirement that was reached."""

    def command(scenario: str) -> tuple[int, Rows]:
        words = ["test", "conformance", "--world", "sim", "--seed", "7", "-k", scenario]
        code = cli.main([*words, "-o", "json", "--results-dir", str(tmp_path)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        rows: Rows = {}
        for case in told["cases"]:
            for key, one in case["facts"].get(conformance.FACT, {}).items():
                rows[key] = one["verdict"], one["evidence"]
        return code, rows

    return command


def test_unbroken_every_requirement_is_met(run: Run) -> None:
    code, rows = run("blocks or peg_in or peg_out or reorganisation")
    assert code == 0
    assert {key: verdict for key, (verdict, _) in rows.items()} == {
        one.key: "pass" for one in conformance.REQUIREMENTS
    }
    assert all(evidence for _, evidence in rows.values())


_withdrawals = state.withdrawals
_fee_shares = payout.fee_shares


def extra(*arguments: Any) -> tuple[Withdrawal, ...]:
    """One withdrawal too many, which all authorities agree on."""
    added = Withdrawal(index=0, validator_index=0, address=b"\xff" * 20, amount_gwei=1)
    return (*_withdrawals(*arguments), added)


def one_of_them(_: int) -> int:
    """Whoever comes first decides alone."""
    return 1


CASES: list[tuple[str, str, Any, str, Any, str]] = [
    ("blocks", "blocks.produced", Chain, "_produce", nothing, "4 more blocks"),
    ("blocks", "blocks.fees", ethereum, "BURN_ADDRESS", b"\x01" * 20, "burn address"),
    ("blocks", "blocks.approved", slots, "quorum", one_of_them, "fewer than two thirds"),
    ("blocks", "blocks.work_due", Chain, "_out_of_work", lambda *_: False, ""),
    (
        "peg_in",
        "pegin.depth",
        peg,
        "deep_enough",
        lambda found, required: found >= required - 1,
        "",
    ),
    ("peg_in", "pegin.exact", peg, "mint_amount", lambda sats: Gwei(sats), "exactly sats"),
    ("peg_out", "pegout.paid", Payouts, "broadcast", nothing, "pays the request"),
    ("peg_out", "pegout.signatures", slots, "quorum", one_of_them, "exactly the threshold"),
    (
        "peg_out",
        "pegout.cost",
        payout,
        "fee_shares",
        lambda burden, payees: _fee_shares(2 * burden, payees),
        "",
    ),
    ("peg_out", "pegout.refund", peg, "fit_refunds", lambda _, due: ((), due), ""),
    ("reorg", "reorg.forgotten", Deposits, "rewind", nothing, ""),
    ("reorg", "reorg.minted", peg, "mint_amount", lambda sats: Gwei(sats), "exactly sats"),
    ("peg_in", "ledger.balanced", state, "withdrawals", extra, "unexplained_withdrawal"),
]


@pytest.mark.parametrize(("scenario", "requirement", "where", "name", "instead", "named"), CASES)
def test_what_is_broken_is_found_under_its_own_name(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    scenario: str,
    requirement: str,
    where: Any,
    name: str,
    instead: Any,
    named: str,
) -> None:
    monkeypatch.setattr(where, name, instead)
    code, rows = run(scenario)
    assert code == 1
    verdict, evidence = rows.get(requirement, ("", ""))
    assert (verdict, named in evidence) == ("fail", True), rows


def test_a_second_mint_is_found_under_its_own_name_and_by_the_ledger(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    mints_twice(monkeypatch.setattr)
    code, rows = run("peg_in")
    assert code == 1
    assert rows["pegin.once"][0] == rows["ledger.balanced"][0] == "fail"
    assert "double_mint" in rows["ledger.balanced"][1]


def test_every_requirement_that_a_node_can_break_is_broken_here() -> None:
    """That blocks are linked is the execution client's doing: it refuses any other."""
    broken = {requirement for _, requirement, *_ in CASES} | {"pegin.once"}
    assert {one.key for one in conformance.REQUIREMENTS} - broken == {"blocks.linked"}
