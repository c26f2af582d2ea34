"""The suites, unchanged, with a node of other people's making in the place of ours, by URL alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli
from tests import foreign

pytestmark = pytest.mark.slow

FLOWS = "block_production_flow or bridge_operation_flow"


@pytest.fixture(scope="module")
def coin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[foreign.Bitcoind]:
    """One bitcoind for all runs of this file: nobody begins a new one for us."""
    with foreign.bitcoind(tmp_path_factory.mktemp("bitcoind")) as node:
        yield node


def ran(
    variables: dict[str, str], results: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[dict[str, Any], str]:
    """``alys test integration`` with these variables, and what it said."""
    typed = ["test", "integration", "-k", FLOWS, "--seed", "7", "-o", "json"]
    code = cli.main([*typed, "--results-dir", str(results), *words], environment=variables)
    out, err = capsys.readouterr()
    run: dict[str, Any] = json.loads(out)
    assert (code, run["causes"]) == (0, []), err
    return run, err


def require_both_ways(run: dict[str, Any]) -> None:
    """Deposits were minted and payouts made, every figure of the ledger explained."""
    assert run["counts"]["passed"] == 2
    bridge = next(case for case in run["cases"] if case["name"] == "bridge_operation_flow")
    proven = bridge["facts"]["ledger"]["samples"]
    for name in ("mints", "payouts", "signatures", "supply", "refunds", "confirmations"):
        assert proven[name] > 0, name


@pytest.mark.parametrize("time", [1, 2])
def test_pegs_go_both_ways_over_a_real_bitcoind_the_second_time_too(
    coin: foreign.Bitcoind, tmp_path: Path, capsys: pytest.CaptureFixture[str], time: int
) -> None:
    variables = {
        "BITCOIN_RPC_URL": coin.url,
        "BITCOIN_RPC_USER": coin.user,
        "BITCOIN_RPC_PASSWORD": coin.password,
    }
    before = coin.call("getblockcount")
    run, said = ran(variables, tmp_path, capsys)
    require_both_ways(run)
    assert f"Bitcoin {coin.url}" in said
    for case in run["cases"]:
        anchor = case["facts"]["bitcoin_anchor"]
        assert "Satoshi" in anchor["software"], "it was bitcoind that we spoke to"
        assert before < anchor["height"] <= case["facts"]["ledger"]["bitcoin_height"]
    assert case["facts"]["ledger"]["bitcoin_height"] == coin.call("getblockcount")
