"""Merged mining judged: a real proof passes, and each flaw alone is named."""

import hashlib
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.chain import auxpow
from alys.chain.auxpow import BadAuxPow, PowFlaw
from alys.chain.blocks import AuxPowHeader
from alys.wire import auxpow as wire
from alys.wire import bitcoin
from tests.chain.chains import MINER, SPEC, coinbase, mined, proof

ROOTS = (b"\x01" * 32, b"\x02" * 32)
HASH = auxpow.aux_hash(ROOTS)
BRANCH = ("cc" * 32, "dd" * 32)


def header(**changes: object) -> AuxPowHeader:
    plain = AuxPowHeader(
        range_start=ROOTS[0],
        range_end=ROOTS[-1],
        bits=SPEC.bits,
        chain_id=SPEC.aux_chain_id,
        height=7,
        fee_recipient=MINER,
        auxpow=wire.encode(proof(HASH)),
    )
    return msgspec.structs.replace(plain, **changes)


def with_coinbase(made: bitcoin.Tx, branch: wire.MerkleBranch) -> wire.AuxPow:
    """Work on this coinbase for a tree of auxiliary chains."""
    plain = proof(HASH)
    parent = msgspec.structs.replace(plain.parent, merkle_root=made.txid, nonce=0)
    return msgspec.structs.replace(
        plain, coinbase=made, blockchain_branch=branch, parent=mined(parent)
    )


def in_a_tree(
    nonce: int = 5, size: int = 4, mask: int | None = None, outputs: int = 2
) -> wire.AuxPow:
    """Our chain among up to four."""
    index = auxpow.expected_index(nonce, SPEC.aux_chain_id, 2) if mask is None else mask
    branch = wire.MerkleBranch(hashes=BRANCH, side_mask=index)
    commitment = wire.Commitment(root=branch.root_of(HASH), merkle_size=size, nonce=nonce)
    return with_coinbase(coinbase(*[b""] * outputs, commitment.script()), branch)


def flaw_of(proven: wire.AuxPow, committed: bytes = HASH, bits: int = SPEC.bits) -> PowFlaw:
    with pytest.raises(BadAuxPow) as caught:
        auxpow.check_auxpow(proven, header(bits=bits), committed, SPEC)
    return caught.value.flaw


def with_parent(change: Callable[[bitcoin.Header], bitcoin.Header]) -> wire.AuxPow:
    plain = proof(HASH)
    return msgspec.structs.replace(plain, parent=mined(change(plain.parent)))


def test_what_is_mined_on_is_the_double_hash_of_the_roots_in_order() -> None:
    once = hashlib.sha256(ROOTS[0] + ROOTS[1]).digest()
    assert hashlib.sha256(once).digest() == HASH
    assert auxpow.aux_hash(ROOTS[::-1]) != HASH
    with pytest.raises(ValueError, match="at least one"):
        auxpow.aux_hash(())


def test_own_work_passes_alone_and_among_other_chains() -> None:
    auxpow.check_auxpow(proof(HASH), header(), HASH, SPEC)
    auxpow.check_auxpow(in_a_tree(), header(), HASH, SPEC)


def test_the_commitment_may_also_stand_in_the_fourth_output() -> None:
    auxpow.check_auxpow(in_a_tree(outputs=3), header(), HASH, SPEC)


@pytest.mark.parametrize("outputs", [0, 1, 4])
def test_a_commitment_anywhere_else_does_not_count(outputs: int) -> None:
    assert flaw_of(in_a_tree(outputs=outputs)) is PowFlaw.MISSING_COMMITMENT


def test_of_two_commitments_ours_counts() -> None:
    other = wire.Commitment(root=bytes(32), merkle_size=1, nonce=0).script()
    ours = wire.Commitment(root=HASH, merkle_size=1, nonce=0).script()
    made = with_coinbase(coinbase(b"", b"", other, ours), wire.MerkleBranch())
    auxpow.check_auxpow(made, header(), HASH, SPEC)


def test_the_block_hash_in_a_proof_means_nothing() -> None:
    odd = msgspec.structs.replace(proof(HASH), block_hash="ee" * 32)
    auxpow.check_auxpow(odd, header(), HASH, SPEC)


def test_a_parent_of_our_own_chain_is_refused() -> None:
    version = SPEC.aux_chain_id << 16 | 1
    signed = version - (1 << 32) if version >= 1 << 31 else version
    made = with_parent(lambda parent: msgspec.structs.replace(parent, version=signed))
    assert flaw_of(made) is PowFlaw.PARENT_HAS_CHAIN_ID
    neighbour = with_parent(lambda parent: msgspec.structs.replace(parent, version=signed + 65536))
    auxpow.check_auxpow(neighbour, header(), HASH, SPEC)


