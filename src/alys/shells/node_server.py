"""The node's JSON-RPC on a real port: each call becomes one question to one actor. There is no GET route."""

from typing import Any

import msgspec
from aiohttp import web

from alys.chain.spec import ChainSpec
from alys.node.api import Ask, answer
from alys.shells.jsonrpc_server import RunningServer, serve_app
from alys.wire.jsonrpc import INVALID_REQUEST, PARSE_ERROR, RpcError


async def serve_node(
    spec: ChainSpec, ask: Ask, host: str = "127.0.0.1", port: int = 0
) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""

    async def post(request: web.Request) -> web.Response:
        return _respond(*await _answer(spec, ask, await request.read()))

    app = web.Application()
    app.router.add_post("/{path:.*}", post)
    return await serve_app(app, host, port, "the node's JSON-RPC")


async def _answer(spec: ChainSpec, ask: Ask, body: bytes) -> tuple[Any, Any, RpcError | None]:
    try:
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, None, RpcError(PARSE_ERROR, "Parse error")
    if not isinstance(call, dict) or not isinstance(call.get("method"), str):
        return None, None, RpcError(INVALID_REQUEST, "a call is an object with a method")
    params = call.get("params", [])
    if not isinstance(params, list):
        return call.get("id"), None, RpcError(INVALID_REQUEST, "params must be an array")
    try:
        return call.get("id"), await answer(spec, ask, call["method"], params), None
    except RpcError as error:
        return call.get("id"), None, error


def _respond(name: Any, result: Any, error: RpcError | None) -> web.Response:
    shown = None
    if error is not None:
        shown = {"code": error.code, "message": error.message}
        if error.data is not None:
            shown["data"] = error.data
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": name, "result": result, "error": shown})
    return web.Response(body=body, content_type="application/json")
