"""Transactions as bitcoind's JSON shows them."""

from alys.models.bitcoin import views
from alys.wire import bitcoin
from alys.wire.bitcoin import TxOut
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import ADDRESS, FEE, PAYEE, PAYEE_ADDRESS, SCRIPT

NODE = builders.funded_node()
SPENT = builders.coinbase_at(NODE, 1)
TX = builders.payment(SPENT)
COINS = NODE.mempool.coins_of(TX)


def test_a_transaction_by_itself() -> None:
    view = views.transaction(TX)
    assert (view["txid"], view["hash"]) == (TX.txid, TX.wtxid)
    assert (view["version"], view["locktime"]) == (2, 0)
    assert (view["size"], view["vsize"], view["weight"]) == (
        len(TX.serialize()),
        TX.vsize,
        TX.weight,
    )
    assert view["hex"] == TX.serialize().hex()
    assert view["vin"] == [
        {
            "txid": SPENT.txid,
            "vout": 0,
            "scriptSig": {"asm": "", "hex": ""},
            "txinwitness": [item.hex() for item in TX.inputs[0].witness],
            "sequence": 0xFFFFFFFF,
        }
    ]
    (out,) = view["vout"]
    assert (out["value"], out["n"]) == (49.99999, 0)
    assert "fee" not in view


def test_fee_and_prevouts_are_shown_when_the_coins_are_known() -> None:
    assert views.transaction(TX, COINS)["fee"] == bitcoin.amount_of(FEE)
    assert "prevout" not in views.transaction(TX, COINS)["vin"][0]
    (txin,) = views.transaction(TX, COINS, prevouts=True)["vin"]
    prevout = txin["prevout"]
    assert (prevout["generated"], prevout["height"], prevout["value"]) == (True, 1, 50.0)
    assert prevout["scriptPubKey"]["address"] == ADDRESS
    assert "fee" not in views.transaction(TX, {})


def test_a_coinbase_has_a_script_and_no_outpoint_and_no_fee() -> None:
    view = views.transaction(SPENT, COINS, prevouts=True)
    (txin,) = view["vin"]
    assert txin == {
        "coinbase": SPENT.inputs[0].script_sig.hex(),
        "txinwitness": ["00" * 32],
        "sequence": 0xFFFFFFFF,
    }
    assert "fee" not in view


def test_the_hex_can_be_left_out() -> None:
    assert "hex" not in views.transaction(TX, hex_too=False)


def test_a_script_has_words_type_descriptor_and_address_where_there_is_one() -> None:
    view = views.script(PAYEE)
    assert view["asm"] == f"0 {PAYEE[2:].hex()}"
    assert view["hex"] == PAYEE.hex()
    assert (view["type"], view["address"]) == ("witness_v0_keyhash", PAYEE_ADDRESS)
    assert view["desc"].startswith(f"addr({PAYEE_ADDRESS})#")
    data = views.script(b"\x6a\x02ab")
    assert (data["type"], data["asm"]) == ("nulldata", "OP_RETURN 25185")
    assert data["desc"].startswith("raw(6a026162)#")
    assert "address" not in data


def test_amounts_are_exact_to_the_satoshi() -> None:
    for sats in (1, 10, 123_456_789, 2_099_999_999_999_999):
        tx = builders.payment(SPENT, outputs=(TxOut(value=sats, script=SCRIPT),))
        shown = views.transaction(tx)["vout"][0]["value"]
        assert bitcoin.sats_of(shown) == sats
