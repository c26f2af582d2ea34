"""The blocks whose states are stored, as a tree: which of them are canonical under a head, and what falls away at finality.

Names and heights only; the bytes are the store's. Values are replaced, never changed, so a batch that failed leaves no trace.
"""

from collections.abc import Iterator, Mapping

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where a block is."""

    parent: bytes
    height: int


class Fallen(msgspec.Struct, frozen=True, kw_only=True):
    """What finality makes superfluous."""

    states: tuple[bytes, ...]
    """All roots whose state goes."""
    blocks: tuple[bytes, ...]
    """Those among them that were abandoned: the block goes too."""


Index = Mapping[bytes, Place]


def path(index: Index, root: bytes) -> Iterator[tuple[int, bytes]]:
    """Height and root from a block down to the lowest ancestor that is known here."""
    while root in index:
        place = index[root]
        yield place.height, root
        root = place.parent


def moved(index: Index, old: bytes | None, new: bytes) -> dict[int, bytes | None]:
    """What the canonical roots become when the head moves, by height; None where there is none any more.

    ``new`` is known here.
    """
    before = {} if old is None else dict(path(index, old))
    after: dict[int, bytes | None] = {}
    for height, root in path(index, new):
        if before.get(height) == root:
            break
        after[height] = root
    top = index[new].height
    gone: dict[int, bytes | None] = {height: None for height in before if height > top}
    return gone | after


def fallen(index: Index, final: bytes) -> Fallen:
    """What goes when a block is final: every state but its own and its descendants', and the blocks off its branch.

    Nothing while the block itself is not known here: then its branch began before the tree did.
    """
    if final not in index:
        return Fallen(states=(), blocks=())
    kept = {final}
    for root, _ in sorted(index.items(), key=lambda item: item[1].height):
        if index[root].parent in kept:
            kept.add(root)
    canonical = {root for _, root in path(index, final)}
    states = tuple(root for root in index if root not in kept)
    return Fallen(states=states, blocks=tuple(root for root in states if root not in canonical))
