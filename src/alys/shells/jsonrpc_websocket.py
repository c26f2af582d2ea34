"""JSON-RPC over WebSocket, as execution clients offer it: each message is a request or a batch, each answer a message."""

import aiohttp
from aiohttp import web

from alys.node.errors import PortDown
from alys.shells import misbehaving
from alys.shells.jsonrpc_server import BODY_BYTES_MAX, RunningServer, guarded, serve_app
from alys.wire.jsonrpc import (
    METHOD_NOT_FOUND,
    Dialect,
    Handle,
    MalformedAnswer,
    Params,
    RpcError,
    decode_answer,
    encode_call,
)
from alys.wire.jsonrpc_faults import answer

SUBSCRIPTIONS = ("eth_subscribe", "eth_unsubscribe")


async def serve(
    handle: Handle,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    faults: misbehaving.Faults | None = None,
) -> RunningServer:
    """Serve a handler until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound."""
    silence = misbehaving.Silence()
    carry_out = guarded(handle)

    def without_subscriptions(method: str, params: Params) -> object:
        if method in SUBSCRIPTIONS:
            raise RpcError(
                METHOD_NOT_FOUND,
                "notifications not supported: ask for eth_blockNumber or eth_getLogs again",
            )
        return carry_out(method, params)

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=BODY_BYTES_MAX)
        try:
            await socket.prepare(request)
        except ValueError as error:  # a key with bytes beyond ASCII, which aiohttp does not expect
            raise web.HTTPBadRequest(text="Sec-WebSocket-Key is not base64") from error
        talk_back = misbehaving.Talk(request, socket, silence)
        try:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    asked = message.data.encode() if isinstance(message.data, str) else message.data
                    now = misbehaving.suffered(request, faults)
                    await talk_back.answer(
                        answer(asked, without_subscriptions, Dialect.ETHEREUM, now), now
                    )
        finally:
            await talk_back.end()
        return socket

    app = web.Application()
    app.on_shutdown.append(silence.end)
    app.router.add_get("/{path:.*}", talk)
    return await serve_app(app, host, port, "the Ethereum node's JSON-RPC over WebSocket")


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
