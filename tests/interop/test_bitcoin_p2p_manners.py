"""A peer that speaks for itself, at our node's port and at bitcoind's: both answer alike, forgive alike and hang up alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from alys.config.services import LOCAL_SECRETS, BitcoinService
from alys.models.bitcoin import rules
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.jsonrpc_client import Basic, JsonRpcClient
from alys.wire import bitcoin
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import Header
from alys.wire.bitcoin_p2p import Item, Kind, Message
from tests import foreign
from tests.models.bitcoin import spends
from tests.models.bitcoin.peering import version
from tests.shells.mocks import Opened, settings, with_open
from tests.shells.waiting import until

pytestmark = pytest.mark.slow

T = TypeVar("T", bound=Message)
SECONDS = 60.0
AUTH = Basic(user=LOCAL_SECRETS["BITCOIN_RPC_USER"], password=LOCAL_SECRETS["BITCOIN_RPC_PASSWORD"])
UNKNOWN = "ab" * 32
BLOCKS = 105
TOLERATED_BY_KNOTS = ("header of the past", "header of an old version")
"""Knots says "tolerating" in its log; Core hangs up, and so do we."""


class Node(msgspec.Struct, kw_only=True):
    """One of the two: where its peers call, and its RPC."""

    name: str
    address: str
    ask: Callable[..., Awaitable[Any]]


class Caller:
    """A connection to a node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = p2p.Frames()
        self._waiting: list[Message] = []

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.write(p2p.encode(message))

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def next(self) -> Message | None:
        """The next message, None when the node hung up."""
        while not self._waiting:
            try:
                data = await asyncio.wait_for(self._reader.read(1 << 16), SECONDS)
            except ConnectionError:
                return None
            if not data:
                return None
            self._waiting = [p2p.decode(frame) for frame in self._frames.receive(data)]
        return self._waiting.pop(0)

    async def hear(self, kind: type[T]) -> T:
        """The next message of this kind."""
        while True:
            message = await self.next()
            assert message is not None, "it hung up"
            if type(message) is kind:
                return message

    async def until_pong(self, nonce: int = 4711) -> list[Message]:
        """All that comes before the answer to a ping: what was said before the ping has had its effect by then."""
        self.say(p2p.Ping(nonce=nonce))
        heard: list[Message] = []
        while True:
            message = await self.next()
            assert message is not None, "it hung up"
            if message == p2p.Pong(nonce=nonce):
                return heard
            heard.append(message)

    async def is_hung_up_on(self) -> bool:
        while await self.next() is not None:
            pass
        return True

    async def greet(self, **changes: Any) -> None:
        self.say(version(**changes))
        await self.hear(p2p.Version)
        self.say(p2p.WtxidRelay(), p2p.Verack())
        await self.hear(p2p.Verack)
        await self.until_pong()


@contextlib.asynccontextmanager
async def called(node: Node, *, greet: bool = True) -> AsyncIterator[Caller]:
    host, port = node.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        caller = Caller(reader, writer)
        if greet:
            await caller.greet()
        yield caller
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def on_both(tmp_path: Path, check: Callable[[Node], Awaitable[Any]]) -> dict[str, Any]:
    """What a check returns for each of the nodes, which have the same chain."""
    found: dict[str, Any] = {}
    told = settings(BitcoinService)
    mock = BitcoinMock(told)
    chain: list[str] = []

    async def ours(service: Opened) -> None:
        async with JsonRpcClient(service.doors["rpc"], AUTH) as client:

            async def ask(method: str, *params: Any) -> Any:
                return await client.call(method, *params)

            await ask("generatetoaddress", BLOCKS, spends.ADDRESS)
            for height in range(1, BLOCKS + 1):
                chain.append(await ask("getblock", await ask("getblockhash", height), 0))
            found["ours"] = await check(Node(name="ours", address=service.doors["p2p"], ask=ask))

    await asyncio.to_thread(with_open, mock, told, ours)
    # Without version 2 of the transport: with it, whatever is no version message would be taken for a key.
    words = ("-maxtipage=4000000000", "-v2transport=0")
    with contextlib.ExitStack() as stack:
        start = foreign.bitcoind(tmp_path, *words, listen=True)
        node = await asyncio.to_thread(stack.enter_context, start)

        async def ask(method: str, *params: Any) -> Any:
            return await asyncio.to_thread(node.call, method, *params)

        for block in chain:
            assert await ask("submitblock", block) is None
        assert node.p2p is not None
        found["bitcoind"] = await check(Node(name="bitcoind", address=node.p2p, ask=ask))
    return found


