"""How the store's pairs are written: which keys there are, and what surrounds a value.

    schema              the layout's version
    seal                the last batch: its number, and the tag of each value in it
    head                what is head and what is final (``HeadMark``)
    approval            what this authority approved and is bound by; its bytes are Chain's
    block/<root>        a signed block
    state/<root>        a block above the last final one, or that one: its parent and height, the state after it, its facts
    height/<8 bytes>    the root of the canonical block
    record/<table>/<n>  a named record of an actor

A value is a version byte, a tag, and MessagePack. The tag is made over key and value, so a value that was damaged, or that
stands under another's key, is found when it is read.
"""

import hashlib
from typing import TypeVar

import msgspec

from alys.node.errors import CorruptRecord

SCHEMA_VERSION = 2
"""Of the layout above. Version 1 had no schema, no seal, no tags, and the state within ``head``."""

RECORD_VERSION = 2
"""First byte of a value."""

TAG_BYTES = 8

T = TypeVar("T")

SCHEMA = b"schema"
SEAL = b"seal"
HEAD = b"head"
APPROVAL = b"approval"
BLOCKS = b"block/"
STATES = b"state/"
HEIGHTS = b"height/"
RECORDS = b"record/"

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class HeadMark(msgspec.Struct, frozen=True, kw_only=True):
    """What is head, and what is final below it."""

    root: bytes
    height: int
    finalised_root: bytes
    finalised_height: int


class TreeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under ``state/<root>``."""

    parent: bytes
    height: int
    state: bytes
    facts: bytes = b""


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """The last batch: its number, and each key that it wrote with the tag of the value; an empty tag for a key that it deleted."""

    number: int
    tags: tuple[tuple[bytes, bytes], ...] = ()


def block_key(root: bytes) -> bytes:
    """Of a signed block."""
    return BLOCKS + root


def state_key(root: bytes) -> bytes:
    """Of a block's entry in the tree."""
    return STATES + root


def height_key(height: int) -> bytes:
    """Of the canonical root; keys are in the order of the heights."""
    return HEIGHTS + height.to_bytes(8, "big")


def record_key(table: str, name: str) -> bytes:
    """Of a named record."""
    return f"record/{table}/{name}".encode()


def label(key: bytes) -> str:
    """A key for people: text as it is, roots and heights in hex."""
    kind, slash, rest = key.partition(b"/")
    if slash and kind + slash in (BLOCKS, STATES, HEIGHTS):
        return f"{kind.decode()}/{rest.hex()}"
    return key.decode(errors="replace")


def tag(key: bytes, value: bytes) -> bytes:
    """What tells whether this value was written under this key."""
    return hashlib.blake2b(
        len(key).to_bytes(2, "big") + key + value, digest_size=TAG_BYTES
    ).digest()


def pack(key: bytes, value: object) -> bytes:
    """The value as it is stored under the key."""
    body = _encoder.encode(value)
    return bytes((RECORD_VERSION,)) + tag(key, body) + body


def unpack(key: bytes, data: bytes, kind: type[T]) -> T:
    """The value that was stored under the key; raises CorruptRecord naming the key for another version or damaged bytes."""
    if not data or data[0] != RECORD_VERSION:
        found = data[:1].hex() or "none"
        raise CorruptRecord(label(key), f"version {found}, known is {RECORD_VERSION}")
    body = data[1 + TAG_BYTES :]
    if data[1 : 1 + TAG_BYTES] != tag(key, body):
        raise CorruptRecord(label(key), f"{len(data)} bytes that are not what was written")
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptRecord(label(key), str(error)) from error


def tag_of(data: bytes) -> bytes:
    """The tag that a stored value carries."""
    return data[1 : 1 + TAG_BYTES]
