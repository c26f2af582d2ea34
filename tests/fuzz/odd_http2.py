"""What a gRPC server's socket may be sent that is no HTTP/2, or HTTP/2 with frames that are none (RFC 9113)."""

import struct
from collections.abc import Iterator

from alys.base.prng import SeededRandom
from tests.fuzz import odd, odd_http
from tests.fuzz.odd_http import Attempt

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED = 1, 4, 8

# POST, https is not: http, and :path, content-type, te, each as a literal that is not indexed (RFC 7541, 6.2.2).
_PAIRS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/governance.v1.GovernanceStream/Health"),
    (b":authority", b"a"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field that enters no table; both shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


BLOCK = b"".join(literal(name, value) for name, value in _PAIRS)
GOOD = (
    PREFACE
    + frame(SETTINGS, 0, 0, b"")
    + frame(HEADERS, END_HEADERS, 1, BLOCK)
    + frame(DATA, END_STREAM, 1, b"\x00" + bytes(4))
)


def attempts(random: SeededRandom, count: int) -> Iterator[Attempt]:
    """So many connections."""
    for _ in range(count):
        pieces = (_text(random), *((_odd_frame(random),) * random.below(3)))
        yield Attempt(pieces=pieces, reset=random.below(8) == 0)


def _text(random: SeededRandom) -> bytes:
    kind = random.below(8)
    if kind < 3:
        return odd.bytes_changed(random, GOOD)
    if kind == 3:
        return GOOD[: random.below(len(GOOD))]
    if kind == 4:
        return random.randbytes(random.below(300))
    if kind == 5:
        return b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" + random.choice(odd_http.LINES[:5])
    if kind == 6:
        return odd_http.TLS_HELLO
    return GOOD + _odd_frame(random)


def _odd_frame(random: SeededRandom) -> bytes:
    stream = random.choice((0, 1, 2, 3, 5, 2**31 - 1))
    kind = random.below(9)
    if kind == 0:
        return frame(
            SETTINGS,
            0,
            0,
            struct.pack(">HI", random.below(9), random.choice((0, 1, 2**31, 2**32 - 1))),
        )
    if kind == 1:
        return frame(WINDOW, 0, stream, struct.pack(">I", random.choice((0, 1, 2**31 - 1))))
    if kind == 2:
        return frame(
            PING, 0, stream, random.randbytes(random.choice((0, 7, 8, 9)))
        ) * random.choice((1, 200))
    if kind == 3:
        return frame(RESET, 0, stream, struct.pack(">I", random.below(20))) * random.choice((1, 50))
    if kind == 4:
        return frame(
            HEADERS, random.choice((0, 4, 5, 0xFF)), stream, odd.bytes_changed(random, BLOCK)
        )
    if kind == 5:
        return frame(CONTINUATION, 0, stream, random.randbytes(20))
    if kind == 6:
        length = random.choice((0, 1, 5, 2**32 - 1, 2**24))
        return frame(
            DATA, random.choice((0, 1, 8)), stream, b"\x00" + struct.pack(">I", length) + b"abc"
        )
    if kind == 7:
        opened = frame(HEADERS, END_HEADERS, 2 * random.below(1000) + 1, BLOCK)
        return opened + frame(RESET, 0, 1, bytes(4))
    return frame(random.below(256), random.below(256), stream, random.randbytes(random.below(60)))


def judge(said: bytes) -> None:
    """Frames of HTTP/2, the last of which may have been cut off, and no word of a fault of the server's own (INTERNAL_ERROR)."""
    place = 0
    if said.startswith(b"HTTP/1."):
        assert said[9:12] in (b"400", b"505"), said[:100]
        return
    while place + 9 <= len(said):
        size = int.from_bytes(said[place : place + 3], "big")
        kind, stream = said[place + 3], int.from_bytes(said[place + 5 : place + 9], "big")
        assert kind <= CONTINUATION, (kind, said[place : place + 60])
        payload = said[place + 9 : place + 9 + size]
        if kind == GOAWAY:
            assert stream == 0
            assert len(payload) < 8 or int.from_bytes(payload[4:8], "big") != 2, payload
        place += 9 + size
