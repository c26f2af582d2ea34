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
from alys.shells.node_server import serve_node

SPEC = dev_spec(bytes(32))


def posted(body: str, verb: str = "POST") -> tuple[int, Any, list[tuple[str, Request[Any]]]]:
    asked: list[tuple[str, Request[Any]]] = []

    async def ask(actor: str, request: Request[Any]) -> Any:
        asked.append((actor, request))
        if actor == "stream":
            raise ActorStopped("/alys/node/stream", "GetStreamStatus")
        return True

    async def life() -> tuple[int, Any]:
        server = await serve_node(SPEC, ask)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(verb, server.url, data=body) as answer,
            ):
                text = await answer.text()
                return answer.status, json.loads(text) if answer.status == 200 else text
        finally:
            await server.close()

    status, told = asyncio.run(life())
    return status, told, asked


def call(method: str, *params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 5, "method": method, "params": params})


def test_a_method_becomes_one_question_to_one_actor() -> None:
    status, told, asked = posted(call("alys_announceDeposit", "ab" * 32))
    assert (status, told["id"], told["result"], told["error"]) == (200, 5, True, None)
    assert asked == [("bridge", AnnounceDeposit(txid="ab" * 32))]


def test_what_needs_no_actor_asks_none() -> None:
    _, told, asked = posted(call("getdepositaddress"))
    assert told["result"] == "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"
    assert asked == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ("[]", -32600),
        ('{"method":"getheadblock","params":{}}', -32600),
        (call("nosuchmethod"), -32601),
        (call("getblockbyhash", "0x12"), -32602),
        (call("getblockbyheight"), -32602),
        (call("alys_governance"), -32603),
    ],
)
def test_every_mistake_has_its_code(body: str, code: int) -> None:
    status, told, _ = posted(body)
    assert (status, told["error"]["code"]) == (200, code)


def test_there_is_no_get() -> None:
    assert posted("", verb="GET")[0] == 405


def test_a_batch_is_answered_in_its_order_and_each_call_for_itself() -> None:
    calls = [call("getdepositaddress"), "7", call("alys_governance"), call("alys_resumeProduction")]
    status, told, asked = posted(f"[{','.join(calls)}]")
    assert status == 200
    assert [one["error"] and one["error"]["code"] for one in told] == [None, -32600, -32603, None]
    assert [actor for actor, _ in asked] == ["stream", "chain"]


def test_a_batch_has_a_limit() -> None:
    too_many = f"[{','.join([call('getdepositaddress')] * 1001)}]"
    status, told, asked = posted(too_many)
    assert (status, told["error"]["code"], asked) == (200, -32600, [])
