"""Whether a whole store is sound: every value, the last batch, the head with its branch. For a store that no node has open.

The node itself looks at its start for what it needs to go on (``storage``); this looks at everything and says all it finds.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from alys.chain import blocks
from alys.node import records, tree_index
from alys.node.errors import CorruptRecord
from alys.node.records import HeadMark, Seal, TreeEntry
from alys.node.tree_index import Place

_KINDS: tuple[tuple[bytes, Any], ...] = (
    (records.SCHEMA, int),
    (records.SEAL, Seal),
    (records.HEAD, HeadMark),
    (records.APPROVAL, bytes),
    (records.BLOCKS, bytes),
    (records.STATES, TreeEntry),
    (records.HEIGHTS, bytes),
    (records.RECORDS, bytes),
)


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a store, and what is wrong with it."""

    version: int | None
    """None: it has no schema record, as version 1 had none."""
    head: HeadMark | None
    blocks: int
    states: int
    records: int
    damage: tuple[str, ...]
    """A sentence each, with the key first; empty: it is sound."""


class _Examination:
    def __init__(self, pairs: Mapping[bytes, bytes]) -> None:
        self._pairs = pairs
        self.values: dict[bytes, Any] = {}
        self.damage: list[str] = []

    def note(self, key: bytes, reason: str) -> None:
        self.damage.append(f"{records.label(key)}: {reason}")

    def read_all(self) -> None:
        for key, data in self._pairs.items():
            kind = next((k for prefix, k in _KINDS if key == prefix or _below(key, prefix)), None)
            if kind is None:
                self.note(key, "no version of the store has this")
                continue
            try:
                self.values[key] = records.unpack(key, data, kind)
            except CorruptRecord as error:
                self.note(key, error.reason)

    def check_seal(self) -> None:
        seal = self.values.get(records.SEAL)
        if seal is None:
            if records.SEAL not in self._pairs:
                self.note(records.SEAL, "there is none")
            return
        for key, tag in seal.tags:
            found = self._pairs.get(key)
            if (b"" if found is None else records.tag_of(found)) != tag:
                self.note(key, f"not as batch {seal.number}, the last one, wrote it")

    def check_blocks(self) -> None:
        for key, data in self.values.items():
            if not _below(key, records.BLOCKS):
                continue
            try:
                root = blocks.root(blocks.decode(data).block)
            except blocks.BadBlock as error:
                self.note(key, str(error))
                continue
            if records.block_key(root) != key:
                self.note(key, f"the block there is {root.hex()}")

    def check_heights(self, head: HeadMark) -> None:
        """One root for each height from the first to the head, and its block is there."""
        prefix = len(records.HEIGHTS)
        canonical = {
            int.from_bytes(key[prefix:], "big"): root
            for key, root in self.values.items()
            if _below(key, records.HEIGHTS)
        }
        expected = range(min(canonical, default=head.height), head.height + 1)
        for height in sorted(canonical.keys() ^ set(expected)):
            key = records.height_key(height)
            self.note(key, "above the head" if height in canonical else "there is none")
        for height, root in sorted(canonical.items()):
            if records.block_key(root) not in self._pairs:
                self.note(records.block_key(root), f"canonical at {height}, and not there")

    def check_head(self, head: HeadMark) -> None:
        """It has its state, and its branch is what the heights say."""
        index = {
            key[len(records.STATES) :]: Place(entry.parent, entry.height)
            for key, entry in self.values.items()
            if _below(key, records.STATES)
        }
        if head.root not in index:
            self.note(records.state_key(head.root), "the head has no state")
        for height, root in tree_index.path(index, head.root):
            if self.values.get(records.height_key(height)) != root:
                self.note(records.height_key(height), "another block than the head's branch has")


def examine(pairs: Mapping[bytes, bytes]) -> Findings:
    """Look at all pairs of a store."""
    look = _Examination(pairs)
    if records.SCHEMA in pairs:
        look.read_all()
        look.check_seal()
        look.check_blocks()
        head = look.values.get(records.HEAD)
        if head is not None:
            look.check_heights(head)
            look.check_head(head)
    elif pairs:
        look.note(
            records.SCHEMA, "there is none: a store of version 1, which the node brings up to date"
        )
    counts = {p: sum(_below(k, p) for k in pairs) for p in (records.BLOCKS, records.STATES)}
    return Findings(
        version=look.values.get(records.SCHEMA),
        head=look.values.get(records.HEAD),
        blocks=counts[records.BLOCKS],
        states=counts[records.STATES],
        records=sum(_below(key, records.RECORDS) for key in pairs),
        damage=tuple(look.damage),
    )


def _below(key: bytes, prefix: bytes) -> bool:
    return prefix.endswith(b"/") and key.startswith(prefix)
