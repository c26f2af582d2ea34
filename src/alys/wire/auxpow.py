"""Merged mining's wire format: proof that a Bitcoin header was mined with our hash in its coinbase.

Layout: coinbase transaction, block hash (32 bytes, which nobody checks), coinbase branch, blockchain branch, parent header
(80 bytes). A branch is a count, its hashes and a 32-bit little-endian side mask; bit ``i`` set means that sibling ``i`` stands
on the left. The commitment is an output script of exactly 44 bytes without any opcode: ``fabe6d6d``, the 32 bytes of the
root of the auxiliary chains in wire order, the size of their tree and a nonce, both 32-bit little-endian.

Hashes are strings as Bitcoin displays them, as everywhere in ``wire.bitcoin``.
"""

import msgspec

from alys.wire import bitcoin

MAGIC = b"\xfa\xbemm"
COMMITMENT_BYTES = 44


class MerkleBranch(msgspec.Struct, frozen=True, kw_only=True):
    """The siblings from a leaf up to a root; no siblings means that the leaf is the root."""

    hashes: tuple[str, ...] = ()
    side_mask: int = 0
    """Equals the leaf's index."""

    def root_of(self, leaf: bytes) -> bytes:
        """The root, in wire order like the leaf."""
        node = leaf
        for position, sibling in enumerate(self.hashes):
            other = bitcoin.unshown(sibling)
            on_the_left = self.side_mask >> position & 1
            node = bitcoin.sha256d(other + node if on_the_left else node + other)
        return node


class AuxPow(msgspec.Struct, frozen=True, kw_only=True):
    """A proof, unjudged: ``chain.auxpow`` says whether it is one."""

    coinbase: bitcoin.Tx
    block_hash: str
    """By custom the parent's hash or zeros; means nothing."""
    coinbase_branch: MerkleBranch
    blockchain_branch: MerkleBranch
    parent: bitcoin.Header


class Commitment(msgspec.Struct, frozen=True, kw_only=True):
    """What a coinbase output says about the auxiliary chains mined along."""

    root: bytes
    """Wire order; with one auxiliary chain its block's hash."""
    merkle_size: int
    nonce: int

    def script(self) -> bytes:
        """The 44 bytes."""
        return (
            MAGIC
            + self.root
            + self.merkle_size.to_bytes(4, "little")
            + self.nonce.to_bytes(4, "little")
        )


def parse_commitment(script: bytes) -> Commitment | None:
    """The commitment in an output script, None when it is not exactly one."""
    if len(script) != COMMITMENT_BYTES or script[:4] != MAGIC:
        return None
    return Commitment(
        root=script[4:36],
        merkle_size=int.from_bytes(script[36:40], "little"),
        nonce=int.from_bytes(script[40:44], "little"),
    )


def encode(auxpow: AuxPow) -> bytes:
    """The wire bytes; the coinbase without its witness, as its txid is what counts."""
    return b"".join(
        (
            auxpow.coinbase.serialize(witness=False),
            bitcoin.unshown(auxpow.block_hash),
            _branch_bytes(auxpow.coinbase_branch),
            _branch_bytes(auxpow.blockchain_branch),
            auxpow.parent.serialize(),
        )
    )


def decode(data: bytes) -> AuxPow:
    """The proof in the bytes; raises MalformedBitcoin."""
    reader = bitcoin.Reader(data, "AuxPoW")
    auxpow = AuxPow(
        coinbase=bitcoin.read_tx(reader),
        block_hash=reader.hash(),
        coinbase_branch=_read_branch(reader),
        blockchain_branch=_read_branch(reader),
        parent=bitcoin.read_header(reader),
    )
    reader.finish()
    return auxpow


def _branch_bytes(branch: MerkleBranch) -> bytes:
    hashes = b"".join(bitcoin.unshown(displayed) for displayed in branch.hashes)
    return bitcoin.var_int(len(branch.hashes)) + hashes + branch.side_mask.to_bytes(4, "little")


def _read_branch(reader: bitcoin.Reader) -> MerkleBranch:
    return MerkleBranch(hashes=reader.many(bitcoin.Reader.hash), side_mask=reader.unsigned(4))
