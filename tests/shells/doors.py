"""Ports for a test that looks at doors: one where nobody listens, one that speaks something else, one that says nothing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

UNKNOWN = "http://nowhere.invalid:80"
"""A name that never resolves (RFC 6761, 6.4)."""


@contextlib.contextmanager
def closed() -> Iterator[str]:
    """The address of a port that is bound and not listened on: it refuses, and nobody else gets it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@contextlib.asynccontextmanager
async def speaking(words: bytes) -> AsyncIterator[str]:
    """A server that says these words to everybody and hangs up; that says nothing at all where there are none."""
    held: list[asyncio.StreamWriter] = []

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        if words:
            writer.write(words)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in held:
            writer.close()
