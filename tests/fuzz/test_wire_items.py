"""Malformed items from peers: nothing that one says breaks the node, and nothing of it is believed.

Network, Peers, Sync and Storage are the node's own, and so is the transport where frames are damaged. What gets as far as Chain is
written down and must be either a sound item or part of an answer that hangs together.
"""

import asyncio
import contextlib
from collections.abc import Callable
from time import process_time

import pytest

from alys.base.prng import SeededRandom
from alys.chain import blocks
from alys.node import gossip, messages, ports
from alys.node.network import GetPeers, Network, NetworkNames
from alys.node.peers import GetPeerRecords, KnownPeer, PeerNames, Peers
from alys.node.storage import Storage
from alys.node.sync import GetSyncStatus, Sync, SyncNames
from alys.shells.wire_link import Times
from tests.fuzz.odd_items import OddItems
from tests.fuzz.run import SECONDS_MAX
from tests.node.bench import Bench
from tests.node.branches import branch
from tests.node.items import EVERY
from tests.node.listeners import listeners, taken
from tests.shells.test_wire_gateway import frame, greeting, raw
from tests.shells.waiting import until
from tests.shells.wires import nodes

SEEDS = (1, 2, 3, 4, 5)
ITEMS = 20_000
"""For each of the seeds, to a node of its own."""
AT_THE_SOCKET = 5_000
IN_A_CONNECTION = 25
PEERS = ("a", "b", "c")
MAIN = branch(30)
OWN = 10


