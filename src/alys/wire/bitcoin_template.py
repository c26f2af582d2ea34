"""A Bitcoin block from a template (BIP22, BIP23, BIP145), with a merged-mining commitment in its coinbase.

The outputs of the coinbase, in order: the coins, the witness commitment (BIP141), the 44 bytes that commit to another chain's
block. Pools that mine several chains along have them in this order, so that is where verifiers look.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from alys.wire import bitcoin
from alys.wire.auxpow import AuxPow, Commitment, MerkleBranch

NONCES = 1 << 32
WITNESS_RESERVED = bytes(32)
EXTRA_NONCE_BYTES = 8
_SMALL_NUMBER_MAX = 16
_OP_1_MINUS_1 = 0x50
_NONCE_AT = 76
"""Where in a header's 80 bytes the nonce begins."""


def height_script(height: int) -> bytes:
    """The push of a height that begins a coinbase's script (BIP34); a small one has an opcode of its own."""
    if height == 0:
        return b"\0"
    if height <= _SMALL_NUMBER_MAX:
        return bytes((_OP_1_MINUS_1 + height,))
    return bitcoin.push(height.to_bytes((height.bit_length() + 8) // 8, "little"))


def coinbase(
    template: Mapping[str, Any], commitment: Commitment, script: bytes, extra_nonce: int
) -> bitcoin.Tx:
    """The template's coinbase: its coins go to ``script``. ``extra_nonce`` tells two blocks apart, or opens new nonces."""
    place = bitcoin.OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    told = height_script(template["height"])
    told += bitcoin.push(extra_nonce.to_bytes(EXTRA_NONCE_BYTES, "little"))
    witness = bytes.fromhex(template.get("default_witness_commitment", ""))
    return bitcoin.Tx(
        version=2,
        inputs=(
            bitcoin.TxIn(
                outpoint=place,
                script_sig=told,
                witness=(WITNESS_RESERVED,) if witness else (),
            ),
        ),
        outputs=(
            bitcoin.TxOut(value=template["coinbasevalue"], script=script),
            bitcoin.TxOut(value=0, script=witness or bytes((bitcoin.OP_RETURN,))),
            bitcoin.TxOut(value=0, script=commitment.script()),
        ),
    )


def header_over(template: Mapping[str, Any], first: bitcoin.Tx) -> bitcoin.Header:
    """The header of a block with this coinbase and the template's transactions; no work is done on it."""
    return bitcoin.Header(
        version=template["version"],
        previous=template["previousblockhash"],
        merkle_root=bitcoin.merkle_root(_txids(template, first)),
        time=template["curtime"],
        bits=int(template["bits"], 16),
        nonce=0,
    )


def whole_block(template: Mapping[str, Any], first: bitcoin.Tx, header: bitcoin.Header) -> bytes:
    """The block as submitblock takes it; the template's transactions as they came."""
    rest = [bytes.fromhex(entry["data"]) for entry in template["transactions"]]
    count = bitcoin.var_int(1 + len(rest))
    return b"".join((header.serialize(), count, first.serialize(), *rest))


def proof(template: Mapping[str, Any], first: bitcoin.Tx, header: bitcoin.Header) -> AuxPow:
    """The AuxPoW of a header on which the work is done, for the one chain that its coinbase commits to."""
    branch = bitcoin.merkle_branch(_txids(template, first), 0)
    return AuxPow(
        coinbase=first,
        block_hash=header.hash,
        coinbase_branch=MerkleBranch(hashes=tuple(branch)),
        blockchain_branch=MerkleBranch(),
        parent=header,
    )


def ground(
    header: bitcoin.Header, target: int, first: int = 0, count: int = NONCES
) -> bitcoin.Header | None:
    """The header with the first of ``count`` nonces from ``first`` on that makes it work; None when none does."""
    start = header.serialize()[:_NONCE_AT]
    for nonce in range(first, min(first + count, NONCES)):
        data = start + nonce.to_bytes(4, "little")
        digest = hashlib.sha256(hashlib.sha256(data).digest()).digest()
        if int.from_bytes(digest, "little") <= target:
            return msgspec.structs.replace(header, nonce=nonce)
    return None


def _txids(template: Mapping[str, Any], first: bitcoin.Tx) -> list[str]:
    return [first.txid, *(entry["txid"] for entry in template["transactions"])]
