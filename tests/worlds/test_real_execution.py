"""What is looked for at a real execution client, and clients of ours that follow it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alys.base.errors import EnvironmentFailure, UsageError
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.jsonrpc_client import Jwt
from alys.worlds import real_execution
from alys.worlds.real_execution import ExecutionAnchor
from tests.worlds.execution_side import ALICE, Side

JWT = Jwt(secret=b"\xa1" * 32)


def served(node: EthereumNode, look: Callable[[str, str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        public = await serve_ethereum(node, "127.0.0.1", 0)
        engine = await serve_engine(node, "127.0.0.1", 0, jwt_secret=JWT.secret)
        try:
            return await look(public.url, engine.url)
        finally:
            await engine.close()
            await public.close()

    return asyncio.run(run())


def anchored(node: EthereumNode, jwt: Jwt = JWT) -> ExecutionAnchor:
    found = served(node, lambda url, engine: real_execution.anchor_execution(url, engine, jwt))
    assert isinstance(found, ExecutionAnchor)
    return found


def followed(node: EthereumNode) -> tuple[ExecutionAnchor, tuple[EthereumNode, ...]]:
    async def look(url: str, engine: str) -> Any:
        anchor = await real_execution.anchor_execution(url, engine, JWT)
        return anchor, await real_execution.followers(anchor, 2, lambda: 0.0)

    found: tuple[ExecutionAnchor, tuple[EthereumNode, ...]] = served(node, look)
    return found


def lived(blocks: int) -> EthereumNode:
    """A client with some blocks behind it."""
    side = Side(lists=True)
    side.node = EthereumNode(dev_genesis(1_767_225_600), lambda: 0.0)
    for gwei in range(1, blocks + 1):
        side.credit((ALICE, gwei))
    return side.node


def test_the_chain_starts_from_the_head() -> None:
    node = lived(2)
    anchor = anchored(node)
    head = node.handle("eth_getBlockByNumber", ["latest", False])
    assert (anchor.number, anchor.about["hash"]) == (2, head["hash"])
    assert anchor.genesis_time == 1_767_225_600
    assert anchor.timestamp == 1_767_225_602


def test_clients_of_ours_execute_every_block_before_it() -> None:
    blocks = real_execution.BODIES_PER_CALL + 2
    anchor, (first, second) = followed(lived(blocks))
    for one in (first, second):
        head = one.handle("eth_getBlockByNumber", ["latest", False])
        assert (head["number"], head["hash"]) == (hex(blocks), anchor.about["hash"])


def test_another_genesis_cannot_be_followed() -> None:
    node = EthereumNode(dev_genesis(1_767_225_600, balances={ALICE: 1}), lambda: 0.0)
    with pytest.raises(UsageError, match="another genesis"):
        followed(node)


def test_a_client_without_the_bridge_contract_is_told() -> None:
    node = EthereumNode(dev_genesis(1_767_225_600, bridge=False), lambda: 0.0)
    with pytest.raises(EnvironmentFailure, match=r"no bridge contract at 0x(bb){20}"):
        anchored(node)


def test_another_chain_id_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_execution, "DEV_CHAIN_ID", 1)
    with pytest.raises(UsageError, match="has chain id 121212: give it a genesis with 1"):
        anchored(lived(0))


def test_another_secret_is_told() -> None:
    with pytest.raises(EnvironmentFailure, match="is ENGINE_JWT_SECRET the client's"):
        anchored(lived(0), Jwt(secret=bytes(32)))


def test_a_client_that_is_away_is_named() -> None:
    away = real_execution.anchor_execution("http://127.0.0.1:9", "http://127.0.0.1:9", JWT)
    with pytest.raises(EnvironmentFailure, match=r"http://127\.0\.0\.1:9 .*is the client up"):
        asyncio.run(away)
