"""NetworkActor: the node's end of the connections to the other nodes of its federation.

It floods what concerns all (once: ``topics`` knows what was said already, and it never goes back to where it came from), carries
questions and answers between two nodes, and hands what comes in to the actor that it concerns, with the name of the peer. It believes
nothing: bytes that are no item are counted against their sender, and who says more than a topic allows is not listened to meanwhile.
Whom to connect with is the Peer actor's decision, which this one carries out.
"""

import hashlib

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import MailboxFull
from alys.actors.message import Message, Request
from alys.chain import blocks
from alys.node import gossip, messages, ports, topics
from alys.node.checked import Checked

CONNECTIONS_MAX = 1000
HASH_BYTES = 20
FLOOD_SECONDS = 1.0
"""A peer that says too much is reported so often and no more."""


class NetworkNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors and ports that Network speaks with."""

    chain: str
    wire: str
    peer: str
    sync: str


class PeerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One peer, as the node's RPC shows it."""

    name: str
    connected: bool
    reason: str
    """Why it is not; empty when it is."""
    address: str
    received: int
    """Items, of any worth."""
    sent: int
    duplicates: int
    """Items that somebody had said before."""
    bad_items: int
    """What could not be read."""
    limited: int
    """Items beyond a topic's rate, not listened to."""
    dropped: int
    """What it did not read in time, and never got."""
    lost: int
    """Items that the own node had no room for."""


class GetPeers(Request[tuple[PeerLine, ...]], frozen=True, kw_only=True):
    """Every peer that was ever connected, or should have been."""


class _Peer(msgspec.Struct, kw_only=True):
    reason: str = ""
    connected: bool = False
    address: str = ""
    received: int = 0
    sent: int = 0
    duplicates: int = 0
    bad_items: int = 0
    limited: int = 0
    dropped: int = 0
    lost: int = 0
    buckets: dict[str, topics.Bucket] = msgspec.field(default_factory=dict)
    reported_at: float = -FLOOD_SECONDS


