"""The calls that look into the mempool. Their answers beside bitcoind's: tests/contract/bitcoin."""

import pytest

from alys.models.bitcoin.mempool_calls import CALLS
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import FEE, refusal


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node(2)


def test_a_family_is_told_by_names_or_whole(node: BitcoinNode) -> None:
    parent = builders.payment(builders.coinbase_at(node, 1), to=builders.SCRIPT, sequence=1)
    child = builders.payment(parent)
    for tx in (parent, child):
        builders.send(node, tx)
    assert node.handle("getmempoolancestors", [child.txid]) == [parent.txid]
    assert node.handle("getmempooldescendants", [parent.txid]) == [child.txid]
    assert node.handle("getmempooldescendants", [child.txid]) == []
    whole = node.handle("getmempoolancestors", [child.txid, True])[parent.txid]
    assert (whole["descendantcount"], whole["spentby"]) == (2, [child.txid])
    assert node.handle("getmempoolentry", [child.txid])["bip125-replaceable"] is True
    assert refusal(node, "getmempoolancestors", "ab" * 32)[0] == -5


def test_only_what_signals_is_told_to_be_replaceable(node: BitcoinNode) -> None:
    txid = builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    assert node.handle("getmempoolentry", [txid])["bip125-replaceable"] is False


def test_a_priority_is_counted_in_the_modified_fee(node: BitcoinNode) -> None:
    txid = builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    assert node.handle("prioritisetransaction", [txid, 0, 500]) is True
    assert node.handle("prioritisetransaction", {"txid": "ab" * 32, "fee_delta": 7}) is True
    fees = node.handle("getmempoolentry", [txid])["fees"]
    assert bitcoin.sats_of(fees["base"]) == FEE
    assert bitcoin.sats_of(fees["modified"]) == FEE + 500
    told = node.handle("getprioritisedtransactions", [])
    assert told[txid] == {"fee_delta": 500, "in_mempool": True, "modified_fee": FEE + 500}
    assert told["ab" * 32] == {"fee_delta": 7, "in_mempool": False}
    node.handle("prioritisetransaction", [txid, None, -500])
    assert txid not in node.handle("getprioritisedtransactions", [])


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
