"""JSON-RPC over WebSocket: requests and batches, and a clear word about subscriptions."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from alys.node.errors import PortDown
from alys.shells import jsonrpc_websocket
from alys.wire.jsonrpc import Dialect, Params, RpcError, method_not_found


def handle(method: str, params: Params) -> Any:
    if method == "unknown":
        raise method_not_found(method, Dialect.ETHEREUM)
    return [method, params]


def talked(*messages: str | bytes) -> list[Any]:
    """The answers to some messages, in order."""

    async def life() -> list[Any]:
        server = await jsonrpc_websocket.serve(handle)
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(server.url) as socket:
                for message in messages:
                    send = socket.send_str if isinstance(message, str) else socket.send_bytes
                    await send(message)  # type: ignore[arg-type]
                return [json.loads(await socket.receive_str(timeout=20)) for _ in messages]
        finally:
            await server.close()

    return asyncio.run(life())


def test_each_message_is_answered_in_its_turn() -> None:
    one = '{"jsonrpc":"2.0","id":1,"method":"a","params":[7]}'
    batch = f"[{one}]"
    single, told, binary, garbage = talked(one, batch, one.encode(), "{")
    assert single == {"jsonrpc": "2.0", "id": 1, "result": ["a", [7]]}
    assert told == [single]
    assert binary == single
    assert garbage["error"]["code"] == -32700


def test_a_notification_is_not_answered() -> None:
    silent = '{"jsonrpc":"2.0","method":"a"}'
    one = '{"jsonrpc":"2.0","id":2,"method":"b"}'

    async def life() -> Any:
        server = await jsonrpc_websocket.serve(handle)
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(server.url) as socket:
                await socket.send_str(silent)
                await socket.send_str(one)
                return json.loads(await socket.receive_str(timeout=20))["id"]
        finally:
            await server.close()

    assert asyncio.run(life()) == 2


@pytest.mark.parametrize("method", ["eth_subscribe", "eth_unsubscribe"])
def test_subscriptions_are_refused_with_what_to_do_instead(method: str) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": ["newHeads"]}
    (told,) = talked(json.dumps(asked))
    assert told["error"]["code"] == -32601
    assert "notifications not supported" in told["error"]["message"]
    assert "eth_blockNumber" in told["error"]["message"]


def test_plain_http_is_told_that_this_is_another_door() -> None:
    async def life() -> int:
        server = await jsonrpc_websocket.serve(handle)
        try:
            async with aiohttp.ClientSession() as client, client.get(server.url) as answer:
                return answer.status
        finally:
            await server.close()

    assert asyncio.run(life()) == 400


def test_the_client_tells_refusals_from_silence() -> None:
    async def life() -> None:
        server = await jsonrpc_websocket.serve(handle)
        assert await jsonrpc_websocket.ask(server.url, "a", 20) == ["a", []]
        with pytest.raises(RpcError, match="unknown"):
            await jsonrpc_websocket.ask(server.url, "unknown", 20)
        await server.close()
        with pytest.raises(PortDown, match=server.url):
            await jsonrpc_websocket.ask(server.url, "a", 20)

    asyncio.run(life())


def test_a_server_that_says_nothing_is_down_when_the_time_is_over() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # the kernel answers, nobody else
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(PortDown, match=url):
            asyncio.run(jsonrpc_websocket.ask(url, "a", 0.1))
