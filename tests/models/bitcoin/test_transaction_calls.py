"""The calls about transactions answer as bitcoind does, codes and words included."""

from typing import Any

import msgspec
import pytest

from alys.models.bitcoin import mempool
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.transaction_calls import CALLS
from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, FEE, SCRIPT, START, refusal

UNKNOWN = "ab" * 32


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node(2)


def payment(node: BitcoinNode, **changes: Any) -> Tx:
    return builders.payment(builders.coinbase_at(node, 1), **changes)


def raw(tx: Tx) -> str:
    return tx.serialize().hex()


def test_a_sent_transaction_waits_is_mined_and_is_found_all_the_way(node: BitcoinNode) -> None:
    tx = payment(node)
    assert builders.send(node, tx) == tx.txid
    assert node.handle("getrawmempool", []) == [tx.txid]
    assert node.handle("getrawtransaction", [tx.txid]) == raw(tx)
    waiting = node.handle("getrawtransaction", [tx.txid, True])
    assert "blockhash" not in waiting
    assert "confirmations" not in waiting
    (digest,) = builders.mine(node)
    assert node.handle("getrawmempool", []) == []
    found = node.handle("getrawtransaction", [tx.txid, 1])
    assert (found["blockhash"], found["confirmations"]) == (digest, 1)
    assert found["time"] == found["blocktime"] == node.chain.tip.block.header.time
    assert "in_active_chain" not in found
    builders.mine(node)
    assert node.handle("getrawtransaction", [tx.txid, 1])["confirmations"] == 2


def test_verbosity_2_adds_fee_and_prevouts_once_there_is_a_block(node: BitcoinNode) -> None:
    tx = payment(node)
    builders.send(node, tx)
    assert "fee" not in node.handle("getrawtransaction", [tx.txid, 2])
    builders.mine(node)
    view = node.handle("getrawtransaction", [tx.txid, 2])
    assert view["fee"] == bitcoin.amount_of(FEE)
    assert view["vin"][0]["prevout"]["height"] == 1


def test_a_transaction_of_a_named_block(node: BitcoinNode) -> None:
    tx = payment(node)
    builders.send(node, tx)
    (digest,) = builders.mine(node)
    assert node.handle("getrawtransaction", [tx.txid, False, digest]) == raw(tx)
    view = node.handle("getrawtransaction", [tx.txid, True, digest])
    assert (view["in_active_chain"], view["confirmations"]) == (True, 1)
    node.handle("invalidateblock", [digest])
    view = node.handle("getrawtransaction", [tx.txid, True, digest])
    assert (view["in_active_chain"], view["confirmations"]) == (False, 0)
    assert "time" not in view


def test_a_transaction_that_is_not_there_is_error_minus_5(node: BitcoinNode) -> None:
    best = node.chain.tip.hash
    for arguments, start in (
        ((UNKNOWN,), "No such mempool or blockchain transaction."),
        ((UNKNOWN, 0, best), "No such transaction found in the provided block."),
        ((UNKNOWN, 0, UNKNOWN), "Block hash not found"),
        ((builders.coinbase_at(node, 0).txid,), "The genesis block coinbase is not considered"),
    ):
        code, message = refusal(node, "getrawtransaction", *arguments)
        assert code == -5
        assert message.startswith(start)
    assert refusal(node, "getrawtransaction", "ab")[0] == -8


def test_sending_again_is_no_error_while_it_waits_and_minus_27_when_confirmed(
    node: BitcoinNode,
) -> None:
    tx = payment(
        node,
        outputs=(TxOut(value=COIN, script=SCRIPT), TxOut(value=0, script=b"\x6a\x02ab")),
        fee=0,
    )
    tx = bitcoin.sign_p2wpkh_input(tx, 0, builders.SECRET, 50 * COIN)
    told = refusal(node, "sendrawtransaction", raw(tx))
    assert told[0] == -25  # 49 coins of fee
    assert node.handle("sendrawtransaction", [raw(tx), 0]) == tx.txid
    assert node.handle("sendrawtransaction", [raw(tx), 0]) == tx.txid
    builders.mine(node)
    told = refusal(node, "sendrawtransaction", raw(tx))
    assert told == (-27, "Transaction outputs already in utxo set")


