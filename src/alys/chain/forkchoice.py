"""Which branch a node follows, and which blocks an authority may approve, so that no height is ever final twice.

A block is *sealed* when a quorum has approved it. The sealed blocks from the last final one upward form a tree. Its best block is
the head: the highest final height, then the greatest height, then the lowest root.

An authority keeps a vote for every block it approves, its own included, and these rules, whatever crashes in between:

1. Its slots increase. So of two blocks of one slot at most one is sealed, and all votes are in the order of their slots.
2. A block with an AuxPoW would make its range final. Approving it *binds*: from then on a block beside the end of the range
   is approved only on a parent of a later slot than the AuxPoW block's parent. (A sealed parent that is later shows, by rule 3,
   that the AuxPoW block was not sealed.)
3. A block with an AuxPoW is not approved after a block beside the end of its range of a later slot than its parent: that
   one may be sealed. Not counted are blocks with an AuxPoW that rule 3 would have kept from being sealed, the parent being sealed.
4. Where rule 3 could stop everything, no block without an AuxPoW being valid any more, it gives way after a while: then the
   AuxPoW block is *strict*. It needs no rule 3, and it binds to parents later than itself.
5. An authority that approves what rule 2 forbids to those who approved F shows that it did not approve F. Who sees that of so many
   that the rest is no quorum is bound by F no longer.

Why two conflicting ranges are never both final: let F be a sealed block with an AuxPoW on a parent of slot p, and B the first block
beside the end of its range, of a slot later than p, that a quorum approved. No such slot lies between p and F's (rule 3, and one
authority at least approved both). So that authority approved F first, and B's parent is no later than p, or B would not be the
first: rule 2 forbids it. With a strict F put F's slot in the place of p. Any two quorums share an authority (slots.quorum), so
crashes cannot break it, nor can less than a third of liars at four and more authorities.
"""

import enum
from collections.abc import Iterable, Mapping

import msgspec

STRICT_AFTER_SLOTS_PER_AUTHORITY = 4
"""How long rule 3 may stop everything: so many turns of every authority."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed block's place in the tree."""

    root: bytes
    parent: bytes
    height: int
    slot: int
    finalised_height: int
    """What is final by the block and its ancestors."""
    finalised_root: bytes


Tree = Mapping[bytes, Standing]
"""Sealed blocks by root: the last final one, and all known descendants of it."""


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """A block that the authority approved."""

    root: bytes
    slot: int
    parent: bytes
    parent_slot: int
    range_end: bytes = b""
    """What it would make final; empty: nothing."""
    strict: bool = False
    void: bool = False
    """It is known that the block was not sealed and will not be (``disproves``): only its slot counts."""

    @property
    def bound(self) -> int:
        """A parent beside the range must be of a later slot than this one."""
        return self.slot if self.strict else self.parent_slot


class Objection(enum.StrEnum):
    """Why an authority may not approve a block that is valid."""

    SLOT_USED = "slot-used"
    """It approved a block of this slot or a later one (rule 1)."""
    BEHIND = "behind-the-head"
    """It stands beside the head, on an older parent: its author does not know the head yet. Only prudence, no rule."""
    LOCKED = "locked"
    """It lies beside a range that the authority approved to be final (rule 2)."""
    VOTED_BESIDE = "voted-beside"
    """It would make final what an approved block lies beside (rule 3)."""


def best(tree: Tree) -> Standing:
    """The head; ValueError for an empty tree."""
    return min(tree.values(), key=lambda one: (-one.finalised_height, -one.height, one.root))


def latest(tree: Tree) -> Standing:
    """The block of the latest slot: every authority may approve blocks on it, whatever binds it."""
    return max(tree.values(), key=lambda one: one.slot)


def descends(tree: Tree, root: bytes, ancestor: bytes) -> bool:
    """Whether a block is the other or stands above it; False where one of them is unknown."""
    end = tree.get(ancestor)
    while end is not None and root in tree and tree[root].height >= end.height:
        if root == ancestor:
            return True
        root = tree[root].parent
    return False


