"""The port actor in front of a JSON-RPC service."""

import asyncio
from typing import Any

from aiohttp import web

from alys.actors.loop import wait
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.node.errors import PortDown
from alys.node.ports import JsonRpcCall
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.shells.jsonrpc_gateway import JsonRpcGateway
from alys.shells.jsonrpc_server import serve_app, serve_jsonrpc
from alys.wire.jsonrpc import Dialect, Params, RpcError
from tests.shells.systems import with_actor


def handle(method: str, params: Params) -> Any:
    if method == "refuse":
        raise RpcError(-8, "Block height out of range")
    return [method, params]


def asked(*calls: JsonRpcCall, url: str | None = None) -> list[Any]:
    """The answers, errors as values; all calls are under way at once."""

    async def life() -> Any:
        server = await serve_jsonrpc(handle, Dialect.BITCOIN, "127.0.0.1", 0, what="a test")

        async def run(system: System, ref: Ref) -> Any:
            replies = [wait(system.ask(ref, call)) for call in calls]
            return await asyncio.gather(*replies, return_exceptions=True)

        target = url or server.url
        try:
            return await with_actor(lambda: JsonRpcGateway(JsonRpcClient(target)), run)
        finally:
            await server.close()

    answers: list[Any] = asyncio.run(life())
    return answers


def test_answers_go_to_who_asked_even_when_many_ask() -> None:
    calls = [JsonRpcCall(method="echo", params=(n,)) for n in range(20)]
    assert asked(*calls) == [["echo", [n]] for n in range(20)]


def test_the_services_refusal_fails_the_ask_and_not_the_actor() -> None:
    refused, after = asked(JsonRpcCall(method="refuse"), JsonRpcCall(method="echo"))
    assert isinstance(refused, RpcError)
    assert refused.code == -8
    assert after == ["echo", []]


def test_a_service_that_is_away_fails_the_ask_as_temporary() -> None:
    (down,) = asked(JsonRpcCall(method="echo"), url="http://127.0.0.1:1")
    assert isinstance(down, PortDown)


def test_stopping_ends_the_calls_under_way() -> None:
    """Nothing of it may be left on the loop: asyncio.run would wait or complain."""

    async def life() -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def silent(_: web.Request) -> web.Response:
            begun.set()
            await release.wait()
            return web.Response()

        app = web.Application()
        app.router.add_post("/", silent)
        server = await serve_app(app, "127.0.0.1", 0, "a silent one")

        async def run(system: System, ref: Ref) -> None:
            system.ask(ref, JsonRpcCall(method="anything"))
            await begun.wait()

        await with_actor(lambda: JsonRpcGateway(JsonRpcClient(server.url)), run)
        release.set()
        await server.close()

    asyncio.run(life())
