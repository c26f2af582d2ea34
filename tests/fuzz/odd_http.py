"""What a socket may be sent that is no good HTTP request, or only half of one; and reading what comes back."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from alys.base.prng import SeededRandom
from tests.fuzz import odd

STATUS = re.compile(rb"HTTP/(?:0\.9|1\.[01]) (\d{3}) [^\r\n]*\r\n")

TLS_HELLO = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(160))
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

LINES = (
    *(b"GET / HTTP/1.1", b"POST / HTTP/9.9", b"POST / HTTP/1.10", b"POST /", b"/ HTTP/1.1", b""),
    *(b"POST  / HTTP/1.1", b"POST / / HTTP/1.1", b"post / http/1.1", b"P\x00ST / HTTP/1.1"),
    *(b"POST /\xff\xfe HTTP/1.1", b"POST /%00%ff%zz HTTP/1.1", b"POST /../../x HTTP/1.1"),
    *(b"POST /" + b"a" * 9_000 + b" HTTP/1.1", b"POST /" + b"a" * 200_000 + b" HTTP/1.1"),
    *(b"POST http://other:99999/ HTTP/1.1", b"POST //[::1 HTTP/1.1", b"POST * HTTP/1.1"),
    *(b"CONNECT a:1 HTTP/1.1", b"TRACE / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"HEAD / HTTP/1.1"),
    *(b"PUT / HTTP/1.1", b"DELETE / HTTP/1.1", b"PATCH / HTTP/1.0", b"FOO / HTTP/1.1"),
    *(b"M" * 70_000, b"\r\n\r\nPOST / HTTP/1.1", b"{}", b"\x00" * 50, TLS_HELLO, HTTP2_PREFACE),
)

HEADERS = (
    *(b"Content-Length: abc", b"Content-Length: -5", b"Content-Length: +5", b"Content-Length: 0x5"),
    *(b"Content-Length: 5, 6", b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length:"),
    *(
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: 34000000",
        b"Content-Length: 1",
    ),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: x"),
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding: chunked, chunked"),
    *(b"Content-Encoding: gzip", b"Content-Encoding: deflate", b"Content-Encoding: br"),
    *(b"Content-Encoding: zstd", b"Content-Encoding: \xff", b"Expect: 100-continue", b"Expect: x"),
    *(b"Content-Type: text/plain", b"Content-Type: application/json; charset=utf-16", b"Host:"),
    *(b"Content-Type: \xff\xff", b"Content-Type: multipart/form-data", b"Host: a\r\nHost: b"),
    *(b"X" * 9_000 + b": 1", b"X: " + b"a" * 9_000, b"X: " + b"a" * 300_000, b"X: \x00", b": x"),
    *(b"X y: 1", b"X : 1", b"NoColon", b"X: 1\r\n folded", b"X: \r", b"\xff: 1", b"X: a\nY: b"),
    *(b"Connection: close", b"Connection: upgrade\r\nUpgrade: websocket", b"Connection: \xff"),
    *(b"Upgrade: h2c\r\nHTTP2-Settings: AAAA", b"Authorization: Basic", b"Authorization: Basic !!"),
    *(b"Authorization: Basic /////w==", b"Authorization: Bearer x.y.z", b"Authorization: \xff\xfe"),
    *(b"Authorization: Bearer _w.e30.AA", b"Cookie: " + b"a=b;" * 1_500, b"Accept: */*"),
    b"\r\n".join(b"X-%d: %d" % (n, n) for n in range(500)),
)

CHUNKED = (
    *(
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabc",
        b"ffffffffffffffffffff\r\nabc",
        b"-1\r\n",
    ),
    *(
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"5;" + b"e" * 9_000 + b"\r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\n0\n\n",
    ),
    *(
        b"5\r\nabcdefgh\r\n0\r\n\r\n",
        b"0\r\n" + b"T: 1\r\n" * 2_000 + b"\r\n",
        b"1\r\na\r\n" * 3_000,
    ),
    *(b"\r\n\r\n", b"5 \r\nabcde\r\n0\r\n\r\n", b"05\r\nabcde\r\n0\r\nX\r\n\r\n"),
)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What is written, piece by piece, and how the connection is left."""

    pieces: tuple[bytes, ...]
    reset: bool
    """Torn off without a word; else the answers are read after the end of the writing."""


def attempts(
    good: Sequence[bytes], head: bytes, random: SeededRandom, count: int
) -> Iterator[Attempt]:
    """So many; ``good`` are good requests, ``head`` header lines that let one through the gate."""
    for _ in range(count):
        text = _text(good, head, random)
        cut = random.below(len(text) + 1)
        pieces = (text,) if random.below(4) else (text[:cut], text[cut:])
        yield Attempt(pieces=pieces, reset=random.below(8) == 0)


def _text(good: Sequence[bytes], head: bytes, random: SeededRandom) -> bytes:
    request = random.choice(good)
    kind = random.below(10)
    if kind < 3:
        return odd.bytes_changed(random, request)
    if kind == 3:
        return request[: random.below(len(request))]
    if kind == 4:
        return random.randbytes(random.below(600))
    if kind == 5:
        pipelined = [random.choice(good) for _ in range(2 + random.below(20))]
        return b"".join(pipelined) + random.choice((b"", b"x", request[:20]))
    if kind == 6:
        lines = (random.choice(LINES), b"Host: a", head, b"Content-Length: 2", b"", b"{}")
        return b"\r\n".join(lines)
    if kind == 7:
        chunked = (b"POST / HTTP/1.1", b"Host: a", head, b"Transfer-Encoding: chunked", b"")
        return b"\r\n".join(chunked) + b"\r\n" + random.choice(CHUNKED)
    headers = [random.choice(HEADERS) for _ in range(1 + random.below(2))]
    body = random.choice((b"{}", b"", b'{"method":"help"}', b"\x1f\x8b\x08" + random.randbytes(20)))
    length = b"Content-Length: %d" % len(body)
    whole = (b"POST / HTTP/1.1", b"Host: a", head, *headers, *([length] * random.below(2)))
    return b"\r\n".join(whole) + b"\r\n\r\n" + body


def request(body: bytes, head: bytes, path: bytes = b"/") -> bytes:
    """A good request."""
    lines = (b"POST " + path + b" HTTP/1.1", b"Host: a", head, b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))


def answers(said: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each answer in what a server said until it hung up; raises AssertionError for anything else."""
    found = []
    place = 0
    while place < len(said):
        status = STATUS.match(said, place)
        assert status is not None, said[place : place + 200]
        end = said.find(b"\r\n\r\n", place)
        assert end > 0, said[place : place + 200]
        length = re.search(rb"\r\nContent-Length: (\d+)", said[place:end], re.IGNORECASE)
        size = int(length[1]) if length else 0
        body = said[end + 4 : end + 4 + size]
        found.append((int(status[1]), body))
        place = end + 4 + size
    return found
