"""The fork tree: every valid block with the state after it, and which branch is canonical.

Blocks enter only when valid and never leave; a block that was refused is remembered by its hash alone, so that what is
built on it can be refused too, with the last valid ancestor named.
"""

from collections.abc import Callable

import msgspec

from alys.models.ethereum.forks import Header, Receipt, Rules
from alys.models.ethereum.light_state import AnyState
from alys.models.ethereum.transactions import SignedTransaction
from alys.wire.engine import Withdrawal

REFUSED_HASHES_MAX = 1024
"""Hashes of refused blocks kept; the oldest is forgotten first, and then its children are merely unknown."""

BLOCK_HASH_WINDOW = 256
"""How far back the BLOCKHASH opcode sees."""


class Block(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A block that was executed, with what came of it. Compared by identity: the tree holds one per hash."""

    hash: bytes
    rules: Rules
    """Of the block's fork; header, transactions and receipts are of its classes."""
    header: Header
    total_difficulty: int = 0
    """Of this block and all before it; it stands still after the merge."""
    ommers: tuple[Header, ...] = ()
    transactions: tuple[SignedTransaction, ...]
    withdrawals: tuple[Withdrawal, ...]
    receipts: tuple[Receipt, ...]
    """One per transaction."""
    state: AnyState
    """All accounts after this block."""

    @property
    def number(self) -> int:
        """The height; genesis has 0."""
        return int(self.header.number)

    @property
    def parent_hash(self) -> bytes:
        """The hash of the block before this one."""
        return bytes(self.header.parent_hash)


class Reorganisation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a change of head did to the canonical chain."""

    head: Block
    removed: tuple[Block, ...]
    """Blocks that are no longer canonical, highest first."""
    added: tuple[Block, ...]
    """Blocks that became canonical, lowest first."""


class BlockTree:
    """All valid blocks. ``canonical[n]`` is the block at height n of the branch the head is on."""

    def __init__(self, genesis: Block) -> None:
        self.canonical: list[Block] = [genesis]
        self.safe: Block | None = None
        self.finalized: Block | None = None
        self.pending: Callable[[], Block] = lambda: self.head
        """Gives the block that callers mean by that word; it need not be in the tree."""
        self._blocks = {genesis.hash: genesis}
        self._transactions: dict[bytes, tuple[Block, int]] = {}
        self._refused: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def genesis(self) -> Block:
        """Block 0."""
        return self.canonical[0]

    @property
    def head(self) -> Block:
        """The last block of the canonical branch."""
        return self.canonical[-1]

    def get(self, block_hash: bytes) -> Block | None:
        """A valid block of any branch."""
        return self._blocks.get(block_hash)

    def at(self, number: int) -> Block | None:
        """The canonical block at a height."""
        return self.canonical[number] if 0 <= number < len(self.canonical) else None

    def is_canonical(self, block: Block) -> bool:
        """Whether the head descends from the block or is it."""
        return self.at(block.number) is block

    def transaction(self, tx_hash: bytes) -> tuple[Block, int] | None:
        """The canonical block that holds a transaction, and its position there."""
        return self._transactions.get(tx_hash)

    def insert(self, block: Block) -> None:
        """Add an executed block whose parent is here; the head does not move."""
        assert block.parent_hash in self._blocks
        self._blocks[block.hash] = block

    def replace(self, block: Block) -> None:
        """Put a block in the place of the one with its hash: a development node has set the state after it."""
        old = self._blocks[block.hash]
        self._blocks[block.hash] = block
        if self.is_canonical(old):
            self.canonical[old.number] = block
            for index, transaction in enumerate(block.transactions):
                self._transactions[transaction.hash] = (block, index)
        if self.safe is old:
            self.safe = block
        if self.finalized is old:
            self.finalized = block

    def refuse(self, block_hash: bytes, last_valid: bytes) -> None:
        """Remember that a block is invalid and which ancestor was the last valid one."""
        self._refused[block_hash] = last_valid
        if len(self._refused) > REFUSED_HASHES_MAX:
            del self._refused[next(iter(self._refused))]

    def last_valid_of_refused(self, block_hash: bytes) -> bytes | None:
        """The last valid ancestor of a refused block; None when the block was not refused."""
        return self._refused.get(block_hash)

    def descends(self, block: Block, ancestor: Block) -> bool:
        """Whether ``ancestor`` is ``block`` or before it on its branch."""
        if self.is_canonical(block):
            return ancestor.number <= block.number and self.is_canonical(ancestor)
        while block.number > ancestor.number:
            block = self._blocks[block.parent_hash]
        return block is ancestor

    def set_head(self, head: Block) -> Reorganisation:
        """Make the branch of ``head`` canonical; markers that fall off it are unset."""
        added = []
        block = head
        while not self.is_canonical(block):
            added.append(block)
            block = self._blocks[block.parent_hash]
        removed = self.canonical[block.number + 1 :]
        for gone in removed:
            for transaction in gone.transactions:
                del self._transactions[transaction.hash]
        del self.canonical[block.number + 1 :]
        added.reverse()
        for new in added:
            self.canonical.append(new)
            for index, transaction in enumerate(new.transactions):
                self._transactions[transaction.hash] = (new, index)
        if self.safe is not None and not self.is_canonical(self.safe):
            self.safe = None
        if self.finalized is not None and not self.is_canonical(self.finalized):
            self.finalized = None
        return Reorganisation(head=head, removed=tuple(reversed(removed)), added=tuple(added))

    def branch(self, last: Block, count: int) -> list[Block]:
        """Up to ``count`` blocks that end with ``last``, oldest first."""
        blocks = [last]
        while len(blocks) < count and blocks[-1].number > 0:
            blocks.append(self._blocks[blocks[-1].parent_hash])
        return blocks[::-1]

    def hashes_before(self, parent: Block) -> list[bytes]:
        """Up to 256 block hashes that end with ``parent``, oldest first (the BLOCKHASH opcode)."""
        hashes = [parent.hash]
        block: Block | None = parent
        while block is not None and block.number > 0 and len(hashes) < BLOCK_HASH_WINDOW:
            hashes.append(block.parent_hash)
            block = self._blocks.get(block.parent_hash)
        return hashes[::-1]
