"""The merged miner over real sockets: one header is a block of Bitcoin and a proof for the sidechain."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.models.bitcoin.node import BitcoinNode
from alys.node.errors import PortDown
from alys.shells import auxpow_miner
from alys.shells.auxpow_miner import AuxPowMiner, NoWork, Refused
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.wire import auxpow, bitcoin, bitcoin_template
from alys.wire.jsonrpc import RpcError
from tests.shells.miners import FEES_TO, START, Desk, desk, served

SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(bytes(31) + b"\x07"))
HARD = 0x1E00FFFF
"""Some tens of millions of tries."""


def with_miner(
    node: Desk,
    parent: BitcoinNode | None,
    run: Callable[[AuxPowMiner], Awaitable[Any]],
) -> Any:
    async def life() -> Any:
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(served(node))
            ours = await stack.enter_async_context(JsonRpcClient(server.url))
            theirs = None
            if parent is not None:
                other = await serve_bitcoin(parent, "127.0.0.1", 0, "alys", "regtest")
                stack.push_async_callback(other.close)
                client = JsonRpcClient(other.url, Basic(user="alys", password="regtest"))
                theirs = await stack.enter_async_context(client)
            return await run(AuxPowMiner(ours, theirs, fees_to=FEES_TO, script=SCRIPT))

    return asyncio.run(life())


def bitcoin_node() -> BitcoinNode:
    return BitcoinNode(lambda: START, START)


def test_one_header_is_a_block_of_bitcoin_and_a_proof() -> None:
    node, parent = desk(), bitcoin_node()
    mined = with_miner(node, parent, AuxPowMiner.mine)
    assert (mined.height, mined.bits, mined.bitcoin_height) == (3, "207fffff", 1)
    assert parent.handle("getbestblockhash", []) == mined.parent
    queued = node.queued
    assert queued is not None
    assert queued.auxpow is not None
    assert (queued.height, queued.fee_recipient) == (3, bytes.fromhex("aa" * 20))
    assert auxpow.decode(queued.auxpow).parent.hash == mined.parent
    block = parent.handle("getblock", [mined.parent, 2])
    scripts = [out["scriptPubKey"]["hex"] for out in block["tx"][0]["vout"]]
    assert scripts[0] == SCRIPT.hex()
    assert scripts[2] == "fabe6d6d" + mined.aux_hash + "01000000" + "00000000"
    assert mined.line() == f"proof up to height 3 at 207fffff: Bitcoin block 1 {mined.parent}"


def test_without_a_bitcoin_node_the_proof_is_over_a_block_of_no_chain() -> None:
    node = desk()
    mined = with_miner(node, None, AuxPowMiner.mine)
    assert (mined.height, mined.bitcoin_height, mined.bitcoin_said) == (3, None, "")
    assert node.queued is not None
    assert mined.line() == f"proof up to height 3 at 207fffff: header {mined.parent}"


def test_a_header_with_too_little_work_for_bitcoin_is_a_proof_all_the_same() -> None:
    node, parent = desk(), bitcoin_node()
    handle = parent.handle

    def harder(method: str, params: Any, wallet: str | None = None) -> Any:
        found = handle(method, params, wallet)
        return {**found, "bits": "1d00ffff"} if method == "getblocktemplate" else found

    parent.handle = harder  # type: ignore[method-assign]
    mined = with_miner(node, parent, AuxPowMiner.mine)
    assert (mined.bitcoin_height, mined.bitcoin_said) == (None, "too little work")
    assert "no block of Bitcoin: too little work" in mined.line()
    assert node.queued is not None
    assert handle("getblockcount", []) == 0


def test_a_block_that_bitcoin_refuses_is_told_and_the_proof_stands() -> None:
    node, parent = desk(), bitcoin_node()
    handle = parent.handle

    def late(method: str, params: Any, wallet: str | None = None) -> Any:
        found = handle(method, params, wallet)
        return {**found, "coinbasevalue": 10**10} if method == "getblocktemplate" else found

    parent.handle = late  # type: ignore[method-assign]
    mined = with_miner(node, parent, AuxPowMiner.mine)
    assert (mined.bitcoin_height, mined.bitcoin_said) == (None, "bad-cb-amount")
    assert node.queued is not None


def test_without_work_nothing_is_mined() -> None:
    with pytest.raises(NoWork, match="has no work"):
        with_miner(desk(0), None, AuxPowMiner.mine)


def test_a_proof_that_came_too_late_is_refused_in_the_nodes_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = desk()
    monkeypatch.setattr(bitcoin_template, "proof", lambda *_: _forgetting(node, *_))
    with pytest.raises(Refused, match="no work that was given out"):
        with_miner(node, None, AuxPowMiner.mine)


def _forgetting(node: Desk, template: Any, first: Any, header: Any) -> auxpow.AuxPow:
    """A block carried another proof while this one was mined."""
    node.desk.finalised(node.now.height)
    branch = auxpow.MerkleBranch()
    return auxpow.AuxPow(
        coinbase=first,
        block_hash="00" * 32,
        coinbase_branch=branch,
        blockchain_branch=branch,
        parent=header,
    )


def test_after_many_tries_it_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auxpow_miner, "CHUNK", 5)
    monkeypatch.setattr(auxpow_miner, "CHUNKS_MAX", 3)
    node = desk(pow_bits=HARD)
    assert with_miner(node, None, AuxPowMiner.mine) is None
    assert node.queued is None


@pytest.mark.parametrize(
    ("code", "error"),
    [(-32606, auxpow_miner.Syncing), (-32605, RpcError)],
    ids=["syncing", "other"],
)
def test_a_node_without_work_yet_is_told_apart_from_a_broken_one(
    code: int, error: type[Exception]
) -> None:
    class Away(Desk):
        @override
        async def ask(self, actor: str, request: Any) -> Any:
            raise RpcError(code, "something is syncing")

    node = desk()
    with pytest.raises(error, match="is syncing"):
        with_miner(Away(desk=node.desk, now=node.now), None, AuxPowMiner.mine)


def test_it_mines_again_and_again_and_tells_a_trouble_once() -> None:
    class Later(Desk):
        """There is new work at the fifth time of asking."""

        @override
        async def ask(self, actor: str, request: Any) -> Any:
            if self.given == 4:
                self.desk.finalised(self.now.height)
            return await super().ask(actor, request)

    made = desk()
    node = Later(desk=made.desk, now=made.now)
    said: list[str] = []

    async def run(miner: AuxPowMiner) -> None:
        over = asyncio.Event()

        def tell(text: str) -> None:
            said.append(text)
            if len(said) == 3:
                over.set()

        await auxpow_miner.keep_mining(miner, 0.001, over, tell)

    with_miner(node, None, run)
    assert node.given == 5
    assert ["has no work" in text for text in said] == [False, True, False]
    assert said[0].startswith("proof up to height 3")


def test_a_node_that_is_away_is_told_and_tried_again() -> None:
    said: list[str] = []

    async def life() -> None:
        over = asyncio.Event()

        def tell(text: str) -> None:
            said.append(text)
            over.set()

        async with JsonRpcClient("http://127.0.0.1:9") as nobody:
            miner = AuxPowMiner(nobody, None, fees_to=FEES_TO)
            with pytest.raises(PortDown):
                await miner.mine()
            await auxpow_miner.keep_mining(miner, 0.001, over, tell)

    asyncio.run(life())
    assert "cannot be reached" in said[0]
