"""The Bitcoin model behind bitcoind's HTTP door: basic authentication, then JSON-RPC."""

import base64
import binascii
import hmac

from aiohttp import web

from alys.shells.jsonrpc_server import Answers, Gate, RunningServer, serve_jsonrpc
from alys.shells.misbehaving import Faults
from alys.wire.jsonrpc import Dialect


async def serve_bitcoin(
    node: Answers,
    host: str,
    port: int,
    user: str,
    password: str,
    *,
    faults: Faults | None = None,
) -> RunningServer:
    """Serve a node; port 0 takes a free one. Raises EnvironmentFailure when the port is in use."""
    return await serve_jsonrpc(
        node.handle,
        Dialect.BITCOIN,
        host,
        port,
        what="Bitcoin RPC",
        gate=basic_gate(user, password),
        faults=faults,
    )


def basic_gate(user: str, password: str) -> Gate:
    """Turns away, as bitcoind does, whoever does not know user and password: 401 and an empty body."""
    expected = f"{user}:{password}".encode()

    def gate(request: web.Request) -> web.Response | None:
        if hmac.compare_digest(_credentials(request.headers.get("Authorization", "")), expected):
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
