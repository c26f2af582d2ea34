"""One connection between two nodes, once both ends have proved who they are: frames both ways, none of which holds up anybody.

A frame is a length (u32, big-endian), a kind and that many bytes. The first each way is a greeting; then data, and pings where there
is nothing to send. What cannot be sent as fast as it comes waits in a queue with a bound; beyond it the oldest goes.
"""

import asyncio
import contextlib
import enum
import ssl
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from alys.node.gossip import ITEM_BYTES_MAX

FRAME_VERSION = 1
HEAD_BYTES = 5
GREETING_BYTES_MAX = 1024
QUEUE_BYTES_MAX = 3 * ITEM_BYTES_MAX
"""What may wait for one peer: a few items of the largest size, or very many of the usual one."""
QUEUE_FRAMES_MAX = 4096


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Wall seconds: how long the other end may take."""

    handshake: float = 5.0
    """To connect, to prove its key, and to greet: so long each."""
    ping: float = 5.0
    """Silence after which a side says that it is there."""
    idle: float = 20.0
    """Without a whole frame from the peer; then it counts as gone."""
    stall: float = 20.0
    """For the peer to read what is sent to it."""


class Kind(enum.IntEnum):
    """What a frame is."""

    GREETING = 0
    DATA = 1
    PING = 2


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What each side says first."""

    version: int
    network: bytes
    """Which chain this is about: peers of another one have nothing to say to each other."""
    address: str
    """Where the sender takes connections; empty: it does not say."""


class LinkBroken(ConnectionError):
    """The connection cannot go on; the words say why."""


class Link:
    """See the module's docstring."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        times: Times,
        *,
        dialled: bool,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._times = times
        #: Whether this side made the connection.
        self.dialled = dialled
        self.opened_at = asyncio.get_running_loop().time()
        #: Where the peer takes connections, by its own word.
        self.address = ""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self._dropped = 0
        self._ending = asyncio.Event()
        self._reason = ""

    # Before it is open

    async def greet(self, network: bytes, address: str) -> None:
        """Exchange greetings. Raises LinkBroken, or what the socket raises."""
        own = Greeting(version=FRAME_VERSION, network=network, address=address)
        async with asyncio.timeout(self._times.handshake):
            self._write(Kind.GREETING, msgspec.msgpack.encode(own))
            await self._writer.drain()
            kind, body = await self._frame(GREETING_BYTES_MAX)
        if kind is not Kind.GREETING:
            raise LinkBroken("did not greet")
        try:
            theirs = msgspec.msgpack.decode(body, type=Greeting)
        except (msgspec.MsgspecError, ValueError) as error:
            raise LinkBroken(f"greeting cannot be read: {error}") from error
        if theirs.version != FRAME_VERSION:
            raise LinkBroken(f"speaks version {theirs.version}, not {FRAME_VERSION}")
        if theirs.network != network:
            raise LinkBroken("is of another chain")
        self.address = theirs.address

    # Verbs

    def send(self, data: bytes) -> None:
        """Queue; never waits. Beyond the bound the oldest that waits is dropped."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        while self._waiting_bytes > QUEUE_BYTES_MAX or len(self._waiting) > QUEUE_FRAMES_MAX:
            self._waiting_bytes -= len(self._waiting.popleft())
            self._dropped += 1
        self._something.set()

    def end(self, reason: str) -> None:
        """Close it from this side."""
        self._reason = self._reason or reason
        self._ending.set()

    # Life

    async def live(
        self, received: Callable[[bytes], Awaitable[None]], dropped: Callable[[int], None]
    ) -> str:
        """Carry frames until it ends; why it did. ``received`` may wait: nothing more is read meanwhile."""
        work = [
            asyncio.create_task(self._read(received)),
            asyncio.create_task(self._send(dropped)),
            asyncio.create_task(self._ending.wait()),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.close()
            for task in work:
                task.cancel()
            # In here: whoever cancels this must not leave behind a task that breaks and that nobody asks.
            ends = await asyncio.gather(*work, return_exceptions=True)
        return self._reason or next((words(one) for one in ends if _broke(one)), "closed")

    def close(self) -> None:
        """Let go of the socket at once, whatever waits in it."""
        self._writer.transport.abort()

    async def _read(self, received: Callable[[bytes], Awaitable[None]]) -> None:
        while True:
            async with asyncio.timeout(self._times.idle):
                kind, body = await self._frame(ITEM_BYTES_MAX)
            if kind is Kind.DATA:
                await received(body)
            elif kind is not Kind.PING or body:
                raise LinkBroken("sent a frame that has no place here")

    async def _frame(self, bytes_max: int) -> tuple[Kind, bytes]:
        head = await self._reader.readexactly(HEAD_BYTES)
        size = int.from_bytes(head[:4], "big")
        if size > bytes_max:
            raise LinkBroken(f"announced a frame of {size} bytes, at most {bytes_max} are allowed")
        try:
            kind = Kind(head[4])
        except ValueError as error:
            raise LinkBroken(f"sent a frame of unknown kind {head[4]}") from error
        return kind, await self._reader.readexactly(size)

    async def _send(self, dropped: Callable[[int], None]) -> None:
        while True:
            if not self._waiting:
                self._something.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._something.wait(), self._times.ping)
            if self._waiting:
                data = self._waiting.popleft()
                self._waiting_bytes -= len(data)
                self._write(Kind.DATA, data)
            else:
                self._write(Kind.PING, b"")
            async with asyncio.timeout(self._times.stall):
                await self._writer.drain()
            if self._dropped:
                count, self._dropped = self._dropped, 0
                dropped(count)

    def _write(self, kind: Kind, body: bytes) -> None:
        self._writer.write(len(body).to_bytes(4, "big") + bytes((kind,)) + body)


def _broke(end: object) -> bool:
    return isinstance(end, Exception)


def words(error: object) -> str:
    """What became of a connection, for people."""
    match error:
        case asyncio.IncompleteReadError():
            return "closed by the peer"
        case TimeoutError():
            return "no answer in time"
        case LinkBroken():
            return str(error)
        case ssl.SSLError():
            return "shows no key of a peer, or does not take ours"
        case ConnectionRefusedError():
            return "connection refused"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return f"{type(error).__name__}: {error}"
