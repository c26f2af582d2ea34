"""StorageActor: blocks, the head with its peg state, and the operations of the bridge, over the durable store.

Every value is one version byte and MessagePack. What belongs together is written in one batch, so that a crash leaves
either all of it or nothing: a block, its place in the heights, the head and the state after it.
"""

from typing import TypeVar

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Request
from alys.node import ports
from alys.node.errors import CorruptRecord

RECORD_VERSION = 1

T = TypeVar("T")

_HEAD = b"head"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The imported head: the signed block (``chain.blocks`` encoding) and the peg state after it (``chain.state``)."""

    block: bytes
    state: bytes


class SaveHead(Request[None], frozen=True, kw_only=True):
    """Store an imported block and make it the head, in one batch."""

    root: bytes
    height: int
    head: Head


class LoadHead(Request[Head | None], frozen=True, kw_only=True):
    """The head that was saved last, None before the first."""


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


class LoadRecords(Request[tuple[tuple[str, bytes], ...]], frozen=True, kw_only=True):
    """All records of a table, in the order of their names."""

    table: str


class Storage(Actor):
    """See the module's docstring. ``store`` is the registered name of the store's port."""

    def __init__(self, store: str) -> None:
        self._store = store

    async def on_save_head(self, message: SaveHead, ctx: Context) -> None:
        """One batch: block, height, head."""
        puts = (
            (_block_key(message.root), pack(message.head.block)),
            (_height_key(message.height), pack(message.root)),
            (_HEAD, pack(message.head)),
        )
        await ctx.ask(ctx.whereis(self._store), ports.StoreWrite(puts=puts))

    async def on_load_head(self, message: LoadHead, ctx: Context) -> Head | None:
        """See LoadHead."""
        value = await ctx.ask(ctx.whereis(self._store), ports.StoreGet(key=_HEAD))
        return None if value is None else unpack(value, Head, "head")

    async def on_load_block(self, message: LoadBlock, ctx: Context) -> bytes | None:
        """See LoadBlock."""
        key = _block_key(message.root)
        value = await ctx.ask(ctx.whereis(self._store), ports.StoreGet(key=key))
        return None if value is None else unpack(value, bytes, key.hex())

    async def on_load_block_at(self, message: LoadBlockAt, ctx: Context) -> bytes | None:
        """See LoadBlockAt."""
        key = _height_key(message.height)
        value = await ctx.ask(ctx.whereis(self._store), ports.StoreGet(key=key))
        if value is None:
            return None
        block = _block_key(unpack(value, bytes, key.hex()))
        value = await ctx.ask(ctx.whereis(self._store), ports.StoreGet(key=block))
        return None if value is None else unpack(value, bytes, block.hex())

    async def on_save_records(self, message: SaveRecords, ctx: Context) -> None:
        """See SaveRecords."""
        puts = tuple(
            (_record_key(message.table, name), pack(value)) for name, value in message.records
        )
        await ctx.ask(ctx.whereis(self._store), ports.StoreWrite(puts=puts))

    async def on_load_records(
        self, message: LoadRecords, ctx: Context
    ) -> tuple[tuple[str, bytes], ...]:
        """See LoadRecords."""
        prefix = _record_key(message.table, "")
        pairs = await ctx.ask(ctx.whereis(self._store), ports.StoreScan(prefix=prefix))
        return tuple(
            (key[len(prefix) :].decode(), unpack(value, bytes, key.decode()))
            for key, value in pairs
        )


def pack(value: object) -> bytes:
    """A version byte and MessagePack."""
    return bytes((RECORD_VERSION,)) + msgspec.msgpack.encode(value)


def unpack(data: bytes, kind: type[T], key: str) -> T:
    """The value; raises CorruptRecord naming the key for another version or damaged bytes."""
    if not data or data[0] != RECORD_VERSION:
        raise CorruptRecord(key, f"version {data[:1].hex() or 'none'}, known is {RECORD_VERSION}")
    try:
        return msgspec.msgpack.decode(data[1:], type=kind)
    except msgspec.MsgspecError as error:
        raise CorruptRecord(key, str(error)) from error


def _block_key(root: bytes) -> bytes:
    return b"block/" + root


def _height_key(height: int) -> bytes:
    return b"height/" + height.to_bytes(8, "big")


def _record_key(table: str, name: str) -> bytes:
    return f"record/{table}/{name}".encode()
