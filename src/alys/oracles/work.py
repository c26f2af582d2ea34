"""Whether a merged-mining proof is work for what it claims: written again from the format, not from the node.

The coinbase of a Bitcoin block commits to the double SHA-256 of the covered roots, the block's header commits to the
coinbase, and the header's hash is below the target.
"""

from collections.abc import Sequence

import msgspec

from alys.wire import auxpow as wire
from alys.wire import bitcoin

_PLACES = (2, 3)
"""The outputs of a coinbase that may carry the commitment."""
_BRANCH_MAX = 30


class Retarget(msgspec.Struct, frozen=True, kw_only=True):
    """What the parties agreed on about how hard work becomes; targets in compact form."""

    spacing: int
    """How many blocks one proof should cover."""
    timespan: int
    easiest: int
    hardest: int
    step_percent: int


def bits_after(last: int, covered: int, end: int, rules: Retarget | None) -> int:
    """The compact target of a proof over so many blocks up to height ``end``, after one of target ``last``.

    It moves where the range ends at a multiple of timespan / spacing, or is longer: in proportion to the range's length, by
    ``step_percent`` at most, and within the limits.
    """
    if rules is None:
        return last
    stretch = rules.timespan // rules.spacing
    if covered <= stretch and end % stretch:
        return last
    hundredths, rest = divmod(covered * 100, rules.spacing)
    if 2 * rest > rules.spacing or (2 * rest == rules.spacing and hundredths % 2):
        hundredths += 1
    hundredths = sorted((100 - rules.step_percent, hundredths, 100 + rules.step_percent))[1]
    if hundredths == 100:
        return last
    moved = bitcoin.target_of(last) // 100 * hundredths
    bounds = bitcoin.target_of(rules.hardest), bitcoin.target_of(rules.easiest)
    return _shortened(sorted((bounds[0], moved, bounds[1]))[1])


def _shortened(target: int) -> int:
    """Compact form: a byte that counts bytes, then the leading ones, of which the first bit must not be set."""
    digits = target.to_bytes(33, "big").lstrip(b"\0")
    if digits[:1] >= b"\x80":
        digits = b"\0" + digits
    return len(digits) << 24 | int.from_bytes(digits.ljust(3, b"\0")[:3], "big")


def flaw_of(proof_hex: str | None, roots: Sequence[str], bits: int, chain_id: int) -> str | None:
    """What is wrong with a proof over these roots (plain hex, in order), in words; None when it holds."""
    if not proof_hex:
        return "there is no proof"
    try:
        proof = wire.decode(bytes.fromhex(proof_hex))
    except (ValueError, bitcoin.MalformedBitcoin) as error:
        return f"the proof cannot be read: {error}"
    committed = bitcoin.sha256d(b"".join(bytes.fromhex(root) for root in roots))
    return (
        _coinbase_flaw(proof)
        or _commitment_flaw(proof, committed, chain_id)
        or _pow_flaw(proof, bits, chain_id)
    )


def _coinbase_flaw(proof: wire.AuxPow) -> str | None:
    branch = proof.coinbase_branch
    if branch.side_mask != 0:
        return f"transaction {branch.side_mask} of the Bitcoin block is not its coinbase"
    root = bitcoin.shown(branch.root_of(bitcoin.unshown(proof.coinbase.txid)))
    if root != proof.parent.merkle_root:
        return f"the Bitcoin header commits to {proof.parent.merkle_root}, the coinbase leads to {root}"
    return None


def _commitment_flaw(proof: wire.AuxPow, committed: bytes, chain_id: int) -> str | None:
    branch = proof.blockchain_branch
    outputs = proof.coinbase.outputs
    parsed = [wire.parse_commitment(outputs[n].script) for n in _PLACES if n < len(outputs)]
    wanted = branch.root_of(committed)
    fitting = [one for one in parsed if one is not None and one.root == wanted]
    if not fitting:
        return f"the coinbase does not commit to {wanted.hex()}, the hash of the covered roots"
    size = 1 << len(branch.hashes)
    if len(branch.hashes) > _BRANCH_MAX or fitting[0].merkle_size != size:
        return f"the tree of chains has {fitting[0].merkle_size} leaves, its branch {len(branch.hashes)} hashes"
    mixed = (fitting[0].nonce * 1103515245 + 12345) % size
    index = ((mixed + chain_id) * 1103515245 + 12345) % size
    if branch.side_mask != index:
        return f"our chain is leaf {branch.side_mask} of the tree, it must be {index}"
    return None


def _pow_flaw(proof: wire.AuxPow, bits: int, chain_id: int) -> str | None:
    if (proof.parent.version & 0xFFFFFFFF) >> 16 == chain_id:
        return "the header is of our own chain"
    digest = int(proof.parent.hash, 16)
    if digest > bitcoin.target_of(bits):
        return f"the header's hash {proof.parent.hash} is above the target of {bits:08x}"
    return None
