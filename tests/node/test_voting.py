"""The votes of one authority, over a restart, and what others' approvals free it of."""

import msgspec
import pytest

from alys.chain import blocks, state
from alys.chain.forkchoice import Objection, Standing
from alys.node import branches
from alys.node.voting import Votes
from tests.chain import chains

FIRST = branches.known(chains.genesis(), state.genesis_state(chains.genesis()))


def standing(name: str, parent: Standing, slot: int) -> Standing:
    return Standing(
        root=name.encode(),
        parent=parent.root,
        height=parent.height + 1,
        slot=slot,
        finalised_height=0,
        finalised_root=FIRST.root,
    )


A = standing("a", FIRST.standing, 1)
B = standing("b", FIRST.standing, 2)
TREE = {one.root: one for one in (FIRST.standing, A, B)}


def test_votes_outlive_a_restart_and_no_slot_is_used_twice() -> None:
    before = Votes(chains.SPEC, 0)
    before.cast(before.vote_on(b"x", 5, A, b""))
    after = Votes(chains.SPEC, 0)
    after.load(before.encode())
    assert after.last_slot == 5
    assert after.objection(after.vote_on(b"y", 5, A, b""), TREE) is Objection.SLOT_USED
    assert after.objection(after.vote_on(b"y", 6, A, b""), TREE) is None


def test_a_new_authority_has_no_votes_and_damage_is_no_vote() -> None:
    votes = Votes(chains.SPEC, 0)
    votes.load(None)
    assert votes.last_slot == -1
    with pytest.raises(msgspec.MsgspecError):
        votes.load(b"\xc1")


def test_the_vote_for_a_block_names_what_it_would_make_final() -> None:
    block, _ = chains.next_block(FIRST.state)
    one = branches.child(FIRST.state, chains.sign(block), _, chains.SPEC)
    final, _ = chains.next_block(one.state, header=chains.pow_header(one.state))
    votes = Votes(chains.SPEC, 0)
    assert votes.vote_for(blocks.root(block), block, FIRST.standing).range_end == b""
    vote = votes.vote_for(blocks.root(final), final, one.standing)
    assert (vote.range_end, vote.parent_slot, vote.strict) == (one.root, block.slot, False)


def test_who_is_bound_is_free_when_so_many_did_not_approve_that_the_rest_is_no_quorum() -> None:
    votes = Votes(chains.SPEC, 0)
    votes.cast(votes.vote_on(b"f", 5, B, B.root))
    beside = votes.vote_on(b"y", 6, A, b"")
    assert votes.objection(beside, TREE) is Objection.LOCKED
    assert not votes.learn(beside, [1], TREE), "two of three may have approved it"
    assert votes.objection(beside, TREE) is Objection.LOCKED
    assert not votes.learn(beside, [0, 1], TREE), "our own word is none about us"
    assert votes.learn(beside, [2], TREE)
    assert votes.objection(beside, TREE) is None
    again = Votes(chains.SPEC, 0)
    again.load(votes.encode())
    assert again.objection(beside, TREE) is None, "that is stored with the votes"


def test_votes_below_the_final_block_are_forgotten() -> None:
    votes = Votes(chains.SPEC, 0)
    votes.cast(votes.vote_on(b"x", 1, FIRST.standing, b""))
    votes.cast(votes.vote_on(b"f", 5, B, B.root))
    full = len(votes.encode())
    votes.finalised(B)
    assert len(votes.encode()) < full
    assert votes.last_slot == 5
