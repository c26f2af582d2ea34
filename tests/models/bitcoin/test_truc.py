"""Topologically restricted transactions: what is waiting decides what may come (BIP431)."""

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.rules import Rejected
from alys.wire.bitcoin import Tx, TxOut
from tests.models.bitcoin.builders import (
    SCRIPT,
    START,
    coinbase_at,
    funded_node,
    payment,
    place_of,
)


def parent_of(node: BitcoinNode, version: int, outputs: int = 3) -> Tx:
    """A waiting transaction with some outputs."""
    outs = (TxOut(value=10**9, script=SCRIPT),) * outputs
    tx = payment(coinbase_at(node, 1), version=version, outputs=outs)
    node.mempool.add(tx, START)
    return tx


def refused(node: BitcoinNode, tx: Tx) -> str:
    with pytest.raises(Rejected) as found:
        node.mempool.add(tx, START)
    return str(found.value)


def test_versions_do_not_mix() -> None:
    node = funded_node(1)
    assert "cannot spend from version=3 tx" in refused(node, payment(parent_of(node, 3)))
    node = funded_node(1)
    told = refused(node, payment(parent_of(node, 2), version=3))
    assert told.startswith("TRUC-violation, version=3 tx ")
    assert "cannot spend from non-version=3 tx" in told


def test_a_parent_has_one_child_which_has_none() -> None:
    node = funded_node(1)
    parent = parent_of(node, 3)
    child = payment(parent, version=3, to=SCRIPT)
    node.mempool.add(child, START)
    assert "too many ancestors" in refused(node, payment(child, version=3))


def test_a_sibling_takes_the_childs_place_when_it_pays_more() -> None:
    node = funded_node(1)
    parent = parent_of(node, 3)
    child = payment(parent, version=3)
    node.mempool.add(child, START)
    cheap = refused(node, payment(parent, vout=1, version=3))
    assert cheap.startswith("insufficient fee (including sibling eviction), ")
    sibling = payment(parent, vout=1, version=3, fee=5_000)
    node.mempool.add(sibling, START)
    assert list(node.mempool.waiting) == [parent.txid, sibling.txid]
    assert not node.mempool.spends(place_of(parent))
    again = payment(parent, vout=1, version=3, fee=9_000)
    node.mempool.add(again, START)
    assert list(node.mempool.waiting) == [parent.txid, again.txid]


def test_several_children_of_a_lost_block_are_no_room_for_another() -> None:
    node = funded_node(1)
    parent = parent_of(node, 3, 4)
    children = [payment(parent, vout=vout, version=3) for vout in range(2)]
    node.mempool.add(children[0], START)
    node.mempool._spent.pop(place_of(parent))
    node.mempool.waiting[children[1].txid] = node.mempool.waiting[children[0].txid]
    told = refused(node, payment(parent, vout=2, version=3, fee=9_000))
    assert told.endswith("would exceed descendant count limit")


def test_sizes_have_limits() -> None:
    node = funded_node(1)
    many = (TxOut(value=1000, script=SCRIPT),) * 330
    big = payment(coinbase_at(node, 1), version=3, outputs=many)
    assert "too big" in refused(node, big)
    parent = parent_of(node, 3)
    child = payment(parent, version=3, outputs=(TxOut(value=1000, script=SCRIPT),) * 31)
    assert "version=3 child tx" in refused(node, child)
