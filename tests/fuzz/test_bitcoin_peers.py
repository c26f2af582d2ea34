"""Malformed messages from peers of the Bitcoin node: the connection ends or goes on, and the node stays as it is."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import pytest

from alys.base.prng import SeededRandom
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin_p2p as p2p
from tests.cli.test_mock import started
from tests.fuzz import bitcoin_good, doors, growth
from tests.fuzz.odd_http import Attempt
from tests.fuzz.odd_p2p import Strange
from tests.fuzz.run import BYTES_LEFT_MAX, OBJECTS_LEFT_MAX, SECONDS_MAX
from tests.models.bitcoin.peering import Stranger, version

SEEDS = (1, 2, 3, 4, 5)
MESSAGES = 18_000
"""For each of the seeds, to a node of its own."""

AT_THE_SOCKET = 10_000
IN_A_CONNECTION = 10
GREETING = p2p.encode(version()) + p2p.encode(p2p.Verack())


def said_by(stranger: Stranger, frame: bytes) -> bool:
    """Whether the connection goes on after a frame; raises AssertionError for an answer that is no message, or a hang."""
    started_at = process_time()
    stranger.peer.receive(frame)
    for message in stranger.heard():
        assert not isinstance(message, p2p.Unknown), message
    assert process_time() - started_at < SECONDS_MAX
    assert stranger.peer.reason or not stranger.peer.closed
    return not stranger.peer.closed


def row(node: BitcoinNode, strange: Strange, random: SeededRandom, count: int) -> dict[str, int]:
    """So many messages over as many connections as it takes."""
    made = {"messages": 0, "connections": 0}
    reasons: set[str] = set()
    while made["messages"] < count:
        stranger = Stranger(node, greet=random.below(5) > 0)
        made["connections"] += 1
        work, height = node.chain.tip.height, len(node.chain.coins)
        goes_on = True
        while goes_on and made["messages"] < count and random.below(40):
            frame = strange.frame()
            try:
                goes_on = said_by(stranger, frame)
            except Exception as error:
                raise AssertionError(f"message {made['messages']}: {frame[:3000]!r}") from error
            made["messages"] += 1
        node.peers.tick()
        assert node.chain.tip.height >= work, "no message makes the chain shorter"
        assert height > 0
        reasons.add(stranger.peer.reason.partition(":")[0])
        node.peers.disconnected(stranger.peer)
    assert len(reasons) > 5, reasons
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_message_of_a_stranger_breaks_the_node(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    node, random = bitcoin_good.node_with_history(), SeededRandom(seed)
    made = row(node, Strange(node, random), random, MESSAGES)
    record_property("requests", made)
    assert made["messages"] == MESSAGES
    assert node.peers.all == {}
    frames = [Strange(node, SeededRandom(99)).frame() for _ in range(400)]

    def again() -> None:
        for frame in frames:
            stranger = Stranger(node)
            said_by(stranger, frame)
            node.peers.disconnected(stranger.peer)

    again()
    left = growth.growth_of(again)
    record_property("left", str(left))
    assert left.objects <= OBJECTS_LEFT_MAX, left
    assert left.allocated <= BYTES_LEFT_MAX, left
    stranger = Stranger(node)
    assert p2p.Pong(nonce=5) in stranger.answer(p2p.Ping(nonce=5))
    height = node.chain.tip.height
    node.handle("generatetoaddress", [1, bitcoin_good.ADDRESS])
    assert node.chain.tip.height == height + 1


def attempts(strange: Strange, random: SeededRandom, messages: int) -> Iterator[Attempt]:
    """Connections with ten messages each."""
    for _ in range(messages // IN_A_CONNECTION):
        frames = tuple(strange.frame() for _ in range(IN_A_CONNECTION))
        greeting = (GREETING,) if random.below(5) else ()
        yield Attempt(pieces=(*greeting, *frames), reset=random.below(8) == 0)


def judge(said: bytes) -> None:
    """Whole messages that a node knows, but for the last, which may have been cut off."""
    for frame in p2p.Frames().receive(said):
        assert not isinstance(p2p.decode(frame), p2p.Unknown), frame


@pytest.mark.slow
def test_no_bytes_at_the_socket_break_the_service(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    random = SeededRandom(41)
    strange = Strange(bitcoin_good.node_with_history(), random)

    async def rows(url: str, watched: doors.Watched) -> tuple[int, str]:
        done = 0
        for _ in range(2):
            watched.warm()
            todo = attempts(strange, random, AT_THE_SOCKET // 2)
            done += await doors.attempt_all(url, todo, judge)
        return done, await watched.judge()

    with started("bitcoin", tmp_path / "log", RUST_LOG="warn") as mock:
        url = f"tcp://{mock.doors['p2p']}"
        done, left = asyncio.run(rows(url, doors.Watched(mock)))
        assert mock.ends() == 0
    record_property("requests", {"connections": done, "left": left})
    assert done * IN_A_CONNECTION == AT_THE_SOCKET
