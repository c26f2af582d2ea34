"""What is looked for at a real Bitcoin node, and what is said of one that will not do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alys.base.errors import EnvironmentFailure, UsageError
from alys.models.bitcoin.node import BitcoinNode
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.jsonrpc_client import Basic
from alys.wire.jsonrpc import METHOD_NOT_FOUND, Params, RpcError
from alys.worlds import real

DOOR = Basic(user="alys", password="regtest")
NETWORK = {"subversion": "/other:1.0/"}


class Node:
    """Our model with some of its answers replaced; a call without answer is one that it does not know."""

    def __init__(self, **answers: Any) -> None:
        self._node = BitcoinNode(lambda: 1_767_225_600.0)
        self._answers = {"getindexinfo": None, "getnetworkinfo": NETWORK, **answers}
        self.called: list[str] = []

    def waits(self, method: str, params: Params) -> None:
        return None

    def handle(self, method: str, params: Params, wallet: str | None = None) -> Any:
        self.called.append(method)
        if method not in self._answers:
            return self._node.handle(method, params)
        if self._answers[method] is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return self._answers[method]


def served(node: Node, look: Callable[[str], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server = await serve_bitcoin(node, "127.0.0.1", 0, DOOR.user, DOOR.password)
        try:
            return await look(server.url)
        finally:
            await server.close()

    return asyncio.run(run())


def anchored(node: Node, door: Basic = DOOR) -> Any:
    return served(node, lambda url: real.anchor_bitcoin(url, door))


def test_the_chain_begins_at_the_tip_and_the_depositor_has_coins() -> None:
    node = Node()
    first = anchored(node)
    assert first.height == node.handle("getblockcount", [])
    assert first.hash == node.handle("getbestblockhash", [])
    assert first.about["software"] == "/other:1.0/"
    again = anchored(node)
    assert again.height == first.height + 1, (
        "it has its coins already; one block empties the mempool"
    )


@pytest.mark.parametrize("chain", ["main", "test", "signet"])
def test_no_other_network_is_touched(chain: str) -> None:
    node = Node(getblockchaininfo={"chain": chain})
    with pytest.raises(UsageError, match=f"is on {chain}: .* -regtest"):
        anchored(node)
    assert node.called == ["getblockchaininfo"]


def test_a_node_without_a_transaction_index_is_told_how_to_start_it() -> None:
    with pytest.raises(EnvironmentFailure, match="start it with -txindex=1"):
        anchored(Node(getindexinfo={}))
    anchored(Node(getindexinfo={"txindex": {"synced": True}}))


def test_a_chain_that_pays_nothing_any_more_is_named() -> None:
    nothing = {"unspents": [], "height": 9_000}
    node = Node(scantxoutset=nothing, generatetoaddress=[], getblockcount=9_000)
    with pytest.raises(EnvironmentFailure, match="too little for a block at height 9000"):
        anchored(node)
    assert node.called.count("generatetoaddress") == real.FUNDING_ROUNDS_MAX


def test_who_is_not_let_in_is_told_which_variables_to_look_at() -> None:
    with pytest.raises(EnvironmentFailure, match="BITCOIN_RPC_PASSWORD"):
        anchored(Node(), Basic(user="alys", password="other"))


def test_a_refusal_is_told_with_the_node() -> None:
    with pytest.raises(
        EnvironmentFailure, match=r"the Bitcoin node at http://127\.0\.0\.1:\d+ refused"
    ):
        anchored(Node(getnetworkinfo=None))


def test_a_node_that_is_away_is_named() -> None:
    with pytest.raises(EnvironmentFailure, match=r"http://127\.0\.0\.1:9 .*is the node up"):
        asyncio.run(real.anchor_bitcoin("http://127.0.0.1:9", DOOR))
