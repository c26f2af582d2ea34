"""SyncActor: keeps the node at the head of the best chain that its peers have, and says whether it is there.

Nodes tell each other where they stand when they meet, when their heads change and every few seconds. From a peer that has more, Sync
walks (``walk``) along the peer's chain in batches, from the own head or, where the chains part below it, from the last final block, and
hands what it gets to Chain in order. Chain alone judges; its verdict comes back and decides over the peer.

A claim is not a chain. One that its peer cannot redeem (no answer, nothing, junk) is put in doubt: it holds up nobody's production and
is asked for nothing until a while has passed. A peer that never gave a block is tried with a small request and a short time first.

Only blocks are fetched, never states: every node executes every block. So there is one way to catch up, and what may be told apart are
phases: ``starting``, ``catching_up``, ``following``.
"""

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.base.errors import AlysError
from alys.chain import blocks, slots
from alys.node import gossip, messages, storage, topics
from alys.node.checked import Checked
from alys.node.walk import BadRange, Claim, Walk, check_range

GATE = 0.995
"""Of the best height: from there on the node may produce. One block that others have a moment earlier never keeps it."""


class SyncFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds are of node time."""

    batch_blocks: int = 256
    probe_blocks: int = 16
    """For a peer that never gave a block."""
    response_bytes: int = gossip.ITEM_BYTES_MAX // 2
    """What an answer may hold, but for one block that is larger by itself."""
    request_seconds: float = 30.0
    probe_seconds: float = 10.0
    tries_per_peer: int = 3
    status_seconds: float = 5.0
    status_seconds_min: float = 1.0
    """Between two that are told because the head changed."""
    settle_seconds: float = 3.0
    """After a start: so long a first word of a peer is waited for."""
    gossip_seconds: float = 1.0
    """A single block that is lacking may be on its way; so long it is not asked for."""
    taken_seconds: float = 120.0
    """For Chain to judge a batch; then it is fetched anew."""
    doubt_seconds: float = 60.0
    doubt_seconds_max: float = 600.0
    checkpoint_blocks: int = 100
    checkpoints_kept: int = 10
    serves_per_second: float = 20.0
    """Answers that one peer gets."""


class SyncNames(msgspec.Struct, frozen=True, kw_only=True):
    """Registered names of the actors that Sync speaks with."""

    chain: str
    network: str
    peer: str
    storage: str


class SyncStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's RPC shows."""

    phase: str
    synced: bool
    own_height: int
    best_height: int
    peer: str
    """Whose chain is walked along; empty: nobody's."""
    checkpoints: tuple[int, ...]
    claims: tuple[tuple[str, int, bool], ...]
    """Peer, height, whether it is believed."""


class GetSyncStatus(Request[SyncStatus], frozen=True, kw_only=True):
    """Ask Sync."""


class Beat(Message, frozen=True, kw_only=True):
    """To oneself: tell the peers where the node stands, look whether anything is lacking."""


class Look(Message, frozen=True, kw_only=True):
    """To oneself: look again, something may have come by itself."""


class TellStatus(Message, frozen=True, kw_only=True):
    """To oneself: the head changed a while ago."""


class Settled(Message, frozen=True, kw_only=True):
    """To oneself: nobody is waited for any longer."""


class NoAnswer(Message, frozen=True, kw_only=True):
    """To oneself: a request, by its number, or Chain's verdict (0), has had its time."""

    number: int


