"""Signing inputs as a wallet does, by the script that each spends (part of the facade ``wire.bitcoin``).

Script types: P2PK, P2PKH, P2WPKH, P2TR by key, P2SH and P2WSH round these, and multisig. ECDSA takes its nonce from
RFC 6979; Schnorr takes the auxiliary bytes that are passed in.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence

import coincurve
import msgspec
from btclib.script import sig_hash

from alys.wire import bitcoin_bridge, bitcoin_script
from alys.wire.bitcoin_codec import Tx, TxOut, sha256d, var_bytes
from alys.wire.bitcoin_keys import (
    SIGHASH_ALL,
    SIGHASH_DEFAULT,
    ecdsa_sign,
    hash160,
    pubkey_of,
    schnorr_sign,
    taproot_tweaked_secret,
)

SIGHASH_NAMES = {
    "DEFAULT": SIGHASH_DEFAULT,
    "ALL": 0x01,
    "NONE": 0x02,
    "SINGLE": 0x03,
    "ALL|ANYONECANPAY": 0x81,
    "NONE|ANYONECANPAY": 0x82,
    "SINGLE|ANYONECANPAY": 0x83,
}
_MESSAGE_PREFIX = b"\x18Bitcoin Signed Message:\n"


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet knows: secrets by public key, scripts by their hash or output, taproot by output key."""

    secrets: Mapping[bytes, bytes]
    """By compressed public key."""
    hashes: Mapping[bytes, bytes]
    """Public keys by their hash160."""
    scripts: Mapping[bytes, bytes]
    """Redeem and witness scripts by the output script that wants them."""
    taproot: Mapping[bytes, tuple[bytes, bytes]]
    """Internal secret and merkle root by x-only output key."""


def signer_of(secrets: Sequence[bytes], scripts: Mapping[bytes, bytes] | None = None) -> Signer:
    """A signer that knows these keys, and the scripts that a wallet makes of them without being told."""
    known = {pubkey_of(secret): secret for secret in secrets}
    wrapped = dict(scripts or {})
    taproot: dict[bytes, tuple[bytes, bytes]] = {}
    for pubkey, secret in known.items():
        witness = b"\x00\x14" + hash160(pubkey)
        wrapped[b"\xa9\x14" + hash160(witness) + b"\x87"] = witness
        tweaked = pubkey_of(taproot_tweaked_secret(secret))[1:]
        taproot[tweaked] = (secret, b"")
    return Signer(
        secrets=known,
        hashes={hash160(pubkey): pubkey for pubkey in known},
        scripts=wrapped,
        taproot=taproot,
    )


def sign_input(
    tx: Tx,
    index: int,
    prevouts: Sequence[TxOut],
    signer: Signer,
    aux32: bytes,
    hash_type: int = SIGHASH_DEFAULT,
) -> Tx:
    """The transaction with as much of an input's script satisfied as the signer can; the same one where it can nothing."""
    script = prevouts[index].script
    work = _Work(tx, index, prevouts, signer, aux32, hash_type)
    stack = work.satisfy(script)
    if stack is None:
        return tx
    script_sig, witness = stack
    signed = msgspec.structs.replace(tx.inputs[index], script_sig=script_sig, witness=witness)
    return msgspec.structs.replace(tx, inputs=(*tx.inputs[:index], signed, *tx.inputs[index + 1 :]))


