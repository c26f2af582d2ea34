"""What may wait, what replaces what, and what a block or the loss of one does to those who wait."""

from typing import Any

import msgspec
import pytest

from alys.models.bitcoin import mempool
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxIn, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, SCRIPT, START

RBF = 0xFFFFFFFD


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node(3)


def coinbase(node: BitcoinNode, height: int = 1) -> Tx:
    return builders.coinbase_at(node, height)


def refused(node: BitcoinNode, tx: Tx) -> str:
    before = dict(node.mempool.waiting)
    with pytest.raises(Rejected) as caught:
        node.mempool.add(tx, START)
    assert node.mempool.waiting == before
    return caught.value.reason


def test_what_is_accepted_waits_with_its_fee_and_sigops(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node))
    assert node.mempool.check(tx).fee == FEE
    assert node.mempool.waiting == {}
    entry = node.mempool.add(tx, START + 5)
    assert node.mempool.waiting == {tx.txid: entry}
    assert (entry.fee, entry.time, entry.height, entry.sigops) == (FEE, START + 5, 102, 1)
    assert node.mempool.spends(builders.place_of(coinbase(node)))


def test_each_refusal_has_cores_reason(node: BitcoinNode) -> None:
    spent = coinbase(node)
    cases: dict[str, Tx] = {
        "coinbase": spent,
        "non-final": builders.payment(spent, locktime=103, sequence=0),
        "non-BIP68-final": builders.payment(spent, sequence=200),
        "bad-txns-premature-spend-of-coinbase": builders.payment(coinbase(node, 4)),
        "bad-txns-inputs-missingorspent": builders.payment(builders.payment(spent)),
        "bad-txns-in-belowout": builders.payment(spent, fee=-1),
        "min relay fee not met": builders.payment(spent, fee=50),
        "scriptpubkey": builders.payment(spent, to=b"\x51"),
        "dust": builders.payment(spent, fee=50 * COIN - 293),
        "bad-txns-vin-empty": msgspec.structs.replace(builders.payment(spent), inputs=()),
    }
    assert {reason: refused(node, tx) for reason, tx in cases.items()} == {
        reason: reason for reason in cases
    }


def test_a_forged_signature_is_refused(node: BitcoinNode) -> None:
    forged = builders.payment(coinbase(node), secret=builders.PAYEE_SECRET)
    assert refused(node, forged).startswith("mempool-script-verify-flag-failed")


def test_the_relay_fee_is_one_satoshi_per_virtual_byte(node: BitcoinNode) -> None:
    size = builders.payment(coinbase(node)).vsize
    exact = builders.payment(coinbase(node), fee=size)
    assert exact.vsize == size
    assert node.mempool.check(exact).fee == mempool.relay_fee(exact) == size
    assert refused(node, builders.payment(coinbase(node), fee=size - 1)) == "min relay fee not met"


def test_a_lock_that_ends_with_this_block_is_open(node: BitcoinNode) -> None:
    assert node.chain.tip.height == 102
    by_height = builders.payment(coinbase(node), locktime=102, sequence=0)
    assert node.mempool.check(by_height).fee == FEE
    assert node.mempool.check(builders.payment(coinbase(node), sequence=102)).fee == FEE
    assert refused(node, builders.payment(coinbase(node), sequence=103)) == "non-BIP68-final"


def test_the_same_transaction_is_known_also_with_another_witness(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node))
    node.mempool.add(tx, START)
    assert refused(node, tx) == "txn-already-in-mempool"
    other = (msgspec.structs.replace(tx.inputs[0], witness=(b"", b"")),)
    told = refused(node, msgspec.structs.replace(tx, inputs=other))
    assert told == "txn-same-nonwitness-data-in-mempool"


def test_a_confirmed_transaction_is_known_while_an_output_is_unspent(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node), to=SCRIPT)
    node.mempool.add(tx, START)
    builders.mine(node)
    assert refused(node, tx) == "txn-already-known"
    node.mempool.add(builders.payment(tx), START)
    builders.mine(node)
    assert refused(node, tx) == "bad-txns-inputs-missingorspent"


def test_a_child_may_spend_a_waiting_parent(node: BitcoinNode) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    child = builders.payment(parent)
    assert refused(node, child) == "bad-txns-inputs-missingorspent"
    node.mempool.add(parent, START)
    node.mempool.add(child, START)
    assert node.mempool.ancestors(child) == {parent.txid}
    assert node.mempool.descendants(parent.txid) == {child.txid}
    assert node.mempool.coin(builders.place_of(child, 1)) is None


def test_a_chain_of_more_than_25_is_refused(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node), to=SCRIPT)
    node.mempool.add(tx, START)
    for _ in range(mempool.ANCESTORS_MAX - 1):
        tx = builders.payment(tx, to=SCRIPT)
        node.mempool.add(tx, START)
    assert refused(node, builders.payment(tx, to=SCRIPT)) == "too-long-mempool-chain"


