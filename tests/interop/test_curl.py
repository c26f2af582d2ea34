"""curl, a JSON-RPC client of nobody's making, reads the Bitcoin node."""

import asyncio
import json
import shutil
from collections.abc import Coroutine
from typing import Any

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.shells.bitcoin_server import serve_bitcoin

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
START = 1_767_225_600


async def curl(*arguments: str) -> tuple[int, dict[str, Any] | None, str]:
    """HTTP status, the JSON body if any, and the headers."""
    process = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--include", "--noproxy", "*", *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    head, _, body = out.decode().partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else None, head.lower()


def served(run: Any) -> Any:
    """Run a coroutine function with the URL of a fresh node."""

    async def life() -> Any:
        node = BitcoinNode(lambda: START + 60.0, START)
        server = await serve_bitcoin(node, "127.0.0.1", 0, "user", "secret")
        try:
            return await run(server.url)
        finally:
            await server.close()

    whole: Coroutine[Any, Any, Any] = life()
    return asyncio.run(whole)


def call(method: str, *params: object) -> str:
    return json.dumps({"jsonrpc": "1.0", "id": "curl", "method": method, "params": params})


@needs_curl
def test_curl_reads_the_chain_with_basic_authentication() -> None:
    status, body, _ = served(
        lambda url: curl("--user", "user:secret", "--data", call("getblockchaininfo"), url)
    )
    assert status == 200
    assert body is not None
    assert (body["id"], body["error"]) == ("curl", None)
    assert (body["result"]["chain"], body["result"]["blocks"]) == ("regtest", 0)


@needs_curl
def test_curl_gets_bitcoinds_errors_in_bitcoinds_way() -> None:
    async def both(url: str) -> Any:
        base = ("--user", "user:secret", "--data")
        unknown = await curl(*base, call("nosuchmethod"), url)
        too_high = await curl(*base, call("getblockhash", 7), url)
        return unknown, too_high

    (status, body, _), (second, other, _) = served(both)
    assert (status, body["error"]["code"]) == (404, -32601)
    assert (second, other["error"]["code"]) == (500, -8)
    assert other["error"]["message"] == "Block height out of range"


@needs_curl
def test_curl_without_the_password_is_turned_away() -> None:
    status, body, head = served(
        lambda url: curl("--user", "user:wrong", "--data", call("getblockcount"), url)
    )
    assert (status, body) == (401, None)
    assert 'www-authenticate: basic realm="jsonrpc"' in head