class Network(Checked):
    """See the module's docstring."""

    def __init__(self, names: NetworkNames, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self._names = names
        self._connections_max = connections_max
        self._peers: dict[str, _Peer] = {}
        self._seen = topics.Seen()

    @override
    def on_start(self, ctx: Context) -> None:
        """Listen; the transport says who is connected already."""
        self._tell(self._names.wire, ports.WireListen(), ctx)

    # Connections

    def on_wire_up(self, message: ports.WireUp, ctx: Context) -> None:
        """See WireUp; one more than there may be is sent away."""
        peer = self._peer(message.peer)
        others = sum(1 for one in self._peers.values() if one.connected and one is not peer)
        if others >= self._connections_max:
            close = ports.WireClose(peer=message.peer, reason="too many connections")
            self._tell(self._names.wire, close, ctx)
            return
        peer.connected, peer.reason, peer.address = True, "", message.address
        self._introduce(message.peer, peer, (self._names.peer, self._names.sync), ctx)

    def on_wire_down(self, message: ports.WireDown, ctx: Context) -> None:
        """See WireDown."""
        peer = self._peer(message.peer)
        if peer.connected and not message.reached:
            return  # a dial that was not needed any more
        peer.connected, peer.reason = False, message.reason
        gone = messages.PeerDisconnected(
            peer=message.peer, reason=message.reason, reached=message.reached
        )
        self._tell(self._names.peer, gone, ctx)
        self._tell(self._names.sync, gone, ctx)

    def on_who_is_there(self, message: messages.WhoIsThere, ctx: Context) -> None:
        """See WhoIsThere."""
        sender = ctx.sender
        for to in (self._names.peer, self._names.sync):
            if sender is not None and ctx.whereis(to) == sender:
                for name, peer in self._peers.items():
                    if peer.connected:
                        self._introduce(name, peer, (to,), ctx)

    def on_connect_to_peer(self, message: messages.ConnectToPeer, ctx: Context) -> None:
        """See ConnectToPeer."""
        dial = ports.WireDial(peer=message.peer, address=message.address)
        self._tell(self._names.wire, dial, ctx)

    def on_disconnect_peer(self, message: messages.DisconnectPeer, ctx: Context) -> None:
        """See DisconnectPeer."""
        close = ports.WireClose(peer=message.peer, reason=message.reason)
        self._tell(self._names.wire, close, ctx)

    def _introduce(self, name: str, peer: _Peer, to: tuple[str, ...], ctx: Context) -> None:
        for one in to:
            self._tell(one, messages.PeerConnected(peer=name, address=peer.address), ctx)

    # In

    def on_wire_received(self, message: ports.WireReceived, ctx: Context) -> None:
        """Pass an item on to whom it concerns, in this node and beyond."""
        peer = self._peer(message.peer)
        peer.received += 1
        try:
            item = readable(message.data)
        except (gossip.BadGossip, blocks.BadBlock):
            peer.bad_items += 1
            self._report(message.peer, "bad_item", ctx)
            return
        if not self._within_rate(message.peer, peer, topics.topic_of(item), ctx):
            return
        if topics.flooded(item):
            if not self._seen.first(_hash(message.data), ctx.now()):
                peer.duplicates += 1
                return
            self._flood(message.data, message.peer, ctx)
        self._hand_over(item, message.peer, peer, ctx)

    def _within_rate(self, name: str, peer: _Peer, topic: str, ctx: Context) -> bool:
        rate, now = topics.RATES[topic], ctx.now()
        if rate is None:
            return True
        bucket = peer.buckets.get(topic)
        if bucket is None:
            bucket = peer.buckets[topic] = topics.Bucket(rate, now)
        if bucket.take(now):
            return True
        peer.limited += 1
        if now - peer.reported_at >= FLOOD_SECONDS:
            peer.reported_at = now
            self._report(name, "flood", ctx)
        return False

    def _hand_over(self, item: gossip.Item, origin: str, peer: _Peer, ctx: Context) -> None:
        told = heard(item, origin)
        to = self._names.chain
        if told is None:
            told, to = _for_sync(item, origin), self._names.sync
        if told is not None and not self._tell(to, told, ctx):
            peer.lost += 1

    def on_wire_dropped(self, message: ports.WireDropped, ctx: Context) -> None:
        """See WireDropped."""
        self._peer(message.peer).dropped += message.count

    def _report(self, peer: str, deed: str, ctx: Context) -> None:
        self._tell(self._names.peer, messages.PeerDid(peer=peer, deed=deed), ctx)

    # Out

    def on_publish(self, message: messages.Publish, ctx: Context) -> None:
        """To every peer that is connected."""
        data = gossip.encode(message.item)
        if topics.flooded(message.item):
            self._seen.first(_hash(data), ctx.now())
        self._flood(data, "", ctx)

    def on_send_to(self, message: messages.SendTo, ctx: Context) -> None:
        """To one peer."""
        peer = self._peers.get(message.peer)
        if peer is not None and peer.connected:
            self._send(message.peer, peer, gossip.encode(message.item), ctx)

    def _flood(self, data: bytes, origin: str, ctx: Context) -> None:
        for name, peer in self._peers.items():
            if peer.connected and name != origin:
                self._send(name, peer, data, ctx)

    def _send(self, name: str, peer: _Peer, data: bytes, ctx: Context) -> None:
        if self._tell(self._names.wire, ports.WireSend(peer=name, data=data), ctx):
            peer.sent += 1

    # Questions

    def on_get_peers(self, message: GetPeers, ctx: Context) -> tuple[PeerLine, ...]:
        """See GetPeers."""
        fields = set(PeerLine.__struct_fields__) - {"name"}
        return tuple(
            PeerLine(name=name, **{field: getattr(peer, field) for field in fields})
            for name, peer in sorted(self._peers.items())
        )

    def _peer(self, name: str) -> _Peer:
        return self._peers.setdefault(name, _Peer())

    def _tell(self, name: str, message: Message, ctx: Context) -> bool:
        """Whether there was room: what peers say must not bring the node down."""
        try:
            ctx.tell(ctx.whereis(name), message)
        except MailboxFull:
            return False
        return True


def readable(data: bytes) -> gossip.Item:
    """The item in the bytes, and in it a block where it has one: what cannot be read is passed on by nobody, so it is its sender's fault.

    Raises BadGossip and BadBlock.
    """
    item = gossip.decode(data)
    if isinstance(item, gossip.ProposedBlock | gossip.SealedBlock):
        blocks.decode(item.block)
    return item


def heard(item: gossip.Item, origin: str) -> Message | None:
    """The message for Chain that an item from a peer is; None for one that does not concern it."""
    match item:
        case gossip.ProposedBlock(block=block):
            return messages.BlockProposed(block=block, origin=origin)
        case gossip.SealedBlock(block=block):
            return messages.BlockSealed(block=block, origin=origin)
        case gossip.Approval():
            return messages.BlockApproved(**msgspec.structs.asdict(item), origin=origin)
        case gossip.Refusal():
            return messages.BlockRefused(**msgspec.structs.asdict(item), origin=origin)
        case gossip.QueuedPow(header=header):
            return messages.PowQueued(header=header, origin=origin)
        case gossip.SignedPayout(txid=txid, tx=tx):
            return messages.PayoutHeard(txid=txid, tx=tx, origin=origin)
        case _:
            return None


def _for_sync(item: gossip.Item, origin: str) -> Message | None:
    match item:
        case gossip.Status():
            return messages.StatusHeard(peer=origin, status=item)
        case gossip.BlocksRequest():
            return messages.BlocksAsked(peer=origin, request=item)
        case gossip.BlocksResponse():
            return messages.BlocksAnswered(peer=origin, response=item)
        case _:
            return None


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=HASH_BYTES).digest()
