"""The suites, unchanged, with a node of other people's making in the place of ours, by URL alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alys.base.prng import SeededRandom
from alys.cli import front as cli
from alys.models.ethereum.genesis import dev_genesis, geth_genesis
from alys.shells.jsonrpc_client import Basic
from alys.worlds import real_nodes
from alys.worlds.real import CoinAnchor
from tests import foreign
from tests.cli.test_check import check, node
from tests.worlds import test_remote as services

pytestmark = pytest.mark.slow

GENESIS_TIME = 1_767_225_600
FLOWS = "block_production_flow or bridge_operation_flow"


@pytest.fixture(scope="module")
def coin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[foreign.Bitcoind]:
    """One bitcoind for all runs of this file: nobody begins a new one for us."""
    with foreign.bitcoind(tmp_path_factory.mktemp("bitcoind")) as node:
        yield node


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[foreign.EthereumJs]:
    """One execution client of other people's making, on our genesis."""
    genesis = geth_genesis(dev_genesis(GENESIS_TIME))
    with foreign.ethereumjs(tmp_path_factory.mktemp("ethereumjs"), genesis) as node:
        yield node


def test_what_was_found_sets_a_run_apart() -> None:
    none = real_nodes.Found()
    assert (none.not_before, none.facts) == (0.0, {})
    seed = SeededRandom(1)
    assert none.fresh(seed) is seed
    one, other = (
        real_nodes.Found(
            coins=CoinAnchor(
                url="http://n", auth=Basic(user="u", password="p"), height=7, hash=tip, software="x"
            )
        )
        for tip in ("aa", "bb")
    )
    assert one.fresh(seed).bits() != other.fresh(seed).bits()
    assert one.fresh(seed).bits() == one.fresh(seed).bits()
    assert set(one.facts) == {"bitcoin_anchor"}
    assert "p" not in str(one.facts["bitcoin_anchor"]).split("'")


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


def coin_variables(node: foreign.Bitcoind) -> dict[str, str]:
    """What leads to a bitcoind."""
    return {
        "BITCOIN_RPC_URL": node.url,
        "BITCOIN_RPC_USER": node.user,
        "BITCOIN_RPC_PASSWORD": node.password,
    }


def chain_variables(node: foreign.EthereumJs) -> dict[str, str]:
    """What leads to an execution client."""
    return {
        "ETHEREUM_RPC_URL": node.url,
        "ENGINE_API_URL": node.engine_url,
        "ENGINE_JWT_SECRET": node.jwt_secret.hex(),
    }


@pytest.mark.parametrize("time", [1, 2])
def test_pegs_go_both_ways_over_a_real_bitcoind_the_second_time_too(
    coin: foreign.Bitcoind, tmp_path: Path, capsys: pytest.CaptureFixture[str], time: int
) -> None:
    before = coin.call("getblockcount")
    run, said = ran(coin_variables(coin), tmp_path, capsys)
    require_both_ways(run)
    assert f"Bitcoin {coin.url}" in said
    for case in run["cases"]:
        anchor = case["facts"]["bitcoin_anchor"]
        assert "Satoshi" in anchor["software"], "it was bitcoind that we spoke to"
        assert before < anchor["height"] <= case["facts"]["ledger"]["bitcoin_height"]
    assert case["facts"]["ledger"]["bitcoin_height"] == coin.call("getblockcount")


@pytest.mark.parametrize("time", [1, 2])
def test_pegs_go_both_ways_over_a_foreign_execution_client_the_second_time_too(
    chain: foreign.EthereumJs, tmp_path: Path, capsys: pytest.CaptureFixture[str], time: int
) -> None:
    before = int(chain.call("eth_blockNumber"), 16)
    run, said = ran(chain_variables(chain), tmp_path, capsys)
    require_both_ways(run)
    assert f"execution client {chain.engine_url}" in said
    heights = [before]
    for case in run["cases"]:
        anchor = case["facts"]["execution_anchor"]
        assert anchor["software"].startswith("EthereumJS/")
        assert anchor["number"] >= heights[-1]
        heights.append(case["facts"]["ledger"]["evm_height"])
    assert heights[-1] <= int(chain.call("eth_blockNumber"), 16)
    assert heights[2] > heights[1] > heights[0]
    bridge = run["cases"][-1]["facts"]
    assert bridge["receipts_set_right"] > 0, (
        "0.10.5 shows them otherwise; is the repair still needed?"
    )


def test_both_at_once(
    coin: foreign.Bitcoind,
    chain: foreign.EthereumJs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, _ = ran(coin_variables(coin) | chain_variables(chain), tmp_path, capsys)
    require_both_ways(run)
    assert {"bitcoin_anchor", "execution_anchor"} <= set(run["cases"][0]["facts"])


def test_another_secret_than_the_client_has_is_told(
    chain: foreign.EthereumJs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["test", "integration", "-k", "block_production", "--results-dir", str(tmp_path)]
    variables = chain_variables(chain) | {"ENGINE_JWT_SECRET": "5e" * 32}
    assert cli.main(typed, environment=variables) == 3
    assert "is ENGINE_JWT_SECRET the client's?" in capsys.readouterr().out


def test_a_node_of_ours_is_checked_on_real_nodes_alone(
    coin: foreign.Bitcoind,
    chain: foreign.EthereumJs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Blocks, pegs and a reorganisation, with nothing of ours round the node but governance."""
    variables = coin_variables(coin) | chain_variables(chain)
    with governance() as ends, node(variables | {"GOVERNANCE_ENDPOINTS": ends}) as url:
        code, rows, told = check(variables, tmp_path, capsys, "--node-rpc", url)
    assert (code, told["causes"]) == (0, [])
    assert {verdict for verdict, _ in rows.values()} == {"pass"}
    assert "Satoshi" in told["cases"][0]["facts"]["bitcoin_anchor"]["software"]


def test_the_remote_world_takes_real_nodes_among_its_services(
    coin: foreign.Bitcoind,
    chain: foreign.EthereumJs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They have no admin port: the run begins where they stand. Governance is ours, with a session."""
    variables = coin_variables(coin) | chain_variables(chain) | {"REAL_NODES": "bitcoin,ethereum"}
    with governed() as doors:
        ends = {
            "GOVERNANCE_ENDPOINTS": ",".join(f"http://{one['grpc']}" for one in doors),
            "GOVERNANCE_ADMIN_URLS": ",".join(one["admin"] for one in doors),
        }
        words = ["--world", "remote", "--time-scale", "10"]
        run, _ = ran(variables | ends, tmp_path, capsys, *words)
    require_both_ways(run)
    assert run["world"] == "remote"
    assert {"bitcoin_anchor", "execution_anchor"} <= set(run["cases"][0]["facts"])


@contextmanager
def governance() -> Iterator[str]:
    """The three nodes as processes; their endpoints."""
    with governed() as doors:
        yield ",".join(f"http://{one['grpc']}" for one in doors)


@contextmanager
def governed() -> Iterator[list[dict[str, str]]]:
    """The doors of three governance nodes that are processes."""
    processes = [services.start("governance", number) for number in range(3)]
    try:
        yield [services.doors(one) for one in processes]
    finally:
        for one in processes:
            one.terminate()
            one.communicate(timeout=30)
