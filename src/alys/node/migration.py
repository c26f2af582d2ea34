"""Older layouts of the store, and the one batch that makes the present one of them (``records`` has it).

Version 1 wrote ``block/``, ``height/``, ``record/`` and ``head``, each value a byte 1 and MessagePack; ``head`` was the
signed block with the peg state after it. There was no schema record, by which it is known.

Blocks and states are carried over as the bytes that they are. Whether the chain's rules of today still read them is for Chain to
say; here they are looked into no further than the layout needs, in the shapes of that time.
"""

from typing import TypeVar

import msgspec

from alys.node import records
from alys.node.errors import CorruptRecord

T = TypeVar("T")

Pairs = tuple[tuple[bytes, bytes], ...]


class HeadV1(msgspec.Struct, frozen=True, kw_only=True):
    """What stood under ``head``."""

    block: bytes
    state: bytes


class BlockV1(msgspec.Struct, frozen=True, kw_only=True):
    """Of a block, what is needed here."""

    parent_root: bytes


class SignedV1(msgspec.Struct, frozen=True, kw_only=True):
    """Of a signed block, what is needed here."""

    block: BlockV1


class StateV1(msgspec.Struct, frozen=True, kw_only=True):
    """Of a peg state, what is needed here."""

    head_root: bytes
    height: int
    finalised_root: bytes
    finalised_height: int


def to_current(pairs: Pairs) -> dict[bytes, bytes]:
    """What to put so that a store with these pairs, and without a schema record, is of the present version.

    An empty store becomes one. Raises CorruptRecord for what version 1 did not write.
    """
    values: dict[bytes, object] = {records.SCHEMA: records.SCHEMA_VERSION}
    for key, data in pairs:
        if key == records.HEAD:
            values.update(_head(_unpack(key, data, HeadV1)))
        elif key.startswith((records.BLOCKS, records.HEIGHTS, records.RECORDS)):
            values[key] = _unpack(key, data, bytes)
        else:
            raise CorruptRecord(records.label(key), "no store of version 1 has this")
    return {key: records.pack(key, value) for key, value in values.items()}


def _head(head: HeadV1) -> dict[bytes, object]:
    """The mark and the tree's first entry."""
    try:
        signed = msgspec.msgpack.decode(head.block, type=SignedV1)
        after = msgspec.msgpack.decode(head.state, type=StateV1)
    except msgspec.MsgspecError as error:
        raise CorruptRecord("head", str(error)) from error
    root = after.head_root
    mark = records.HeadMark(
        root=root,
        height=after.height,
        finalised_root=after.finalised_root,
        finalised_height=after.finalised_height,
    )
    entry = records.TreeEntry(
        parent=signed.block.parent_root, height=after.height, state=head.state
    )
    return {records.HEAD: mark, records.state_key(root): entry, records.block_key(root): head.block}


def _unpack(key: bytes, data: bytes, kind: type[T]) -> T:
    if data[:1] != b"\x01":
        found = data[:1].hex() or "none"
        raise CorruptRecord(records.label(key), f"version {found} in a store of version 1")
    try:
        return msgspec.msgpack.decode(data[1:], type=kind)
    except msgspec.MsgspecError as error:
        raise CorruptRecord(records.label(key), str(error)) from error
