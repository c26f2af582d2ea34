"""Each fault of a JSON-RPC server as real clients meet it, over HTTP and over WebSocket, and how often it bit."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from alys.base import faults
from alys.base.faults import AnyFault
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import SeededRandom
from alys.node.errors import PortDown
from alys.shells import jsonrpc_websocket
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.shells.jsonrpc_server import RunningServer, serve_jsonrpc
from alys.wire.jsonrpc import Dialect, Params, RpcError
from tests.shells.waiting import until

LATE_SECONDS = 0.15
SOON_SECONDS = 20.0
"""For what must not take long, on a machine that is busy."""


class Door:
    """A served handler that counts what it carries out, and its faults."""

    def __init__(self) -> None:
        self.carried_out = 0
        scope = Scope(service="ethereum")
        self.faults = Misbehaviour(lambda: 0.0, SeededRandom(1), scope)
        self.server: RunningServer

    def handle(self, method: str, params: Params) -> Any:
        self.carried_out += 1
        return {"method": method, "count": self.carried_out}

    def connect(self, _: jsonrpc_websocket.Notify) -> "Door":
        return self

    def close(self) -> None:
        """A connection ended."""

    def client(self, *, witness: bool = False) -> JsonRpcClient:
        return JsonRpcClient(self.server.url, timeout_seconds=SOON_SECONDS, witness=witness)

    def touched(self) -> list[int]:
        return [one.touched for one in self.faults.view()]


def served(
    run: Callable[[Door], Awaitable[Any]], *orders: AnyFault, websocket: bool = False
) -> Any:
    async def life() -> Any:
        door = Door()
        door.faults.add(*orders)
        look = lambda: door.faults  # noqa: E731
        if websocket:
            door.server = await jsonrpc_websocket.serve(door.connect, faults=look)
        else:
            door.server = await serve_jsonrpc(
                door.handle, Dialect.ETHEREUM, "127.0.0.1", 0, what="a test", faults=look
            )
        try:
            return await run(door)
        finally:
            await door.server.close()

    return asyncio.run(life())


async def raw(door: Door, method: str = "a") -> bytes:
    """All bytes that come back until the connection ends; none where it is reset."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.server.port)
    try:
        writer.write(head + body)
        return await asyncio.wait_for(reader.read(), SOON_SECONDS)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


# HTTP


def test_a_late_answer_is_late_and_holds_nobody_up() -> None:
    async def run(door: Door) -> None:
        loop = asyncio.get_running_loop()
        async with door.client() as client:
            begun = loop.time()
            late = loop.create_task(client.call("slow"))
            await until(lambda: door.touched() == [1])
            assert (await client.call("quick"))["method"] == "quick"
            assert not late.done()
            assert (await late)["count"] == 1
            assert loop.time() - begun >= LATE_SECONDS
        assert door.touched() == [1]

    served(run, faults.Latency(ms=LATE_SECONDS * 1000, calls=("slow",)))


def test_an_error_is_one_of_the_protocol() -> None:
    async def run(door: Door) -> None:
        async with door.client() as client:
            with pytest.raises(RpcError, match=r"busy \(code -5\)"):
                await client.call("a")
            assert (await client.call("a"))["count"] == 1
        assert door.touched() == [1]

    served(run, faults.Error(code=-5, message="busy", times=1))


def test_a_refused_call_finds_its_connection_closed() -> None:
    async def run(door: Door) -> None:
        async with door.client() as client:
            with pytest.raises(PortDown):
                await client.call("a")
            assert (await client.call("a"))["count"] == 1
        assert door.touched() == [1]

    served(run, faults.Refuse(times=1))


def test_a_refused_call_gets_not_a_byte() -> None:
    async def run(door: Door) -> None:
        assert await raw(door) == b""
        assert (door.touched(), door.carried_out) == ([1], 0)

    served(run, faults.Refuse())


@pytest.mark.parametrize("after", [0, 7])
def test_a_dropped_answer_ends_in_the_middle_of_its_body(after: int) -> None:
    async def run(door: Door) -> None:
        head, _, body = (await raw(door)).partition(b"\r\n\r\n")
        assert b"200 OK" in head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(body) == after < length
        assert b'{"jsonrpc'.startswith(body[:9])
        async with door.client() as client:
            with pytest.raises(PortDown):
                await client.call("a")
        assert (door.touched(), door.carried_out) == ([2], 2)

    served(run, faults.Drop(after_bytes=after))


@pytest.mark.parametrize("form", ["text", "truncated", "empty"])
def test_a_malformed_answer_comes_with_status_200(form: str) -> None:
    async def run(door: Door) -> None:
        async with aiohttp.ClientSession() as session:
            asked = {"jsonrpc": "2.0", "id": 1, "method": "a"}
            async with session.post(door.server.url, json=asked) as answer:
                assert answer.status == 200
                with pytest.raises(json.JSONDecodeError):
                    json.loads(await answer.read())
        async with door.client() as client:
            with pytest.raises(PortDown, match="HTTP 200"):
                await client.call("a")
        assert door.touched() == [2]

    served(run, faults.Malformed(form=form))


