"""NetworkActor: the node's end of the connections to the other nodes of its federation.

It owns who is connected, turns items of ``gossip`` into bytes and bytes into messages for the actors that they concern, and
believes nothing: bytes that are no item are counted against their sender.
"""

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.node import gossip, messages, ports


class NetworkNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Network speaks with."""

    chain: str
    wire: str


class PeerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One peer, as the node's RPC shows it."""

    name: str
    connected: bool
    reason: str
    bad_items: int


class GetPeers(Request[tuple[PeerLine, ...]], frozen=True, kw_only=True):
    """Every peer that was ever connected."""


class Network(Actor):
    """See the module's docstring."""

    def __init__(self, names: NetworkNames) -> None:
        self._names = names
        #: Every peer that was seen, and why it is away; empty: it is connected.
        self._peers: dict[str, str] = {}
        self._bad: dict[str, int] = {}

    @override
    def on_start(self, ctx: Context) -> None:
        """Connect."""
        ctx.tell(ctx.whereis(self._names.wire), ports.WireListen())

    def on_wire_up(self, message: ports.WireUp, ctx: Context) -> None:
        """See WireUp."""
        self._peers[message.peer] = ""

    def on_wire_down(self, message: ports.WireDown, ctx: Context) -> None:
        """See WireDown."""
        self._peers[message.peer] = message.reason

    def on_wire_received(self, message: ports.WireReceived, ctx: Context) -> None:
        """Pass an item on to whom it concerns."""
        try:
            item = gossip.decode(message.data)
        except gossip.BadGossip:
            self._bad[message.peer] = self._bad.get(message.peer, 0) + 1
            return
        told = heard(item, message.peer)
        if told is not None:
            ctx.tell(ctx.whereis(self._names.chain), told)

    def on_publish(self, message: messages.Publish, ctx: Context) -> None:
        """To every peer that is connected."""
        data = gossip.encode(message.item)
        for peer, away in self._peers.items():
            if not away:
                self._send(peer, data, ctx)

    def on_send_to(self, message: messages.SendTo, ctx: Context) -> None:
        """To one peer."""
        if self._peers.get(message.peer) == "":
            self._send(message.peer, gossip.encode(message.item), ctx)

    def _send(self, peer: str, data: bytes, ctx: Context) -> None:
        ctx.tell(ctx.whereis(self._names.wire), ports.WireSend(peer=peer, data=data))

    def on_get_peers(self, message: GetPeers, ctx: Context) -> tuple[PeerLine, ...]:
        """See GetPeers."""
        return tuple(
            PeerLine(name=name, connected=not away, reason=away, bad_items=self._bad.get(name, 0))
            for name, away in self._peers.items()
        )


def heard(item: gossip.Item, origin: str) -> Message | None:
    """The message for the own actors that an item from a peer is; None for one that none of them wants."""
    match item:
        case gossip.ProposedBlock(block=block):
            return messages.BlockProposed(block=block, origin=origin)
        case gossip.SealedBlock(block=block):
            return messages.BlockSealed(block=block, origin=origin)
        case gossip.Approval():
            return messages.BlockApproved(**msgspec.structs.asdict(item), origin=origin)
        case gossip.Refusal():
            return messages.BlockRefused(**msgspec.structs.asdict(item), origin=origin)
        case _:
            return None
