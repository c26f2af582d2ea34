"""Merged-mining proofs to judge: a Bitcoin block with nothing but a coinbase that commits to some roots."""

import hashlib
from collections.abc import Sequence

import msgspec

from alys.wire import auxpow as wire
from alys.wire import bitcoin

BITS = 0x207FFFFF
HARD_BITS = 0x1D00FFFF
CHAIN_ID = 0xD97C
ROOTS = [hashlib.sha256(bytes((n,))).hexdigest() for n in range(3)]


def mined(header: bitcoin.Header) -> bitcoin.Header:
    """The first nonce that makes it work at the easy target; two tries on average."""
    while int(header.hash, 16) > bitcoin.target_of(BITS):
        header = msgspec.structs.replace(header, nonce=header.nonce + 1)
    return header


def proof(roots: Sequence[str]) -> wire.AuxPow:
    """Work over these roots (plain hex)."""
    committed = bitcoin.sha256d(b"".join(bytes.fromhex(root) for root in roots))
    header = bitcoin.Header(
        version=0x20000000,
        previous="00" * 32,
        merkle_root="00" * 32,
        time=1_767_225_600,
        bits=BITS,
        nonce=0,
    )
    made = wire.AuxPow(
        coinbase=bitcoin.Tx(inputs=(), outputs=()),
        block_hash="00" * 32,
        coinbase_branch=wire.MerkleBranch(),
        blockchain_branch=wire.MerkleBranch(),
        parent=header,
    )
    return with_commitment(made, wire.Commitment(root=committed, merkle_size=1, nonce=0))


def with_commitment(made: wire.AuxPow, commitment: wire.Commitment) -> wire.AuxPow:
    """The proof with another commitment in its coinbase, mined again."""
    null = bitcoin.OutPoint(txid=bitcoin.NULL_HASH, vout=bitcoin.NULL_VOUT)
    coinbase = bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=null, script_sig=b"\x01\x01"),),
        outputs=tuple(
            bitcoin.TxOut(value=0, script=script) for script in (b"", b"", commitment.script())
        ),
    )
    parent = msgspec.structs.replace(made.parent, merkle_root=coinbase.txid)
    return msgspec.structs.replace(made, coinbase=coinbase, parent=mined(parent))
