"""The node's own RPC over HTTP, with a stand-in for the actors."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from alys.actors.errors import ActorStopped
from alys.actors.message import Request
from alys.chain.spec import dev_spec
from alys.node.messages import AnnounceDeposit
from alys.node.questions import CreateAuxBlock, GetBlockAt
from alys.node.work import SYNCING
from alys.shells.node_server import serve_node
from alys.wire.jsonrpc import RpcError

SPEC = dev_spec(bytes(32))


def posted(body: str, verb: str = "POST") -> tuple[int, Any, list[tuple[str, Request[Any]]]]:
    asked: list[tuple[str, Request[Any]]] = []

    async def ask(actor: str, request: Request[Any]) -> Any:
        asked.append((actor, request))
        if actor == "stream":
            raise ActorStopped("/alys/node/stream", "GetStreamStatus")
        if isinstance(request, CreateAuxBlock):
            raise RpcError(SYNCING, "Chain is syncing")
        return None if isinstance(request, GetBlockAt) else True

    async def life() -> tuple[int, Any]:
        server = await serve_node(SPEC, ask)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(verb, server.url, data=body) as answer,
            ):
                text = await answer.text()
                return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        finally:
            await server.close()

    status, told = asyncio.run(life())
    return status, told, asked


def call(method: str, *params: Any) -> str:
    """In version 1.0, as the field's miners speak."""
    return json.dumps({"id": 5, "method": method, "params": params})


def modern(method: str, *params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 5, "method": method, "params": params})


def test_a_method_becomes_one_question_to_one_actor() -> None:
    status, told, asked = posted(call("alys_announceDeposit", "ab" * 32))
    assert (status, told) == (200, {"result": True, "error": None, "id": 5})
    assert asked == [("bridge", AnnounceDeposit(txid="ab" * 32))]


def test_a_call_of_version_2_is_answered_in_it() -> None:
    status, told, _ = posted(modern("alys_announceDeposit", "ab" * 32))
    assert (status, told) == (200, {"jsonrpc": "2.0", "result": True, "id": 5})


def test_what_needs_no_actor_asks_none() -> None:
    _, told, asked = posted(call("alys_spec"))
    assert told["result"]["network"] == "regtest"
    assert asked == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, -32700),
        ("[" * 600 + "]" * 600, 400, -32700),
        ("[]", 200, -32600),
        ('{"method":"getheadblock","id":1}', 200, -32600),
        ('{"method":"getheadblock","params":{},"id":1}', 400, -32602),
        (call("nosuchmethod"), 404, -32601),
        (call("getblockbyhash", "0x12"), 400, -32602),
        (call("getblockbyheight"), 400, -32602),
        (call("getblockbyheight", 7), 200, -32604),
        ('{"method":"getblockbyheight","params":7,"id":1}', 200, -32604),
        (call("getheadblock"), 200, -32604),
        (call("alys_governance"), 500, -32605),
        (call("createauxblock", "0x" + "aa" * 20), 503, -32606),
    ],
)
def test_every_mistake_has_its_code_and_its_status(body: str, status: int, code: int) -> None:
    got, told, _ = posted(body)
    assert (got, told["error"]["code"]) == (status, code)
    assert told["result"] is None


def test_version_2_has_no_statuses_but_that_of_syncing() -> None:
    assert posted(modern("nosuchmethod"))[0] == 200
    assert posted(modern("createauxblock", "0x" + "aa" * 20))[0] == 503


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post_is_served(verb: str) -> None:
    assert posted("", verb=verb)[0] == 405


def test_a_batch_is_answered_in_its_order_and_each_call_for_itself() -> None:
    calls = [call("alys_spec"), "7", call("alys_governance"), call("alys_resumeProduction")]
    status, told, asked = posted(f"[{','.join(calls)}]")
    assert status == 200
    assert [one["error"] and one["error"]["code"] for one in told] == [None, -32600, -32605, None]
    assert [actor for actor, _ in asked] == ["stream", "chain"]


def test_a_batch_has_a_limit() -> None:
    too_many = f"[{','.join([call('alys_spec')] * 1001)}]"
    status, told, asked = posted(too_many)
    assert (status, told["error"]["code"], asked) == (200, -32600, [])
