"""Chain and mempool belong together, and what they know is found."""

import pytest

from alys.models.bitcoin import state
from alys.models.bitcoin.genesis import genesis_block
from alys.models.bitcoin.state import NodeState
from alys.wire.jsonrpc import RpcError
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import FEE, START, Clock


def test_without_a_time_of_its_own_the_chain_is_the_real_regtest() -> None:
    assert NodeState(Clock()).chain.tip.hash == genesis_block().hash


def test_uptime_counts_from_the_start() -> None:
    clock = Clock()
    node = NodeState(clock, START)
    assert node.uptime_seconds == 0
    clock.seconds += 90.9
    assert node.uptime_seconds == 90


def test_a_block_of_any_branch_is_found_and_another_is_error_minus_5() -> None:
    node = builders.make_node(2)
    (aside,) = builders.fork(node, 1, 1)
    entry = node.chain.accept(aside)
    assert node.entry(aside.hash) is entry
    with pytest.raises(RpcError) as refused:
        node.entry("00" * 32)
    assert (refused.value.code, refused.value.message) == (state.NOT_FOUND, "Block not found")


def test_a_transaction_is_found_while_it_waits_and_in_its_block() -> None:
    node = builders.funded_node()
    tx = builders.payment(builders.coinbase_at(node, 1))
    assert node.find(tx.txid) is None
    node.mempool.add(tx, START)
    assert node.find(tx.txid) == (tx, None)
    builders.mine(node)
    assert node.find(tx.txid) == (tx, node.chain.tip)


def test_the_mempool_follows_the_chain() -> None:
    node = builders.funded_node()
    tx = builders.payment(builders.coinbase_at(node, 1))
    node.mempool.add(tx, START)
    node.chain.accept(builders.block_on_tip(node, [tx], FEE))
    assert node.mempool.waiting == {}
    node.chain.invalidate(node.chain.tip)
    assert list(node.mempool.waiting) == [tx.txid]
