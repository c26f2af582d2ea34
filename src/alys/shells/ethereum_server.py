"""An execution client on real ports: the public JSON-RPC, and the Engine API behind a JWT (HS256, no ``Bearer``, no call)."""

import time
from typing import Any, Protocol

from aiohttp import web

from alys.shells.jsonrpc_server import Answers, Gate, RunningServer, serve_jsonrpc
from alys.shells.misbehaving import Faults
from alys.wire.engine import JwtRefused, jwt_check
from alys.wire.jsonrpc import Dialect, Params


class AnswersEngine(Protocol):
    """An execution client, or what stands for one."""

    def handle_engine(self, method: str, params: Params) -> Any:
        """The result of a call on the authenticated port; raises RpcError."""
        ...


async def serve_ethereum(
    node: Answers, host: str = "127.0.0.1", port: int = 0, *, faults: Faults | None = None
) -> RunningServer:
    """The public port. Raises EnvironmentFailure when the port cannot be bound."""
    return await serve_jsonrpc(
        node.handle,
        Dialect.ETHEREUM,
        host,
        port,
        what="the Ethereum node's JSON-RPC",
        faults=faults,
    )


async def serve_engine(
    node: AnswersEngine,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    jwt_secret: bytes,
    faults: Faults | None = None,
) -> RunningServer:
    """The Engine API; a token's time is judged by the wall clock. Raises EnvironmentFailure."""
    return await serve_jsonrpc(
        node.handle_engine,
        Dialect.ETHEREUM,
        host,
        port,
        what="the Engine API",
        gate=_jwt_gate(jwt_secret),
        faults=faults,
    )


def _jwt_gate(secret: bytes) -> Gate:
    def gate(request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return web.Response(status=401, text="missing token")
        try:
            jwt_check(token.strip(), secret, time.time())
        except JwtRefused as error:
            return web.Response(status=401, text=error.reason)
        return None

    return gate
