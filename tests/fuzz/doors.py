"""A service as a process of its own under a row of requests over its sockets, and what the process holds before and after."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from alys.wire.jsonrpc import Dialect
from tests.cli.test_mock import Mock
from tests.fuzz import growth, odd_http, odd_websocket
from tests.fuzz.judge import refused_all
from tests.fuzz.odd_http import Attempt
from tests.fuzz.run import shown
from tests.shells.waiting import until

T = TypeVar("T")

AT_ONCE = 8
"""Connections."""

ANSWER_SECONDS = 60.0
"""How long a machine under load may take over one answer."""

RESIDENT_BYTES_MAX = 64 * 1024 * 1024
"""What a process may grow by in the second half of a row: what accepted calls leave, and what its allocator keeps."""

OWN_STATUSES = {100, 200, 204, 400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431, 501, 505}
"""Of a server that understood that the fault is the client's; 500 only with bitcoind's error in it."""


class Connection:
    """A keep-alive connection that asks one thing after the other."""

    def __init__(self, url: str, head: bytes) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._head = head
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(odd_http.request(body, self._head))
        head = await reader.readuntil(b"\r\n\r\n")
        _, length = head.lower().partition(b"content-length: ")[::2]
        size = int(length.partition(b"\r\n")[0] or b"0")
        said = head + await reader.readexactly(size)
        if b"connection: close" in head.lower():
            await self.close()
        ((status, told),) = odd_http.answers(said)
        return status, told

    async def close(self) -> None:
        """Hang up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            await streams[1].wait_closed()


async def ask_all(url: str, head: bytes, bodies: Iterable[bytes], dialect: Dialect) -> int:
    """Send bodies over several connections and judge each answer; how many were answered."""

    async def worker(todo: "Iterable[bytes]") -> int:
        connection, count = Connection(url, head), 0
        for body in todo:
            try:
                status, reply = await asyncio.wait_for(connection.ask(body), ANSWER_SECONDS)
                refused_all(body, status, reply, dialect)
            except Exception as error:
                raise AssertionError(f"over HTTP, {shown(body)}: {error!r}") from error
            count += 1
        await connection.close()
        return count

    return sum(await _shared(iter(bodies), worker))


async def message_all(url: str, bodies: Iterable[bytes]) -> int:
    """Send bodies over WebSocket and judge each answer; how many were sent."""

    async def worker(todo: "Iterable[bytes]") -> int:
        client, count = odd_websocket.Client(url), 0
        for body in todo:
            try:
                reply = await asyncio.wait_for(client.ask(body), ANSWER_SECONDS)
                refused_all(body, 200, reply, Dialect.ETHEREUM)
            except Exception as error:
                raise AssertionError(f"over WebSocket, {shown(body)}: {error!r}") from error
            count += 1
        await client.close()
        return count

    return sum(await _shared(iter(bodies), worker))


async def attempt_all(url: str, attempts: Iterable[Attempt], judge: Callable[[bytes], None]) -> int:
    """Make attempts, each on a connection of its own, and judge what is said until the server hangs up."""
    parts = urlsplit(url)

    async def worker(todo: "Iterable[Attempt]") -> int:
        count = 0
        for one in todo:
            try:
                said = await asyncio.wait_for(
                    _attempt(parts.hostname, parts.port, one), ANSWER_SECONDS
                )
                judge(said)
            except Exception as error:
                raise AssertionError(f"at the socket, {one!r:.3000}: {error!r}") from error
            count += 1
        return count

    return sum(await _shared(iter(attempts), worker))


async def _shared(todo: Iterable[T], worker: Callable[[Iterable[T]], Awaitable[int]]) -> list[int]:
    return list(await asyncio.gather(*(worker(todo) for _ in range(AT_ONCE))))


async def _attempt(host: str | None, port: int | None, one: Attempt) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    said = b""
    try:
        for piece in one.pieces:
            writer.write(piece)
            await writer.drain()
        if one.reset:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        writer.write_eof()
        while more := await reader.read(1 << 16):
            said += more
    except OSError:
        # It hung up on what it does not want to read.
        pass
    finally:
        writer.transport.abort() if one.reset else writer.close()
    return said


def http_judge(said: bytes) -> None:
    """Answers of an HTTP server, each of which owns up to no fault of its own; the last may have been cut off."""
    for status, body in odd_http.answers(said):
        in_protocol = status == 500 and b'"error":{"code":-' in body and b"-32603" not in body
        assert status in OWN_STATUSES or in_protocol, (status, body[:300])


class Watched:
    """What a service's process holds, seen between the rows."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._pid = mock.process.pid
        self._files = growth.open_files(self._pid)
        self._resident = 0

    def warm(self) -> None:
        """From here on memory is watched."""
        self._resident = growth.resident_bytes(self._pid)

    async def judge(self) -> str:
        """Raises AssertionError unless the process lives, said nothing of a fault, and gave back what it took."""
        assert self._mock.process.poll() is None, self._log()
        await until(lambda: growth.open_files(self._pid) <= self._files + 2, ANSWER_SECONDS)
        grown = growth.resident_bytes(self._pid) - self._resident
        assert grown < RESIDENT_BYTES_MAX, f"{grown} bytes more than half-way"
        assert "Traceback" not in self._log(), self._log()[-4000:]
        return f"{grown} bytes, {growth.open_files(self._pid) - self._files} files more"

    def _log(self) -> str:
        return Path(self._mock.log).read_text(encoding="utf-8", errors="replace")
