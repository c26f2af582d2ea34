"""Transactions between peers: announced, asked for once, judged, passed on.

A transaction whose parents are not known waits for them, and its peer is asked for them. One that was refused is not asked
for again until the next block. Nobody is dropped for a transaction, as in Core: what is refused here may be standard elsewhere.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from alys.models.bitcoin.chainstate import ChainState
from alys.models.bitcoin.mempool import Mempool, Waiting
from alys.models.bitcoin.peer import Peer
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import OutPoint, Tx
from alys.wire.bitcoin_p2p import Item, Kind

ASKED_MAX = 5_000
"""Transactions asked of all peers at a time."""

ASKED_SECONDS = 60
OTHERS_MAX = 8
"""Peers that are remembered as having a transaction that is under way."""

ORPHANS_MAX = 100
ORPHAN_WEIGHT_MAX = 400_000
REFUSED_MAX = 10_000
NEWS_MAX = 1_000
"""Transactions in one announcement."""


class Asked(msgspec.Struct, kw_only=True):
    """A transaction under way, and who else has it."""

    peer: Peer
    item: Item
    at: float
    others: deque[Peer]


class TransactionRelay:
    """See the module's docstring."""

    def __init__(
        self,
        chain: ChainState,
        mempool: Mempool,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.asked: dict[str, Asked] = {}
        self.orphans: dict[str, tuple[Tx, Peer]] = {}
        self._chain = chain
        self._mempool = mempool
        self._now = now
        self._clock = clock
        self._refused: dict[str, None] = {}

    def heard_inv(self, peer: Peer, items: tuple[Item, ...]) -> None:
        """A peer has these transactions: ask for those that are new."""
        wanted = []
        for item in items:
            if item.kind not in (Kind.TX, Kind.WTX):
                continue
            peer.learn(item.hash)
            if self._has(item.hash):
                continue
            under_way = self.asked.get(item.hash)
            if under_way is None:
                if len(self.asked) >= ASKED_MAX:
                    continue
                wanted.append(self._ask(peer, item, deque()))
            elif under_way.peer is not peer and len(under_way.others) < OTHERS_MAX:
                under_way.others.append(peer)
        if wanted:
            peer.send(p2p.GetData(items=tuple(wanted)))

    def heard_tx(self, peer: Peer, tx: Tx) -> None:
        """A transaction came, asked for or not."""
        for name in (tx.txid, tx.wtxid):
            self.asked.pop(name, None)
            peer.learn(name)
        if self._has(tx.wtxid):
            return
        ready = deque([(tx, peer)])
        while ready:
            one, source = ready.popleft()
            if self._take(one, source):
                ready.extend(self._freed_by(one))

    def not_found(self, peer: Peer, items: tuple[Item, ...]) -> None:
        """The peer has them no more: ask others."""
        for item in items:
            asked = self.asked.get(item.hash)
            if asked is not None and asked.peer is peer:
                self._ask_next(item.hash)

    def came_in(self, entry: Waiting, peers: list[Peer]) -> None:
        """A transaction is in the mempool now, wherever from: there is news for all."""
        for peer in peers:
            if peer.ready and peer.version is not None and peer.version.relay:
                peer.news.append(entry.tx.txid)
                if len(peer.news) > p2p.INVENTORY_MAX:
                    peer.news.popleft()
                peer.wake()

    def announce(self, peer: Peer) -> None:
        """Tell the news that the peer does not know and wants to know."""
        items: list[Item] = []
        while peer.news and len(items) < NEWS_MAX:
            entry = self._mempool.waiting.get(peer.news.popleft())
            if entry is None or self._knows(peer, entry) or self._filtered(peer, entry):
                continue
            items.append(self._item(peer, entry))
        if items:
            peer.send(p2p.Inv(items=tuple(items)))

    def whole_mempool(self, peer: Peer) -> None:
        """Announce all that waits (BIP35)."""
        entries = [one for one in self._mempool.waiting.values() if not self._filtered(peer, one)]
        items = tuple(self._item(peer, entry) for entry in entries[: p2p.INVENTORY_MAX])
        peer.send(p2p.Inv(items=items))

    def gone(self, peer: Peer) -> None:
        """A peer hung up: ask others for what it was asked."""
        for asked in self.asked.values():
            if peer in asked.others:
                asked.others.remove(peer)
        for name in [name for name, asked in self.asked.items() if asked.peer is peer]:
            self._ask_next(name)
        self.orphans = {name: one for name, one in self.orphans.items() if one[1] is not peer}

    def on_block(self) -> None:
        """What was refused may be good now."""
        self._refused.clear()

    def tick(self) -> None:
        """Give up on peers that do not answer."""
        now = self._clock()
        for name in [name for name, one in self.asked.items() if now - one.at > ASKED_SECONDS]:
            self._ask_next(name)

    def _has(self, name: str) -> bool:
        return (
            self._mempool.find(name) is not None
            or name in self._refused
            or name in self.orphans
            or name in self._chain.transactions
        )

    def _ask(self, peer: Peer, item: Item, others: deque[Peer]) -> Item:
        self.asked[item.hash] = Asked(peer=peer, item=item, at=self._clock(), others=others)
        kind = Kind.WITNESS_TX if item.kind == Kind.TX else item.kind
        return Item(kind=kind, hash=item.hash)

    def _ask_next(self, name: str) -> None:
        asked = self.asked.pop(name)
        while asked.others:
            peer = asked.others.popleft()
            if peer.ready:
                peer.send(p2p.GetData(items=(self._ask(peer, asked.item, asked.others),)))
                return

    def _take(self, tx: Tx, peer: Peer) -> bool:
        try:
            self._mempool.add(tx, int(self._now()))
        except Missing:
            self._wait(tx, peer)
            return False
        except Rejected:
            self._refused[tx.wtxid] = None
            if len(self._refused) > REFUSED_MAX:
                del self._refused[next(iter(self._refused))]
            return False
        return True

    def _wait(self, tx: Tx, peer: Peer) -> None:
        """Keep an orphan, and ask for its parents."""
        parents = dict.fromkeys(txin.outpoint.txid for txin in tx.inputs)
        missing = [txid for txid in parents if not self._has(txid)]
        if not missing or tx.weight > ORPHAN_WEIGHT_MAX:
            return
        self.orphans[tx.wtxid] = (tx, peer)
        if len(self.orphans) > ORPHANS_MAX:
            del self.orphans[next(iter(self.orphans))]
        self.heard_inv(peer, tuple(Item(kind=Kind.TX, hash=txid) for txid in missing))

    def _freed_by(self, tx: Tx) -> list[tuple[Tx, Peer]]:
        places = {OutPoint(txid=tx.txid, vout=n) for n in range(len(tx.outputs))}
        freed = [
            name
            for name, (orphan, _) in self.orphans.items()
            if any(txin.outpoint in places for txin in orphan.inputs)
        ]
        return [self.orphans.pop(name) for name in freed]

    def _knows(self, peer: Peer, entry: Waiting) -> bool:
        return peer.knows(entry.tx.wtxid) or peer.knows(entry.tx.txid)

    def _filtered(self, peer: Peer, entry: Waiting) -> bool:
        return entry.fee * 1000 < peer.fee_filter * entry.tx.vsize

    def _item(self, peer: Peer, entry: Waiting) -> Item:
        kind, name = (Kind.WTX, entry.tx.wtxid) if peer.wtxid_relay else (Kind.TX, entry.tx.txid)
        peer.learn(name)
        return Item(kind=kind, hash=name)
