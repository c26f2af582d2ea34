"""PeerActor: whom the node knows, what it thinks of them, and whom it is to be connected with.

Every peer of the federation's list has a record: where it may be reached, and a score from 0 to 100 that begins at 50 and goes by what
the peer does (``DEEDS``). At ``BAN_SCORE`` it is disconnected and left alone for ``BAN_SECONDS``. Records are kept over a restart.

A peer that only passes something on is not blamed for what is in it: a deed that names its author counts where that is the peer.
"""

from collections.abc import Mapping

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.base.errors import AlysError
from alys.node import messages, storage
from alys.node.checked import Checked

SCORE_MAX = 100
SCORE_START = 50
BAN_SCORE = 10
SCORE_AFTER_BAN = 30
BAN_SECONDS = 300.0

DEEDS: Mapping[str, int] = {
    "useful_block": 1,
    "useful_range": 5,
    "flood": -2,
    "bad_item": -10,
    "timeout": -10,
    "empty_range": -15,
    "invalid_block": -20,
    "bad_approval": -20,
    "junk_range": -25,
}
"""What a deed adds to the score: blocks that were new, or what was asked for; saying more than a topic's rate; bytes that are no
item; no answer in time; nothing, where it claimed to have something; what breaks a rule of the chain."""

STABLE_SECONDS = 10.0
"""A connection that ended sooner counts as a dial that failed: whoever is sent away shall not come back at once."""
JITTER_SECONDS = 0.2
ADDRESSES_MAX = 4
SAVE_SECONDS = 10.0
"""Between two saves: a score is no loss."""
TABLE = "peers"


