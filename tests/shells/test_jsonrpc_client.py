"""The HTTP client and the port actor before it, against real servers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from alys.node.errors import PortDown
from alys.shells.jsonrpc_client import Basic, JsonRpcClient, Jwt
from alys.shells.jsonrpc_server import serve_app, serve_jsonrpc
from alys.wire.engine import jwt_check
from alys.wire.jsonrpc import Dialect, Params, RpcError


def handle(method: str, params: Params) -> Any:
    if method == "refuse":
        raise RpcError(-7, "not today", {"why": "rain"})
    return [method, params]


def with_server(run: Callable[[str], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        server = await serve_jsonrpc(handle, Dialect.ETHEREUM, "127.0.0.1", 0, what="a test")
        try:
            return await run(server.url)
        finally:
            await server.close()

    return asyncio.run(life())


def test_a_call_comes_back_with_its_result() -> None:
    async def run(url: str) -> Any:
        async with JsonRpcClient(url) as client:
            return await client.call("echo", 1, "two", {"three": [4]})

    assert with_server(run) == ["echo", [1, "two", {"three": [4]}]]


def test_a_refusal_keeps_code_message_and_data() -> None:
    async def run(url: str) -> Any:
        async with JsonRpcClient(url) as client:
            await client.call("refuse")

    with pytest.raises(RpcError, match="not today") as refused:
        with_server(run)
    assert (refused.value.code, refused.value.data) == (-7, {"why": "rain"})


def test_nobody_there_is_a_port_that_is_down_and_names_the_address() -> None:
    async def gone(url: str) -> str:
        return url

    url = with_server(gone)

    async def run() -> None:
        async with JsonRpcClient(url) as client:
            await client.call("echo")

    with pytest.raises(PortDown) as down:
        asyncio.run(run())
    assert down.value.port == url


def test_an_answer_that_is_no_json_rpc_is_a_port_that_is_down() -> None:
    async def run() -> None:
        async def teapot(_: web.Request) -> web.Response:
            return web.Response(status=418, text="short and stout")

        app = web.Application()
        app.router.add_post("/", teapot)
        server = await serve_app(app, "127.0.0.1", 0, "a teapot")
        try:
            async with JsonRpcClient(server.url) as client:
                await client.call("brew")
        finally:
            await server.close()

    with pytest.raises(PortDown, match=r"418.*short and stout"):
        asyncio.run(run())


def test_a_service_that_never_answers_is_given_up() -> None:
    async def run() -> None:
        release = asyncio.Event()

        async def silent(_: web.Request) -> web.Response:
            await release.wait()
            return web.Response()

        app = web.Application()
        app.router.add_post("/", silent)
        server = await serve_app(app, "127.0.0.1", 0, "a silent one")
        try:
            async with JsonRpcClient(server.url, timeout_seconds=0.05) as client:
                await client.call("anything")
        finally:
            release.set()
            await server.close()

    with pytest.raises(PortDown):
        asyncio.run(run())


@pytest.mark.parametrize("auth", [Basic(user="u", password="p"), Jwt(secret=b"k" * 32)])
def test_it_identifies_itself(auth: Basic | Jwt) -> None:
    seen: list[str] = []

    async def run() -> None:
        def gate(request: web.Request) -> None:
            seen.append(request.headers["Authorization"])

        server = await serve_jsonrpc(
            handle, Dialect.BITCOIN, "127.0.0.1", 0, what="a test", gate=gate
        )
        try:
            async with JsonRpcClient(server.url, auth) as client:
                await client.call("echo")
        finally:
            await server.close()

    asyncio.run(run())
    if isinstance(auth, Basic):
        assert seen == ["Basic dTpw"]
    else:
        jwt_check(seen[0].removeprefix("Bearer "), b"k" * 32, time.time())  # noqa: TID251
