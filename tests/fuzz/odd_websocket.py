"""Frames of WebSocket that are none, and a client that sends single ones (RFC 6455)."""

import asyncio
import struct
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from alys.base.prng import SeededRandom
from tests.fuzz import odd
from tests.fuzz.odd_http import Attempt, answers

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x01\x02\x03\x04"

OPENING = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
ODD_OPENINGS = (
    OPENING.replace(b"13", b"99"),
    OPENING.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"short"),
    OPENING.replace(b"Sec-WebSocket-Key", b"X"),
    OPENING.replace(b"GET", b"POST"),
    OPENING.replace(b"websocket", b"h2c"),
    OPENING[:-2]
    + b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n\r\n",
    OPENING[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    OPENING[:-2] + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
)

CLOSES = {1000, 1001, 1002, 1003, 1007, 1009}
"""How a server may end it: well, or by what the client did (1011 would be its own fault)."""


def frame(opcode: int, payload: bytes, *, first: int = 0x80, masked: bool = True) -> bytes:
    """One frame; ``first`` has the bits of fin and the reserved ones."""
    size = len(payload)
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack(">BB", first | opcode, mask_bit | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", first | opcode, mask_bit | 126, size)
    else:
        head = struct.pack(">BBQ", first | opcode, mask_bit | 127, size)
    if not masked:
        return head + payload
    whole = int.from_bytes(payload, "big") ^ int.from_bytes(_mask(size), "big")
    return head + MASK + whole.to_bytes(size, "big")


def _mask(size: int) -> bytes:
    return (MASK * (size // 4 + 1))[:size]


def attempts(good: Sequence[bytes], random: SeededRandom, count: int) -> Iterator[Attempt]:
    """So many connections that do something wrong; ``good`` are good messages."""
    for _ in range(count):
        opening = random.choice(ODD_OPENINGS) if random.below(10) == 0 else OPENING
        if random.below(20) == 0:
            opening = odd.bytes_changed(random, opening)
        frames = tuple(_odd_frame(good, random) for _ in range(1 + random.below(4)))
        yield Attempt(pieces=(opening, *frames), reset=random.below(10) == 0)


def _odd_frame(good: Sequence[bytes], random: SeededRandom) -> bytes:
    return random.choice(_ODD_FRAMES)(random.choice(good), random)


def _too_long(payload: bytes, random: SeededRandom) -> bytes:
    size = random.choice((1 << 63, (1 << 64) - 1, 1 << 26))
    return struct.pack(">BBQ", 0x81, 0xFF, size) + MASK + payload


def _control(payload: bytes, random: SeededRandom) -> bytes:
    size = random.choice((0, 1, 2, 125, 126, 300))
    return frame(random.choice((PING, PONG, CLOSE)), random.randbytes(size))


def _odd_close(payload: bytes, random: SeededRandom) -> bytes:
    code = random.choice((0, 999, 1000, 1005, 1016, 5000, 65535))
    return frame(CLOSE, struct.pack(">H", code) + b"\xff")


def _split(payload: bytes, random: SeededRandom) -> bytes:
    following = frame(random.choice((CONTINUATION, TEXT, PING)), b"}")
    return frame(TEXT, payload, first=0) + following


_ODD_FRAMES: tuple[Callable[[bytes, SeededRandom], bytes], ...] = (
    _too_long,
    _control,
    _odd_close,
    _split,
    lambda payload, random: frame(TEXT, payload, masked=False),
    lambda payload, random: frame(random.choice((3, 4, 7, 11, 15)), payload),
    lambda payload, random: frame(TEXT, payload, first=random.choice((0xC0, 0xA0, 0x90, 0xF0))),
    lambda payload, random: frame(TEXT, b"\xff\xfe" + random.randbytes(9)),
    lambda payload, random: frame(PING, b"x", first=0),
    lambda payload, random: frame(CONTINUATION, payload),
    lambda payload, random: random.randbytes(random.below(80)),
    lambda payload, random: odd.bytes_changed(random, frame(BINARY, payload)),
)


def judge(said: bytes) -> None:
    """A refusal of the handshake, or a connection with frames of a server that has no fault of its own."""
    if not said.startswith(b"HTTP/1.1 101"):
        for status, body in answers(said):
            assert status in (200, 400, 404, 405, 426, 431), (status, body)
        return
    place = said.index(b"\r\n\r\n") + 4
    while place + 2 <= len(said):
        opcode, size = said[place] & 15, said[place + 1]
        place += 2
        if size in (126, 127):
            wide = 2 if size == 126 else 8
            size = int.from_bytes(said[place : place + wide], "big")
            place += wide
        payload = said[place : place + size]
        place += size
        assert opcode in (TEXT, CLOSE, PONG, PING), opcode
        if opcode == CLOSE and payload:
            code = int.from_bytes(payload[:2], "big")
            assert code in CLOSES or 3000 <= code < 5000, payload
        if opcode == TEXT and len(payload) == size:
            assert b'"jsonrpc":"2.0"' in payload, payload[:200]
            assert b"-32603" not in payload, payload[:300]


class Client:
    """A connection that sends messages one after the other."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes) -> bytes:
        """The answer to a message, empty when there is none: a marked call behind it shows that none will come."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
            self._streams[1].write(OPENING)
            await self._streams[0].readuntil(b"\r\n\r\n")
        mark = b'{"jsonrpc":"2.0","id":"a mark of its own","method":"net_version"}'
        self._streams[1].write(frame(BINARY, body) + frame(TEXT, mark))
        said = b""
        while b'"a mark of its own"' not in (message := await self._message(self._streams[0])):
            if b'"method":"eth_subscription"' not in message[:60]:
                assert not said, (said, message)
                said = message
        return said

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        first, size = await reader.readexactly(2)
        if size in (126, 127):
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
        assert first & 15 == TEXT, (first, payload)
        return payload

    async def close(self) -> None:
        """Hang up without a handshake."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            await streams[1].wait_closed()
