"""Nodes joined in memory: what one says, the other hears, until both are silent."""

import itertools
from collections.abc import Callable

from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.peer import Peer
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_p2p import Message

ROUNDS_MAX = 10_000
_SALTS = itertools.count(1)


class Link:
    """A connection from one node to another; ``here`` is the caller's peer, ``there`` the one that was called."""

    def __init__(
        self, caller: BitcoinNode, called: BitcoinNode, address: str = "10.0.0.2:18444"
    ) -> None:
        self.ends = (caller.peers, called.peers)
        for peers in self.ends:
            peers.salt = peers.salt or next(_SALTS).to_bytes(4, "big")
        self.here = caller.peers.connected(address, inbound=False, manual=True)
        self.there = called.peers.connected("10.0.0.1:50000", inbound=True)

    def pass_on(self) -> bool:
        """Carry over what both say now; whether there was anything."""
        moved = False
        for speaker, hearer in ((self.here, self.there), (self.there, self.here)):
            while data := speaker.data_to_send():
                moved = True
                hearer.receive(data)
        if self.here.closed or self.there.closed:
            for peers, peer in zip(self.ends, (self.here, self.there), strict=True):
                peers.disconnected(peer)
        return moved


def settle(*links: Link) -> None:
    """Until nobody has anything to say."""
    for _ in range(ROUNDS_MAX):
        if not any(link.pass_on() for link in links):
            return
    raise AssertionError("they talk for ever")


def joined(caller: BitcoinNode, called: BitcoinNode) -> Link:
    """A link whose ends have said all there is to say."""
    link = Link(caller, called)
    settle(link)
    return link


class Stranger:
    """A peer of a node, played by a test: ``say`` it something, see what it ``heard`` back."""

    def __init__(self, node: BitcoinNode, *, greet: bool = True, wtxid: bool = True) -> None:
        self.node = node
        self.peer: Peer = node.peers.connected("10.0.0.3:50001", inbound=True)
        self._frames = p2p.Frames()
        if greet:
            self.say(version())
            if wtxid:
                self.say(p2p.WtxidRelay())
            self.say(p2p.Verack())
            self.heard()

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.peer.receive(p2p.encode(message))

    def heard(self) -> list[Message]:
        """All that it was sent since the last look."""
        messages: list[Message] = []
        while data := self.peer.data_to_send():
            messages.extend(p2p.decode(frame) for frame in self._frames.receive(data))
        return messages

    def answer(self, *messages: Message) -> list[Message]:
        self.say(*messages)
        return self.heard()


def version(**changes: object) -> p2p.Version:
    """A stranger's greeting."""
    told: dict[str, object] = {"services": 9, "time": 1, "nonce": 77, "agent": b"/x/", "height": 0}
    return p2p.Version(**(told | changes))  # type: ignore[arg-type]  # what a test may say is its own affair


def of_kind(messages: list[Message], kind: Callable[..., Message]) -> list[Message]:
    return [message for message in messages if type(message) is kind]