class Node:
    """A node that stands at height ``OWN``, and whose Chain takes what it is given."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.store("store")
        self.bench.start("storage", lambda: Storage("store"))
        self.heard = listeners(self.bench, "chain", "wire")
        known = tuple(KnownPeer(name=name, authority=n) for n, name in enumerate(PEERS))
        names = NetworkNames(chain="chain", wire="wire", peer="peer", sync="sync")
        own = PeerNames(network="network", sync="sync", storage="storage")
        followed = SyncNames(chain="chain", network="network", peer="peer", storage="storage")
        self.bench.start("network", lambda: Network(names))
        self.bench.start("peer", lambda: Peers(known, own))
        self.bench.start("sync", lambda: Sync(followed, slot_duration_ms=2000))
        self.bench.tell("sync", MAIN.head(OWN))
        for peer in PEERS:
            self.bench.tell("network", ports.WireUp(peer=peer))

    def receive(self, peer: str, data: bytes) -> None:
        self.bench.tell("network", ports.WireReceived(peer=peer, data=data))

    def asked(self) -> list[tuple[str, gossip.BlocksRequest]]:
        """What the node asked its peers."""
        sent = [m for m in taken(self.heard["wire"]) if isinstance(m, ports.WireSend)]
        items = [(m.peer, gossip.decode(m.data)) for m in sent]
        return [(peer, i) for peer, i in items if isinstance(i, gossip.BlocksRequest)]


def sound(data: bytes) -> gossip.Item | None:
    """What the bytes are; raises AssertionError when an item is not the only one of its bytes."""
    try:
        item = gossip.decode(data)
    except gossip.BadGossip:
        return None
    assert gossip.encode(item) == data
    return item


def judged(node: Node, said: set[gossip.Item]) -> int:
    """How much got as far as Chain; raises AssertionError for what nobody said."""
    told = taken(node.heard["chain"])
    for message in told:
        match message:
            case messages.BlocksFetched(blocks=fetched):
                heights = [blocks.decode(data).block.height for data in fetched]
                assert heights == list(range(heights[0], heights[0] + len(heights)))
                done = messages.BlocksTaken(origin=message.origin, imported=0, fault="no quorum")
                node.bench.tell("sync", done)
            case messages.SyncState(own_height=height):
                assert height == OWN
            case messages.BlockProposed(block=block):
                assert gossip.ProposedBlock(block=block) in said
            case messages.BlockSealed(block=block):
                assert gossip.SealedBlock(block=block) in said
            case messages.PowQueued(header=header):
                assert gossip.QueuedPow(header=header) in said
            case messages.PayoutHeard(txid=txid, tx=tx):
                assert gossip.SignedPayout(txid=txid, tx=tx) in said
            case messages.BlockApproved() | messages.BlockRefused():
                assert message.origin in PEERS
            case _:
                raise AssertionError(message)
    return len(told)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_that_a_peer_says_breaks_the_node_or_is_believed(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    random, node = SeededRandom(seed), Node()
    answers = (
        gossip.BlocksResponse(number=1, blocks=MAIN.some(OWN + 1, 5)),
        gossip.SealedBlock(block=MAIN.some(OWN + 1, 1)[0]),
        MAIN.status(20),
    )
    odd = OddItems(random, (*EVERY, *answers))
    items = passed = requests = 0
    started, slowest = process_time(), 0.0
    for number in range(ITEMS):
        peer, data = PEERS[random.below(len(PEERS))], odd.item()
        said = set[gossip.Item]()
        if (item := sound(data)) is not None:
            items += 1
            said.add(item)
        before = process_time()
        node.receive(peer, data)
        slowest = max(slowest, process_time() - before)
        assert not node.bench.failures.errors, (number, data[:3000])
        passed += judged(node, said)
        for asked, request in node.asked():
            requests += 1
            start = request.start if random.below(4) else random.below(40)
            response = gossip.BlocksResponse(
                number=request.number, blocks=MAIN.some(max(1, start), 1 + random.below(20))
            )
            answer = gossip.encode(response)
            node.receive(asked, answer if random.below(2) else odd._flipped(answer))
            passed += judged(node, said)
        if not number % 100:
            node.bench.run_for(20.0)
    status = node.bench.ask("sync", GetSyncStatus())
    assert status.own_height == OWN
    lines = node.bench.ask("network", GetPeers())
    assert all(line.bad_items > ITEMS // 10 for line in lines)
    scores = node.bench.ask("peer", GetPeerRecords())
    assert all(line.banned_for_seconds > 0 for line in scores)
    assert slowest < SECONDS_MAX
    assert items > ITEMS // 20
    assert passed > 100
    assert requests > 10
    record_property("seconds", round(process_time() - started, 1))
    record_property("sound", items)
    record_property("passed", passed)
    record_property("requests", requests)


def test_damaged_frames_end_a_connection_and_leave_the_others_alone() -> None:
    """From a peer whose key is on the list, so that nothing before the frames keeps them out."""
    random = SeededRandom(1)
    odd = OddItems(random, EVERY)
    times = Times(handshake=2.0, ping=0.2, idle=0.5, stall=0.5)

    def damaged() -> bytes:
        body = odd.item()
        whole = frame(random.below(4), body)
        match random.below(6):
            case 0:
                return random.randbytes(random.below(60))
            case 1:
                return whole[: random.below(len(whole))]
            case 2:
                return (random.below(1 << 32)).to_bytes(4, "big") + whole[4:]
            case _:
                return frame(1, body)

    async def run() -> None:
        async with nodes("a", "c", times=times) as (a, c):
            c.dial(a)
            await until(lambda: a.ups() == ["c"])
            sent = connections = 0
            while sent < AT_THE_SOCKET:
                reader, writer = await raw(a, "b")
                connections += 1
                count = 1 + random.below(2 * IN_A_CONNECTION)
                writer.write(greeting() if random.below(10) else damaged())
                for _ in range(count):
                    writer.write(damaged())
                sent += count
                with contextlib.suppress(OSError):  # it may end in the middle of what we say
                    await writer.drain()
                    writer.close()
                    while await reader.read(1 << 16):
                        pass
                writer.transport.abort()
            c.send("a", b"still here")
            await until(lambda: a.received("c") == [b"still here"])
            assert [down for down in a.downs() if down.peer == "c"] == []
            assert connections > 50

    asyncio.run(run())