def reorganisation(
    tree: Tree, old: bytes, new: bytes
) -> tuple[tuple[Standing, ...], tuple[Standing, ...]]:
    """What leaves the branch (highest first) and what comes to it (lowest first) when the head moves from old to new."""
    left: list[Standing] = []
    come: list[Standing] = []
    while old != new:
        if tree[old].height >= tree[new].height:
            left.append(tree[old])
            old = tree[old].parent
        else:
            come.append(tree[new])
            new = tree[new].parent
    return tuple(left), tuple(reversed(come))


def above(tree: Tree, final: bytes) -> dict[bytes, Standing]:
    """What is left of the tree when a block is final: it and its descendants."""
    return {root: one for root, one in tree.items() if descends(tree, root, final)}


def is_strict(slot: int, parent: Standing, authorities: int, max_blocks_without_pow: int) -> bool:
    """Whether an AuxPoW block of this slot is strict: nothing else is valid on its parent, and that for a while (rule 4)."""
    stuck = parent.height - parent.finalised_height >= max_blocks_without_pow
    return stuck and slot - parent.slot > STRICT_AFTER_SLOTS_PER_AUTHORITY * authorities


def objection(vote: Vote, votes: Iterable[Vote], tree: Tree) -> Objection | None:
    """Why the authority with these votes may not cast this one. The vote's parent is in the tree."""
    votes = tuple(votes)
    if any(one.slot >= vote.slot for one in votes):
        return Objection.SLOT_USED
    if _is_locked(vote, votes, tree):
        return Objection.LOCKED
    if vote.range_end and not vote.strict and _voted_beside(vote, votes, tree):
        return Objection.VOTED_BESIDE
    head, parent = best(tree), tree[vote.parent]
    if parent.height < head.height and parent.slot < head.slot:
        return Objection.BEHIND
    return None


def disproves(theirs: Vote, mine: Vote, tree: Tree) -> bool:
    """Whether an authority with the one vote cannot have cast the other (rule 5)."""
    return theirs.slot > mine.slot and _forbids(mine, theirs, tree)


def _forbids(one: Vote, vote: Vote, tree: Tree) -> bool:
    """Rule 2. A range whose end has left the tree is final, or never will be."""
    return (
        not one.void
        and one.range_end in tree
        and not descends(tree, vote.parent, one.range_end)
        and vote.parent_slot <= one.bound
    )


def _is_locked(vote: Vote, votes: tuple[Vote, ...], tree: Tree) -> bool:
    return any(_forbids(one, vote, tree) for one in votes)


def _voted_beside(vote: Vote, votes: tuple[Vote, ...], tree: Tree) -> bool:
    """Rule 3."""
    return any(
        not one.void
        and one.slot > vote.parent_slot
        and one.root != vote.range_end
        and not descends(tree, one.parent, vote.range_end)
        and not _cannot_be_sealed(one, vote, tree)
        for one in votes
    )


def _cannot_be_sealed(one: Vote, vote: Vote, tree: Tree) -> bool:
    """Rule 3 kept an authority of every quorum from approving it: the sealed parent of ``vote`` is beside its range and later."""
    return (
        one.range_end in tree
        and not one.strict
        and one.parent_slot < vote.parent_slot
        and not descends(tree, vote.parent, one.range_end)
    )


def kept(votes: Iterable[Vote], final: Standing) -> tuple[Vote, ...]:
    """The votes that still matter above a final block: those of later slots, and the last one for its slot."""
    votes = sorted(votes, key=lambda one: one.slot)
    return tuple(one for one in votes if one.slot > final.slot or one is votes[-1])


def base(votes: Iterable[Vote], tree: Tree, slot: int) -> Standing:
    """What an authority with these votes builds on: the head if it is free to, or the latest block."""
    head = best(tree)
    plain = Vote(root=b"", slot=slot, parent=head.root, parent_slot=head.slot)
    return latest(tree) if _is_locked(plain, tuple(votes), tree) else head
