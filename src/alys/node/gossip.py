"""What crosses the wire between the nodes of a federation: one tagged union, a version byte and MessagePack.

Blocks travel in the encoding of ``chain.blocks``, so their bytes are the signed ones. Nothing here is believed: whoever receives
an item judges it, and an item that cannot be read is its sender's fault.
"""

import functools

import msgspec

from alys.base.errors import AlysError
from alys.chain import blocks
from alys.chain.blocks import AuxPowHeader

WIRE_VERSION = 1
ITEM_BYTES_MAX = blocks.BLOCK_BYTES_MAX + 64 * 1024
"""A block of the largest size and what is said about it."""

_REMEMBERED_BYTES_MAX = 64 * 1024
"""Items up to this size are read once, though they come over every connection."""


class BadGossip(AlysError):
    """Bytes that are no item; the sender's fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not an item of gossip: {reason}")
        self.reason = reason


class ProposedBlock(msgspec.Struct, frozen=True, kw_only=True, tag="proposed"):
    """A block with its author's approval, to be judged."""

    block: bytes


class Approval(msgspec.Struct, frozen=True, kw_only=True, tag="approval"):
    """An authority's signature over a block's root, after its own full check."""

    root: bytes
    authority_index: int
    signature: bytes


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """Why an authority does not approve. ``height`` is its head's."""

    root: bytes
    authority_index: int
    reason: str
    detail: str
    height: int


class SealedBlock(msgspec.Struct, frozen=True, kw_only=True, tag="sealed"):
    """A block with a quorum of approvals."""

    block: bytes


class QueuedPow(msgspec.Struct, frozen=True, kw_only=True, tag="pow"):
    """A proof of merged mining that the next block may carry."""

    header: AuxPowHeader


class SignedPayout(msgspec.Struct, frozen=True, kw_only=True, tag="payout"):
    """A payout with exactly the threshold of the federation's signatures."""

    txid: str
    tx: bytes


class Status(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """Where a node stands."""

    height: int
    head_root: bytes
    finalised_height: int
    finalised_root: bytes


class BlocksRequest(msgspec.Struct, frozen=True, kw_only=True, tag="blocks?"):
    """Ask one peer for sealed blocks of its canonical chain, ascending from ``start``."""

    number: int
    start: int
    count: int


class BlocksResponse(msgspec.Struct, frozen=True, kw_only=True, tag="blocks"):
    """The answer to a request by its number; fewer than asked for where the chain ends."""

    number: int
    blocks: tuple[bytes, ...]


Item = (
    ProposedBlock
    | Approval
    | Refusal
    | SealedBlock
    | QueuedPow
    | SignedPayout
    | Status
    | BlocksRequest
    | BlocksResponse
)

_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder: msgspec.msgpack.Decoder[Item] = msgspec.msgpack.Decoder(Item)


def encode(item: Item) -> bytes:
    """Canonical bytes."""
    return bytes((WIRE_VERSION,)) + _encoder.encode(item)


def decode(data: bytes) -> Item:
    """The item in the bytes; raises BadGossip for another version, damage, too many bytes, or bytes that are not canonical."""
    if len(data) > ITEM_BYTES_MAX:
        raise BadGossip(f"{len(data)} bytes, at most {ITEM_BYTES_MAX} are allowed")
    return _decoded(data) if len(data) > _REMEMBERED_BYTES_MAX else _remembered(data)


def _decoded(data: bytes) -> Item:
    if not data or data[0] != WIRE_VERSION:
        raise BadGossip(f"version {data[:1].hex() or 'none'}, known is {WIRE_VERSION:02x}")
    try:
        item = _decoder.decode(data[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadGossip(str(error)) from error
    if encode(item) != data:
        raise BadGossip("the encoding is not canonical")
    return item


_remembered = functools.lru_cache(maxsize=256)(_decoded)
