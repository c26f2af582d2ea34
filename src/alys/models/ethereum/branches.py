"""What a change of head took away and brought, as whoever looks from time to time or listens is told it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from alys.models.ethereum import views
from alys.models.ethereum.tree import Block, BlockTree


class Change(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The way from one head to another."""

    removed: tuple[Block, ...]
    """Blocks of the old branch alone, highest first."""
    added: tuple[Block, ...]
    """Blocks of the new branch alone, lowest first."""


def change(tree: BlockTree, old: Block, new: Block) -> Change:
    """The way from ``old`` to ``new``, both of this tree; a block whose state was set is still the same block."""
    removed, added = [], []
    while old.hash != new.hash:
        if old.number >= new.number:
            removed.append(old)
            old = _parent(tree, old)
        else:
            added.append(new)
            new = _parent(tree, new)
    return Change(removed=tuple(removed), added=tuple(reversed(added)))


def _parent(tree: BlockTree, block: Block) -> Block:
    found = tree.get(block.parent_hash)
    assert found is not None  # blocks enter after their parents, and never leave
    return found


def logs(
    moved: Change, addresses: frozenset[bytes], topics: tuple[frozenset[bytes], ...]
) -> Iterator[dict[str, Any]]:
    """The logs of a change that pass a filter: first those taken away, ``removed`` true, then the new ones."""
    for block in moved.removed:
        for log in reversed(list(views.logs(block, addresses, topics))):
            yield {**log, "removed": True}
    for block in moved.added:
        yield from views.logs(block, addresses, topics)
