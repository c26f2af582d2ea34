"""A reorganisation on command: another branch, one longer, deterministic, and the old one as valid as before."""

import pytest

from alys.base.faults import BadFault, Reorg
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.reorg import reorganise
from tests.models.bitcoin import builders


def chain_of(node: BitcoinNode) -> list[str]:
    return [entry.hash for entry in node.chain.active]


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_the_last_blocks_are_replaced_by_one_more(depth: int) -> None:
    node = builders.make_node(5)
    before = chain_of(node)
    assert reorganise(node, Reorg(depth=depth)) == depth
    after = chain_of(node)
    assert len(after) == len(before) + 1
    assert after[: 6 - depth] == before[: 6 - depth]
    assert not set(after[6 - depth :]) & set(before)
    tips = {tip.hash: tip.invalid for tip in node.chain.index.values()}
    assert [tips[gone] for gone in before[6 - depth :]] == [False] * depth


def test_equal_nodes_reorganise_equally_and_each_time_anew() -> None:
    first, second = builders.make_node(4), builders.make_node(4)
    for node in (first, second):
        for depth in (2, 3, 1):
            reorganise(node, Reorg(depth=depth))
    assert chain_of(first) == chain_of(second)
    assert len(chain_of(first)) == 8


def test_a_payment_is_confirmed_again_unless_the_branch_is_to_be_empty() -> None:
    for empty in (False, True):
        node = builders.funded_node()
        txid = builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
        builders.mine(node)
        reorganise(node, Reorg(depth=1, empty=empty))
        assert (txid in node.mempool.waiting) is empty
        assert (txid in node.chain.transactions) is not empty
        builders.mine(node)
        assert txid in node.chain.transactions


def test_the_miners_of_the_old_blocks_are_those_of_the_new() -> None:
    node = builders.make_node(2)
    builders.mine(node, 1, builders.PAYEE_ADDRESS)
    reorganise(node, Reorg(depth=2))
    paid = [builders.coinbase_at(node, height).outputs[0].script for height in (2, 3, 4)]
    assert paid == [builders.SCRIPT, builders.PAYEE, builders.PAYEE]


def test_what_is_too_deep_changes_nothing() -> None:
    node = builders.make_node(2)
    before = chain_of(node)
    with pytest.raises(BadFault, match="2 blocks stand on the genesis block"):
        node.misbehaviour.add(Reorg(depth=3))
    assert chain_of(node) == before
    assert node.misbehaviour.view() == ()
