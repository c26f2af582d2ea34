"""Transactions judged together, and taken in together."""

import pytest

from alys.models.bitcoin import packages
from alys.models.bitcoin.node import BitcoinNode
from alys.wire.bitcoin import Tx
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import refusal


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node(2)


def family(node: BitcoinNode) -> tuple[Tx, Tx]:
    parent = builders.payment(builders.coinbase_at(node, 1), to=builders.SCRIPT)
    return parent, builders.payment(parent)


def raw(*txs: Tx) -> list[str]:
    return [tx.serialize().hex() for tx in txs]


def test_a_child_is_judged_after_its_parent_and_nothing_stays(node: BitcoinNode) -> None:
    parent, child = family(node)
    told = node.handle("testmempoolaccept", [raw(parent, child)])
    assert [one["allowed"] for one in told] == [True, True]
    assert node.mempool.waiting == {}
    assert node.handle("testmempoolaccept", [raw(parent)])[0]["allowed"] is True


def test_when_one_is_refused_nothing_is_said_of_the_others(node: BitcoinNode) -> None:
    parent, child = family(node)
    orphan = builders.payment(child, fee=5_000, to=builders.SCRIPT, secret=builders.PAYEE_SECRET)
    told = node.handle("testmempoolaccept", [raw(parent, orphan, child)])
    assert [one.get("allowed") for one in told] == [None, False, None]
    assert told[1]["reject-reason"] == "missing-inputs"


def test_a_family_is_taken_in(node: BitcoinNode) -> None:
    parent, child = family(node)
    told = node.handle("submitpackage", [raw(parent, child)])
    assert (told["package_msg"], list(node.mempool.waiting)) == (
        "success",
        [parent.txid, child.txid],
    )
    again = node.handle("submitpackage", [raw(parent, child)])
    assert set(again["tx-results"]) == {parent.wtxid, child.wtxid}


def test_what_is_no_family_is_refused(node: BitcoinNode) -> None:
    stranger = builders.payment(builders.coinbase_at(node, 2))
    assert refusal(node, "submitpackage", raw(stranger, family(node)[1]))[0] == -25
    assert node.mempool.waiting == {}


def test_a_fee_rate_has_a_most_and_0_is_none(node: BitcoinNode) -> None:
    entry = node.mempool.check(family(node)[0])
    assert packages.exceeds(entry, 1)
    assert not packages.exceeds(entry, 0)
    assert not packages.exceeds(entry, 10**8)
