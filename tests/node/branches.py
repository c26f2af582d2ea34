"""Branches of blocks that hang together and are good for nothing else: what Sync looks at."""

import msgspec

from alys.chain import blocks
from alys.chain.blocks import ConsensusBlock, SignedBlock
from alys.node import gossip, messages
from tests.chain.chains import payload

GENESIS = bytes(32)


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks from one height to another."""

    start: int
    roots: tuple[bytes, ...]
    encoded: tuple[bytes, ...]

    @property
    def height(self) -> int:
        """Of the last."""
        return self.start + len(self.roots) - 1

    def root(self, height: int) -> bytes:
        """Of the block at a height; before the first there is the genesis."""
        return GENESIS if height < self.start else self.roots[height - self.start]

    def some(self, start: int, count: int) -> tuple[bytes, ...]:
        """Encoded, from a height on."""
        begin = start - self.start
        return self.encoded[begin : begin + count]

    def head(self, height: int, finalised: int = 0) -> messages.HeadChanged:
        """A node that stands on it."""
        return messages.HeadChanged(
            height=height,
            root=self.root(height),
            slot=height,
            finalised_height=finalised,
            finalised_root=self.root(finalised),
        )

    def status(self, height: int | None = None, finalised: int = 0) -> gossip.Status:
        """What such a node says."""
        at = self.height if height is None else height
        return gossip.Status(
            height=at,
            head_root=self.root(at),
            finalised_height=finalised,
            finalised_root=self.root(finalised),
        )


def branch(length: int, name: str = "main", on: Branch | None = None, after: int = 0) -> Branch:
    """So many blocks, after a block of another branch; other names are other blocks."""
    parent = GENESIS if on is None else on.root(after)
    roots, encoded = [], []
    for height in range(after + 1, after + length + 1):
        made = payload(name.encode().ljust(32, b"\0"), height, height)
        block = ConsensusBlock(parent_root=parent, slot=height, payload=made)
        parent = blocks.root(block)
        roots.append(parent)
        encoded.append(blocks.encode(SignedBlock(block=block)))
    return Branch(start=after + 1, roots=tuple(roots), encoded=tuple(encoded))
