"""What Sync knows of a peer's chain, and its way along it: pure, so that every turn of it can be tried.

A ``Claim`` is what a peer says that it has; a ``Walk`` is a run of requests toward it, each beginning where the one before ended.
"""

from collections import deque
from collections.abc import Mapping

import msgspec

from alys.base.errors import AlysError
from alys.chain import blocks
from alys.node import gossip, messages

SETTLED_MAX = 64
"""Heads of one peer that are remembered as fetched, or as of no use."""


class BadRange(AlysError):
    """An answer that is not what was asked for: the peer's fault."""


class Claim(msgspec.Struct, kw_only=True):
    """What one peer says, and how far that was true."""

    status: gossip.Status | None = None
    """None: it says nothing, or is not connected."""
    more: int = 0
    """A height that it must have, going by a block that it sent."""
    delivered: bool = False
    """Whether it ever gave what it was asked for."""
    failures: int = 0
    doubted_until: float = 0.0
    settled: deque[bytes] = msgspec.field(default_factory=lambda: deque(maxlen=SETTLED_MAX))

    @property
    def height(self) -> int:
        """Of its head."""
        return max(self.more, 0 if self.status is None else self.status.height)

    def at_least(self, height: int) -> None:
        """It sent a block that continues one of that height."""
        self.more = max(self.more, height)

    def says(self, height: int) -> bool:
        """Whether that much is its own word."""
        return self.status is not None and self.status.height >= height

    def doubted(self, now: float) -> bool:
        """Whether it is not believed at the moment."""
        return now < self.doubted_until

    def wanted(self, own: messages.HeadChanged, now: float) -> bool:
        """Whether it has, believably, something that the node lacks: more blocks, a later final one, or another head."""
        status = self.status
        if status is None or self.doubted(now):
            return False
        if self.more >= own.height and self.more > 0:
            return True
        if status.head_root == own.root or status.head_root in self.settled:
            return False
        if status.finalised_height > own.finalised_height:
            return True
        return self.height >= own.height

    def settle(self, root: bytes) -> None:
        """All of the chain with this head was fetched, or cannot be of use."""
        self.settled.append(root)
        self.more = 0

    def redeem(self) -> None:
        """It gave what it was asked for."""
        self.delivered, self.failures = True, 0

    def doubt(self, now: float, seconds: float, seconds_max: float) -> None:
        """It did not: longer each time."""
        self.doubted_until = now + min(seconds_max, seconds * 2.0**self.failures)
        self.failures += 1
        self.delivered = False
        self.more = 0


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that hangs together."""

    parent: bytes
    """Root of the block before its first."""
    last: bytes
    count: int


class Walk(msgspec.Struct, kw_only=True):
    """A run of requests along one peer's chain."""

    peer: str
    start: int
    """Of the request that is open."""
    parent: bytes
    """Root of the block before it, as the node has it."""
    goal: int
    goal_root: bytes
    count: int = 0
    number: int = 0
    tries: int = 0
    handed: int = 0
    """Blocks that Chain has not judged yet; 0: none, an answer is waited for."""
    reached_root: bytes = b""

    @classmethod
    def toward(cls, peer: str, claim: Claim, own: messages.HeadChanged) -> "Walk":
        """To a peer's head: from the own one where that is lower, else from the last final block."""
        assert claim.status is not None, "a claim that is wanted says something"
        walk = cls(
            peer=peer,
            start=own.height + 1,
            parent=own.root,
            goal=claim.height,
            goal_root=claim.status.head_root,
        )
        if walk.goal < walk.start:
            walk.back_to(own)
        return walk

    def back_to(self, own: messages.HeadChanged) -> None:
        """Begin after the last final block."""
        self.start, self.parent = own.finalised_height + 1, own.finalised_root

    def ask(self, number: int, most: int) -> None:
        """A request, of at most so many blocks."""
        self.number = number
        self.count = max(1, min(most, self.goal - self.start + 1))

    def hand_over(self, found: Range) -> None:
        """Chain has it now."""
        self.handed, self.reached_root = found.count, found.last
        self.tries = 0

    def advance(self) -> bool:
        """Chain took all of it; whether there is more to ask for."""
        self.start += self.handed
        self.parent, self.handed = self.reached_root, 0
        return self.start <= self.goal


def check_range(encoded: tuple[bytes, ...], walk: Walk, checkpoints: Mapping[int, bytes]) -> Range:
    """An answer that may go to Chain: blocks of the heights asked for, each the parent of the next, none against a checkpoint.

    Raises BadRange.
    """
    if not encoded or len(encoded) > walk.count:
        raise BadRange(f"{len(encoded)} blocks, asked for {walk.count}")
    first = last = b""
    for height, data in enumerate(encoded, walk.start):
        try:
            block = blocks.decode(data).block
        except (blocks.BadBlock, ValueError) as error:
            raise BadRange(str(error)) from error
        if block.height != height:
            raise BadRange(f"a block of height {block.height} in the place of {height}")
        if last and block.parent_root != last:
            raise BadRange(f"block {height} does not continue the one before it")
        last = blocks.root(block)
        first = first or block.parent_root
        if checkpoints.get(height, last) != last:
            raise BadRange(f"block {height} is not the one that is final here")
    return Range(parent=first, last=last, count=len(encoded))
