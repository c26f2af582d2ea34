"""The two ports of an execution client, and which one wants a token."""

import asyncio
from typing import Any

import pytest

from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.node.errors import PortDown
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.jsonrpc_client import Basic, JsonRpcClient, Jwt
from alys.wire.jsonrpc import RpcError

START = 1_767_225_600
SECRET = b"s" * 32


def ask(engine: bool, auth: Jwt | Basic | None, method: str, *params: Any) -> Any:
    async def life() -> Any:
        node = EthereumNode(dev_genesis(START), lambda: START + 1.0)
        if engine:
            server = await serve_engine(node, jwt_secret=SECRET)
        else:
            server = await serve_ethereum(node)
        try:
            async with JsonRpcClient(server.url, auth) as client:
                return await client.call(method, *params)
        finally:
            await server.close()

    return asyncio.run(life())


def test_the_public_port_asks_for_nothing_and_serves_no_engine_calls() -> None:
    assert ask(False, None, "eth_chainId") == hex(121212)
    with pytest.raises(RpcError, match="does not exist") as refused:
        ask(False, None, "engine_exchangeCapabilities", [])
    assert refused.value.code == -32601


def test_the_engine_port_serves_whoever_knows_the_secret() -> None:
    able = ask(True, Jwt(secret=SECRET), "engine_exchangeCapabilities", [])
    assert "engine_forkchoiceUpdatedV2" in able
    assert ask(True, Jwt(secret=SECRET), "eth_blockNumber") == "0x0"


@pytest.mark.parametrize("auth", [None, Jwt(secret=b"x" * 32), Basic(user="u", password="p")])
def test_the_engine_port_turns_away_everybody_else(auth: Jwt | Basic | None) -> None:
    with pytest.raises(PortDown, match="401"):
        ask(True, auth, "eth_blockNumber")
