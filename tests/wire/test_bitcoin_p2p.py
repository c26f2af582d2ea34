"""The messages between Bitcoin nodes: each comes back as it went, the library reads them alike, and the limits hold."""

import pytest
from btclib import p2p as library
from btclib.p2p import handshake
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import bitcoin_codec as codec
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_codec import MalformedBitcoin, OutPoint, Tx, TxIn, TxOut
from alys.wire.bitcoin_p2p import Address, Item, Message

HASH = "12" * 32
TX = Tx(
    inputs=(TxIn(outpoint=OutPoint(txid=HASH, vout=1), witness=(b"a", b"")),),
    outputs=(TxOut(value=5, script=b"\x51"),),
)
HEADER = codec.Header(
    version=4, previous=HASH, merkle_root=TX.txid, time=7, bits=0x207FFFFF, nonce=3
)
BLOCK = codec.Block(header=HEADER, txs=(TX,))
VERSION = p2p.Version(
    services=9,
    time=1_700_000_000,
    receiver=Address(host="10.0.0.1", port=18444, services=1),
    sender=Address(host="2001:db8::1", port=8333, services=8),
    nonce=2**64 - 1,
    agent=b"/a:1/",
    height=-1,
    relay=False,
)
MESSAGES: list[Message] = [
    VERSION,
    p2p.Verack(),
    p2p.WtxidRelay(),
    p2p.SendAddrV2(),
    p2p.SendHeaders(),
    p2p.GetAddr(),
    p2p.MemPool(),
    p2p.SendCompact(announce=True, version=2),
    p2p.FeeFilter(rate=1000),
    p2p.Ping(nonce=1),
    p2p.Pong(nonce=2),
    p2p.GetHeaders(locator=(HASH, codec.NULL_HASH), stop=HASH),
    p2p.GetBlocks(locator=(HASH,)),
    p2p.Headers(headers=(HEADER, HEADER)),
    p2p.Inv(items=(Item(kind=5, hash=HASH),)),
    p2p.GetData(items=(Item(kind=0x40000002, hash=HASH),)),
    p2p.NotFound(items=(Item(kind=99, hash=HASH),)),
    p2p.BlockMessage(block=BLOCK),
    p2p.TxMessage(tx=TX),
    p2p.Addr(nodes=((5, Address(host="10.0.0.1", port=1, services=9)),)),
    p2p.Unknown(command="later", payload=b"xyz"),
]


def frame_of(data: bytes) -> p2p.Frame:
    (frame,) = p2p.Frames().receive(data)
    return frame


def read(command: str, payload: bytes) -> Message:
    return p2p.decode(p2p.Frame(command=command, payload=payload))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_went(message: Message) -> None:
    assert p2p.decode(frame_of(p2p.encode(message))) == message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (VERSION, handshake.Version),
        (p2p.FeeFilter(rate=1000), library.FeeFilter),
        (p2p.GetHeaders(locator=(HASH,), stop=HASH), library.GetHeaders),
        (p2p.Inv(items=(Item(kind=5, hash=HASH),)), library.Inv),
        (p2p.Headers(headers=()), library.Headers),
        (p2p.Addr(nodes=((5, Address(host="10.0.0.1", port=1, services=9)),)), library.Addr),
        (p2p.SendCompact(announce=True, version=2), library.SendCmpct),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_librarys_codec_reads_and_writes_the_same_bytes(message: Message, kind: type) -> None:
    frame = frame_of(p2p.encode(message))
    theirs = kind.parse(frame.payload)  # type: ignore[attr-defined]
    assert theirs.command == frame.command
    assert theirs.serialize() == frame.payload


def test_without_witnesses_when_asked_so() -> None:
    plain = p2p.decode(frame_of(p2p.encode(p2p.TxMessage(tx=TX, witness=False))))
    assert isinstance(plain, p2p.TxMessage)
    assert plain.tx.serialize() == TX.serialize(witness=False)
    block = p2p.decode(frame_of(p2p.encode(p2p.BlockMessage(block=BLOCK, witness=False))))
    assert isinstance(block, p2p.BlockMessage)
    assert not block.block.txs[0].inputs[0].witness


def test_a_version_may_end_before_the_relay_flag() -> None:
    payload = frame_of(p2p.encode(VERSION)).payload
    found = read("version", payload[:-1])
    assert isinstance(found, p2p.Version)
    assert found.relay
    with pytest.raises(MalformedBitcoin):
        read("version", payload[:-2])


def test_addresses_of_the_newer_form_are_read_and_other_networks_left_out() -> None:
    four = b"\x05\0\0\0\x09\x01\x04\x0a\x00\x00\x01\x48\x0c"
    onion = b"\x05\0\0\0\x09\x04\x20" + bytes(32) + b"\x48\x0c"
    found = read("addrv2", b"\x02" + four + onion)
    assert found == p2p.Addr(nodes=((5, Address(host="10.0.0.1", port=0x480C, services=9)),))
    with pytest.raises(MalformedBitcoin, match="513 bytes"):
        read("addrv2", b"\x01\x05\0\0\0\x09\x04\xfd\x01\x02" + bytes(600))


@pytest.mark.parametrize(
    ("command", "payload", "told"),
    [
        ("version", VERSION.agent.join([b"", b""]), "bytes missing"),
        ("getheaders", bytes(4) + b"\x66" + bytes(102 * 32 + 32), "102 items, 101 allowed"),
        ("headers", b"\xfd\xd1\x07", "2001 items, 2000 allowed"),
        ("inv", b"\xfd\x51\xc3", "50001 items, 50000 allowed"),
        ("addr", b"\xfd\xe9\x03", "1001 items, 1000 allowed"),
        ("block", BLOCK.serialize()[:-1], "bytes missing"),
        ("tx", TX.serialize()[:-1], "bytes missing"),
    ],
)
def test_what_is_too_much_or_too_little_is_refused(command: str, payload: bytes, told: str) -> None:
    with pytest.raises(MalformedBitcoin, match=told):
        read(command, payload)


def test_bytes_after_a_message_do_not_matter() -> None:
    assert read("tx", TX.serialize() + b"\0") == p2p.TxMessage(tx=TX)
    assert read("block", BLOCK.serialize() + b"\0") == p2p.BlockMessage(block=BLOCK)
    assert read("verack", b"more") == p2p.Verack()


def test_a_user_agent_has_a_limit() -> None:
    long = p2p.Version(services=0, time=0, nonce=0, agent=b"a" * 257, height=0)
    with pytest.raises(p2p.TooMuch, match="257 bytes"):
        p2p.decode(frame_of(p2p.encode(long)))


@given(st.sampled_from(p2p.COMMANDS), st.binary(max_size=200))
def test_any_payload_is_a_message_or_malformed(command: str, payload: bytes) -> None:
    try:
        message = read(command, payload)
    except MalformedBitcoin:
        return
    assert isinstance(message, Message)


def test_a_host_that_is_no_address_is_zeros() -> None:
    told = p2p.Addr(nodes=((1, Address(host="somewhere", port=2)),))
    assert p2p.decode(frame_of(p2p.encode(told))) == p2p.Addr(
        nodes=((1, Address(host="::", port=2)),)
    )