def test_a_replacement_pays_more_and_takes_the_descendants_with_it(node: BitcoinNode) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    child = builders.payment(parent)
    for tx in (parent, child):
        node.mempool.add(tx, START)
    better = builders.payment(coinbase(node), fee=2 * FEE + 200)
    node.mempool.add(better, START)
    assert list(node.mempool.waiting) == [better.txid]
    assert not node.mempool.spends(builders.place_of(parent))


@pytest.mark.parametrize(
    ("fee", "told"),
    [
        (FEE, "new feerate"),
        (2 * FEE - 1, "less fees than conflicting txs"),
        (2 * FEE + 50, "not enough additional fees to relay"),
    ],
)
def test_a_replacement_that_pays_too_little_is_refused(
    node: BitcoinNode, fee: int, told: str
) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    for tx in (parent, builders.payment(parent)):
        node.mempool.add(tx, START)
    with pytest.raises(Rejected) as caught:
        node.mempool.add(builders.payment(coinbase(node), fee=fee, sequence=RBF), START)
    assert caught.value.reason == "insufficient fee"
    assert told in caught.value.detail
    assert len(node.mempool.waiting) == 2


def two_inputs(first: Tx, second: Tx, fee: int) -> Tx:
    """Spends the first outputs of both, which both pay SCRIPT."""
    values = [first.outputs[0].value, second.outputs[0].value]
    tx = Tx(
        inputs=tuple(TxIn(outpoint=builders.place_of(one)) for one in (first, second)),
        outputs=(TxOut(value=sum(values) - fee, script=builders.PAYEE),),
    )
    for index, value in enumerate(values):
        tx = bitcoin.sign_p2wpkh_input(tx, index, builders.SECRET, value)
    return tx


def test_a_replacement_must_not_spend_what_it_replaces(node: BitcoinNode) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    node.mempool.add(parent, START)
    both = two_inputs(coinbase(node), parent, 20 * FEE)
    assert refused(node, both) == "bad-txns-spends-conflicting-tx"


def test_a_replacement_must_not_lean_on_other_waiting_ones(node: BitcoinNode) -> None:
    old, other = (builders.payment(coinbase(node, n), to=SCRIPT) for n in (1, 2))
    for tx in (old, other):
        node.mempool.add(tx, START)
    leaning = two_inputs(coinbase(node), other, 20 * FEE)
    assert refused(node, leaning) == "replacement-adds-unconfirmed"


def test_a_replacement_puts_out_a_limited_number(
    node: BitcoinNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mempool, "REPLACED_MAX", 2)
    tx = builders.payment(coinbase(node), to=SCRIPT)
    better = builders.payment(coinbase(node), fee=20 * FEE)
    for _ in range(2):
        node.mempool.add(tx, START)
        tx = builders.payment(tx, to=SCRIPT)
    assert node.mempool.check(better).fee == 20 * FEE
    node.mempool.add(tx, START)
    assert refused(node, better) == "too many potential replacements"


def test_a_coin_of_no_known_template_is_not_spent_by_relay_but_in_a_block(
    node: BitcoinNode,
) -> None:
    odd = builders.payment(coinbase(node), to=b"\x51")
    node.chain.accept(builders.block_on_tip(node, [odd], FEE))
    value = odd.outputs[0].value - FEE
    spend = Tx(
        inputs=(TxIn(outpoint=builders.place_of(odd)),),
        outputs=(TxOut(value=value, script=SCRIPT),),
    )
    assert refused(node, spend) == "bad-txns-nonstandard-inputs"
    node.chain.accept(builders.block_on_tip(node, [spend], FEE))


def test_a_transaction_full_of_signature_checks_is_refused(
    node: BitcoinNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mempool, "SIGOPS_COST_MAX", 1)
    assert node.mempool.check(builders.payment(coinbase(node))).sigops == 1
    legacy = bitcoin.address_to_script("mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r")
    assert refused(node, builders.payment(coinbase(node), to=legacy)) == "bad-txns-too-many-sigops"


def test_a_refused_replacement_leaves_the_old_one(node: BitcoinNode) -> None:
    old = builders.payment(coinbase(node))
    node.mempool.add(old, START)
    forged = builders.payment(coinbase(node), fee=50 * FEE, secret=builders.PAYEE_SECRET)
    assert refused(node, forged).startswith("mempool-script-verify-flag-failed")
    assert list(node.mempool.waiting) == [old.txid]


