"""A proof of work holds only for the roots it was made for, at the target, in the coinbase, for our chain."""

from collections.abc import Callable

import msgspec
import pytest

from alys.oracles import work
from alys.wire import auxpow as wire
from alys.wire import bitcoin
from tests.oracles.proofs import BITS, CHAIN_ID, HARD_BITS, ROOTS, mined, proof, with_commitment

Lie = Callable[[wire.AuxPow], wire.AuxPow]


def flaw(made: wire.AuxPow, roots: list[str] = ROOTS) -> str | None:
    return work.flaw_of(wire.encode(made).hex(), roots, BITS, CHAIN_ID)


def changed(made: wire.AuxPow, **header: object) -> wire.AuxPow:
    """With another, mined header."""
    parent = mined(msgspec.structs.replace(made.parent, **header))
    return msgspec.structs.replace(made, parent=parent)


def deeper(made: wire.AuxPow, side: int) -> wire.AuxPow:
    """Our chain as one leaf of two; with this nonce and chain id it must be leaf ``expected``."""
    committed = bitcoin.sha256d(b"".join(bytes.fromhex(root) for root in ROOTS))
    branch = wire.MerkleBranch(hashes=("77" * 32,), side_mask=side)
    commitment = wire.Commitment(root=branch.root_of(committed), merkle_size=2, nonce=0)
    return msgspec.structs.replace(with_commitment(made, commitment), blockchain_branch=branch)


def test_an_honest_proof_holds() -> None:
    assert flaw(proof(ROOTS)) is None


@pytest.mark.parametrize(
    "roots", [ROOTS[:-1], ROOTS[::-1], [*ROOTS, "ee" * 32]], ids=["fewer", "reversed", "more"]
)
def test_it_holds_for_no_other_roots(roots: list[str]) -> None:
    assert "does not commit" in str(flaw(proof(ROOTS), roots))


def test_a_header_above_the_target_is_no_work() -> None:
    made = proof(ROOTS)
    told = work.flaw_of(wire.encode(made).hex(), ROOTS, HARD_BITS, CHAIN_ID)
    assert "above the target" in str(told)


def test_the_commitment_must_stand_in_the_coinbase_of_that_header() -> None:
    made = proof(ROOTS)
    assert "the coinbase leads to" in str(flaw(changed(made, merkle_root="ab" * 32)))
    second = wire.MerkleBranch(hashes=("77" * 32,), side_mask=1)
    moved = msgspec.structs.replace(made, coinbase_branch=second)
    assert "is not its coinbase" in str(flaw(moved))


def test_work_of_our_own_chain_does_not_count_twice() -> None:
    signed = (CHAIN_ID << 16) - (
        1 << 32
    )  # a version is a signed number, and this id has its highest bit set
    assert "our own chain" in str(flaw(changed(proof(ROOTS), version=signed)))
    assert flaw(changed(proof(ROOTS), version=(CHAIN_ID >> 1) << 16)) is None


def test_our_leaf_in_a_tree_of_chains_is_fixed_by_nonce_and_chain_id() -> None:
    # The formula of merged mining, by hand for a tree of two: only parities count, 1103515245 and 12345 are odd.
    first = (0 * 1 + 1) % 2
    expected = ((first + CHAIN_ID % 2) * 1 + 1) % 2
    assert flaw(deeper(proof(ROOTS), expected)) is None
    assert "leaf of the tree" in str(flaw(deeper(proof(ROOTS), 1 - expected))).replace(
        f"leaf {1 - expected} of", "leaf of"
    )


def test_the_size_of_the_tree_must_be_that_of_the_branch() -> None:
    made = proof(ROOTS)
    committed = bitcoin.sha256d(b"".join(bytes.fromhex(root) for root in ROOTS))
    lie = with_commitment(made, wire.Commitment(root=committed, merkle_size=2, nonce=0))
    assert "tree of chains has 2" in str(flaw(lie))


@pytest.mark.parametrize("junk", [None, "", "zz", "00", "ab" * 90])
def test_what_is_no_proof_is_told_in_words(junk: str | None) -> None:
    assert "proof" in str(work.flaw_of(junk, ROOTS, BITS, CHAIN_ID))
