"""Transactions made, read and signed outside of a wallet. Their answers beside bitcoind's: tests/contract/bitcoin."""

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.raw_calls import CALLS
from alys.wire import bitcoin
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, PAYEE_ADDRESS, SECRET, refusal

WIF = bitcoin.wif_of(SECRET)


@pytest.fixture
def node() -> BitcoinNode:
    return builders.funded_node()


def test_a_transaction_is_made_signed_and_sent(node: BitcoinNode) -> None:
    place = {"txid": builders.coinbase_at(node, 1).txid, "vout": 0}
    made = node.handle("createrawtransaction", [[place], [{PAYEE_ADDRESS: "49.9999"}]])
    signed = node.handle("signrawtransactionwithkey", [made, [WIF]])
    assert signed["complete"] is True
    assert "errors" not in signed
    txid = node.handle("sendrawtransaction", [signed["hex"]])
    assert list(node.mempool.waiting) == [txid]


def test_what_a_key_cannot_sign_is_told(node: BitcoinNode) -> None:
    place = {"txid": builders.coinbase_at(node, 1).txid, "vout": 0}
    made = node.handle("createrawtransaction", [[place], {PAYEE_ADDRESS: 1}])
    signed = node.handle("signrawtransactionwithkey", [made, []])
    assert (signed["complete"], signed["errors"][0]["vout"]) == (False, 0)


def test_half_signed_copies_are_put_together(node: BitcoinNode) -> None:
    first, second = builders.coinbase_at(node, 1).txid, builders.coinbase_at(node, 2).txid
    places = [{"txid": txid, "vout": 0} for txid in (first, second)]
    made = node.handle("createrawtransaction", [places, {PAYEE_ADDRESS: 99}])
    signed = node.handle("signrawtransactionwithkey", [made, [WIF]])["hex"]
    assert node.handle("combinerawtransaction", [[made, signed]]) == signed
    assert refusal(node, "combinerawtransaction", [])[0] == -22


def test_scripts_of_coins_may_be_told(node: BitcoinNode) -> None:
    pubkey = bitcoin.pubkey_of(SECRET)
    inner = bitcoin.multisig_script(1, [pubkey])
    coin = {
        "txid": "ab" * 32,
        "vout": 0,
        "scriptPubKey": bitcoin.p2wsh_script(inner).hex(),
        "witnessScript": inner.hex(),
        "amount": 1,
    }
    made = node.handle("createrawtransaction", [[coin], {ADDRESS: "0.9"}])
    assert node.handle("signrawtransactionwithkey", [made, [WIF], [coin]])["complete"] is True
    for name in ("txid", "vout", "scriptPubKey"):
        lacking = {key: value for key, value in coin.items() if key != name}
        told = (-3, f"Missing {name}")
        assert refusal(node, "signrawtransactionwithkey", made, [WIF], [lacking]) == told


def test_every_call_of_the_table_is_reached_by_its_name(node: BitcoinNode) -> None:
    for name, call in CALLS.items():
        assert node.handle("help", [name]) == call.usage
        assert call.usage.split()[0] == name
