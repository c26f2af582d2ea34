"""The messages between Bitcoin nodes: frames on the stream, and what is in them, as frozen structs.

The figures are Core's (``net.h``, ``net_processing.cpp``); the formats are those of the protocol's first version and of BIP35,
130, 133, 144, 155, 159 and 339. ``bitcoin_frames`` has what carries them. A payload that does not parse raises
``MalformedBitcoin``, one that goes beyond a limit ``TooMuch``; bytes left over do not matter, as in Core.
"""

import enum
import ipaddress
import struct
from collections.abc import Callable, Sequence

import msgspec

from alys.wire import bitcoin_codec as codec
from alys.wire.bitcoin_codec import Block, Header, MalformedBitcoin, Reader, Tx
from alys.wire.bitcoin_frames import FRAME_HEAD_BYTES as FRAME_HEAD_BYTES
from alys.wire.bitcoin_frames import PAYLOAD_BYTES_MAX as PAYLOAD_BYTES_MAX
from alys.wire.bitcoin_frames import REGTEST_MAGIC as REGTEST_MAGIC
from alys.wire.bitcoin_frames import Frame as Frame
from alys.wire.bitcoin_frames import Frames as Frames
from alys.wire.bitcoin_frames import framed as framed

PROTOCOL_VERSION = 70016
"""BIP339's."""

SUBVERSION_BYTES_MAX = 256
LOCATOR_HASHES_MAX = 101
HEADERS_MAX = 2000
INVENTORY_MAX = 50_000
ADDRESSES_MAX = 1000
ADDRESS_V2_BYTES_MAX = 512


class TooMuch(MalformedBitcoin):
    """A list or a text is longer than the protocol allows, which is no mistake in transit but misbehaviour."""


class Services(enum.IntFlag):
    """What a node offers to others."""

    NETWORK = 1
    BLOOM = 4
    WITNESS = 8
    COMPACT_FILTERS = 64
    NETWORK_LIMITED = 1024
    P2P_V2 = 2048