class Sync(Checked):
    """See the module's docstring."""

    def __init__(
        self, names: SyncNames, *, slot_duration_ms: int, figures: SyncFigures | None = None
    ) -> None:
        self._names = names
        self._slot_duration_ms = slot_duration_ms
        self._figures = figures or SyncFigures()
        self._own: messages.HeadChanged | None = None
        self._claims: dict[str, Claim] = {}
        self._ranked: tuple[str, ...] = ()
        self._walk: Walk | None = None
        self._number = 0
        self._settled = False
        self._told: messages.SyncState | None = None
        self._status_at = 0.0
        self._lacking_since: float | None = None
        self._checkpoints: dict[int, bytes] = {}
        self._served: dict[str, topics.Bucket] = {}

    # Start

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take up the checkpoints, ask who is there."""
        try:
            kept = await ctx.ask(
                ctx.whereis(self._names.storage), storage.LoadRecords(table=CHECKPOINTS)
            )
        except AlysError:
            kept = ()  # they only help to see through a lie sooner
        self._checkpoints = {int(name): root for name, root in kept}
        ctx.tell(ctx.whereis(self._names.network), messages.WhoIsThere())
        ctx.after(self._figures.settle_seconds, Settled())
        ctx.every(self._figures.status_seconds, Beat())

    def on_settled(self, message: Settled, ctx: Context) -> None:
        """Whoever has not spoken by now is not waited for."""
        self._settled = True
        self._consider(ctx)

    # Where everybody stands

    async def on_head_changed(self, message: messages.HeadChanged, ctx: Context) -> None:
        """Tell the others, look what is lacking still, keep a checkpoint."""
        self._own = message
        self._told = None  # Chain may have begun anew, and wants to hear it
        since = ctx.now() - self._status_at
        if since >= self._figures.status_seconds_min:
            self._tell_status(ctx)
        else:
            left = self._figures.status_seconds_min - since
            ctx.after(left, TellStatus(), key="status")
        self._consider(ctx)
        await self._keep_checkpoint(message, ctx)

    def on_tell_status(self, message: TellStatus, ctx: Context) -> None:
        """See TellStatus."""
        self._tell_status(ctx)

    def on_beat(self, message: Beat, ctx: Context) -> None:
        """See Beat."""
        if self._own is None:
            ctx.tell(ctx.whereis(self._names.chain), messages.WhereIsHead())
        self._tell_status(ctx)
        self._consider(ctx)

    def on_look(self, message: Look, ctx: Context) -> None:
        """See Look."""
        self._consider(ctx)

    def _tell_status(self, ctx: Context) -> None:
        status = self._status()
        if status is not None:
            self._status_at = ctx.now()
            ctx.tell(ctx.whereis(self._names.network), messages.Publish(item=status))

    def _status(self) -> gossip.Status | None:
        own = self._own
        if own is None:
            return None
        return gossip.Status(
            height=own.height,
            head_root=own.root,
            finalised_height=own.finalised_height,
            finalised_root=own.finalised_root,
        )

    def on_peer_connected(self, message: messages.PeerConnected, ctx: Context) -> None:
        """Tell it where the node stands."""
        status = self._status()
        if status is not None:
            send = messages.SendTo(peer=message.peer, item=status)
            ctx.tell(ctx.whereis(self._names.network), send)

    def on_peer_disconnected(self, message: messages.PeerDisconnected, ctx: Context) -> None:
        """What it claimed counts no more; doubts about it stay."""
        claim = self._claims.get(message.peer)
        if claim is not None:
            claim.status = None
        if self._walk is not None and self._walk.peer == message.peer and not self._walk.handed:
            self._walk = None
        self._consider(ctx)

    def on_peers_ranked(self, message: messages.PeersRanked, ctx: Context) -> None:
        """Whom to ask first."""
        self._ranked = message.peers

    def on_status_heard(self, message: messages.StatusHeard, ctx: Context) -> None:
        """A claim."""
        self._claim(message.peer).status = message.status
        self._settled = True
        self._consider(ctx)

    def on_parent_missing(self, message: messages.ParentMissing, ctx: Context) -> None:
        """A peer sent a block whose parent is not known here: it has what is before it."""
        if message.origin:
            self._claim(message.origin).at_least(message.height - 1)
            self._lacking_since = self._lacking_since or 0.0
            self._consider(ctx)

    def _claim(self, peer: str) -> Claim:
        return self._claims.setdefault(peer, Claim())

    # What to do about it

    def _consider(self, ctx: Context) -> None:
        """Say whether the node may produce; begin a walk where something is lacking."""
        own = self._own
        if own is None:
            return
        if self._walk is None:
            self._walk = self._next_walk(own, ctx)
            if self._walk is not None:
                self._request(self._walk, ctx)
        self._tell_state(own, ctx)

    def _next_walk(self, own: messages.HeadChanged, ctx: Context) -> Walk | None:
        now = ctx.now()
        wanted = [
            name
            for name in (*self._ranked, *sorted(self._claims.keys() - set(self._ranked)))
            if name in self._claims and self._claims[name].wanted(own, now)
        ]
        if not wanted:
            self._lacking_since = None
            return None
        claim = self._claims[wanted[0]]
        if self._lacking_since is None:
            self._lacking_since = now
        waited = now - self._lacking_since
        if claim.height - own.height <= 1 and waited < self._figures.gossip_seconds:
            ctx.after(self._figures.gossip_seconds - waited, Look(), key="look")
            return None
        return Walk.toward(wanted[0], claim, own)

    def _tell_state(self, own: messages.HeadChanged, ctx: Context) -> None:
        best = self._best_height(own, ctx.now())
        fetching = self._walk is not None and own.height + 1 < min(best, self._walk.goal)
        near = own.height >= min(GATE * best, best - 1) and own.height >= self._lowest()
        synced = self._settled and near and not fetching
        state = messages.SyncState(synced=synced, own_height=own.height, best_height=best)
        if self._told is None or self._told.synced != synced:
            self._told = state
            ctx.tell(ctx.whereis(self._names.chain), state)

    def _best_height(self, own: messages.HeadChanged, now: float) -> int:
        """Of what is claimed as far as it holds up production: not what no chain can have reached, nor what was asked for in vain."""
        slots_since = slots.slot_at(now, self._slot_duration_ms) - own.slot
        most = own.height + slots_since + self._figures.batch_blocks
        vain = self._walk.peer if self._walk is not None and self._walk.tries else None
        claimed = (
            claim.height
            for name, claim in self._claims.items()
            if name != vain and claim.height <= most and claim.wanted(own, now)
        )
        return max((own.height, *claimed))

    def _lowest(self) -> int:
        """A node that stands below its own last checkpoint has lost blocks, and must not take their places."""
        return max(self._checkpoints, default=0)

    # The walk

    def _request(self, walk: Walk, ctx: Context) -> None:
        self._number += 1
        claim = self._claims[walk.peer]
        probing = not claim.delivered
        most = self._figures.probe_blocks if probing else self._figures.batch_blocks
        walk.ask(self._number, most)
        item = gossip.BlocksRequest(number=walk.number, start=walk.start, count=walk.count)
        ctx.tell(ctx.whereis(self._names.network), messages.SendTo(peer=walk.peer, item=item))
        seconds = self._figures.probe_seconds if probing else self._figures.request_seconds
        ctx.after(seconds, NoAnswer(number=walk.number), key="answer")

    def on_no_answer(self, message: NoAnswer, ctx: Context) -> None:
        """Once more, or elsewhere."""
        walk = self._walk
        if walk is None or walk.number != message.number:
            return
        if walk.handed:  # Chain began anew, and will never say
            self._walk = None
            self._consider(ctx)
            return
        walk.tries += 1
        if self._claims[walk.peer].delivered and walk.tries < self._figures.tries_per_peer:
            self._did(walk.peer, "timeout", ctx)
            self._request(walk, ctx)
        else:
            self._give_up(walk, "timeout", ctx)

    def on_blocks_answered(self, message: messages.BlocksAnswered, ctx: Context) -> None:
        """Look whether it is what was asked for, and hand it to Chain."""
        walk = self._walk
        expected = walk is not None and not walk.handed and walk.number == message.response.number
        if walk is None or not expected or walk.peer != message.peer:
            return
        if not message.response.blocks:
            self._nothing(walk, ctx)
            return
        try:
            found = check_range(message.response.blocks, walk, self._checkpoints)
        except BadRange:
            self._give_up(walk, "junk_range", ctx)
            return
        own = self._own
        if own is not None and found.parent != walk.parent:
            self._other_branch(walk, own, ctx)
            return
        self._claims[walk.peer].redeem()
        walk.hand_over(found)
        ctx.after(self._figures.taken_seconds, NoAnswer(number=walk.number), key="answer")
        fetched = messages.BlocksFetched(blocks=message.response.blocks, origin=walk.peer)
        ctx.tell(ctx.whereis(self._names.chain), fetched)

    def _nothing(self, walk: Walk, ctx: Context) -> None:
        """A lie, unless it only passed a block on and never said that it has what is before it."""
        claim = self._claims[walk.peer]
        if claim.says(walk.start):
            self._give_up(walk, "empty_range", ctx)
        else:
            claim.more = 0
            self._end_walk(ctx)

    def _other_branch(self, walk: Walk, own: messages.HeadChanged, ctx: Context) -> None:
        """The peer's chain does not continue ours: from the last final block, which both must have, or not at all."""
        if walk.start > own.finalised_height + 1:
            walk.back_to(own)
            self._request(walk, ctx)
        else:
            self._claims[walk.peer].settle(walk.goal_root)
            self._end_walk(ctx)

    def on_blocks_taken(self, message: messages.BlocksTaken, ctx: Context) -> None:
        """On along the walk, or away from a peer whose blocks are none."""
        walk = self._walk
        if walk is None or not walk.handed or walk.peer != message.origin:
            return
        if message.fault:
            self._give_up(walk, "junk_range", ctx)
        elif message.imported < walk.handed:  # Chain cannot judge now
            self._end_walk(ctx, pause=True)
        else:
            self._did(walk.peer, "useful_range", ctx)
            more = walk.advance()
            if more and self._claims[walk.peer].status is not None:
                self._request(walk, ctx)
            else:
                self._claims[walk.peer].settle(walk.reached_root)
                self._end_walk(ctx)

    def _give_up(self, walk: Walk, deed: str, ctx: Context) -> None:
        """This peer cannot redeem its claim."""
        self._did(walk.peer, deed, ctx)
        figures = self._figures
        self._claims[walk.peer].doubt(ctx.now(), figures.doubt_seconds, figures.doubt_seconds_max)
        self._end_walk(ctx)

    def _end_walk(self, ctx: Context, *, pause: bool = False) -> None:
        self._walk = None
        if not pause:
            self._consider(ctx)
        elif self._own is not None:  # the next beat looks again
            self._tell_state(self._own, ctx)

    def _did(self, peer: str, deed: str, ctx: Context) -> None:
        ctx.tell(ctx.whereis(self._names.peer), messages.PeerDid(peer=peer, deed=deed))

    # Checkpoints

    async def _keep_checkpoint(self, own: messages.HeadChanged, ctx: Context) -> None:
        """The last final block whose height is a multiple: no peer talks the node out of it any more."""
        height = own.finalised_height - own.finalised_height % self._figures.checkpoint_blocks
        if height <= max(self._checkpoints, default=0):
            return
        data = await ctx.ask(ctx.whereis(self._names.storage), storage.LoadBlockAt(height=height))
        if data is None:
            return
        self._checkpoints[height] = blocks.root(blocks.decode(data).block)
        changes = [_checkpoint(height, self._checkpoints[height])]
        for old in sorted(self._checkpoints)[: -self._figures.checkpoints_kept]:
            del self._checkpoints[old]
            changes.append(_checkpoint(old, None))
        await ctx.ask(
            ctx.whereis(self._names.storage), storage.ChangeRecords(changes=tuple(changes))
        )

    # For others

    async def on_blocks_asked(self, message: messages.BlocksAsked, ctx: Context) -> None:
        """Answer from Storage; a peer that asks too often is answered when it asks less."""
        now = ctx.now()
        bucket = self._served.get(message.peer)
        if bucket is None:
            bucket = topics.Bucket(self._figures.serves_per_second, now)
            self._served[message.peer] = bucket
        if not bucket.take(now):
            return
        asked, found, size = message.request, list[bytes](), 0
        for height in range(asked.start, asked.start + self._within(asked)):
            data = await ctx.ask(
                ctx.whereis(self._names.storage), storage.LoadBlockAt(height=height)
            )
            if data is None or (found and size + len(data) > self._figures.response_bytes):
                break
            found.append(data)
            size += len(data)
        item = gossip.BlocksResponse(number=asked.number, blocks=tuple(found))
        ctx.tell(ctx.whereis(self._names.network), messages.SendTo(peer=message.peer, item=item))

    def _within(self, asked: gossip.BlocksRequest) -> int:
        """How many of what is asked for there can be."""
        if self._own is None or asked.start < 0:
            return 0
        there = self._own.height - asked.start + 1
        return max(0, min(asked.count, self._figures.batch_blocks, there))

    def on_get_sync_status(self, message: GetSyncStatus, ctx: Context) -> SyncStatus:
        """See SyncStatus."""
        own, now = self._own, ctx.now()
        phase = "starting" if own is None or not self._settled else "following"
        return SyncStatus(
            phase="catching_up" if self._walk is not None else phase,
            synced=self._told is not None and self._told.synced,
            own_height=0 if own is None else own.height,
            best_height=0 if own is None else self._best_height(own, now),
            peer="" if self._walk is None else self._walk.peer,
            checkpoints=tuple(sorted(self._checkpoints)),
            claims=tuple(
                (name, claim.height, not claim.doubted(now))
                for name, claim in sorted(self._claims.items())
            ),
        )


CHECKPOINTS = "checkpoints"


def _checkpoint(height: int, root: bytes | None) -> storage.Change:
    return storage.Change(table=CHECKPOINTS, name=f"{height:012d}", value=root)
