"""Headers that run ahead of their blocks: what a node learns from its peers before it asks them for the blocks.

The tree stands on the chain's index: a header whose block is there is found there. Every header is checked as in a block:
work, difficulty, time, version. What is ahead is bounded, since regtest's work costs nothing.
"""

from collections.abc import Callable, Iterator

import msgspec

from alys.models.bitcoin import rules
from alys.models.bitcoin.chainstate import ChainState, Entry
from alys.models.bitcoin.rules import Rejected
from alys.wire.bitcoin import Header

AHEAD_MAX = 100_000
"""Headers without a block: 16 MB or so."""

LOCATOR_DENSE = 10
"""The locator names so many blocks one by one before its steps double."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A header in the tree. ``parent`` is its parent's hash."""

    header: Header
    height: int

    @property
    def hash(self) -> str:
        """The block's hash."""
        return self.header.hash

    @property
    def parent(self) -> str:
        """The parent's hash."""
        return self.header.previous


class TooMany(Rejected):
    """More headers without blocks than are kept."""

    def __init__(self) -> None:
        super().__init__("too-many-headers", f"more than {AHEAD_MAX} without their blocks")


class HeaderTree:
    """All headers that are known and good."""

    def __init__(self, chain: ChainState, now: Callable[[], float]) -> None:
        self._chain = chain
        self._now = now
        self._ahead: dict[str, Step] = {}

    def get(self, block_hash: str) -> Step | None:
        """A header, with its block or without."""
        entry = self._chain.index.get(block_hash)
        if entry is not None:
            return _step(entry)
        return self._ahead.get(block_hash)

    def add(self, header: Header) -> Step:
        """Take a header in; raises Rejected (``prev-blk-not-found`` when it stands on nothing known)."""
        known = self.get(header.hash)
        if known is not None:
            return known
        rules.check_work(header)
        parent = self.get(header.previous)
        if parent is None:
            raise Rejected("prev-blk-not-found")
        if self._chain.is_invalid(header.hash):
            raise Rejected("duplicate-invalid")
        if self._chain.is_invalid(header.previous):
            raise Rejected("bad-prevblk")
        rules.check_header(header, self._median_time(parent), self._now())
        if len(self._ahead) >= AHEAD_MAX:
            self._sweep()
        step = Step(header=header, height=parent.height + 1)
        self._ahead[step.hash] = step
        return step

    def without_block(self, block_hash: str) -> list[str]:
        """The hashes up to this one whose blocks are not known, the oldest first."""
        path = []
        while block_hash not in self._chain.index:
            path.append(block_hash)
            block_hash = self._ahead[block_hash].parent
        return path[::-1]

    def has(self, tip: str, block_hash: str) -> bool:
        """Whether who has the chain up to ``tip`` has this block."""
        wanted, step = self.get(block_hash), self.get(tip)
        if wanted is None or step is None or step.height < wanted.height:
            return False
        return self._ancestor(step, wanted.height).hash == block_hash

    def locator(self, block_hash: str) -> tuple[str, ...]:
        """Hashes from this block down, at first each, then ever fewer, to the genesis block."""
        hashes: list[str] = []
        stride = 1
        step = self.get(block_hash)
        assert step is not None, "the caller's own block"
        while step.height > 0:
            hashes.append(step.hash)
            if len(hashes) > LOCATOR_DENSE:
                stride *= 2
            step = self._ancestor(step, max(0, step.height - stride))
        return (*hashes, step.hash)

    def _ancestor(self, step: Step, height: int) -> Step:
        """The header at a height below this one; on the best chain it takes no walk."""
        while step.height > height:
            entry = self._chain.index.get(step.hash)
            if entry is not None and self._chain.is_active(entry):
                return _step(self._chain.active[height])
            parent = self.get(step.parent)
            assert parent is not None, "every header stands on a known one"
            step = parent
        return step

    def _down(self, block_hash: str) -> Iterator[Step]:
        step = self.get(block_hash)
        while step is not None:
            yield step
            step = self.get(step.parent)

    def _median_time(self, parent: Step) -> int:
        times: list[int] = []
        for step in self._down(parent.hash):
            times.append(step.header.time)
            if len(times) == rules.MEDIAN_TIME_BLOCKS:
                break
        return sorted(times)[len(times) // 2]

    def _sweep(self) -> None:
        """Let go of those whose blocks came; raises TooMany when there are none."""
        self._ahead = {
            block_hash: step
            for block_hash, step in self._ahead.items()
            if block_hash not in self._chain.index
        }
        if len(self._ahead) >= AHEAD_MAX:
            raise TooMany


def _step(entry: Entry) -> Step:
    return Step(header=entry.block.header, height=entry.height)