class Kind(enum.IntEnum):
    """What an inventory item names; the flag of BIP144 asks for it with its witness."""

    TX = 1
    BLOCK = 2
    FILTERED_BLOCK = 3
    COMPACT_BLOCK = 4
    WTX = 5
    WITNESS_TX = 0x40000001
    WITNESS_BLOCK = 0x40000002


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A block or a transaction by its hash; an unknown ``kind`` stays the number it is."""

    kind: int
    hash: str


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node listens; ``host`` is an IP address as text."""

    host: str = "0.0.0.0"
    port: int = 0
    services: int = 0


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all; a message without fields is its command."""


class Version(Message, frozen=True, kw_only=True):
    """Who I am. ``relay`` False asks for no transactions (BIP37); absent on the wire it is True."""

    protocol: int = PROTOCOL_VERSION
    services: int
    time: int
    receiver: Address = Address()
    sender: Address = Address()
    nonce: int
    agent: bytes
    height: int
    relay: bool = True


class Verack(Message, frozen=True, kw_only=True):
    """I heard your version."""


class WtxidRelay(Message, frozen=True, kw_only=True):
    """Announce transactions to me by wtxid (BIP339)."""


class SendAddrV2(Message, frozen=True, kw_only=True):
    """I read addresses of BIP155."""


class SendHeaders(Message, frozen=True, kw_only=True):
    """Announce blocks to me by their headers (BIP130)."""


class GetAddr(Message, frozen=True, kw_only=True):
    """Tell me of other nodes."""


class MemPool(Message, frozen=True, kw_only=True):
    """Tell me what waits (BIP35)."""


class SendCompact(Message, frozen=True, kw_only=True):
    """I know compact blocks (BIP152)."""

    announce: bool
    version: int


class FeeFilter(Message, frozen=True, kw_only=True):
    """Announce nothing below this rate to me, in sats per 1000 virtual bytes (BIP133)."""

    rate: int


class Ping(Message, frozen=True, kw_only=True):
    """Are you there?"""

    nonce: int


class Pong(Message, frozen=True, kw_only=True):
    """I am."""

    nonce: int


class GetHeaders(Message, frozen=True, kw_only=True):
    """Headers of your best chain after the first of these hashes that is on it, up to ``stop`` (zeros: as many as fit)."""

    locator: tuple[str, ...]
    stop: str = codec.NULL_HASH


class GetBlocks(Message, frozen=True, kw_only=True):
    """The same question for the inventory."""

    locator: tuple[str, ...]
    stop: str = codec.NULL_HASH


class Headers(Message, frozen=True, kw_only=True):
    """Headers, each on the one before."""

    headers: tuple[Header, ...]


class Inv(Message, frozen=True, kw_only=True):
    """I have these."""

    items: tuple[Item, ...]


class GetData(Message, frozen=True, kw_only=True):
    """Send me these."""

    items: tuple[Item, ...]


class NotFound(Message, frozen=True, kw_only=True):
    """I do not have these."""

    items: tuple[Item, ...]


class BlockMessage(Message, frozen=True, kw_only=True):
    """A block; ``witness`` False leaves the witnesses out."""

    block: Block
    witness: bool = True


class TxMessage(Message, frozen=True, kw_only=True):
    """A transaction."""

    tx: Tx
    witness: bool = True


class Addr(Message, frozen=True, kw_only=True):
    """Other nodes, each with when it was seen last."""

    nodes: tuple[tuple[int, Address], ...]


class Unknown(Message, frozen=True, kw_only=True):
    """A command that nobody here knows; those of later versions are to be ignored."""

    command: str
    payload: bytes


def encode(message: Message, magic: bytes = REGTEST_MAGIC) -> bytes:
    """A message as a frame."""
    if isinstance(message, Unknown):
        return framed(message.command, message.payload, magic)
    command = _COMMANDS[type(message)]
    return framed(command, _WRITERS.get(command, _nothing)(message), magic)


def decode(frame: Frame) -> Message:
    """What a frame says; raises MalformedBitcoin."""
    read = _READERS.get(frame.command)
    if read is None:
        return Unknown(command=frame.command, payload=frame.payload)
    return read(Reader(frame.payload, f"{frame.command} message"))


def _nothing(_: Message) -> bytes:
    return b""


def _empty(kind: type[Message]) -> Callable[[Reader], Message]:
    """Core reads nothing from these, whatever follows."""
    return lambda _: kind()


def _host_bytes(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes(16)
    return (bytes(10) + b"\xff\xff" + address.packed) if address.version == 4 else address.packed


def _host_text(packed: bytes) -> str:
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def _write_address(address: Address) -> bytes:
    head = struct.pack("<Q", address.services) + _host_bytes(address.host)
    return head + struct.pack(">H", address.port)


def _read_address(reader: Reader) -> Address:
    services, packed = reader.unsigned(8), reader.take(16)
    return Address(
        services=services, host=_host_text(packed), port=int.from_bytes(reader.take(2), "big")
    )


def _write_version(message: Version) -> bytes:
    return (
        struct.pack("<iQq", message.protocol, message.services, message.time)
        + _write_address(message.receiver)
        + _write_address(message.sender)
        + struct.pack("<Q", message.nonce)
        + codec.var_bytes(message.agent)
        + struct.pack("<i?", message.height, message.relay)
    )


def _read_version(reader: Reader) -> Version:
    protocol, services, time = reader.signed(4), reader.unsigned(8), reader.signed(8)
    receiver, sender = _read_address(reader), _read_address(reader)
    nonce, agent = reader.unsigned(8), reader.var_bytes()
    if len(agent) > SUBVERSION_BYTES_MAX:
        raise TooMuch("version message", f"a user agent of {len(agent)} bytes")
    height = reader.signed(4)
    relay = reader.unsigned(1) != 0 if reader.peek(1) else True
    return Version(
        protocol=protocol,
        services=services,
        time=time,
        receiver=receiver,
        sender=sender,
        nonce=nonce,
        agent=agent,
        height=height,
        relay=relay,
    )


def _write_locator(message: GetHeaders | GetBlocks) -> bytes:
    hashes = b"".join(codec.unshown(one) for one in message.locator)
    return (
        struct.pack("<i", PROTOCOL_VERSION)
        + codec.var_int(len(message.locator))
        + hashes
        + codec.unshown(message.stop)
    )


def _read_locator(reader: Reader) -> tuple[tuple[str, ...], str]:
    reader.take(4)
    locator = _bounded(reader, Reader.hash, LOCATOR_HASHES_MAX, "locator")
    return locator, reader.hash()


def _bounded(
    reader: Reader, read: Callable[[Reader], codec.T], most: int, what: str
) -> tuple[codec.T, ...]:
    """A count and that many items, the count judged before any item is read."""
    count = reader.count()
    if count > most:
        raise TooMuch(what, f"{count} items, {most} allowed")
    return tuple(read(reader) for _ in range(count))


def _read_get_headers(reader: Reader) -> GetHeaders:
    locator, stop = _read_locator(reader)
    return GetHeaders(locator=locator, stop=stop)


def _read_get_blocks(reader: Reader) -> GetBlocks:
    locator, stop = _read_locator(reader)
    return GetBlocks(locator=locator, stop=stop)


def _write_headers(message: Headers) -> bytes:
    """Each header with the count of its transactions, which is always nought here."""
    return codec.var_int(len(message.headers)) + b"".join(
        header.serialize() + b"\x00" for header in message.headers
    )


def _read_headers(reader: Reader) -> Headers:
    def one(cursor: Reader) -> Header:
        header = codec.read_header(cursor)
        cursor.count()
        return header

    return Headers(headers=_bounded(reader, one, HEADERS_MAX, "headers"))


def _write_items(items: Sequence[Item]) -> bytes:
    return codec.var_int(len(items)) + b"".join(
        struct.pack("<I", item.kind) + codec.unshown(item.hash) for item in items
    )


def _read_items(reader: Reader) -> tuple[Item, ...]:
    def one(cursor: Reader) -> Item:
        return Item(kind=cursor.unsigned(4), hash=cursor.hash())

    return _bounded(reader, one, INVENTORY_MAX, "inventory")


def _write_block(message: BlockMessage) -> bytes:
    block = message.block
    return (
        block.header.serialize()
        + codec.var_int(len(block.txs))
        + b"".join(tx.serialize(witness=message.witness) for tx in block.txs)
    )


def _read_block(reader: Reader) -> BlockMessage:
    header = codec.read_header(reader)
    return BlockMessage(block=Block(header=header, txs=reader.many(codec.read_tx)))


def _read_tx(reader: Reader) -> TxMessage:
    return TxMessage(tx=codec.read_tx(reader))


def _write_addr(message: Addr) -> bytes:
    return codec.var_int(len(message.nodes)) + b"".join(
        struct.pack("<I", seen) + _write_address(address) for seen, address in message.nodes
    )


def _read_addr(reader: Reader) -> Addr:
    def one(cursor: Reader) -> tuple[int, Address]:
        return cursor.unsigned(4), _read_address(cursor)

    return Addr(nodes=_bounded(reader, one, ADDRESSES_MAX, "addresses"))


def _read_addr_v2(reader: Reader) -> Addr:
    """BIP155's form; addresses of other networks than IP are left out."""

    def one(cursor: Reader) -> tuple[int, Address] | None:
        seen, services, network = cursor.unsigned(4), cursor.count(), cursor.unsigned(1)
        size = cursor.count()
        if size > ADDRESS_V2_BYTES_MAX:
            raise TooMuch("address", f"{size} bytes, {ADDRESS_V2_BYTES_MAX} allowed")
        packed, port = cursor.take(size), int.from_bytes(cursor.take(2), "big")
        if (network, size) not in ((1, 4), (2, 16)):
            return None
        host = str(ipaddress.ip_address(packed))
        return seen, Address(services=services, host=host, port=port)

    nodes = _bounded(reader, one, ADDRESSES_MAX, "addresses")
    return Addr(nodes=tuple(node for node in nodes if node is not None))


