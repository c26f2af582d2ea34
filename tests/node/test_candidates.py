"""Blocks that wait for approvals."""

from alys.chain import approvals, blocks, state
from alys.chain.approvals import Approval
from alys.chain.forkchoice import Vote
from alys.node import candidates
from alys.node.candidates import Candidate, Candidates
from tests.chain import chains

PARENT = state.genesis_state(chains.genesis())


def candidate(slots_later: int = 0) -> Candidate:
    block, facts = chains.next_block(PARENT)
    block = blocks.ConsensusBlock(
        parent_root=block.parent_root, slot=block.slot + slots_later, payload=block.payload
    )
    root = blocks.root(block)
    vote = Vote(root=root, slot=block.slot, parent=PARENT.head_root, parent_slot=PARENT.slot)
    return Candidate(root=root, signed=chains.sign(block), vote=vote, facts=facts)


def approval(root: bytes, index: int) -> Approval:
    return approvals.approve(chains.SIGNERS[index], index, root)


def test_of_two_of_one_height_the_later_slot_waits() -> None:
    waiting = Candidates(chains.SCHEME)
    first, second = candidate(), candidate(1)
    assert waiting.add(first) is None
    assert waiting.add(second) is first
    assert waiting.get(first.root) is None
    assert waiting.add(first) is first, "an earlier one takes nobody's place"
    assert waiting.get(second.root) is second


def test_approvals_may_come_before_the_block_and_count_once() -> None:
    waiting, one = Candidates(chains.SCHEME), candidate()
    assert one.signed.approvals is not None
    author = one.signed.approvals.indices[0]
    others = [index for index in range(3) if index != author]
    for index in (*others, others[0], author):
        waiting.count(approval(one.root, index))
    waiting.add(one)
    gathered = waiting.gathered(one)
    assert gathered.indices == (0, 1, 2)
    approvals.check_aggregate(gathered, one.root, chains.SPEC.authorities, chains.SCHEME)
    assert waiting.approvers(one.root) == {0, 1, 2}


def test_what_is_imported_or_final_waits_no_longer() -> None:
    waiting, one = Candidates(chains.SCHEME), candidate()
    waiting.add(one)
    waiting.imported(one.root)
    assert waiting.get(one.root) is None
    waiting.add(one)
    assert waiting.forget(0) == ()
    assert waiting.forget(1) == (one.root,)


def test_there_is_room_for_so_many_approvals_of_blocks_that_never_come() -> None:
    waiting = Candidates(chains.SCHEME)
    for number in range(candidates.ROOTS_KEPT + 5):
        forged = Approval(block_root=number.to_bytes(32, "big"), authority_index=0, signature=b"")
        waiting.count(forged)
    assert waiting.approvers((0).to_bytes(32, "big")) == frozenset()
    assert waiting.approvers((5).to_bytes(32, "big")) == {0}