def test_a_stale_answer_is_an_earlier_one() -> None:
    async def run(door: Door) -> None:
        async with door.client() as client:
            assert [(await client.call("a"))["count"] for _ in range(3)] == [1, 1, 1]
        assert door.touched() == [2]

    served(run, faults.Stale())


def test_in_a_batch_each_call_is_treated() -> None:
    async def run(door: Door) -> None:
        async with door.client() as client:
            first, second = await client.batch([("a", []), ("b", [])])
        assert isinstance(first, RpcError)
        assert second["method"] == "b"
        assert door.touched() == [1]

    served(run, faults.Error(calls=("a",)))


def test_a_call_that_hangs_holds_nobody_up_and_ends_with_its_fault() -> None:
    async def run(door: Door) -> None:
        hung = asyncio.get_running_loop().create_task(raw(door, "hung"))
        await until(lambda: door.touched() == [1])
        async with door.client() as client:
            assert (await client.call("a"))["count"] == 1
        assert not hung.done()
        door.faults.remove(1)
        assert await hung == b""
        assert door.carried_out == 1

    served(run, faults.Hang(calls=("hung",)))


def test_who_hangs_up_on_silence_leaves_nothing_behind() -> None:
    async def run(door: Door) -> None:
        async with JsonRpcClient(door.server.url, timeout_seconds=0.05) as client:
            with pytest.raises(PortDown):
                await client.call("a")
        assert door.touched() == [1]
        await until(lambda: not door.faults.listeners)

    served(run, faults.Hang())


def test_silence_does_not_hold_up_the_end_of_the_server() -> None:
    async def run(door: Door) -> None:
        loop = asyncio.get_running_loop()
        hung = loop.create_task(raw(door))
        await until(lambda: door.touched() == [1])
        begun = loop.time()
        await door.server.close()
        assert loop.time() - begun < 0.9, "the server's own limit is a second"
        assert await hung == b""

    served(run, faults.Hang())


def test_a_witness_is_spared() -> None:
    async def run(door: Door) -> None:
        async with door.client(witness=True) as client:
            assert (await client.call("a"))["count"] == 1
        assert door.touched() == [0]

    served(run, faults.Hang())


# WebSocket


async def ask(socket: aiohttp.ClientWebSocketResponse, method: str) -> None:
    await socket.send_str(json.dumps({"jsonrpc": "2.0", "id": method, "method": method}))


def talked(
    run: Callable[[Door, aiohttp.ClientWebSocketResponse], Awaitable[Any]], *orders: AnyFault
) -> None:
    async def life(door: Door) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(door.server.url) as socket,
        ):
            await asyncio.wait_for(run(door, socket), SOON_SECONDS)

    served(life, *orders, websocket=True)


def test_over_websocket_a_late_answer_is_overtaken() -> None:
    async def run(door: Door, socket: aiohttp.ClientWebSocketResponse) -> None:
        await ask(socket, "slow")
        await ask(socket, "quick")
        assert [json.loads(await socket.receive_str())["id"] for _ in range(2)] == ["quick", "slow"]
        assert door.touched() == [1]

    talked(run, faults.Latency(ms=LATE_SECONDS * 1000, calls=("slow",)))


def test_over_websocket_an_error_and_what_is_no_json() -> None:
    async def run(door: Door, socket: aiohttp.ClientWebSocketResponse) -> None:
        await ask(socket, "a")
        assert json.loads(await socket.receive_str())["error"]["code"] == -32603
        await ask(socket, "a")
        with pytest.raises(json.JSONDecodeError):
            json.loads(await socket.receive_str())
        assert door.touched() == [1, 1]

    talked(run, faults.Error(times=1), faults.Malformed(times=1))


@pytest.mark.parametrize("fault", [faults.Refuse(), faults.Drop(after_bytes=5)])
def test_over_websocket_the_connection_ends_without_the_answer(fault: AnyFault) -> None:
    async def run(door: Door, socket: aiohttp.ClientWebSocketResponse) -> None:
        await ask(socket, "a")
        got = await socket.receive()
        assert got.type in (
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
            aiohttp.WSMsgType.CLOSE,
        )
        assert door.touched() == [1]

    talked(run, fault)


def test_over_websocket_silence_is_for_its_call_alone() -> None:
    async def run(door: Door, socket: aiohttp.ClientWebSocketResponse) -> None:
        await ask(socket, "hung")
        await ask(socket, "a")
        assert json.loads(await socket.receive_str())["id"] == "a"
        door.faults.clear()
        assert (await socket.receive()).type is not aiohttp.WSMsgType.TEXT

    talked(run, faults.Hang(calls=("hung",)))


def test_over_websocket_silence_does_not_hold_up_the_end_of_the_server() -> None:
    async def run(door: Door, socket: aiohttp.ClientWebSocketResponse) -> None:
        await ask(socket, "a")
        await until(lambda: door.touched() == [1])
        begun = asyncio.get_running_loop().time()
        await door.server.close()
        assert asyncio.get_running_loop().time() - begun < 5

    talked(run, faults.Hang())