async def greeting(node: Node) -> object:
    async with called(node, greet=False) as caller:
        caller.say(version())
        first = [type(await caller.next()).__name__ for _ in range(4)]
        caller.say(p2p.Verack())
        after = await caller.until_pong() + await caller.until_pong()
        kinds = {type(one).__name__ for one in after}
        return first, kinds >= {"Ping", "GetHeaders", "FeeFilter"}


async def headers(node: Node) -> object:
    async with called(node) as caller:
        genesis = await node.ask("getblockhash", 0)
        tip = await node.ask("getblockhash", BLOCKS)
        answers = []
        for question in (
            p2p.GetHeaders(locator=(genesis,)),
            p2p.GetHeaders(locator=(UNKNOWN, genesis), stop=await node.ask("getblockhash", 3)),
            p2p.GetHeaders(locator=(), stop=tip),
            p2p.GetHeaders(locator=(tip,)),
            p2p.GetHeaders(locator=(UNKNOWN,)),
        ):
            caller.say(question)
            answer = await caller.hear(p2p.Headers)
            answers.append([header.hash for header in answer.headers])
        caller.say(p2p.GetHeaders(locator=(), stop=UNKNOWN))
        silence = [type(one).__name__ for one in await caller.until_pong()]
        caller.say(p2p.GetBlocks(locator=(genesis,)))
        names = await caller.hear(p2p.Inv)
        return answers, silence, names


async def data(node: Node) -> object:
    async with called(node) as caller:
        tip = await node.ask("getblockhash", BLOCKS)
        items = [
            Item(kind=Kind.WITNESS_BLOCK, hash=tip),
            Item(kind=Kind.BLOCK, hash=tip),
            Item(kind=Kind.BLOCK, hash=UNKNOWN),
            Item(kind=Kind.TX, hash=UNKNOWN),
            Item(kind=Kind.WTX, hash=UNKNOWN),
            Item(kind=Kind.WITNESS_TX, hash=UNKNOWN),
            Item(kind=99, hash=UNKNOWN),
        ]
        found: list[object] = []
        for item in items:
            caller.say(p2p.GetData(items=(item,)))
            found.append(await caller.until_pong())
        caller.say(p2p.GetData(items=tuple(items)))
        return found, await caller.until_pong()


async def forgiveness(node: Node) -> object:
    """What ends the connection (True) and what does not."""
    genesis = await node.ask("getblockhash", 0)
    tip = bitcoin.parse_header(
        bytes.fromhex(
            await node.ask("getblockheader", await node.ask("getblockhash", BLOCKS), False)
        )
    )
    inv = p2p.encode(p2p.Inv(items=()))
    good = child(tip)
    said: dict[str, bytes] = {
        "another magic": b"\0" + p2p.encode(p2p.Ping(nonce=1))[1:],
        "too long": p2p.REGTEST_MAGIC
        + b"ping".ljust(12, b"\0")
        + (4_000_001).to_bytes(4, "little")
        + bytes(4),
        "wrong checksum": inv[:20] + b"abcd" + inv[24:],
        "unknown command": p2p.framed("whatever", b"abc"),
        "no command": inv[:4] + b"a\0b".ljust(12, b"\0") + inv[16:],
        "transaction cut off": p2p.framed("tx", b"\1\0\0\0"),
        "block cut off": p2p.framed("block", bytes(80)),
        "inventory cut off": p2p.framed("inv", b"\5"),
        "ping cut off": p2p.framed("ping", b"\5"),
        "more behind a ping": p2p.framed("ping", bytes(9)),
        "more behind a transaction": p2p.framed("tx", some_tx().serialize() + b"\0"),
        "too many names": p2p.framed("inv", b"\xfd\x51\xc3" + bytes(36 * 50_001)),
        "too much wanted": p2p.framed("getdata", b"\xfd\x51\xc3" + bytes(36 * 50_001)),
        "too many headers": p2p.framed("headers", b"\xfd\xd1\x07" + bytes(81 * 2_001)),
        "too long a locator": p2p.encode(p2p.GetHeaders(locator=(genesis,) * 102)),
        "too many addresses": p2p.framed("addr", b"\xfd\xe9\x03" + bytes(30 * 1_001)),
        "wtxidrelay late": p2p.encode(p2p.WtxidRelay()),
        "sendaddrv2 late": p2p.encode(p2p.SendAddrV2()),
        "verack again": p2p.encode(p2p.Verack()),
        "version again": p2p.encode(version()),
        "headers that do not follow": p2p.encode(p2p.Headers(headers=(good, good))),
        "header without work": p2p.encode(p2p.Headers(headers=(without_work(tip),))),
        "header of the past": p2p.encode(p2p.Headers(headers=(child(tip, time=1),))),
        "header of the future": p2p.encode(p2p.Headers(headers=(child(tip, time=2**32 - 1),))),
        "header from nowhere": p2p.encode(p2p.Headers(headers=(child(tip, previous=UNKNOWN),))),
        "header of an old version": p2p.encode(p2p.Headers(headers=(child(tip, version=1),))),
        "good header": p2p.encode(p2p.Headers(headers=(good,))),
        "no headers": p2p.encode(p2p.Headers(headers=())),
        "a bad transaction": p2p.encode(p2p.TxMessage(tx=some_tx())),
        "filterload": p2p.framed("filterload", bytes(40_000)),
    }
    return {name: await ends(node, data) for name, data in said.items()}


