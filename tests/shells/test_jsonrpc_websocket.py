"""JSON-RPC over WebSocket: requests and batches, and notifications in between."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from alys.node.errors import PortDown
from alys.shells import jsonrpc_websocket
from alys.shells.jsonrpc_websocket import Notify
from alys.wire.jsonrpc import Dialect, Params, RpcError, method_not_found
from tests.shells.waiting import until


class Echo:
    """Answers with what was asked; ``tell`` notifies twice, before its own answer."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self.closed = False

    def handle(self, method: str, params: Params) -> Any:
        if method == "unknown":
            raise method_not_found(method, Dialect.ETHEREUM)
        if method == "tell":
            for number in range(2):
                self._notify({"told": number})
        if method == "flood":
            for number in range(jsonrpc_websocket.UNREAD_MAX + 1):
                self._notify({"told": number})
        return [method, params]

    def close(self) -> None:
        self.closed = True


def talked(*messages: str | bytes) -> list[Any]:
    """The answers to some messages, in order."""

    async def life() -> list[Any]:
        server = await jsonrpc_websocket.serve(Echo)
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
        server = await jsonrpc_websocket.serve(Echo)
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(server.url) as socket:
                await socket.send_str(silent)
                await socket.send_str(one)
                return json.loads(await socket.receive_str(timeout=20))["id"]
        finally:
            await server.close()

    assert asyncio.run(life()) == 2


def test_plain_http_is_told_that_this_is_another_door() -> None:
    async def life() -> int:
        server = await jsonrpc_websocket.serve(Echo)
        try:
            async with aiohttp.ClientSession() as client, client.get(server.url) as answer:
                return answer.status
        finally:
            await server.close()

    assert asyncio.run(life()) == 400


def test_the_client_tells_refusals_from_silence() -> None:
    async def life() -> None:
        server = await jsonrpc_websocket.serve(Echo)
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


def test_notifications_come_in_order_on_the_connection_that_asked() -> None:
    tell, other = (json.dumps({"jsonrpc": "2.0", "id": 1, "method": m}) for m in ("tell", "a"))

    async def life() -> list[Any]:
        server = await jsonrpc_websocket.serve(Echo)
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.ws_connect(server.url) as asking,
                client.ws_connect(server.url) as idle,
            ):
                await asking.send_str(tell)
                heard = [json.loads(await asking.receive_str(timeout=20)) for _ in range(3)]
                await idle.send_str(other)
                return [*heard, json.loads(await idle.receive_str(timeout=20))]
        finally:
            await server.close()

    *heard, elsewhere = asyncio.run(life())
    (answered,) = [one for one in heard if "id" in one]
    assert [one for one in heard if "id" not in one] == [{"told": 0}, {"told": 1}]
    assert (answered["result"], elsewhere["result"]) == (["tell", []], ["a", []])


def test_hanging_up_ends_connections_and_welcomes_new_ones() -> None:
    made: list[Echo] = []

    def connect(notify: Notify) -> Echo:
        made.append(Echo(notify))
        return made[-1]

    async def life() -> int | None:
        server = await jsonrpc_websocket.serve(connect)
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(server.url) as socket:
                server.hang_up()
                assert (await socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
                await until(lambda: made[0].closed)
            assert await jsonrpc_websocket.ask(server.url, "a", 20) == ["a", []]
            return socket.close_code
        finally:
            await server.close()

    assert asyncio.run(life()) == 1012


def test_who_reads_nothing_is_hung_up_on() -> None:
    flood = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "flood"})

    async def life() -> list[aiohttp.WSMessage]:
        server = await jsonrpc_websocket.serve(Echo)
        try:
            async with aiohttp.ClientSession() as client, client.ws_connect(server.url) as socket:
                await socket.send_str(flood)
                return [await socket.receive(timeout=20) for _ in range(2)]
        finally:
            await server.close()

    answered, closed = asyncio.run(life())
    assert json.loads(answered.data)["result"] == ["flood", []]
    assert closed.type is aiohttp.WSMsgType.CLOSE


def test_a_key_beyond_ascii_is_the_callers_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def life() -> bytes:
        server = await jsonrpc_websocket.serve(Echo)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(
                b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \xff\xfe\r\n\r\n"
            )
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line
        finally:
            await server.close()

    assert asyncio.run(life()).startswith(b"HTTP/1.1 400")
    assert not [record for record in caplog.records if record.exc_info]
