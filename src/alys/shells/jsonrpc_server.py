"""A JSON-RPC server over HTTP: a socket, a gate, a handler. What is said over it is decided in ``wire.jsonrpc``."""

import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import http_exceptions, web
from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.shells import misbehaving
from alys.wire.jsonrpc import INTERNAL_ERROR, Dialect, Handle, Params, RpcError
from alys.wire.jsonrpc_faults import answer

BODY_BYTES_MAX = 32 * 1024 * 1024  # bitcoind's limit; a block in hex is at most 8 MB
CLOSE_SECONDS = 1.0  # how long a call under way may hold up closing

Gate = Callable[[web.Request], web.Response | None]
"""Looks at a request before its body is read; a response turns it away."""

Pick = Callable[[web.Request], Handle]
Before = Callable[[web.Request, bytes], Awaitable[None]]


LOG = logging.getLogger("alys.http")


class _NothingQuoted(logging.Filter):
    """Shortens aiohttp's account of a request that is no HTTP: it quotes the line, which may be the one with the password.

    A caller that hung up is nothing to tell of.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ConnectionError):
            return False
        if isinstance(error, http_exceptions.HttpProcessingError):
            record.msg, record.args = "a request that is no HTTP: %s", (type(error).__name__,)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


LOG.addFilter(_NothingQuoted())


class Answers(Protocol):
    """A node, or what stands for one."""

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call; raises RpcError."""
        ...


class RunningServer:
    """A server that listens; ``close`` it to give the port back. ``port`` is the one really bound."""

    def __init__(self, *, url: str, port: int, close: Callable[[], Awaitable[None]]) -> None:
        self.url = url
        self.port = port
        self._close = close

    async def close(self) -> None:
        """Stop listening and end open connections; calling it again does nothing."""
        close, self._close = self._close, _nothing
        await close()


async def _nothing() -> None:
    return None


def port_taken(host: str, port: int, what: str) -> EnvironmentFailure:
    """The failure to raise when an address cannot be bound: names address and fix."""
    return EnvironmentFailure(
        f"cannot listen on {host}:{port} for {what}: the port is in use; "
        f"stop what holds it or choose another port (0 takes a free one)"
    )


def bind(host: str, port: int, what: str) -> socket.socket:
    """A bound stream socket; port 0 takes a free one. Raises EnvironmentFailure naming host, port and fix."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise EnvironmentFailure(f"cannot listen on {host}:{port} for {what}: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise port_taken(host, port, what) from error
        raise EnvironmentFailure(f"cannot listen on {host}:{port} for {what}: {error}") from error
    return listener


async def serve_app(
    app: web.Application, host: str, port: int, what: str, *, cancels: bool = False
) -> RunningServer:
    """Serve an aiohttp application; the tasks that serve it belong to aiohttp and end with ``close``.

    With ``cancels`` a handler ends when its caller hangs up.
    """
    listener = bind(host, port, what)
    # Neither bitcoind nor geth unpacks a body, and a small one may hold a very large one.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=LOG,
        shutdown_timeout=CLOSE_SECONDS,
        handler_cancellation=cancels,
        auto_decompress=False,
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
    except OSError as error:
        await runner.cleanup()
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise port_taken(host, port, what) from error
        raise EnvironmentFailure(f"cannot listen on {host}:{port} for {what}: {error}") from error
    bound = int(listener.getsockname()[1])

    async def close() -> None:
        await runner.cleanup()
        with contextlib.suppress(OSError):
            listener.close()

    shown_host = f"[{host}]" if ":" in host else host
    return RunningServer(url=f"http://{shown_host}:{bound}", port=bound, close=close)


def guarded(handle: Handle) -> Handle:
    """A handler whose faults become answers, in geth's words, and a line in the log with all that is known."""

    def carry_out(method: str, params: Params) -> Any:
        try:
            return handle(method, params)
        except RpcError:
            raise
        except Exception as error:
            LOG.exception("a call of %s broke", method[:100])
            raise RpcError(INTERNAL_ERROR, "method handler crashed") from error

    return carry_out


async def body_of(request: web.Request) -> bytes:
    """The whole body; raises HTTPBadRequest for one whose chunks are none, and HTTPRequestEntityTooLarge."""
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest(text="the body is not what its headers say") from error


async def serve_jsonrpc(
    handle: Handle,
    dialect: Dialect,
    host: str,
    port: int,
    *,
    what: str,
    gate: Gate | None = None,
    pick: Pick | None = None,
    before: Before | None = None,
    faults: misbehaving.Faults | None = None,
) -> RunningServer:
    """Serve a handler on every path of ``host:port``; ``what`` names it in the error of a port in use.

    Handlers run on the event loop, one call at a time. ``pick`` may choose another handler for a request, and ``before``
    is awaited between reading a request and answering it. What ``faults`` are on is done to whoever the gate lets in.
    """
    answers = guarded(handle)
    refusal = "JSONRPC server handles only POST requests" if dialect is Dialect.BITCOIN else ""
    silence = misbehaving.Silence()

    async def post(request: web.Request) -> web.StreamResponse:
        turned_away = gate(request) if gate is not None else None
        if turned_away is not None:
            return turned_away
        asked = await body_of(request)
        if before is not None:
            await before(request, asked)
        now = misbehaving.suffered(request, faults)
        chosen = answers if pick is None else guarded(pick(request))
        outcome = answer(asked, chosen, dialect, now)
        return await misbehaving.respond(request, outcome, now, silence)

    async def other(_: web.Request) -> web.Response:
        return web.Response(status=405, text=refusal, headers={"Allow": "POST"})

    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.on_shutdown.append(silence.end)
    app.router.add_post("/{path:.*}", post)
    app.router.add_route("*", "/{path:.*}", other)
    return await serve_app(app, host, port, what, cancels=faults is not None)
