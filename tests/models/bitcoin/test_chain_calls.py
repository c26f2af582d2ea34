"""The calls about the chain as a whole. Their answers beside bitcoind's: tests/contract/bitcoin."""

import pytest

from alys.models.bitcoin.chain_calls import CALLS
from alys.models.bitcoin.node import BitcoinNode
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, refusal


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node()


def test_a_blocks_figures_are_of_what_is_in_it(node: BitcoinNode) -> None:
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    builders.mine(node)
    figures = node.handle("getblockstats", [101])
    assert (figures["txs"], figures["ins"], figures["totalfee"]) == (2, 1, FEE)
    assert figures["total_out"] == 50 * COIN - FEE
    assert node.handle("getblockstats", [101, ["txs"]]) == {"txs": 2}


def test_a_proof_is_verified_by_the_chain_that_has_the_block(node: BitcoinNode) -> None:
    tx = builders.payment(builders.coinbase_at(node, 1))
    builders.send(node, tx)
    (digest,) = builders.mine(node)
    proof = node.handle("gettxoutproof", [[tx.txid]])
    assert proof == node.handle("gettxoutproof", [[tx.txid], digest])
    assert node.handle("verifytxoutproof", [proof]) == [tx.txid]
    assert node.handle("verifytxoutproof", [proof[:72] + "00" + proof[74:]]) == []
    node.handle("invalidateblock", [digest])
    assert refusal(node, "verifytxoutproof", proof)[0] == -5


def test_the_hash_of_the_coins_is_that_of_the_chain_it_came_back_to(node: BitcoinNode) -> None:
    before = node.handle("gettxoutsetinfo", ["muhash"])
    (digest,) = builders.mine(node)
    after = node.handle("gettxoutsetinfo", ["muhash"])
    assert after["muhash"] != before["muhash"]
    node.handle("invalidateblock", [digest])
    assert node.handle("gettxoutsetinfo", ["muhash"]) == before


def test_calls_that_wait_answer_at_once_where_nobody_waits(node: BitcoinNode) -> None:
    tip = {"hash": node.chain.tip.hash, "height": 100}
    assert node.handle("waitforblockheight", [1000, 1]) == tip
    assert node.handle("waitforblock", ["ab" * 32]) == tip
    assert node.handle("waitfornewblock", []) == tip
    assert refusal(node, "waitfornewblock", -1) == (-1, "Negative timeout")


def test_a_deployment_is_counted_per_period(node: BitcoinNode) -> None:
    def dummy() -> dict[str, object]:
        found: dict[str, object] = node.handle("getdeploymentinfo", [])["deployments"]["testdummy"]
        return found

    assert dummy()["bip9"]["status"] == "defined"  # type: ignore[index]
    builders.mine(node, 50)
    assert dummy()["bip9"]["status"] == "started"  # type: ignore[index]


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