def test_a_block_takes_out_what_it_includes_and_keeps_the_rest(node: BitcoinNode) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    child, other = builders.payment(parent), builders.payment(coinbase(node, 2))
    for tx in (parent, child, other):
        node.mempool.add(tx, START)
    node.chain.accept(builders.block_on_tip(node, [parent], FEE))
    assert list(node.mempool.waiting) == [child.txid, other.txid]
    assert node.mempool.ancestors(child) == set()
    assert not node.mempool.spends(builders.place_of(coinbase(node)))


def test_a_block_drops_what_it_makes_impossible_with_its_descendants(node: BitcoinNode) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    for tx in (parent, builders.payment(parent)):
        node.mempool.add(tx, START)
    rival = builders.payment(coinbase(node), fee=2 * FEE)
    node.chain.accept(builders.block_on_tip(node, [rival], 2 * FEE))
    assert node.mempool.waiting == {}
    assert not node.mempool.spends(builders.place_of(parent))


def test_a_lost_block_gives_its_transactions_back_before_those_that_wait(
    node: BitcoinNode,
) -> None:
    parent = builders.payment(coinbase(node), to=SCRIPT)
    child = builders.payment(parent)
    node.mempool.add(parent, START)
    builders.mine(node)
    node.mempool.add(child, START + 9)
    node.chain.invalidate(node.chain.tip)
    assert list(node.mempool.waiting) == [parent.txid, child.txid]
    assert node.mempool.waiting[child.txid].time == START + 9
    builders.mine(node)
    assert node.mempool.waiting == {}


def test_what_the_shorter_chain_makes_impossible_is_dropped(node: BitcoinNode) -> None:
    young = builders.payment(coinbase(node, 3))
    node.mempool.add(young, START)
    node.chain.invalidate(node.chain.tip)
    assert node.mempool.waiting == {}


def test_a_payment_goes_to_the_new_branch_when_its_block_is_lost(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node))
    node.mempool.add(tx, START)
    branch = builders.fork(node, node.chain.tip.height, 2)
    builders.mine(node)
    for block in branch:
        node.chain.accept(block)
    assert list(node.mempool.waiting) == [tx.txid]
    (digest,) = builders.mine(node)
    assert tx.txid in node.handle("getblock", [digest])["tx"]


def test_every_change_is_counted(node: BitcoinNode) -> None:
    counts: list[Any] = [node.mempool.changes]
    node.mempool.add(builders.payment(coinbase(node)), START)
    counts.append(node.mempool.changes)
    builders.mine(node)
    counts.append(node.mempool.changes)
    assert counts == sorted(set(counts))


def test_families_have_limits_in_number_and_size(
    node: BitcoinNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = (TxOut(value=COIN, script=builders.SCRIPT),) * 30
    parent = builders.payment(coinbase(node), outputs=outputs)
    node.mempool.add(parent, START)
    for vout in range(24):
        node.mempool.add(builders.payment(parent, vout=vout), START)
    extra = builders.payment(parent, vout=24, to=builders.SCRIPT)
    node.mempool.add(extra, START)  # Core's carve-out: one more, small and with one parent
    assert refused(node, builders.payment(parent, vout=25)) == "too-long-mempool-chain"
    replacement = builders.payment(parent, vout=3, fee=5 * FEE)
    node.mempool.add(replacement, START)
    assert refused(node, builders.payment(extra)) == "too-long-mempool-chain"
    monkeypatch.setattr(mempool, "FAMILY_VBYTES_MAX", 1000)
    assert refused(node, builders.payment(parent, vout=3, fee=9 * FEE)) == "too-long-mempool-chain"
    monkeypatch.setattr(mempool, "FAMILY_VBYTES_MAX", parent.vsize + 200)
    monkeypatch.setattr(mempool, "CARVE_OUT_VBYTES_MAX", 10)
    assert refused(node, builders.payment(parent, vout=26)) == "too-long-mempool-chain"


def test_one_dust_output_may_stand_where_nothing_is_paid_for_it(node: BitcoinNode) -> None:
    outputs = (
        TxOut(value=50 * COIN - 1, script=builders.SCRIPT),
        TxOut(value=1, script=builders.SCRIPT),
    )
    free = builders.payment(coinbase(node), outputs=outputs)
    assert refused(node, free) == "min relay fee not met"
    paid = builders.payment(coinbase(node), outputs=(outputs[1],))
    assert refused(node, paid) == "dust"


def test_a_transaction_is_found_by_both_its_names(node: BitcoinNode) -> None:
    tx = builders.payment(coinbase(node))
    told: list[str] = []
    node.mempool.listeners.append(lambda entry: told.append(entry.tx.txid))
    node.mempool.add(tx, START)
    assert told == [tx.txid]
    for name in (tx.txid, tx.wtxid):
        found = node.mempool.find(name)
        assert found is not None
        assert found.tx is tx
    assert node.mempool.find("ab" * 32) is None
    builders.mine(node)
    assert node.mempool.find(tx.wtxid) is None
