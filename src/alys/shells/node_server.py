"""The node's JSON-RPC on a real port: each call becomes one question to one actor. There is no GET route.

The calls of a batch are asked side by side: one that takes long holds up nobody's answer but the batch's own.
"""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from alys.chain.spec import ChainSpec
from alys.node.api import Ask, answer
from alys.shells.jsonrpc_server import RunningServer, serve_app
from alys.wire.jsonrpc import INVALID_REQUEST, PARSE_ERROR, RpcError

BATCH_CALLS_MAX = 1000
"""As in geth."""


async def serve_node(
    spec: ChainSpec, ask: Ask, host: str = "127.0.0.1", port: int = 0
) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""

    async def post(request: web.Request) -> web.Response:
        told = await _answer(spec, ask, await request.read())
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", post)
    return await serve_app(app, host, port, "the node's JSON-RPC")


async def _answer(spec: ChainSpec, ask: Ask, body: bytes) -> Any:
    try:
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _refused(None, RpcError(PARSE_ERROR, "Parse error"))
    if not isinstance(call, list):
        return await _one(spec, ask, call)
    if not 0 < len(call) <= BATCH_CALLS_MAX:
        reason = f"a batch has 1 to {BATCH_CALLS_MAX} calls"
        return _refused(None, RpcError(INVALID_REQUEST, reason))
    return await asyncio.gather(*(_one(spec, ask, one) for one in call))


async def _one(spec: ChainSpec, ask: Ask, call: Any) -> dict[str, Any]:
    if not isinstance(call, dict) or not isinstance(call.get("method"), str):
        return _refused(None, RpcError(INVALID_REQUEST, "a call is an object with a method"))
    params = call.get("params", [])
    if not isinstance(params, list):
        return _refused(call.get("id"), RpcError(INVALID_REQUEST, "params must be an array"))
    try:
        result = await answer(spec, ask, call["method"], params)
    except RpcError as error:
        return _refused(call.get("id"), error)
    return {"jsonrpc": "2.0", "id": call.get("id"), "result": result, "error": None}


def _refused(name: Any, error: RpcError) -> dict[str, Any]:
    shown: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    return {"jsonrpc": "2.0", "id": name, "result": None, "error": shown}
