"""The facade offers what its parts define, all of it under one name."""

from typing import TypeVar

import pytest

from alys.wire import (
    bitcoin,
    bitcoin_address,
    bitcoin_checksum,
    bitcoin_codec,
    bitcoin_descriptor,
    bitcoin_hd,
    bitcoin_keys,
    bitcoin_policy,
    bitcoin_script,
    bitcoin_sets,
    bitcoin_sign,
)

PARTS = (
    bitcoin_address,
    bitcoin_checksum,
    bitcoin_codec,
    bitcoin_descriptor,
    bitcoin_hd,
    bitcoin_keys,
    bitcoin_policy,
    bitcoin_script,
    bitcoin_sets,
    bitcoin_sign,
)


def test_every_name_on_the_list_is_there() -> None:
    assert [name for name in bitcoin.__all__ if not hasattr(bitcoin, name)] == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.rpartition(".")[2])
def test_every_function_of_the_parts_is_offered_as_the_same_object(part: object) -> None:
    own = [
        name
        for name, value in vars(part).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", "") == vars(part)["__name__"]
        and not isinstance(value, TypeVar)
    ]
    assert own
    missing = [name for name in own if getattr(bitcoin, name, None) is not getattr(part, name)]
    assert missing == []


def test_a_deposit_can_be_built_signed_and_checked_through_the_facade_alone() -> None:
    secret = (8).to_bytes(32, "big")
    coin = bitcoin.TxOut(value=50_000, script=bitcoin.p2wpkh_script(bitcoin.pubkey_of(secret)))
    federation = "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"
    deposit = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid="ee" * 32, vout=3)),),
        outputs=(
            bitcoin.TxOut(value=49_000, script=bitcoin.address_to_script(federation)),
            bitcoin.TxOut(value=0, script=b"\x6a" + bitcoin.push(bytes(20))),
        ),
    )
    signed = bitcoin.sign_p2wpkh_input(deposit, 0, secret, coin.value)
    read = bitcoin.parse_tx(signed.serialize())
    bitcoin.verify_input(read, 0, [coin], policy=True)
    assert bitcoin.nonstandard_tx(read) is None
    assert bitcoin.op_return_data(read.outputs[1].script) == bytes(20)
    assert read.txid == deposit.txid
