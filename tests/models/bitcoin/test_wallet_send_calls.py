"""The calls that pay out of a wallet. Their answers beside bitcoind's: tests/contract/bitcoin."""

from alys.models.bitcoin.wallet_send_calls import CALLS
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, COIN, PAYEE_ADDRESS, refusal
from tests.models.bitcoin.test_wallet import funded


def test_a_payment_is_mined_and_arrives() -> None:
    node, wallet = funded()
    txid = node.handle("sendtoaddress", [PAYEE_ADDRESS, "1.5", "rent", "landlord"])
    builders.mine(node)
    found = node.handle("scantxoutset", ["start", [f"addr({PAYEE_ADDRESS})"]])
    assert [coin["amount"] for coin in found["unspents"]] == [1.5]
    view = node.handle("gettransaction", [txid])
    assert (view["comment"], view["to"], view["confirmations"]) == ("rent", "landlord", 1)
    assert wallet.locked == set()


def test_several_payees_in_one_transaction() -> None:
    node, _ = funded()
    txid = node.handle("sendmany", ["", {PAYEE_ADDRESS: 1, ADDRESS: 2}, None, "", [ADDRESS]])
    tx = node.mempool.waiting[txid].tx
    assert tx.outputs[0].value == COIN
    assert tx.outputs[1].value < 2 * COIN


def test_a_transaction_is_funded_signed_and_sent() -> None:
    node, wallet = funded()
    bare = node.handle("createrawtransaction", [[], {PAYEE_ADDRESS: 1}])
    funded_tx = node.handle("fundrawtransaction", [bare, {"lockUnspents": True}])
    assert len(wallet.locked) == 1
    signed = node.handle("signrawtransactionwithwallet", [funded_tx["hex"]])
    assert signed["complete"] is True
    txid = node.handle("sendrawtransaction", [signed["hex"]])
    assert node.mempool.waiting[txid].fee == bitcoin.sats_of(funded_tx["fee"])


def test_a_payment_may_be_made_and_not_sent() -> None:
    node, _ = funded()
    options = {"add_to_wallet": False}
    made = node.handle("send", [{PAYEE_ADDRESS: 1}, None, "unset", 7, options])
    assert node.mempool.waiting == {}
    assert node.handle("testmempoolaccept", [[made["hex"]]])[0]["allowed"] is True
    assert bitcoin.parse_tx(bytes.fromhex(made["hex"])).txid == made["txid"]


def test_only_what_waits_nowhere_is_given_up() -> None:
    node, wallet = funded()
    txid = node.handle("sendtoaddress", [ADDRESS, 1])
    assert refusal(node, "abandontransaction", txid)[0] == -5
    node.mempool._remove([txid])
    node.handle("abandontransaction", [txid])
    assert wallet.note(txid).abandoned is True


def test_a_wallet_without_keys_pays_nothing() -> None:
    node = builders.make_node()
    node.handle("createwallet", ["w", True])
    told = (-4, "Error: Private keys are disabled for this wallet")
    assert refusal(node, "sendtoaddress", ADDRESS, 1) == told


def test_every_call_of_the_table_is_reached_by_its_name() -> None:
    node = builders.make_node()
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
