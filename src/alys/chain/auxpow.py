"""Merged mining, judged: what work is asked for, and whether a proof is that work.

Work covers a range of our blocks. Its hash goes into the coinbase of a Bitcoin block; the header of that block must meet
our target. Unlike upstream, the chain id is a 16-bit constant of the chain that the header must name, and the required
bits (``retarget``) depend on the branch and the range alone, so that valid work stays valid whatever the judge's head is.
"""

import enum
from collections.abc import Sequence

from alys.base.errors import AlysError
from alys.chain.blocks import AuxPowHeader
from alys.chain.spec import ChainSpec
from alys.wire import auxpow as wire
from alys.wire import bitcoin

BRANCH_LENGTH_MAX = 30
"""Of the tree of auxiliary chains."""

COMMITMENT_OUTPUTS = (2, 3)
"""Where in the coinbase the commitment may stand; pools differ."""

_LCG_FACTOR = 1_103_515_245
_LCG_INCREMENT = 12_345


class PowFlaw(enum.StrEnum):
    """What is wrong with a proof."""

    NO_PROOF = "no-proof"
    MALFORMED = "malformed"
    WRONG_CHAIN_ID = "wrong-chain-id"
    WRONG_BITS = "wrong-bits"
    WRONG_HEIGHT = "wrong-height"
    PARENT_HAS_CHAIN_ID = "parent-has-chain-id"
    BRANCH_TOO_LONG = "merkle-branch-too-long"
    NOT_THE_COINBASE = "not-the-coinbase"
    MERKLE_ROOT_INCORRECT = "merkle-root-incorrect"
    MISSING_COMMITMENT = "missing-commitment"
    WRONG_COMMITMENT = "wrong-commitment"
    WRONG_MERKLE_SIZE = "wrong-merkle-size"
    WRONG_INDEX = "wrong-index"
    NOT_ENOUGH_WORK = "not-enough-work"


class BadAuxPow(AlysError):
    """A proof that proves nothing; the miner's or the producer's fault."""

    def __init__(self, flaw: PowFlaw, detail: str) -> None:
        super().__init__(f"AuxPoW refused ({flaw.value}): {detail}")
        self.flaw = flaw
        self.detail = detail


def aux_hash(range_roots: Sequence[bytes]) -> bytes:
    """What miners commit to: the double SHA-256 of the range's roots in order. Wire order; createauxblock shows these
    very bytes in hex.
    """
    if not range_roots:
        raise ValueError("a range has at least one block")
    return bitcoin.sha256d(b"".join(range_roots))


def expected_index(nonce: int, chain_id: int, branch_length: int) -> int:
    """Where in a tree of ``2**branch_length`` auxiliary chains ours must stand, so that none can stand twice."""
    size = 1 << branch_length
    first = (nonce * _LCG_FACTOR + _LCG_INCREMENT) % size
    return ((first + chain_id) * _LCG_FACTOR + _LCG_INCREMENT) % size


def check_header(header: AuxPowHeader, range_end_height: int, bits: int, spec: ChainSpec) -> None:
    """Raise BadAuxPow unless the header claims our chain, the required ``bits`` and the height its range ends at."""
    if header.chain_id != spec.aux_chain_id:
        raise BadAuxPow(
            PowFlaw.WRONG_CHAIN_ID, f"{header.chain_id}, this chain is {spec.aux_chain_id}"
        )
    if header.height != range_end_height:
        raise BadAuxPow(
            PowFlaw.WRONG_HEIGHT, f"{header.height}, the range ends at {range_end_height}"
        )
    if header.bits != bits:
        raise BadAuxPow(PowFlaw.WRONG_BITS, f"{header.bits:08x}, required are {bits:08x}")


def decode_proof(header: AuxPowHeader) -> wire.AuxPow:
    """The proof in a header; raises BadAuxPow when there is none or it cannot be read."""
    if header.auxpow is None:
        raise BadAuxPow(PowFlaw.NO_PROOF, "the header has no AuxPoW")
    try:
        return wire.decode(header.auxpow)
    except bitcoin.MalformedBitcoin as error:
        raise BadAuxPow(PowFlaw.MALFORMED, str(error)) from error


def check_auxpow(
    auxpow: wire.AuxPow, header: AuxPowHeader, committed: bytes, spec: ChainSpec
) -> None:
    """Raise BadAuxPow unless the proof is work at the header's bits for ``committed`` (``aux_hash`` of the range).

    The header itself is judged by ``check_header``.
    """
    _check_parent(auxpow, spec.aux_chain_id)
    _check_coinbase(auxpow)
    _check_commitment(auxpow, committed, spec.aux_chain_id)
    _check_work(auxpow.parent, header.bits)


def _check_parent(auxpow: wire.AuxPow, chain_id: int) -> None:
    """The parent must be another chain's block, or one piece of work would count twice."""
    parent_chain_id = (auxpow.parent.version & 0xFFFFFFFF) >> 16
    if parent_chain_id == chain_id:
        raise BadAuxPow(PowFlaw.PARENT_HAS_CHAIN_ID, f"parent header has chain id {chain_id}")
    length = len(auxpow.blockchain_branch.hashes)
    if length > BRANCH_LENGTH_MAX:
        raise BadAuxPow(PowFlaw.BRANCH_TOO_LONG, f"{length}, at most {BRANCH_LENGTH_MAX}")


def _check_coinbase(auxpow: wire.AuxPow) -> None:
    branch = auxpow.coinbase_branch
    if branch.side_mask != 0:
        raise BadAuxPow(PowFlaw.NOT_THE_COINBASE, f"it is transaction {branch.side_mask}")
    root = bitcoin.shown(branch.root_of(bitcoin.unshown(auxpow.coinbase.txid)))
    if root != auxpow.parent.merkle_root:
        raise BadAuxPow(
            PowFlaw.MERKLE_ROOT_INCORRECT,
            f"the branch leads to {root}, the header has {auxpow.parent.merkle_root}",
        )


def _check_commitment(auxpow: wire.AuxPow, committed: bytes, chain_id: int) -> None:
    branch = auxpow.blockchain_branch
    commitment = _commitment(auxpow.coinbase, branch.root_of(committed))
    if commitment.merkle_size != 1 << len(branch.hashes):
        raise BadAuxPow(
            PowFlaw.WRONG_MERKLE_SIZE,
            f"{commitment.merkle_size}, the branch has {len(branch.hashes)} hashes",
        )
    index = expected_index(commitment.nonce, chain_id, len(branch.hashes))
    if branch.side_mask != index:
        raise BadAuxPow(PowFlaw.WRONG_INDEX, f"{branch.side_mask}, expected {index}")


def _commitment(coinbase: bitcoin.Tx, root: bytes) -> wire.Commitment:
    """The first commitment to ``root`` among the outputs where one may stand."""
    outputs = [coinbase.outputs[n] for n in COMMITMENT_OUTPUTS if n < len(coinbase.outputs)]
    found = [c for c in (wire.parse_commitment(out.script) for out in outputs) if c is not None]
    if not found:
        raise BadAuxPow(PowFlaw.MISSING_COMMITMENT, "neither output 2 nor output 3 is one")
    for commitment in found:
        if commitment.root == root:
            return commitment
    raise BadAuxPow(
        PowFlaw.WRONG_COMMITMENT, f"to {found[0].root.hex()}, not to this range's {root.hex()}"
    )


def _check_work(parent: bitcoin.Header, bits: int) -> None:
    if not bitcoin.meets_target(parent.hash, bits):
        raise BadAuxPow(PowFlaw.NOT_ENOUGH_WORK, f"{parent.hash} is above the target of {bits:08x}")