def test_codes_of_refused_transactions(node: BitcoinNode) -> None:
    gone = builders.payment(payment(node))
    assert refusal(node, "sendrawtransaction", raw(gone)) == (
        -25,
        "bad-txns-inputs-missingorspent",
    )
    assert refusal(node, "sendrawtransaction", "00")[0] == -22
    young = builders.payment(builders.coinbase_at(node, 3))
    code, message = refusal(node, "sendrawtransaction", raw(young))
    assert code == -26
    assert message.startswith("bad-txns-premature-spend-of-coinbase, tried to spend")
    forged = payment(node, secret=builders.PAYEE_SECRET)
    code, message = refusal(node, "sendrawtransaction", raw(forged))
    assert code == -26
    assert message.startswith("mempool-script-verify-flag-failed (")
    assert node.handle("getrawmempool", []) == []


def test_a_fee_above_the_callers_limit_is_refused_at_the_last_satoshi(node: BitcoinNode) -> None:
    tx = payment(node, fee=100_000)
    limit = f"{100_000 * 1000 // tx.vsize / COIN:.8f}"
    code, message = refusal(node, "sendrawtransaction", raw(tx), limit)
    assert (code, message.startswith("Fee exceeds maximum configured by user")) == (-25, True)
    above = f"{(100_000 * 1000 // tx.vsize + 1) / COIN:.8f}"
    assert node.handle("sendrawtransaction", [raw(tx), above]) == tx.txid


def test_coins_are_burnt_only_on_demand(node: BitcoinNode) -> None:
    burn = payment(node, to=b"\x6a\x14" + bytes(20))
    code, message = refusal(node, "sendrawtransaction", raw(burn))
    assert (code, message.startswith("Unspendable output exceeds maximum")) == (-25, True)
    assert node.handle("sendrawtransaction", [raw(burn), None, 50]) == burn.txid


def test_a_trial_tells_what_sending_would_and_changes_nothing(node: BitcoinNode) -> None:
    tx = payment(node)
    (view,) = node.handle("testmempoolaccept", [[raw(tx)]])
    assert (view["txid"], view["wtxid"], view["allowed"]) == (tx.txid, tx.wtxid, True)
    assert (view["vsize"], view["fees"]["base"]) == (tx.vsize, bitcoin.amount_of(FEE))
    assert node.handle("getrawmempool", []) == []

    def why(one: Tx) -> str:
        (told,) = node.handle("testmempoolaccept", [[raw(one)]])
        assert told["allowed"] is False
        reason: str = told["reject-reason"]
        return reason

    assert why(builders.payment(tx)) == "missing-inputs"
    assert why(payment(node, fee=1)) == "min relay fee not met"
    assert why(payment(node, fee=10 * COIN)) == "max-fee-exceeded"
    assert refusal(node, "testmempoolaccept", [])[0] == -8
    assert refusal(node, "testmempoolaccept", ["00"])[0] == -22


def test_a_waiting_transaction_knows_its_family(node: BitcoinNode) -> None:
    parent = payment(node, to=SCRIPT)
    child = builders.payment(parent, fee=3 * FEE)
    for tx in (parent, child):
        builders.send(node, tx)
    view = node.handle("getmempoolentry", [parent.txid])
    assert (view["vsize"], view["weight"]) == (parent.vsize, parent.weight)
    assert (view["time"], view["height"], view["wtxid"]) == (START, 101, parent.wtxid)
    assert (view["ancestorcount"], view["descendantcount"]) == (1, 2)
    assert view["descendantsize"] == parent.vsize + child.vsize
    assert view["fees"]["base"] == bitcoin.amount_of(FEE)
    assert view["fees"]["descendant"] == bitcoin.amount_of(4 * FEE)
    assert (view["depends"], view["spentby"]) == ([], [child.txid])
    view = node.handle("getmempoolentry", [child.txid])
    assert (view["depends"], view["ancestorcount"]) == ([parent.txid], 2)
    assert view["fees"]["ancestor"] == bitcoin.amount_of(4 * FEE)
    both = node.handle("getrawmempool", [True])
    assert both[child.txid] == view
    assert list(both) == [parent.txid, child.txid]
    assert refusal(node, "getmempoolentry", UNKNOWN) == (-5, "Transaction not in mempool")


def test_the_mempool_at_a_glance(node: BitcoinNode) -> None:
    tx = payment(node)
    builders.send(node, tx)
    info = node.handle("getmempoolinfo", [])
    assert (info["size"], info["bytes"]) == (1, tx.vsize)
    assert info["total_fee"] == bitcoin.amount_of(FEE)
    assert bitcoin.sats_of(info["minrelaytxfee"]) == mempool.RELAY_FEE_SATS_PER_KVB


def test_a_transaction_is_decoded_without_being_known(node: BitcoinNode) -> None:
    tx = msgspec.structs.replace(payment(node), locktime=77)
    view = node.handle("decoderawtransaction", [raw(tx)])
    assert (view["txid"], view["locktime"]) == (tx.txid, 77)
    assert "hex" not in view


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