_EMPTY: dict[str, type[Message]] = {
    "verack": Verack,
    "wtxidrelay": WtxidRelay,
    "sendaddrv2": SendAddrV2,
    "sendheaders": SendHeaders,
    "getaddr": GetAddr,
    "mempool": MemPool,
}

_COMMANDS: dict[type[Message], str] = {
    **{kind: command for command, kind in _EMPTY.items()},
    Version: "version",
    SendCompact: "sendcmpct",
    FeeFilter: "feefilter",
    Ping: "ping",
    Pong: "pong",
    GetHeaders: "getheaders",
    GetBlocks: "getblocks",
    Headers: "headers",
    Inv: "inv",
    GetData: "getdata",
    NotFound: "notfound",
    BlockMessage: "block",
    TxMessage: "tx",
    Addr: "addr",
}

_WRITERS: dict[str, Callable[..., bytes]] = {
    "version": _write_version,
    "sendcmpct": lambda message: struct.pack("<?Q", message.announce, message.version),
    "feefilter": lambda message: struct.pack("<q", message.rate),
    "ping": lambda message: struct.pack("<Q", message.nonce),
    "pong": lambda message: struct.pack("<Q", message.nonce),
    "getheaders": _write_locator,
    "getblocks": _write_locator,
    "headers": _write_headers,
    "inv": lambda message: _write_items(message.items),
    "getdata": lambda message: _write_items(message.items),
    "notfound": lambda message: _write_items(message.items),
    "block": _write_block,
    "tx": lambda message: message.tx.serialize(witness=message.witness),
    "addr": _write_addr,
}

_READERS: dict[str, Callable[[Reader], Message]] = {
    **{command: _empty(kind) for command, kind in _EMPTY.items()},
    "version": _read_version,
    "sendcmpct": lambda reader: SendCompact(
        announce=reader.unsigned(1) != 0, version=reader.unsigned(8)
    ),
    "feefilter": lambda reader: FeeFilter(rate=reader.signed(8)),
    "ping": lambda reader: Ping(nonce=reader.unsigned(8)),
    "pong": lambda reader: Pong(nonce=reader.unsigned(8)),
    "getheaders": _read_get_headers,
    "getblocks": _read_get_blocks,
    "headers": _read_headers,
    "inv": lambda reader: Inv(items=_read_items(reader)),
    "getdata": lambda reader: GetData(items=_read_items(reader)),
    "notfound": lambda reader: NotFound(items=_read_items(reader)),
    "block": _read_block,
    "tx": _read_tx,
    "addr": _read_addr,
    "addrv2": _read_addr_v2,
}

COMMANDS = tuple(_READERS)
"""Every command that is read here."""

COUNTED = frozenset(
    (
        *COMMANDS,
        *("merkleblock", "filterload", "filteradd", "filterclear", "cmpctblock", "getblocktxn"),
        *("blocktxn", "getcfilters", "cfilter", "getcfheaders", "cfheaders", "getcfcheckpt"),
        *("cfcheckpt", "sendtxrcncl"),
    )
)
"""Every command that Core knows (``protocol.h``, ALL_NET_MESSAGE_TYPES)."""

OTHER = "*other*"
"""What Core counts all others as: a peer may think of any number of them."""