class _Work:
    """One input under the pen."""

    def __init__(
        self,
        tx: Tx,
        index: int,
        prevouts: Sequence[TxOut],
        signer: Signer,
        aux32: bytes,
        hash_type: int,
    ) -> None:
        self._index = index
        self._prevouts = bitcoin_bridge.library_outputs(prevouts)
        self._tx = bitcoin_bridge.library_tx(tx)
        self._amount = prevouts[index].value
        self._signer = signer
        self._aux32 = aux32
        self._hash_type = hash_type

    def satisfy(self, script: bytes) -> tuple[bytes, tuple[bytes, ...]] | None:
        """script_sig and witness."""
        redeem = self._signer.scripts.get(script)
        kind = bitcoin_script.script_type(script)
        if kind == "witness_v1_taproot":
            return self._key_path(script[2:])
        if kind == "scripthash":
            if redeem is None:
                return None
            inner = self._witness(redeem)
            if inner is not None:
                return bitcoin_script.push(redeem), inner
            items = None if bitcoin_script.witness_program(redeem) else self._items(redeem, False)
            return None if items is None else (_pushes([*items, redeem]), ())
        witness = self._witness(script)
        if witness is not None:
            return b"", witness
        items = self._items(script, segwit=False)
        return None if items is None else (_pushes(items), ())

    def _witness(self, script: bytes) -> tuple[bytes, ...] | None:
        program = bitcoin_script.witness_program(script)
        if program is None or program[0] != 0:
            return None
        if len(program[1]) == 20:
            code = b"\x76\xa9\x14" + program[1] + b"\x88\xac"
            items = self._items(code, segwit=True)
            return None if items is None else tuple(items)
        inner = self._signer.scripts.get(script)
        items = None if inner is None else self._items(inner, segwit=True)
        return None if items is None or inner is None else (*items, inner)

    def _items(self, script: bytes, segwit: bool) -> list[bytes] | None:
        kind = bitcoin_script.script_type(script)
        if kind == "pubkey":
            pubkey = script[1:-1]
            return [self._ecdsa(pubkey, script, segwit)] if pubkey in self._signer.secrets else None
        if kind == "pubkeyhash":
            found = self._signer.hashes.get(script[3:23])
            return None if found is None else [self._ecdsa(found, script, segwit), found]
        if kind == "multisig":
            return self._multisig(script, segwit)
        return None

    def _multisig(self, script: bytes, segwit: bool) -> list[bytes] | None:
        threshold, signatures = script[0] - 0x50, [b""]
        for pubkey in multisig_keys(script):
            if pubkey in self._signer.secrets and len(signatures) <= threshold:
                signatures.append(self._ecdsa(pubkey, script, segwit))
        return signatures if len(signatures) > 1 else None

    def _ecdsa(self, pubkey: bytes, script: bytes, segwit: bool) -> bytes:
        hash_type = self._hash_type or SIGHASH_ALL
        if segwit:
            digest = sig_hash.segwit_v0(script, self._tx, self._index, hash_type, self._amount)
        else:
            digest = sig_hash.legacy(script, self._tx, self._index, hash_type)
        return ecdsa_sign(self._signer.secrets[pubkey], digest) + bytes((hash_type,))

    def _key_path(self, output_key: bytes) -> tuple[bytes, tuple[bytes, ...]] | None:
        found = self._signer.taproot.get(output_key)
        if found is None:
            return None
        secret, root = found
        digest = sig_hash.taproot(
            self._tx, self._index, self._prevouts, self._hash_type, 0, b"", b""
        )
        signature = schnorr_sign(taproot_tweaked_secret(secret, root), digest, self._aux32)
        tail = bytes((self._hash_type,)) if self._hash_type else b""
        return b"", (signature + tail,)


def multisig_keys(script: bytes) -> list[bytes]:
    """The public keys of a bare multisig script, in order."""
    keys, at = [], 1
    while at < len(script) - 2:
        keys.append(script[at + 1 : at + 1 + script[at]])
        at += 1 + script[at]
    return keys


def _pushes(items: Sequence[bytes]) -> bytes:
    return b"".join(bitcoin_script.push(item) for item in items)


def sign_message(secret32: bytes, message: str) -> str:
    """The signature of a text by the key of a P2PKH address, in base64, as old wallets make it."""
    digest = _message_digest(message)
    compact = coincurve.PrivateKey(secret32).sign_recoverable(digest, hasher=None)
    return base64.b64encode(bytes((31 + compact[64],)) + compact[:64]).decode()


def message_signer(signature: str, message: str) -> bytes | None:
    """The hash160 of the key that signed a text, None for a signature of no key; raises ValueError for what is not base64."""
    try:
        data = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("malformed base64") from error
    if len(data) != 65 or not 27 <= data[0] <= 34:
        return None
    compressed, number = data[0] >= 31, (data[0] - 27) & 3
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            data[1:] + bytes((number,)), _message_digest(message), hasher=None
        )
    except ValueError:
        return None
    return hash160(key.format(compressed=compressed))


def _message_digest(message: str) -> bytes:
    return sha256d(_MESSAGE_PREFIX + var_bytes(message.encode()))
