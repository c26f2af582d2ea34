"""StorageActor: the tree of blocks, the head, what this authority approved, and named records, over the durable store.

``records`` says how it is laid out, ``migration`` what becomes of older layouts. What belongs together is written in one
batch, so that a crash leaves either all of it or nothing: a block, the state after it, its place in the heights, the head,
what it makes superfluous. The heights follow from the head and the tree, and are rewritten with it; what a final block makes
superfluous goes in the same batch. Every batch is sealed with the tags of its values, and the start looks whether the last
one is whole, and whether the head has all that it needs. Damage is named with its key and never guessed around.

A batch that the store does not take fails as a whole, at the asker; nothing here changes then.
"""

from typing import ClassVar, TypeVar

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Request
from alys.node import migration, ports, records, tree_index
from alys.node.checked import Checked
from alys.node.errors import CorruptRecord, StoreFailed
from alys.node.ports import Snapshot
from alys.node.records import HeadMark, Seal, TreeEntry, pack, unpack
from alys.node.tree_index import Place

T = TypeVar("T")

SNAPSHOTS_KEPT = 3
LONG_SECONDS = 30.0
"""Deadline of what reads or writes much at once."""


class StoredBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the tree with all that is kept beside it. ``block`` is in ``chain.blocks`` encoding; ``state`` and ``facts`` are Chain's."""

    root: bytes
    parent: bytes
    height: int
    block: bytes
    state: bytes
    facts: bytes = b""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A named record as it is from now on; None: it is gone."""

    table: str
    name: str
    value: bytes | None


# Requests. All that write fail with StoreFailed when the store took nothing; all that read, with CorruptRecord.


class StoreBlocks(Request[None], frozen=True, kw_only=True):
    """One batch: blocks into the tree, the head that the node has from now on, the approval, records.

    ``head`` must be in the tree, this batch's blocks included; its finalised block may have been pruned before. Blocks of
    known roots are replaced (more approvals, facts).
    """

    timeout_seconds: ClassVar[float] = LONG_SECONDS
    blocks: tuple[StoredBlock, ...] = ()
    head: HeadMark | None = None
    approval: bytes | None = None
    changes: tuple[Change, ...] = ()


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """All that consensus needs to go on."""

    head: HeadMark
    blocks: tuple[StoredBlock, ...]
    """All whose states are stored, ascending: the last final one and what is above it on every branch. Where a store of version 1
    was migrated the head alone, until a block above it is final."""


class LoadTree(Request[Tree | None], frozen=True, kw_only=True):
    """The tree as it was stored, None in a new store."""

    timeout_seconds: ClassVar[float] = LONG_SECONDS


class SaveApproval(Request[None], frozen=True, kw_only=True):
    """Store what this authority approved and is bound by, before the approval leaves it."""

    approval: bytes


class LoadApproval(Request[bytes | None], frozen=True, kw_only=True):
    """What was saved last, None before the first."""


class LoadBlock(Request[bytes | None], frozen=True, kw_only=True):
    """A signed block by its root."""

    root: bytes


class LoadBlockAt(Request[bytes | None], frozen=True, kw_only=True):
    """The signed block of the canonical chain at a height."""

    height: int


class SaveRecords(Request[None], frozen=True, kw_only=True):
    """Store named records of a table, in one batch."""

    table: str
    records: tuple[tuple[str, bytes], ...]


class ChangeRecords(Request[None], frozen=True, kw_only=True):
    """Store and remove named records of any tables, in one batch."""

    changes: tuple[Change, ...]


class LoadRecords(Request[tuple[tuple[str, bytes], ...]], frozen=True, kw_only=True):
    """All records of a table, in the order of their names."""

    timeout_seconds: ClassVar[float] = LONG_SECONDS
    table: str


class TakeSnapshot(Request[Snapshot], frozen=True, kw_only=True):
    """Copy the store while the node runs; the last few copies are kept. Without a name it is called after the head's height."""

    timeout_seconds: ClassVar[float] = ports.StoreSnapshot.timeout_seconds + 10.0
    name: str = ""


