"""Bitcoin keys, signatures and the hashes they sign (part of the facade ``wire.bitcoin``).

Everything here is a function of its arguments: Schnorr takes its auxiliary bytes, ECDSA its nonce from RFC 6979.
Secrets are 32 bytes big-endian; these are test keys, nothing is wiped from memory.
"""

import functools
import hashlib
from collections.abc import Sequence

import coincurve
import msgspec
from btclib.script import sig_hash
from coincurve._libsecp256k1 import ffi

from alys.wire import bitcoin_bridge
from alys.wire.bitcoin_codec import Tx, TxOut, sha256d, unshown, var_bytes

SIGHASH_DEFAULT = 0x00
SIGHASH_ALL = 0x01
LEAF_VERSION_TAPSCRIPT = 0xC0
_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def tagged_hash(tag: str, message: bytes) -> bytes:
    """BIP340's hash with a name."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256."""
    return bitcoin_bridge.hash160(data)


def pubkey_of(secret32: bytes) -> bytes:
    """The compressed public key, 33 bytes; raises ValueError for a secret outside the group."""
    return _key(secret32).public_key.format(compressed=True)


def xonly_of(secret32: bytes) -> bytes:
    """The x-only public key (BIP340), 32 bytes; raises ValueError for a secret outside the group."""
    return _key(secret32).public_key_xonly.format()


def schnorr_sign(secret32: bytes, msg32: bytes, aux32: bytes) -> bytes:
    """A BIP340 signature, 64 bytes; equal arguments give equal bytes. Raises ValueError for a wrong length."""
    if len(aux32) != 32:
        raise ValueError(f"auxiliary bytes must be 32, not {len(aux32)}")
    return _key(secret32).sign_schnorr(msg32, aux32)


def schnorr_verify(xonly: bytes, msg32: bytes, sig64: bytes) -> bool:
    """Whether a BIP340 signature holds; a key or signature of a wrong length or shape is a plain False."""
    if len(xonly) != 32 or len(sig64) != 64 or len(msg32) != 32:
        return False
    try:
        key = coincurve.PublicKeyXOnly(xonly)
    except ValueError:
        return False
    return key.verify(sig64, msg32)


def tapleaf_hash(script: bytes) -> bytes:
    """The BIP341 hash of a leaf with tapscript's version."""
    return tagged_hash("TapLeaf", bytes((LEAF_VERSION_TAPSCRIPT,)) + var_bytes(script))


def taproot_output(internal_key_xonly: bytes, leaf_script: bytes) -> tuple[bytes, int]:
    """The output key (x-only) and the parity of its point, for a tree of one leaf (BIP341).

    Raises ValueError when the internal key is not on the curve.
    """
    tweak = tagged_hash("TapTweak", internal_key_xonly + tapleaf_hash(leaf_script))
    point = coincurve.PublicKey(b"\x02" + internal_key_xonly).add(tweak).format(compressed=True)
    return point[1:], point[0] & 1


def taproot_tweaked(internal_key_xonly: bytes, merkle_root: bytes = b"") -> bytes:
    """The output key (x-only) of an internal key and a tree's root; without a tree the root is empty (BIP341, BIP86)."""
    tweak = tagged_hash("TapTweak", internal_key_xonly + merkle_root)
    point = coincurve.PublicKey(b"\x02" + internal_key_xonly).add(tweak)
    compressed: bytes = point.format(compressed=True)
    return compressed[1:]


def taproot_tweaked_secret(secret32: bytes, merkle_root: bytes = b"") -> bytes:
    """The secret of the output key of ``taproot_tweaked``."""
    tweak = tagged_hash("TapTweak", xonly_of(secret32) + merkle_root)
    even = pubkey_of(secret32)[0] == 2
    secret = int.from_bytes(secret32, "big") if even else _ORDER - int.from_bytes(secret32, "big")
    return ((secret + int.from_bytes(tweak, "big")) % _ORDER).to_bytes(32, "big")