async def ends(node: Node, data: bytes) -> bool:
    async with called(node) as caller:
        caller.write(data)
        caller.say(p2p.Ping(nonce=99))
        while True:
            message = await caller.next()
            if message is None:
                return True
            if message == p2p.Pong(nonce=99):
                return False


def child(tip: Header, **changes: Any) -> Header:
    told: dict[str, Any] = {"previous": tip.hash, "time": tip.time + 1, "merkle_root": UNKNOWN}
    return rules.mined(msgspec.structs.replace(tip, **(told | changes)))


def without_work(tip: Header) -> Header:
    made = msgspec.structs.replace(tip, previous=tip.hash, time=tip.time + 1)
    tried = (msgspec.structs.replace(made, nonce=nonce) for nonce in range(100))
    return next(one for one in tried if not bitcoin.meets_target(one.hash, one.bits))


def some_tx() -> bitcoin.Tx:
    place = bitcoin.OutPoint(txid=UNKNOWN, vout=0)
    return bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=place),),
        outputs=(bitcoin.TxOut(value=1, script=spends.P2WPKH.script),),
    )


async def before_the_greeting(node: Node) -> object:
    async with called(node, greet=False) as caller:
        caller.say(p2p.Ping(nonce=1), p2p.GetHeaders(locator=()), p2p.Verack())
        caller.say(version(), p2p.Ping(nonce=2), p2p.Verack())
        heard = [type(one).__name__ for one in await caller.until_pong()]
        return heard[:4], heard.count("Pong")


async def obsolete(node: Node) -> object:
    async with called(node, greet=False) as caller:
        caller.say(version(protocol=31_799))
        return await caller.is_hung_up_on()


async def relay(node: Node) -> object:
    """A transaction that one peer brings is announced to another, by the hash that it wants."""
    block = await node.ask("getblock", await node.ask("getblockhash", 1), 0)
    coin = spends.coins_of(bitcoin.parse_block(bytes.fromhex(block)).txs[0])[0]
    tx = spends.spending((coin,))
    by_wtxid, by_txid = Item(kind=Kind.WTX, hash=tx.wtxid), Item(kind=Kind.TX, hash=tx.txid)
    async with called(node) as one, called(node) as two, called(node, greet=False) as old:
        old.say(version())
        await old.hear(p2p.Version)
        old.say(p2p.Verack())
        await old.hear(p2p.Verack)
        one.say(p2p.Inv(items=(by_wtxid,)))
        asked = (await one.hear(p2p.GetData)).items
        one.say(p2p.TxMessage(tx=tx))
        await until(lambda: _has(node, tx.txid), SECONDS)
        told_two = (await two.hear(p2p.Inv)).items
        two.say(p2p.GetData(items=told_two))
        got = await two.hear(p2p.TxMessage)
        told_old = (await old.hear(p2p.Inv)).items
        return asked == (by_wtxid,), told_two == (by_wtxid,), told_old == (by_txid,), got.tx == tx


async def _has(node: Node, txid: str) -> bool:
    return txid in await node.ask("getrawmempool")


@pytest.mark.parametrize(
    "check",
    [greeting, headers, data, forgiveness, before_the_greeting, obsolete, relay],
    ids=lambda check: check.__name__,
)
def test_both_nodes_do_the_same(check: Callable[[Node], Awaitable[Any]], tmp_path: Path) -> None:
    found = asyncio.run(on_both(tmp_path, check))
    if check is forgiveness:
        for name in TOLERATED_BY_KNOTS:
            assert found["ours"].pop(name)
            assert not found["bitcoind"].pop(name)
    assert found["ours"] == found["bitcoind"]
