"""The tree as the node keeps it: what is stored and taken up, what leads, what moves."""

from typing import Any

from alys.chain import blocks, state
from alys.chain.state import PegState
from alys.node import branches
from alys.node.branches import Branches, Known
from tests.chain import chains

FIRST = branches.known(chains.genesis(), state.genesis_state(chains.genesis()))


def grown(parent: PegState, **wishes: Any) -> Known:
    block, facts = chains.next_block(parent, **wishes)
    return branches.child(parent, chains.sign(block), facts, chains.SPEC)


def later(parent: PegState, slots: int, **wishes: Any) -> Known:
    """A child whose author let so many slots pass."""
    block, facts = chains.next_block(parent, **wishes)
    shifted = blocks.ConsensusBlock(
        parent_root=block.parent_root, slot=block.slot + slots, payload=block.payload
    )
    return branches.child(parent, chains.sign(shifted), facts, chains.SPEC)


def test_what_is_stored_is_taken_up_as_it_was() -> None:
    one = grown(FIRST.state, deposits=[chains.deposit(1)])
    assert one.minted == (chains.deposit(1),)
    assert branches.taken_up(branches.stored(one)) == one
    refunding = grown(one.state, facts={"parent_requests": (chains.burn(1, address="junk"),)})
    assert refunding.refunded == (f"{chains.burn(1).tx_hash}:0",)
    assert branches.taken_up(branches.stored(refunding)) == refunding


def test_a_block_names_what_it_proposes_and_a_higher_block_leads() -> None:
    funded = grown(FIRST.state, deposits=[chains.deposit(1)])
    paying = grown(funded.state, facts={"parent_requests": (chains.burn(1),)})
    assert len(paying.proposals) == 1
    assert funded.proposals == ()
    tree = Branches([FIRST], FIRST.root)
    assert tree.would_lead(funded)
    tree.add(funded)
    assert tree.head is FIRST, "until it is made the head"
    assert tree.lead(funded.root) == ([], [funded])
    assert tree.path(above=0) == [funded]
    assert [one.root for one in tree.ascending()] == [FIRST.root, funded.root]


def test_a_sibling_is_kept_beside_and_a_reorganisation_says_what_goes_and_comes() -> None:
    one, other = grown(FIRST.state), later(FIRST.state, 3)
    low, high = sorted((one, other), key=lambda known: known.root)
    tree = Branches([FIRST, low], low.root)
    assert not tree.would_lead(high)
    tree.add(high)
    child = grown(high.state)
    assert tree.would_lead(child)
    tree.add(child)
    assert tree.lead(child.root) == ([low], [high, child])
    assert tree.mark.root == child.root
    assert low.root in tree, "nothing is final, so it may yet come back"


def test_what_finality_abandons_is_forgotten() -> None:
    one, other = grown(FIRST.state), later(FIRST.state, 3)
    tree = Branches([FIRST, one, other], one.root)
    final = grown(one.state, header=chains.pow_header(one.state))
    tree.add(final)
    tree.lead(final.root)
    assert other.root not in tree
    assert FIRST.root not in tree
    assert {known.root for known in tree.ascending()} == {one.root, final.root}
    assert tree.mark.finalised_root == one.root
