"""Standard transactions pass; each way of not being standard has Core's reason."""

from typing import Any

import msgspec
import pytest

from alys.wire import bitcoin_policy
from alys.wire.bitcoin_codec import OutPoint, Tx, TxIn, TxOut

P2WPKH = b"\x00\x14" + bytes(20)
P2TR = b"\x51\x20" + bytes(31) + b"\x01"
DATA = b"\x6a\x14" + bytes(20)
BIG_DATA = b"\x6a\x4c\x51" + bytes(81)  # 84 bytes


def tx(*outputs: TxOut, **changes: Any) -> Tx:
    place = OutPoint(txid="11" * 32, vout=0)
    made = Tx(
        inputs=(TxIn(outpoint=place),), outputs=outputs or (TxOut(value=1000, script=P2WPKH),)
    )
    return msgspec.structs.replace(made, **changes)


def script_sig(data: bytes) -> tuple[TxIn, ...]:
    return (msgspec.structs.replace(tx().inputs[0], script_sig=data),)


def test_a_deposit_is_standard() -> None:
    deposit = tx(TxOut(value=10_000, script=P2TR), TxOut(value=0, script=DATA))
    assert bitcoin_policy.nonstandard_tx(deposit) is None


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (tx(version=0), "version"),
        (tx(version=4), "version"),
        (tx(inputs=script_sig(b"\x01a" * 900)), "scriptsig-size"),
        (tx(inputs=script_sig(b"\x61")), "scriptsig-not-pushonly"),
        (tx(TxOut(value=1000, script=b"\x51")), "scriptpubkey"),
        (tx(TxOut(value=0, script=BIG_DATA)), "scriptpubkey"),
        (tx(TxOut(value=0, script=DATA), TxOut(value=0, script=DATA)), "multi-op-return"),
        (tx(TxOut(value=293, script=P2WPKH), TxOut(value=0, script=P2TR)), "dust"),
        (tx(TxOut(value=0, script=b"\x6a")), "tx-size-small"),
        (tx(*[TxOut(value=1000, script=P2WPKH)] * 4000), "tx-size"),
    ],
)
def test_each_way_of_not_being_standard_has_its_reason(odd: Tx, reason: str) -> None:
    assert bitcoin_policy.nonstandard_tx(odd) == reason


def test_dust_ends_where_core_says() -> None:
    assert bitcoin_policy.is_dust(TxOut(value=293, script=P2WPKH))
    assert not bitcoin_policy.is_dust(TxOut(value=294, script=P2WPKH))
    assert bitcoin_policy.dust_threshold_sats(P2WPKH) == 294
    assert bitcoin_policy.dust_threshold_sats(P2TR) == 330
    assert bitcoin_policy.dust_threshold_sats(b"\x6a") == 0
    assert bitcoin_policy.nonstandard_tx(tx(TxOut(value=294, script=P2WPKH))) is None


def test_inputs_of_unknown_templates_and_stuffed_witnesses_are_not_standard() -> None:
    spend = tx()
    reason = bitcoin_policy.nonstandard_inputs
    assert reason(spend, [TxOut(value=1, script=P2WPKH)]) is None
    assert reason(spend, [TxOut(value=1, script=b"\x51")]) == "bad-txns-nonstandard-inputs"
    stuffed = (msgspec.structs.replace(spend.inputs[0], witness=(b"x",)),)
    pubkey_hash = b"\x76\xa9\x14" + bytes(20) + b"\x88\xac"
    told = reason(tx(inputs=stuffed), [TxOut(value=1, script=pubkey_hash)])
    assert told == "bad-witness-nonstandard"
