"""The Bitcoin model behind bitcoind's HTTP door: authentication, the paths of wallets, calls that wait for a block."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from aiohttp import web

from alys.base.errors import EnvironmentFailure
from alys.models.bitcoin.waits import Wait
from alys.shells.jsonrpc_server import Gate, RunningServer, serve_jsonrpc
from alys.shells.misbehaving import Faults
from alys.wire.jsonrpc import Dialect, Handle, Params

LOOK_SECONDS = 0.02
"""How often a call that waits for a block looks for it."""
COOKIE_USER = "__cookie__"
WALLET_PATH = "/wallet/"


class BitcoinAnswers(Protocol):
    """A Bitcoin node, or what stands for one."""

    def handle(self, method: str, params: Params, wallet: str | None = None) -> Any:
        """The result of a call, on a wallet's path or not; raises RpcError."""
        ...

    def waits(self, method: str, params: Params) -> Wait | None:
        """What a call waits for before it is answered; None for one that does not."""
        ...


async def serve_bitcoin(
    node: BitcoinAnswers,
    host: str,
    port: int,
    user: str,
    password: str,
    *,
    cookie: str = "",
    faults: Faults | None = None,
) -> RunningServer:
    """Serve a node; port 0 takes a free one. ``cookie`` is a second password, of the user ``__cookie__``.

    Raises EnvironmentFailure when the port is in use.
    """
    known = [f"{user}:{password}"]
    if cookie:
        known.append(f"{COOKIE_USER}:{cookie}")
    gate = basic_gate(*known)

    def turned_away(request: web.Request) -> web.Response | None:
        if request.raw_path != "/" and not request.raw_path.startswith(WALLET_PATH):
            return web.Response(status=404)
        return gate(request)

    return await serve_jsonrpc(
        node.handle,
        Dialect.BITCOIN,
        host,
        port,
        what="Bitcoin RPC",
        gate=turned_away,
        pick=lambda request: _of_wallet(node, request),
        before=lambda request, body: _patience(node, request, body),
        faults=faults,
    )


def write_cookie(path: Path) -> str:
    """A new password in a file that only this user can read, as bitcoind writes ``.cookie``; returns the password.

    Raises EnvironmentFailure where the file cannot be written.
    """
    cookie = secrets.token_hex(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{COOKIE_USER}:{cookie}")
    except OSError as error:
        raise EnvironmentFailure(f"cannot write the cookie file {path}: {error}") from error
    return cookie


def forget_cookie(path: Path) -> Callable[[], Awaitable[None]]:
    """What removes a cookie file at the end; one that is gone already is no matter."""

    async def forget() -> None:
        remove(missing_ok=True)

    remove = path.unlink

    return forget


def _of_wallet(node: BitcoinAnswers, request: web.Request) -> Handle:
    if not request.raw_path.startswith(WALLET_PATH):
        return node.handle
    name = unquote(request.raw_path[len(WALLET_PATH) :])
    return lambda method, params: node.handle(method, params, name)


async def _patience(node: BitcoinAnswers, request: web.Request, body: bytes) -> None:
    """Let a single call wait as long as it wants to; meanwhile other calls are answered."""
    if b"waitfor" not in body and b"longpollid" not in body:
        return
    wait = _wanted(node, body)
    loop = asyncio.get_running_loop()
    end = None if wait is None or not wait.seconds else loop.time() + wait.seconds
    while wait is not None and not wait.over() and (end is None or loop.time() < end):
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(LOOK_SECONDS)


def _wanted(node: BitcoinAnswers, body: bytes) -> Wait | None:
    try:
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(call, dict) or not isinstance(call.get("method"), str):
        return None
    params = call.get("params") or []
    return node.waits(call["method"], params) if isinstance(params, list | dict) else None


def basic_gate(*known: str) -> Gate:
    """Turns away, as bitcoind does, whoever knows none of these ``user:password``: 401 and an empty body."""
    expected = [one.encode() for one in known]

    def gate(request: web.Request) -> web.Response | None:
        given = _credentials(request.headers.get("Authorization", ""))
        if any([hmac.compare_digest(given, one) for one in expected]):  # noqa: C419 - in constant time
            return None
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="jsonrpc"'})

    return gate


def _credentials(header: str) -> bytes:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
