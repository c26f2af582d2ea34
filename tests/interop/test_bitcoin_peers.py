"""A real bitcoind as a peer of our node: each follows the other's chain, blocks, reorganisations and transactions alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from alys.config.services import BitcoinService
from alys.shells.bitcoin_mock import BitcoinMock
from alys.wire import bitcoin
from tests import foreign
from tests.models.bitcoin import spends
from tests.shells.mocks import Opened, settings, with_open
from tests.shells.waiting import until

pytestmark = pytest.mark.slow

AUTH = {"Authorization": "Basic YWx5czpyZWd0ZXN0"}
"""The user and password that stand in where only this machine can call."""
NOBODY = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"
ALWAYS_UP_TO_DATE = "-maxtipage=4000000000"
"""The tip is the genesis block of 2011; a node that thinks itself behind relays nothing."""

AT_ONCE = "-whitelist=noban,in,out@127.0.0.1"
"""Bitcoind announces transactions to such peers without the delay that hides where they come from."""

Ask = Callable[..., Awaitable[Any]]


def with_ours(run: Callable[[Opened, Ask], Awaitable[None]], connect: str = "") -> None:
    told = settings(BitcoinService, BITCOIN_CONNECT=connect)

    async def life(service: Opened) -> None:
        async def ask(method: str, *params: Any) -> Any:
            return await asyncio.to_thread(foreign.ask, service.doors["rpc"], method, params, AUTH)

        await run(service, ask)

    with_open(BitcoinMock(told), told, life)


@contextlib.asynccontextmanager
async def theirs(folder: Path, *words: str, listen: bool = False) -> AsyncIterator[Ask]:
    """A bitcoind beside the loop that ours runs on."""
    stack = contextlib.ExitStack()
    start = foreign.bitcoind(folder, ALWAYS_UP_TO_DATE, AT_ONCE, *words, listen=listen)
    node = await asyncio.to_thread(stack.enter_context, start)

    async def ask(method: str, *params: Any) -> Any:
        return await asyncio.to_thread(node.call, method, *params)

    ask.p2p = node.p2p  # type: ignore[attr-defined]
    try:
        yield ask
    finally:
        await asyncio.to_thread(stack.close)


async def agree(*nodes: Ask) -> None:
    """Wait until all have the same tip."""

    async def same() -> bool:
        return len({await ask("getbestblockhash") for ask in nodes}) == 1

    await until(same, 60)


async def waits(ask: Ask, txid: str) -> None:
    async def there() -> bool:
        return txid in await ask("getrawmempool")

    await until(there, 60)


async def first_coin(ask: Ask) -> spends.Coin:
    """The oldest coinbase that SPENDS' key can spend."""
    block = await ask("getblock", await ask("getblockhash", 1), 0)
    tx = bitcoin.parse_block(bytes.fromhex(block)).txs[0]
    return spends.coins_of(tx)[0]


def test_bitcoind_follows_our_chain_with_every_kind_of_spend_and_our_reorganisations(
    tmp_path: Path,
) -> None:
    async def run(service: Opened, ours: Ask) -> None:
        await ours("generatetoaddress", 101, spends.ADDRESS)
        fan = spends.fanned_out(await first_coin(ours))
        await ours("sendrawtransaction", fan.serialize().hex())
        await ours("generatetoaddress", 1, NOBODY)
        async with theirs(tmp_path, f"-connect={service.doors['p2p']}") as bitcoind:
            await agree(ours, bitcoind)
            (peer,) = await ours("getpeerinfo")
            assert peer["subver"].startswith("/Satoshi:")
            assert peer["inbound"]
            for coin in spends.coins_of(fan):
                tx = spends.spending((coin,))
                assert await ours("sendrawtransaction", tx.serialize().hex()) == tx.txid
                await waits(bitcoind, tx.txid)
            spent = await ours("getrawmempool")
            assert len(spent) == len(spends.LOCKS)
            (tip,) = await ours("generatetoaddress", 1, NOBODY)
            await agree(ours, bitcoind)
            assert await bitcoind("getrawmempool") == []
            block = await bitcoind("getblock", tip)
            assert sorted(block["tx"][1:]) == sorted(spent)
            low = await ours("getblockhash", 100)
            await ours("invalidateblock", low)
            await ours("generatetoaddress", 8, NOBODY)
            await agree(ours, bitcoind)
            assert await bitcoind("getblockcount") == 107

    with_ours(run)


def test_we_follow_a_bitcoind_that_we_connect_to(tmp_path: Path) -> None:
    async def life() -> None:
        async with theirs(tmp_path, listen=True) as bitcoind:
            await bitcoind("generatetoaddress", 110, spends.ADDRESS)
            await asyncio.to_thread(with_ours, lambda _, ours: follow(bitcoind, ours), bitcoind.p2p)  # type: ignore[attr-defined]

    async def follow(bitcoind: Ask, ours: Ask) -> None:
        await agree(ours, bitcoind)
        fan = spends.fanned_out(await first_coin(bitcoind))
        await bitcoind("sendrawtransaction", fan.serialize().hex())
        await waits(ours, fan.txid)
        for coin in spends.coins_of(fan):
            await bitcoind("sendrawtransaction", spends.spending((coin,)).serialize().hex())
        await bitcoind("generatetoaddress", 1, NOBODY)
        await agree(ours, bitcoind)
        assert await ours("getrawmempool") == []
        await bitcoind("invalidateblock", await bitcoind("getblockhash", 50))
        await bitcoind("generatetoaddress", 70, NOBODY)
        await agree(ours, bitcoind)
        assert await ours("getblockcount") == 119
        tip = await ours("generatetoaddress", 2, NOBODY)
        await agree(ours, bitcoind)
        assert await bitcoind("getbestblockhash") == tip[-1]
        assert await ours("getconnectioncount") == 1

    asyncio.run(life())


def test_three_nodes_that_were_apart_agree_again(tmp_path: Path) -> None:
    """Two of ours and a bitcoind, each connected to both others; each mines alone, the longest chain is everybody's."""

    async def run(first: Opened, one: Ask) -> None:
        await asyncio.to_thread(
            with_ours, lambda *other: third(first, one, *other), first.doors["p2p"]
        )

    async def third(first: Opened, one: Ask, second: Opened, two: Ask) -> None:
        words = [f"-connect={service.doors['p2p']}" for service in (first, second)]
        async with theirs(tmp_path, *words) as bitcoind:
            nodes = (one, two, bitcoind)
            await one("generatetoaddress", 101, spends.ADDRESS)
            await agree(*nodes)
            tx = spends.spending((await first_coin(one),))
            await two("sendrawtransaction", tx.serialize().hex())
            for ask in nodes:
                await waits(ask, tx.txid)
            for _ in range(2):
                for ask in nodes:
                    await ask("setnetworkactive", False)
                for ask, blocks in ((one, 3), (two, 5), (bitcoind, 4)):
                    await ask("generatetoaddress", blocks, NOBODY)
                longest = await two("getbestblockhash")
                for ask in nodes:
                    await ask("setnetworkactive", True)
                await agree(*nodes)
                assert await one("getbestblockhash") == longest
            assert await one("getblockcount") == 111
            assert await one("getrawmempool") == await bitcoind("getrawmempool") == []

    with_ours(run)