class Storage(Checked):
    """See the module's docstring. ``store`` is the registered name of the store's port.

    Its fields are what the store said at the start, and change with what was written since.
    """

    def __init__(self, store: str, *, snapshots_kept: int = SNAPSHOTS_KEPT) -> None:
        self._store = store
        self._snapshots_kept = snapshots_kept
        self._batches = 0
        self._head: HeadMark | None = None
        self._index: dict[bytes, Place] = {}

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Bring the layout up to date and look whether what is there is whole. Raises CorruptRecord."""
        written = await self._read(ctx, records.SCHEMA, int)
        if written is None:
            pairs = await self._scan(ctx, b"")
            await self._send(ctx, migration.to_current(pairs))
        elif written != records.SCHEMA_VERSION:
            known = f"version {written}, known is {records.SCHEMA_VERSION}"
            raise CorruptRecord("schema", known, "run the version of alys that wrote it")
        await self._check_seal(ctx)
        for key, data in await self._scan(ctx, records.STATES):
            entry = unpack(key, data, TreeEntry)
            self._index[key[len(records.STATES) :]] = Place(entry.parent, entry.height)
        self._head = await self._read(ctx, records.HEAD, HeadMark)
        if self._head is not None:
            await self._check_head(ctx, self._head)

    async def _check_seal(self, ctx: Context) -> None:
        """The last batch is there as it was sealed."""
        seal = await self._read(ctx, records.SEAL, Seal)
        if seal is None:
            raise CorruptRecord("seal", "there is none")
        self._batches = seal.number
        for key, tag in seal.tags:
            data = await self._get(ctx, key)
            found = b"" if data is None else records.tag_of(data)
            if found != tag:
                torn = f"not as batch {seal.number}, the last one, wrote it: the batch is torn"
                raise CorruptRecord(records.label(key), torn)

    async def _check_head(self, ctx: Context, head: HeadMark) -> None:
        """The head has its state, and every block of its branch that is not final its bytes and its place in the heights."""
        if head.root not in self._index:
            key = records.label(records.state_key(head.root))
            raise CorruptRecord(key, "the head has no state")
        for height, root in tree_index.path(self._index, head.root):
            if await self._read(ctx, records.block_key(root), bytes) is None:
                raise CorruptRecord(records.label(records.block_key(root)), "there is none")
            if await self._read(ctx, records.height_key(height), bytes) != root:
                key = records.label(records.height_key(height))
                raise CorruptRecord(key, "another block than the head's branch has")

    # The store

    async def _get(self, ctx: Context, key: bytes) -> bytes | None:
        return await ctx.ask(ctx.whereis(self._store), ports.StoreGet(key=key))

    async def _read(self, ctx: Context, key: bytes, kind: type[T]) -> T | None:
        data = await self._get(ctx, key)
        return None if data is None else unpack(key, data, kind)

    async def _scan(self, ctx: Context, prefix: bytes) -> tuple[tuple[bytes, bytes], ...]:
        return await ctx.ask(ctx.whereis(self._store), ports.StoreScan(prefix=prefix))

    async def _send(
        self, ctx: Context, puts: dict[bytes, bytes], deletes: tuple[bytes, ...] = ()
    ) -> None:
        """One sealed batch. Raises StoreFailed."""
        tags = (
            *((key, records.tag_of(value)) for key, value in puts.items()),
            *((key, b"") for key in deletes),
        )
        seal = Seal(number=self._batches + 1, tags=tags)
        sealed = ((records.SEAL, pack(records.SEAL, seal)), *puts.items())
        write = ports.StoreWrite(puts=sealed, deletes=deletes)
        await ctx.ask(ctx.whereis(self._store), write)
        self._batches += 1

    async def _write(
        self, ctx: Context, values: dict[bytes, object], deletes: tuple[bytes, ...] = ()
    ) -> bool:
        """A batch for whoever asked; False when the store did not take it, which the asker is told."""
        try:
            await self._send(ctx, {key: pack(key, value) for key, value in values.items()}, deletes)
        except StoreFailed as error:
            ctx.refuse(error)
            return False
        return True

    # Blocks

    async def on_store_blocks(self, message: StoreBlocks, ctx: Context) -> None:
        """See StoreBlocks."""
        index = self._index | {b.root: Place(b.parent, b.height) for b in message.blocks}
        head = message.head
        if head is not None and head.root not in index:
            missing = records.label(records.state_key(head.root))
            ctx.refuse(CorruptRecord(missing, "it cannot be the head: it is not in the tree"))
            return
        values: dict[bytes, object] = {}
        gone: list[bytes] = []
        for block in message.blocks:
            values[records.block_key(block.root)] = block.block
            values[records.state_key(block.root)] = TreeEntry(
                parent=block.parent, height=block.height, state=block.state, facts=block.facts
            )
        if head is not None:
            values[records.HEAD] = head
            before = None if self._head is None else self._head.root
            for height, root in tree_index.moved(index, before, head.root).items():
                if root is None:
                    gone.append(records.height_key(height))
                else:
                    values[records.height_key(height)] = root
            fallen = tree_index.fallen(index, head.finalised_root)
            gone += [records.state_key(root) for root in fallen.states]
            gone += [records.block_key(root) for root in fallen.blocks]
            index = {root: place for root, place in index.items() if root not in fallen.states}
        if message.approval is not None:
            values[records.APPROVAL] = message.approval
        _change(values, gone, message.changes)
        kept = {key: value for key, value in values.items() if key not in gone}
        if await self._write(ctx, kept, tuple(gone)):
            self._index = index
            self._head = head or self._head

    async def on_load_tree(self, message: LoadTree, ctx: Context) -> Tree | None:
        """See LoadTree."""
        if self._head is None:
            return None
        try:
            stored = [
                await self._stored(ctx, key[len(records.STATES) :], unpack(key, data, TreeEntry))
                for key, data in await self._scan(ctx, records.STATES)
            ]
        except CorruptRecord as error:
            ctx.refuse(error)
            return None
        return Tree(head=self._head, blocks=tuple(sorted(stored, key=lambda b: (b.height, b.root))))

    async def _stored(self, ctx: Context, root: bytes, entry: TreeEntry) -> StoredBlock:
        block = await self._read(ctx, records.block_key(root), bytes)
        if block is None:
            key = records.label(records.block_key(root))
            raise CorruptRecord(key, "its state is there and the block is not")
        return StoredBlock(
            root=root,
            parent=entry.parent,
            height=entry.height,
            block=block,
            state=entry.state,
            facts=entry.facts,
        )

    async def on_load_block(self, message: LoadBlock, ctx: Context) -> bytes | None:
        """See LoadBlock."""
        return await self._answer(records.block_key(message.root), ctx)

    async def on_load_block_at(self, message: LoadBlockAt, ctx: Context) -> bytes | None:
        """See LoadBlockAt."""
        root = await self._answer(records.height_key(message.height), ctx)
        return None if root is None else await self._answer(records.block_key(root), ctx)

    async def _answer(self, key: bytes, ctx: Context) -> bytes | None:
        """Bytes for whoever asked; one that is damaged is the asker's to deal with, and nobody is restarted for it."""
        try:
            return await self._read(ctx, key, bytes)
        except CorruptRecord as error:
            ctx.refuse(error)
            return None

    # The approval

    async def on_save_approval(self, message: SaveApproval, ctx: Context) -> None:
        """See SaveApproval."""
        await self._write(ctx, {records.APPROVAL: message.approval})

    async def on_load_approval(self, message: LoadApproval, ctx: Context) -> bytes | None:
        """See LoadApproval."""
        return await self._answer(records.APPROVAL, ctx)

    # Records

    async def on_save_records(self, message: SaveRecords, ctx: Context) -> None:
        """See SaveRecords."""
        values: dict[bytes, object] = {
            records.record_key(message.table, name): value for name, value in message.records
        }
        await self._write(ctx, values)

    async def on_change_records(self, message: ChangeRecords, ctx: Context) -> None:
        """See ChangeRecords."""
        values: dict[bytes, object] = {}
        gone: list[bytes] = []
        _change(values, gone, message.changes)
        await self._write(ctx, values, tuple(gone))

    async def on_load_records(
        self, message: LoadRecords, ctx: Context
    ) -> tuple[tuple[str, bytes], ...]:
        """See LoadRecords."""
        prefix = records.record_key(message.table, "")
        pairs = await self._scan(ctx, prefix)
        try:
            return tuple(
                (key[len(prefix) :].decode(), unpack(key, data, bytes)) for key, data in pairs
            )
        except CorruptRecord as error:
            ctx.refuse(error)
            return ()

    # Snapshots

    async def on_take_snapshot(self, message: TakeSnapshot, ctx: Context) -> Snapshot | None:
        """See TakeSnapshot."""
        height = 0 if self._head is None else self._head.height
        request = ports.StoreSnapshot(
            name=message.name or f"height-{height}", keep=self._snapshots_kept
        )
        try:
            return await ctx.ask(ctx.whereis(self._store), request)
        except StoreFailed as error:
            ctx.refuse(error)
            return None


def _change(values: dict[bytes, object], gone: list[bytes], changes: tuple[Change, ...]) -> None:
    for change in changes:
        key = records.record_key(change.table, change.name)
        if change.value is None:
            gone.append(key)
        else:
            values[key] = change.value
