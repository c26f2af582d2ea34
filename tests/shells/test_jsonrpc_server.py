"""The HTTP door of all JSON-RPC services."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from alys.base.errors import EnvironmentFailure
from alys.shells.jsonrpc_server import serve_jsonrpc
from alys.wire.jsonrpc import Dialect, Params


def handle(method: str, params: Params) -> Any:
    return [method, params]


async def request(url: str, verb: str, body: str = "") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(verb, url, data=body) as answer:
        return answer.status, await answer.text()


def served(verb: str, body: str = "", dialect: Dialect = Dialect.ETHEREUM) -> tuple[int, str]:
    async def life() -> tuple[int, str]:
        server = await serve_jsonrpc(handle, dialect, "127.0.0.1", 0, what="a test")
        try:
            return await request(server.url, verb, body)
        finally:
            await server.close()

    return asyncio.run(life())


def test_a_call_is_answered_with_its_id() -> None:
    status, body = served("POST", '{"jsonrpc":"2.0","id":7,"method":"m","params":[1]}')
    assert (status, json.loads(body)) == (200, {"jsonrpc": "2.0", "id": 7, "result": ["m", [1]]})


def test_there_is_no_get() -> None:
    assert served("GET")[0] == 405
    assert "only POST" in served("GET", dialect=Dialect.BITCOIN)[1]


def test_a_port_in_use_names_service_host_port_and_fix() -> None:
    async def life(port: int) -> None:
        await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", port, what="the test service")

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{port} for the test service") as e:
            asyncio.run(life(port))
    assert "another port" in str(e.value)


def test_an_address_that_is_not_ours_is_the_machines_fault() -> None:
    async def life() -> None:
        await serve_jsonrpc(handle, Dialect.BITCOIN, "192.0.2.1", 0, what="the test service")

    with pytest.raises(EnvironmentFailure, match=r"192\.0\.2\.1"):
        asyncio.run(life())


def test_closing_gives_the_port_back_and_twice_is_harmless() -> None:
    async def life() -> None:
        server = await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", 0, what="a test")
        await server.close()
        await server.close()
        again = await serve_jsonrpc(
            handle, Dialect.BITCOIN, "127.0.0.1", server.port, what="a test"
        )
        assert again.port == server.port
        await again.close()

    asyncio.run(life())
