"""The sockets of peers: two services find each other, keep together, and survive whatever a stranger sends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from alys.base.errors import EnvironmentFailure
from alys.config.services import BitcoinService
from alys.models.bitcoin.node import BitcoinNode
from alys.shells.bitcoin_mock import BitcoinMock
from alys.shells.bitcoin_peers import PeerPort
from alys.shells.session import BitcoinSession, Session
from alys.wire import bitcoin_p2p as p2p
from tests.models.bitcoin.builders import ADDRESS, START, mine
from tests.shells.mocks import Opened, settings, with_open
from tests.shells.waiting import until


class Ours:
    """A node with its port."""

    def __init__(self, *connect: str) -> None:
        self.node = BitcoinNode(lambda: START, genesis_time=START)
        self.port = PeerPort(self.node.peers, connect)

    @property
    def height(self) -> int:
        return self.node.chain.tip.height


def run(life: Callable[..., Awaitable[None]], count: int = 1) -> None:
    """Nodes on free ports; each after the first is connected to the first."""

    async def all_of_it() -> None:
        async with contextlib.AsyncExitStack() as stack:
            nodes: list[Ours] = []
            for _ in range(count):
                nodes.append(Ours(*nodes[0].node.peers.listening if nodes else ()))
                server = await nodes[-1].port.open("127.0.0.1", 0)
                stack.push_async_callback(server.close)
            await life(*nodes)

    asyncio.run(all_of_it())


def test_nodes_that_are_connected_follow_each_other() -> None:
    async def life(first: Ours, second: Ours, third: Ours) -> None:
        mine(first.node, 5)
        await until(lambda: second.height == third.height == 5)
        mine(third.node, 1)
        await until(lambda: first.height == second.height == 6)
        assert first.node.handle("getconnectioncount", []) == 2
        (peer,) = second.node.handle("getpeerinfo", [])
        assert (peer["inbound"], peer["connection_type"]) == (False, "manual")

    run(life, 3)


def test_a_connection_that_is_wanted_comes_back() -> None:
    async def life(first: Ours, second: Ours) -> None:
        await until(lambda: first.node.peers.all)
        (peer,) = first.node.peers.all.values()
        first.node.peers.drop(number=peer.number)
        await until(lambda: first.node.peers.all and peer.number not in first.node.peers.all)

    run(life, 2)


def test_a_node_may_be_tried_once() -> None:
    async def life(first: Ours) -> None:
        other = Ours()
        server = await other.port.open("127.0.0.1", 0)
        mine(other.node, 2)
        first.node.handle("addnode", [server.url, "onetry"])
        first.node.handle("addnode", ["127.0.0.1:1", "onetry"])
        await until(lambda: first.height == 2)
        await server.close()
        await until(lambda: not first.node.peers.all)
        assert first.port.health == ""

    run(life)


def test_a_stranger_who_talks_rubbish_is_hung_up_on_and_nobody_else() -> None:
    async def life(first: Ours, second: Ours) -> None:
        host, port = first.node.peers.listening[0].split(":")
        await until(lambda: first.node.peers.all)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(p2p.encode(p2p.Ping(nonce=1)) * 3)
        writer.transport.abort()
        mine(first.node, 1)
        await until(lambda: second.height == 1)
        reasons = [reason for _, reason in first.node.peers.dropped]
        assert reasons[0].startswith("not a message: it begins with 47455420")

    run(life, 2)


def test_a_port_in_use_is_named() -> None:
    async def life(first: Ours) -> None:
        port = int(first.node.peers.listening[0].rpartition(":")[2])
        with pytest.raises(
            EnvironmentFailure, match=f"127.0.0.1:{port} for Bitcoin P2P: the port is in use"
        ):
            await Ours().port.open("127.0.0.1", port)

    run(life)


def test_a_new_session_has_no_peer_of_the_old_ones_chain() -> None:
    told = settings(BitcoinService)
    mock = BitcoinMock(told)

    async def life(service: Opened) -> None:
        wanted = Session(name="a", now=START)
        await service.admin.session(wanted, BitcoinSession)
        other = Ours(service.doors["p2p"])
        server = await other.port.open("127.0.0.1", 0)
        try:
            mine(other.node, 3)
            await until(lambda: mock.handle("getblockcount", []) == 3)
            await service.admin.session(wanted, BitcoinSession)
            assert mock.handle("getblockcount", []) == 0
            await until(lambda: mock.handle("getblockcount", []) == 3)
            assert mock.handle("generatetoaddress", [1, ADDRESS])
            await until(lambda: other.height == 4)
        finally:
            await server.close()

    with_open(mock, told, life)


def test_closing_is_quick_and_ends_every_connection() -> None:
    async def life(first: Ours, second: Ours) -> None:
        await until(lambda: first.node.peers.all and second.node.peers.all)

    run(life, 2)