class KnownPeer(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the federation's list."""

    name: str
    authority: int
    address: str = ""
    """``host:port``; empty: it is waited for, or remembered."""


class PeerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections there shall be, and how hard they are tried for. Seconds of node time."""

    peers_min: int = 5
    """Below that, nobody is waited for longer than ``dial_seconds_urgent``."""
    peers_target: int = 50
    dial_seconds_min: float = 1.0
    """After the first dial that fails; twice as long after each further one."""
    dial_seconds_max: float = 30.0
    dial_seconds_urgent: float = 5.0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a peer."""

    score: int = SCORE_START
    banned_until: float = 0.0
    addresses: tuple[str, ...] = ()
    """Latest first."""


class PeerRecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """A peer, as the node's RPC shows it."""

    name: str
    authority: int
    connected: bool
    score: int
    banned_for_seconds: float
    addresses: tuple[str, ...]
    failed_dials: int
    """And connections that did not last, since one did."""


class GetPeerRecords(Request[tuple[PeerRecordLine, ...]], frozen=True, kw_only=True):
    """All of them."""


class PeerNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors that Peers speaks with."""

    network: str
    sync: str
    storage: str


class Dial(Message, frozen=True, kw_only=True):
    """To oneself: it is time to try."""

    peer: str


class Save(Message, frozen=True, kw_only=True):
    """To oneself: something has changed since the last save."""


class _Peer(msgspec.Struct, kw_only=True):
    known: KnownPeer
    record: Record
    connected: bool = False
    connected_at: float = 0.0
    failed: int = 0
    dialling: bool = False


class Peers(Checked):
    """See the module's docstring."""

    def __init__(
        self, known: tuple[KnownPeer, ...], names: PeerNames, figures: PeerFigures | None = None
    ) -> None:
        self._names = names
        self._figures = figures or PeerFigures()
        self._peers = {
            one.name: _Peer(known=one, record=Record(addresses=_some(one.address))) for one in known
        }
        self._ranked: tuple[str, ...] | None = None
        self._saving = False

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up what was kept; ask who is there, and dial the others."""
        try:
            kept = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadRecords(table=TABLE))
        except AlysError:
            kept = ()  # scores begin anew
        for name, data in kept:
            peer = self._peers.get(name)
            if peer is not None:
                peer.record = _merged(peer.known, data)
        ctx.tell(ctx.whereis(self._names.network), messages.WhoIsThere())
        for name in self._peers:
            self._try(name, 0.0, ctx)

    # Connections

    def on_peer_connected(self, message: messages.PeerConnected, ctx: Context) -> None:
        """Welcome, unless it is banned."""
        peer = self._peers.get(message.peer)
        if peer is None:
            self._disconnect(message.peer, "is not on the list", ctx)
            return
        if peer.record.banned_until > ctx.now():
            self._disconnect(message.peer, "banned", ctx)
            return
        if not peer.connected:
            peer.connected, peer.connected_at, peer.dialling = True, ctx.now(), False
        if message.address:
            others = (one for one in peer.record.addresses if one != message.address)
            addresses = (message.address, *others)[:ADDRESSES_MAX]
            self._change(peer, ctx, addresses=addresses)
        self._rank(ctx)

    def on_peer_disconnected(self, message: messages.PeerDisconnected, ctx: Context) -> None:
        """Try again, later each time that it fails."""
        peer = self._peers.get(message.peer)
        if peer is None:
            return
        lasted = peer.connected and ctx.now() - peer.connected_at >= STABLE_SECONDS
        peer.failed = 0 if lasted else peer.failed + 1
        peer.connected = peer.dialling = False
        self._try(message.peer, self._pause(peer, ctx), ctx)
        self._rank(ctx)

    def on_dial(self, message: Dial, ctx: Context) -> None:
        """Dial, if it is wanted still."""
        peer = self._peers[message.peer]
        addresses = peer.record.addresses
        if peer.connected or peer.dialling or not addresses:
            return
        if self._connected() >= self._figures.peers_target:
            return
        if peer.record.banned_until > ctx.now():
            self._try(message.peer, peer.record.banned_until - ctx.now(), ctx)
            return
        peer.dialling = True
        dial = messages.ConnectToPeer(
            peer=message.peer, address=addresses[peer.failed % len(addresses)]
        )
        ctx.tell(ctx.whereis(self._names.network), dial)

    def _try(self, name: str, seconds: float, ctx: Context) -> None:
        ctx.after(max(0.0, seconds), Dial(peer=name), key=name)

    def _pause(self, peer: _Peer, ctx: Context) -> float:
        """Seconds to the next attempt. By chance the ends of a broken connection do not both dial in the same moment."""
        if not peer.failed:
            return JITTER_SECONDS * ctx.random.random()
        figures = self._figures
        urgent = self._connected() < figures.peers_min
        limit = figures.dial_seconds_urgent if urgent else figures.dial_seconds_max
        return min(limit, figures.dial_seconds_min * 2.0 ** (peer.failed - 1))

    def _connected(self) -> int:
        return sum(1 for peer in self._peers.values() if peer.connected)

    def _disconnect(self, name: str, reason: str, ctx: Context) -> None:
        told = messages.DisconnectPeer(peer=name, reason=reason)
        ctx.tell(ctx.whereis(self._names.network), told)

    # Scores

    def on_peer_did(self, message: messages.PeerDid, ctx: Context) -> None:
        """See DEEDS."""
        peer = self._peers.get(message.peer)
        worth = DEEDS.get(message.deed)
        if peer is None or worth is None:
            return
        if message.authority is not None and message.authority != peer.known.authority:
            return
        score = min(SCORE_MAX, max(0, peer.record.score + worth))
        if score > BAN_SCORE:
            self._change(peer, ctx, score=score)
            self._rank(ctx)
            return
        until = ctx.now() + BAN_SECONDS
        self._change(peer, ctx, score=SCORE_AFTER_BAN, banned_until=until)
        self._disconnect(message.peer, "banned", ctx)
        self._try(message.peer, BAN_SECONDS, ctx)

    def _rank(self, ctx: Context) -> None:
        """Tell Sync, when the order has changed."""
        there = [name for name, peer in self._peers.items() if peer.connected]
        ranked = tuple(sorted(there, key=lambda name: (-self._peers[name].record.score, name)))
        if ranked != self._ranked:
            self._ranked = ranked
            ctx.tell(ctx.whereis(self._names.sync), messages.PeersRanked(peers=ranked))

    # Records

    def _change(self, peer: _Peer, ctx: Context, **fields: object) -> None:
        changed = msgspec.structs.replace(peer.record, **fields)
        if changed == peer.record:
            return
        peer.record = changed
        if not self._saving:
            self._saving = True
            ctx.after(SAVE_SECONDS, Save())

    async def on_save(self, message: Save, ctx: Context) -> None:
        """All of them: they are few."""
        self._saving = False
        kept = tuple(
            (name, msgspec.msgpack.encode(peer.record)) for name, peer in self._peers.items()
        )
        request = storage.SaveRecords(table=TABLE, records=kept)
        try:
            await ctx.ask(ctx.whereis(self._names.storage), request)
        except AlysError:
            self._saving = True
            ctx.after(SAVE_SECONDS, Save())

    def on_get_peer_records(
        self, message: GetPeerRecords, ctx: Context
    ) -> tuple[PeerRecordLine, ...]:
        """See GetPeerRecords."""
        return tuple(
            PeerRecordLine(
                name=name,
                authority=peer.known.authority,
                connected=peer.connected,
                score=peer.record.score,
                banned_for_seconds=max(0.0, peer.record.banned_until - ctx.now()),
                addresses=peer.record.addresses,
                failed_dials=peer.failed,
            )
            for name, peer in self._peers.items()
        )


def _some(address: str) -> tuple[str, ...]:
    return (address,) if address else ()


def _merged(known: KnownPeer, data: bytes) -> Record:
    """What was kept, with the list's address before those that were learnt; a record that cannot be read is as good as none."""
    own = _some(known.address)
    try:
        kept = msgspec.msgpack.decode(data, type=Record)
    except msgspec.MsgspecError:
        return Record(addresses=own)
    learnt = tuple(one for one in kept.addresses if one != known.address)
    return msgspec.structs.replace(kept, addresses=(own + learnt)[:ADDRESSES_MAX])
