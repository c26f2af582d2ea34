"""The calls about blocks and coins answer as bitcoind does."""

import pytest

from alys.models.bitcoin.block_calls import CALLS
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import refusal

UNKNOWN = "ab" * 32


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node()


def test_the_best_chain_by_height_and_hash(node: BitcoinNode) -> None:
    assert node.handle("getblockcount", []) == 100
    best = node.handle("getbestblockhash", [])
    assert node.handle("getblockhash", [100]) == best == node.chain.tip.hash
    assert node.handle("getblockchaininfo", [])["bestblockhash"] == best
    assert node.handle("getdifficulty", []) == pytest.approx(4.656542373906925e-10)
    assert [tip["hash"] for tip in node.handle("getchaintips", [])] == [best]


@pytest.mark.parametrize("height", [-1, 101])
def test_a_height_out_of_range_is_error_minus_8(node: BitcoinNode, height: int) -> None:
    assert refusal(node, "getblockhash", height) == (-8, "Block height out of range")


def test_an_unknown_block_is_error_minus_5(node: BitcoinNode) -> None:
    for method in ("getblock", "getblockheader", "invalidateblock", "reconsiderblock"):
        assert refusal(node, method, UNKNOWN) == (-5, "Block not found")
        assert refusal(node, method, "ab")[0] == -8


def test_a_block_in_hex_with_txids_and_with_transactions(node: BitcoinNode) -> None:
    block = node.chain.active[7].block
    raw = node.handle("getblock", [block.hash, 0])
    assert bitcoin.parse_block(bytes.fromhex(raw)) == block
    assert node.handle("getblock", [block.hash, False]) == raw
    txids = node.handle("getblock", [block.hash])
    assert txids == node.handle("getblock", [block.hash, 1])
    assert txids == node.handle("getblock", [block.hash.upper(), True])
    assert txids["tx"] == [block.txs[0].txid]
    (tx,) = node.handle("getblock", [block.hash, 2])["tx"]
    assert tx["hex"] == block.txs[0].serialize().hex()


def test_a_header_as_object_and_in_hex(node: BitcoinNode) -> None:
    header = node.chain.tip.block.header
    assert node.handle("getblockheader", [header.hash])["confirmations"] == 1
    assert node.handle("getblockheader", [header.hash, False]) == header.serialize().hex()


def test_an_unspent_output_is_shown_until_it_is_spent(node: BitcoinNode) -> None:
    spent = builders.coinbase_at(node, 1)
    assert node.handle("gettxout", [spent.txid, 0])["confirmations"] == 100
    tx = builders.payment(spent)
    builders.send(node, tx)
    assert node.handle("gettxout", [spent.txid, 0]) is None
    assert node.handle("gettxout", [spent.txid, 0, False])["value"] == 50.0
    assert node.handle("gettxout", [tx.txid, 0])["confirmations"] == 0
    assert node.handle("gettxout", [tx.txid, 0, False]) is None
    builders.mine(node)
    assert node.handle("gettxout", [spent.txid, 0, False]) is None
    assert node.handle("gettxout", [tx.txid, 0, False])["confirmations"] == 1
    assert node.handle("gettxout", [tx.txid, 1]) is None
    assert node.handle("gettxout", [UNKNOWN, 0]) is None


def test_a_block_is_declared_invalid_and_taken_back(node: BitcoinNode) -> None:
    best = node.handle("getbestblockhash", [])
    assert node.handle("invalidateblock", [node.chain.active[90].hash]) is None
    assert node.handle("getblockcount", []) == 89
    assert node.handle("getblockheader", [best])["confirmations"] == -1
    assert node.handle("reconsiderblock", [best]) is None
    assert node.handle("getbestblockhash", []) == best


def test_the_genesis_block_cannot_be_declared_invalid(node: BitcoinNode) -> None:
    assert node.handle("invalidateblock", [node.chain.active[0].hash]) is None
    assert node.chain.tip.height == 100


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