def test_a_branch_of_31_is_too_long() -> None:
    def of(length: int) -> wire.AuxPow:
        return with_coinbase(coinbase(b"", b"", b""), wire.MerkleBranch(hashes=BRANCH[:1] * length))

    assert flaw_of(of(31)) is PowFlaw.BRANCH_TOO_LONG
    assert flaw_of(of(30)) is PowFlaw.MISSING_COMMITMENT


def test_the_commitment_must_be_in_the_coinbase() -> None:
    """The transaction proven must stand first in the parent block."""
    second = wire.MerkleBranch(hashes=BRANCH[:1], side_mask=1)
    moved = msgspec.structs.replace(proof(HASH), coinbase_branch=second)
    assert flaw_of(moved) is PowFlaw.NOT_THE_COINBASE


def test_the_coinbase_must_be_in_the_parent() -> None:
    made = with_parent(lambda parent: msgspec.structs.replace(parent, merkle_root="ee" * 32))
    assert flaw_of(made) is PowFlaw.MERKLE_ROOT_INCORRECT


def test_a_coinbase_further_down_a_branch_counts() -> None:
    made = proof(HASH)
    branch = wire.MerkleBranch(hashes=BRANCH)
    root = bitcoin.shown(branch.root_of(bitcoin.unshown(made.coinbase.txid)))
    parent = mined(msgspec.structs.replace(made.parent, merkle_root=root))
    deep = msgspec.structs.replace(made, coinbase_branch=branch, parent=parent)
    auxpow.check_auxpow(deep, header(), HASH, SPEC)


@pytest.mark.parametrize("size", [0, 1, 2, 8])
def test_the_size_of_the_tree_fits_the_branch(size: int) -> None:
    assert flaw_of(in_a_tree(size=size)) is PowFlaw.WRONG_MERKLE_SIZE


def test_our_place_in_the_tree_is_fixed() -> None:
    """Otherwise one piece of work could count for two blocks of ours."""
    right = auxpow.expected_index(5, SPEC.aux_chain_id, 2)
    for mask in set(range(4)) - {right}:
        assert flaw_of(in_a_tree(mask=mask)) is PowFlaw.WRONG_INDEX


def test_work_below_the_target_is_refused() -> None:
    assert flaw_of(proof(HASH), bits=0x1D00FFFF) is PowFlaw.NOT_ENOUGH_WORK


def uint32_index(nonce: int, chain_id: int, length: int) -> int:
    """As merged-mining pools compute it, in 32-bit arithmetic that wraps."""
    word = 1 << 32
    value = (nonce * 1_103_515_245 + 12_345) % word
    value = (value + chain_id) % word
    value = (value * 1_103_515_245 + 12_345) % word
    return value % (1 << length)


@given(
    nonce=st.integers(0, 2**32 - 1), chain_id=st.integers(0, 2**16 - 1), length=st.integers(0, 30)
)
def test_the_place_is_where_pools_put_it(nonce: int, chain_id: int, length: int) -> None:
    assert auxpow.expected_index(nonce, chain_id, length) == uint32_index(nonce, chain_id, length)


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"chain_id": SPEC.chain_id}, PowFlaw.WRONG_CHAIN_ID),
        ({"height": 8}, PowFlaw.WRONG_HEIGHT),
        ({"bits": 0x207FFFFE}, PowFlaw.WRONG_BITS),
        ({"bits": 0x2100FFFF}, PowFlaw.WRONG_BITS),
    ],
)
def test_a_header_that_claims_something_else_is_refused(
    changes: dict[str, int], flaw: PowFlaw
) -> None:
    auxpow.check_header(header(), 7, SPEC.bits, SPEC)
    with pytest.raises(BadAuxPow) as caught:
        auxpow.check_header(header(**changes), 7, SPEC.bits, SPEC)
    assert caught.value.flaw is flaw


def test_a_header_without_a_readable_proof_is_refused() -> None:
    assert auxpow.decode_proof(header()) == proof(HASH)
    for raw, flaw in ((None, PowFlaw.NO_PROOF), (b"\x01", PowFlaw.MALFORMED)):
        with pytest.raises(BadAuxPow) as caught:
            auxpow.decode_proof(header(auxpow=raw))
        assert caught.value.flaw is flaw
