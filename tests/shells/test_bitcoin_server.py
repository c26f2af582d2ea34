"""The Bitcoin node behind its password. What curl sees of it: ``tests/interop/test_curl.py``."""

import asyncio
from typing import Any

import pytest

from alys.models.bitcoin.node import BitcoinNode
from alys.node.errors import PortDown
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.jsonrpc_client import Basic, JsonRpcClient

START = 1_767_225_600


def ask(auth: Basic | None, method: str) -> Any:
    async def life() -> Any:
        node = BitcoinNode(lambda: START + 60.0, START)
        server = await serve_bitcoin(node, "127.0.0.1", 0, "user", "pass:word")
        try:
            async with JsonRpcClient(server.url, auth) as client:
                return await client.call(method)
        finally:
            await server.close()

    return asyncio.run(life())


def test_the_right_password_opens() -> None:
    assert ask(Basic(user="user", password="pass:word"), "getblockcount") == 0


@pytest.mark.parametrize(
    "auth", [None, Basic(user="user", password=""), Basic(user="pass", password="user")]
)
def test_anything_else_does_not(auth: Basic | None) -> None:
    with pytest.raises(PortDown, match="401"):
        ask(auth, "getblockcount")
