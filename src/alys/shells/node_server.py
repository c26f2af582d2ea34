"""The node's JSON-RPC on a real port: each call becomes one question to one actor. There is no GET route.

The calls of a batch are asked side by side: one that takes long holds up nobody's answer but the batch's own.
"""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from alys.chain.spec import ChainSpec
from alys.node import api
from alys.node.api import Ask
from alys.shells.jsonrpc_server import RunningServer, serve_app
from alys.wire.jsonrpc import INVALID_REQUEST, PARSE_ERROR, RpcError, too_deep

BATCH_CALLS_MAX = 1000
"""As in geth."""


async def serve_node(
    spec: ChainSpec, ask: Ask, host: str = "127.0.0.1", port: int = 0
) -> RunningServer:
    """Serve until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""

    async def post(request: web.Request) -> web.Response:
        status, told = await _answer(spec, ask, await request.read())
        body = msgspec.json.encode(told)
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", post)
    return await serve_app(app, host, port, "the node's JSON-RPC")


async def _answer(spec: ChainSpec, ask: Ask, body: bytes) -> tuple[int, Any]:
    try:
        if too_deep(body):
            raise msgspec.DecodeError("it nests too deep")
        call = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return api.told(None, False, RpcError(PARSE_ERROR, "Parse error"))
    if not isinstance(call, list):
        return await _one(spec, ask, call)
    if not 0 < len(call) <= BATCH_CALLS_MAX:
        reason = f"Invalid Request: a batch has 1 to {BATCH_CALLS_MAX} calls"
        return api.told(None, False, RpcError(INVALID_REQUEST, reason))
    answers = await asyncio.gather(*(_one(spec, ask, one) for one in call))
    return 200, [told for _, told in answers]


async def _one(spec: ChainSpec, ask: Ask, came: Any) -> tuple[int, dict[str, Any]]:
    try:
        call = api.read_call(came)
    except api.Refused as error:
        return api.told(error.id, error.modern, RpcError(INVALID_REQUEST, str(error)))
    outcome: Any
    try:
        outcome = await api.answer(spec, ask, call.method, call.params)
    except RpcError as error:
        outcome = error
    return api.told(call.id, call.modern, outcome)
