"""JSON-RPC over WebSocket, as execution clients offer it: each message is a request or a batch, each answer a message.

A connection may subscribe; what it is told then goes out beside the answers, in the order in which it came about. Faults are
done to answers alone.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import aiohttp
import msgspec
from aiohttp import web

from alys.node.errors import PortDown
from alys.shells import misbehaving
from alys.shells.jsonrpc_server import BODY_BYTES_MAX, RunningServer, guarded, serve_app
from alys.wire.jsonrpc import (
    Dialect,
    MalformedAnswer,
    Params,
    decode_answer,
    encode_call,
)
from alys.wire.jsonrpc_faults import answer

UNREAD_MAX = 20_000
"""A connection that leaves so many messages unread is closed, as geth closes it."""

Notify = Callable[[Mapping[str, Any]], None]


class Talks(Protocol):
    """One connection's side of a node."""

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call; raises RpcError."""
        ...

    def close(self) -> None:
        """The connection is over: notify no more."""
        ...


Connect = Callable[[Notify], Talks]
"""A new connection to the node; it gets what sends a notification."""


class RunningWebSocket(RunningServer):
    """A WebSocket server that listens; ``hang_up`` ends the connections, ``close`` the server too."""

    def __init__(self, server: RunningServer, open_: "set[_Line]") -> None:
        super().__init__(url=server.url, port=server.port, close=server.close)
        self._open = open_

    def hang_up(self) -> None:
        """End every open connection (1012, service restart); new ones are welcome."""
        for line in list(self._open):
            line.end()


class _Line:
    """The notifications of one connection: what is to be sent, in order, and a task that sends it."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._unsent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._ended = False

    def send(self, message: bytes) -> None:
        """Put a message in; a connection with too many is ended."""
        if self._ended:
            return
        if self._unsent.qsize() >= UNREAD_MAX:
            while not self._unsent.empty():
                self._unsent.get_nowait()
            self.end()
        else:
            self._unsent.put_nowait(message)

    def end(self) -> None:
        """Send what is there, then close."""
        if not self._ended:
            self._ended = True
            self._unsent.put_nowait(None)

    async def work(self) -> None:
        """Send until the end."""
        while (message := await self._unsent.get()) is not None:
            await self._socket.send_str(message.decode())
        await self._socket.close(code=aiohttp.WSCloseCode.SERVICE_RESTART)


async def serve(
    connect: Connect,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    faults: misbehaving.Faults | None = None,
) -> RunningWebSocket:
    """Serve a node until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""
    silence = misbehaving.Silence()
    lines: set[_Line] = set()

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=BODY_BYTES_MAX)
        try:
            await socket.prepare(request)
        except ValueError as error:  # a key with bytes beyond ASCII, which aiohttp does not expect
            raise web.HTTPBadRequest(text="Sec-WebSocket-Key is not base64") from error
        line = _Line(socket)
        node = connect(lambda told: line.send(msgspec.json.encode(told)))
        talk_back = misbehaving.Talk(request, socket, silence)
        work = asyncio.get_running_loop().create_task(line.work())
        lines.add(line)
        carry_out = guarded(node.handle)
        try:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    asked = message.data.encode() if isinstance(message.data, str) else message.data
                    now = misbehaving.suffered(request, faults)
                    await talk_back.answer(answer(asked, carry_out, Dialect.ETHEREUM, now), now)
        finally:
            lines.discard(line)
            node.close()
            work.cancel()
            await asyncio.gather(work, talk_back.end(), return_exceptions=True)
        return socket

    app = web.Application()
    app.on_shutdown.append(silence.end)
    app.router.add_get("/{path:.*}", talk)
    server = await serve_app(app, host, port, "the Ethereum node's JSON-RPC over WebSocket")
    return RunningWebSocket(server, lines)


async def ask(url: str, method: str, timeout_seconds: float) -> object:
    """One call without parameters on a connection of its own, as a witness. Raises RpcError and PortDown."""
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(url, headers={misbehaving.WITNESS: "1"}) as socket,
        ):
            await socket.send_bytes(encode_call(method, [], 1))
            told = await socket.receive_str(timeout=timeout_seconds)
    except (aiohttp.ClientError, TimeoutError, OSError, TypeError) as error:
        raise PortDown(url, str(error) or type(error).__name__) from error
    try:
        return decode_answer(told.encode())
    except MalformedAnswer as error:
        raise PortDown(url, told[:80]) from error
