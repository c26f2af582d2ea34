"""Blocks between peers: headers first, then the blocks that are missing, then news of our own.

Theory of operation. A peer's headers go into the tree, and the best of them is what the peer has (``peer.best``). Where that
reaches as high as our tip or higher, its missing blocks are asked for, oldest first, a few at a time; a block is asked of
one peer only. One that comes before its parent waits for it. A peer is told of our tip when it changed: by headers from the
last block that it has, or by the tip's name when there are too many. A peer that breaks a rule is dropped; the reason stays
with it.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from alys.models.bitcoin.chainstate import ChainState, Entry
from alys.models.bitcoin.headers import HeaderTree
from alys.models.bitcoin.peer import Peer
from alys.models.bitcoin.rules import Rejected
from alys.wire import bitcoin
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import Block
from alys.wire.bitcoin_p2p import Item, Kind

IN_FLIGHT_MAX = 16
"""Blocks asked of one peer at a time."""

BLOCK_SECONDS = 60
"""How long a peer may take over one."""

EARLY_MAX = 16
"""Blocks that may wait for their parents."""

ANNOUNCED_HEADERS_MAX = 8
GETBLOCKS_MAX = 500
GUILTLESS = ("time-too-new", "duplicate-invalid", "bad-prevblk")
"""Refusals that are no misbehaviour: clocks differ, and a block may have been declared invalid by hand."""


class Asked(msgspec.Struct, kw_only=True):
    """A block under way."""

    peer: Peer
    at: float


class BlockSync:
    """See the module's docstring. ``clock`` is for time-outs, ``now`` is the time that headers are judged by."""

    def __init__(
        self, chain: ChainState, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self.tree = HeaderTree(chain, now)
        #: Blocks under way by hash.
        self.asked: dict[str, Asked] = {}
        self._chain = chain
        self._clock = clock
        self._early: dict[str, tuple[Block, Peer]] = {}
        self._queues: dict[int, deque[str]] = {}

    def ask_headers(self, peer: Peer) -> None:
        """Ask what stands on our best chain."""
        peer.send(p2p.GetHeaders(locator=self.tree.locator(self._chain.tip.hash)))

    @property
    def behind(self) -> bool:
        """Whether blocks of a better chain are under way."""
        return bool(self.asked)

    def heard_headers(self, peer: Peer, headers: tuple[bitcoin.Header, ...]) -> None:
        """Headers came: keep them, ask for more, ask for blocks."""
        if not headers:
            return
        before = headers[0].previous
        for header in headers:
            if header.previous != before:
                peer.close("non-continuous headers sequence")
                return
            before = header.hash
        if self.tree.get(headers[0].previous) is None:
            self.ask_headers(
                peer
            )  # an announcement of what stands on blocks that we have not heard of
            return
        for header in headers:
            try:
                step = self.tree.add(header)
            except Rejected as error:
                if error.reason not in GUILTLESS:
                    peer.close(f"invalid header received: {error}")
                return
            peer.best = step.hash
        if len(headers) == p2p.HEADERS_MAX:
            peer.send(
                p2p.GetHeaders(locator=(headers[-1].hash, *self.tree.locator(self._chain.tip.hash)))
            )
        self._queues.pop(peer.number, None)
        self.fetch(peer)

    def heard_blocks(self, peer: Peer, items: tuple[Item, ...]) -> None:
        """A peer has these blocks: the last of them, when unknown, is a reason to ask for headers."""
        names = [item.hash for item in items if item.kind == Kind.BLOCK]
        if not names:
            return
        if self.tree.get(names[-1]) is None:
            self.ask_headers(peer)
        else:
            peer.best = names[-1]
            self.fetch(peer)

    def fetch(self, peer: Peer) -> None:
        """Ask the peer for what it has and we lack."""
        step = self.tree.get(peer.best) if peer.best else None
        if step is None or step.height < self._chain.tip.height or step.hash in self._chain.index:
            self._queues.pop(peer.number, None)
            return
        queue = self._queues.get(peer.number)
        if not queue:
            queue = self._queues[peer.number] = deque(self.tree.without_block(step.hash))
        under_way = sum(1 for asked in self.asked.values() if asked.peer is peer)
        items: list[Item] = []
        while queue and under_way + len(items) < IN_FLIGHT_MAX:
            name = queue.popleft()
            if name in self._chain.index or name in self.asked or name in self._early:
                continue
            if self._chain.is_invalid(name):
                queue.clear()
                break
            self.asked[name] = Asked(peer=peer, at=self._clock())
            items.append(Item(kind=Kind.WITNESS_BLOCK, hash=name))
        if items:
            peer.send(p2p.GetData(items=tuple(items)))

    def heard_block(self, peer: Peer, block: Block) -> None:
        """A block came, asked for or not."""
        self.asked.pop(block.hash, None)
        ready = deque([(block, peer)])
        while ready:
            one, source = ready.popleft()
            if one.header.previous not in self._chain.index:
                self._keep_early(one, source)
            elif self._take(one, source):
                child = self._early.pop(one.hash, None)
                if child is not None:
                    ready.append(child)
        self.fetch(peer)

    def _keep_early(self, block: Block, peer: Peer) -> None:
        """Wait for the parent that is under way; anything else leads to a question."""
        if block.header.previous in self.asked and len(self._early) < EARLY_MAX:
            self._early[block.header.previous] = (block, peer)
        elif self.tree.get(block.header.previous) is None:
            self.ask_headers(peer)

    def _take(self, block: Block, peer: Peer) -> bool:
        try:
            entry = self._chain.accept(block)
        except Rejected as error:
            if error.reason not in GUILTLESS:
                peer.close(f"invalid block {block.hash}: {error}")
            return False
        if entry.invalid:
            peer.close(f"block {block.hash} stands on an invalid one")
            return False
        best = self.tree.get(peer.best) if peer.best else None
        if best is None or best.height < entry.height:
            peer.best = entry.hash
        return True

    def not_found(self, peer: Peer, items: tuple[Item, ...]) -> None:
        """The peer has not got what it was asked for; others may."""
        for item in items:
            asked = self.asked.get(item.hash)
            if asked is not None and asked.peer is peer:
                del self.asked[item.hash]
                peer.best = ""

    def gone(self, peer: Peer) -> None:
        """A peer hung up: what it was asked for can be asked of others."""
        self.asked = {name: asked for name, asked in self.asked.items() if asked.peer is not peer}
        self._early = {name: one for name, one in self._early.items() if one[1] is not peer}
        self._queues.clear()

    def tick(self) -> None:
        """Drop the peers that keep a block too long."""
        now = self._clock()
        for name, asked in list(self.asked.items()):
            if now - asked.at > BLOCK_SECONDS:
                asked.peer.close(f"block {name} did not come within {BLOCK_SECONDS} s")

    def announce(self, peer: Peer) -> None:
        """Tell the peer of our tip, unless it was told or has it."""
        tip = self._chain.tip
        if peer.announced == tip.hash:
            return
        peer.announced = tip.hash
        known = [name for name in (peer.best, peer.told) if name]
        peer.told = tip.hash
        if any(self.tree.has(name, tip.hash) for name in known):
            return
        path = []
        step = tip
        while step.parent is not None and not any(self.tree.has(name, step.hash) for name in known):
            path.append(step.block.header)
            step = step.parent
            if len(path) > ANNOUNCED_HEADERS_MAX:
                break
        if known and peer.send_headers and len(path) <= ANNOUNCED_HEADERS_MAX:
            peer.send(p2p.Headers(headers=tuple(path[::-1])))
        else:
            peer.send(p2p.Inv(items=(Item(kind=Kind.BLOCK, hash=tip.hash),)))

    def answer_headers(self, peer: Peer, question: p2p.GetHeaders) -> None:
        """Headers of the best chain after what the peer has; where it names nothing but ``stop``, that header alone."""
        if not question.locator:
            entry = self._chain.index.get(question.stop)
            if entry is not None:
                peer.send(p2p.Headers(headers=(entry.block.header,)))
            return
        headers = []
        for entry in self._after(question.locator):
            headers.append(entry.block.header)
            if entry.hash == question.stop or len(headers) == p2p.HEADERS_MAX:
                break
        peer.told = headers[-1].hash if headers else self._chain.tip.hash
        peer.send(p2p.Headers(headers=tuple(headers)))

    def answer_blocks(self, peer: Peer, question: p2p.GetBlocks) -> None:
        """The names of the blocks that follow what the peer has."""
        items: list[Item] = []
        for entry in self._after(question.locator):
            if entry.hash == question.stop or len(items) == GETBLOCKS_MAX:
                break
            items.append(Item(kind=Kind.BLOCK, hash=entry.hash))
        if items:
            peer.send(p2p.Inv(items=tuple(items)))

    def _after(self, locator: tuple[str, ...]) -> Iterator[Entry]:
        """The best chain after the first block of the locator that is on it."""
        known = (self._chain.index.get(name) for name in locator)
        found = (one.height for one in known if one is not None and self._chain.is_active(one))
        return itertools.islice(self._chain.active, next(found, 0) + 1, None)