def ecdsa_sign(secret32: bytes, msg32: bytes) -> bytes:
    """A signature in DER with low R and low S; like Core, another nonce of RFC 6979 is tried until R is low."""
    key = _key(secret32)
    signature: bytes = key.sign(msg32, hasher=None)
    tried = 0
    while signature[3] > 32:
        tried += 1
        entropy = ffi.new("unsigned char [32]", tried.to_bytes(32, "little"))
        signature = key.sign(msg32, hasher=None, custom_nonce=(ffi.NULL, entropy))
    return signature


def taproot_script_path_sighash(
    tx: Tx, index: int, prevouts: Sequence[TxOut], leaf_script: bytes
) -> bytes:
    """What a key signs to spend input ``index`` through a leaf: SIGHASH_DEFAULT, no annex, no code separator.

    ``prevouts`` has the spent output of every input, in order (BIP341, BIP342). Raises ValueError for a missing one.
    """
    if len(prevouts) != len(tx.inputs) or not 0 <= index < len(tx.inputs):
        raise ValueError(f"input {index} of {len(tx.inputs)}, with {len(prevouts)} prevouts")
    extension = tapleaf_hash(leaf_script) + b"\x00" + b"\xff\xff\xff\xff"
    return sig_hash.taproot(
        bitcoin_bridge.library_tx(tx),
        index,
        bitcoin_bridge.library_outputs(prevouts),
        SIGHASH_DEFAULT,
        1,
        b"",
        extension,
    )


def p2wpkh_script(pubkey33: bytes) -> bytes:
    """The script of a pay-to-witness-public-key-hash output."""
    return b"\x00\x14" + hash160(pubkey33)


def p2wsh_script(witness_script: bytes) -> bytes:
    """The script of a pay-to-witness-script-hash output."""
    return b"\x00\x20" + hashlib.sha256(witness_script).digest()


def p2wpkh_sighash(tx: Tx, index: int, pubkey33: bytes, amount: int) -> bytes:
    """What the key of a P2WPKH output of ``amount`` sats signs with SIGHASH_ALL (BIP143)."""
    outpoints = b"".join(
        unshown(i.outpoint.txid) + i.outpoint.vout.to_bytes(4, "little") for i in tx.inputs
    )
    sequences = b"".join(i.sequence.to_bytes(4, "little") for i in tx.inputs)
    spent = tx.inputs[index]
    return sha256d(
        tx.version.to_bytes(4, "little")
        + sha256d(outpoints)
        + sha256d(sequences)
        + unshown(spent.outpoint.txid)
        + spent.outpoint.vout.to_bytes(4, "little")
        + var_bytes(b"\x76\xa9\x14" + hash160(pubkey33) + b"\x88\xac")
        + amount.to_bytes(8, "little")
        + spent.sequence.to_bytes(4, "little")
        + sha256d(b"".join(output.serialize() for output in tx.outputs))
        + tx.locktime.to_bytes(4, "little")
        + SIGHASH_ALL.to_bytes(4, "little")
    )


def sign_p2wpkh_input(tx: Tx, index: int, secret32: bytes, amount: int) -> Tx:
    """The transaction with input ``index`` signed for a P2WPKH output of ``amount`` sats (BIP143, SIGHASH_ALL)."""
    pubkey = pubkey_of(secret32)
    digest = p2wpkh_sighash(tx, index, pubkey, amount)
    signature = _key(secret32).sign(digest, hasher=None) + bytes((SIGHASH_ALL,))
    signed = msgspec.structs.replace(tx.inputs[index], witness=(signature, pubkey))
    return msgspec.structs.replace(tx, inputs=(*tx.inputs[:index], signed, *tx.inputs[index + 1 :]))


@functools.lru_cache(maxsize=256)
def _key(secret32: bytes) -> coincurve.PrivateKey:
    if len(secret32) != 32:
        raise ValueError(f"a secret has 32 bytes, not {len(secret32)}")
    return coincurve.PrivateKey(secret32)
