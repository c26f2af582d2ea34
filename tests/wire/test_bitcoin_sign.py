"""Signed inputs satisfy the script engine, for each type of script; texts are signed as bitcoind signs them."""

import msgspec
import pytest

from alys.wire import bitcoin
from alys.wire.bitcoin_codec import OutPoint, Tx, TxIn, TxOut
from alys.wire.bitcoin_keys import ecdsa_sign, taproot_tweaked
from alys.wire.bitcoin_script import ScriptError, verify_input
from alys.wire.bitcoin_sign import (
    SIGHASH_NAMES,
    message_signer,
    sign_input,
    sign_message,
    signer_of,
)

SECRETS = [n.to_bytes(32, "big") for n in (11, 12)]
KEYS = [bitcoin.pubkey_of(secret) for secret in SECRETS]
MULTI = bitcoin.multisig_script(2, KEYS)
WITNESS = bitcoin.p2wpkh_script(KEYS[0])
SCRIPTS = {
    "pk": bitcoin.p2pk_script(KEYS[0]),
    "pkh": bitcoin.p2pkh_script(KEYS[0]),
    "wpkh": WITNESS,
    "sh(wpkh)": bitcoin.p2sh_script(WITNESS),
    "tr": b"\x51\x20" + taproot_tweaked(KEYS[0][1:]),
    "multi": MULTI,
    "sh(multi)": bitcoin.p2sh_script(MULTI),
    "wsh(multi)": bitcoin.p2wsh_script(MULTI),
    "sh(wsh(multi))": bitcoin.p2sh_script(bitcoin.p2wsh_script(MULTI)),
}
WRAPPED = {
    bitcoin.p2sh_script(MULTI): MULTI,
    bitcoin.p2wsh_script(MULTI): MULTI,
    bitcoin.p2sh_script(bitcoin.p2wsh_script(MULTI)): bitcoin.p2wsh_script(MULTI),
}


def spend(script: bytes) -> tuple[Tx, list[TxOut]]:
    tx = Tx(
        inputs=(TxIn(outpoint=OutPoint(txid="ab" * 32, vout=0)),),
        outputs=(TxOut(value=90_000, script=WITNESS),),
    )
    return tx, [TxOut(value=100_000, script=script)]


@pytest.mark.parametrize("hash_type", SIGHASH_NAMES)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_signed_input_satisfies_its_script(name: str, hash_type: str) -> None:
    tx, prevouts = spend(SCRIPTS[name])
    signer = signer_of(SECRETS, WRAPPED)
    signed = sign_input(tx, 0, prevouts, signer, bytes(32), SIGHASH_NAMES[hash_type])
    verify_input(signed, 0, prevouts, policy=True)
    changed = msgspec.structs.replace(signed, version=3)
    with pytest.raises(ScriptError):
        verify_input(changed, 0, prevouts)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_signer_without_the_key_leaves_an_input_alone(name: str) -> None:
    tx, prevouts = spend(SCRIPTS[name])
    stranger = signer_of([(99).to_bytes(32, "big")], WRAPPED)
    assert sign_input(tx, 0, prevouts, stranger, bytes(32)) == tx


def test_half_the_keys_of_a_multisig_sign_half() -> None:
    tx, prevouts = spend(SCRIPTS["wsh(multi)"])
    signed = sign_input(tx, 0, prevouts, signer_of(SECRETS[:1], WRAPPED), bytes(32))
    assert len(signed.inputs[0].witness) == 3
    with pytest.raises(ScriptError):
        verify_input(signed, 0, prevouts)


def test_signatures_have_a_low_r_and_are_the_same_each_time() -> None:
    for number in range(20):
        digest = bytes(31) + bytes((number,))
        signature = ecdsa_sign(SECRETS[0], digest)
        assert len(signature) <= 70
        assert signature == ecdsa_sign(SECRETS[0], digest)


def test_a_text_is_signed_by_the_key_of_an_address() -> None:
    signature = sign_message(SECRETS[0], "a message")
    assert message_signer(signature, "a message") == bitcoin.hash160(KEYS[0])
    assert message_signer(signature, "another") != bitcoin.hash160(KEYS[0])
    assert message_signer("AAAA", "a message") is None
    with pytest.raises(ValueError, match="base64"):
        message_signer("?", "a message")
