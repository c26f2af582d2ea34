"""All peers of a node, sans I/O: who is connected, what each is told, when one is dropped.

The owner of the sockets calls ``connected`` for each connection and feeds the peer that it gets; it calls ``tick`` every
second, and reads ``dials`` for the connections that it shall make. ``wake`` of a peer says that there is something to send,
or that the peer was dropped. ``clock`` is for time-outs, and may be another than the node's own time.
"""

from collections import deque
from collections.abc import Callable

from alys.base.errors import AlysError
from alys.models.bitcoin.block_sync import BlockSync
from alys.models.bitcoin.chainstate import BlockEvent, ChainState
from alys.models.bitcoin.mempool import RELAY_FEE_SATS_PER_KVB, Mempool, Waiting
from alys.models.bitcoin.peer import WANTED_MAX, Peer
from alys.models.bitcoin.transaction_relay import TransactionRelay
from alys.wire import bitcoin
from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin_p2p import Item, Kind, Message, Services

AGENT = b"/alys-regtest:1/"
OFFERED = Services.NETWORK | Services.WITNESS | Services.NETWORK_LIMITED
INBOUND_MAX = 117
"""Core's 125 less its outbound ones."""

OUTBOUND_MAX = 16
CHUNK_BYTES = 1_000_000
"""So much is made ready for a peer at a time, and one block at least."""

WITNESS_FLAG = 1 << 30
_TRANSACTIONS = (Kind.TX, Kind.WITNESS_TX, Kind.WTX)


class NodeUnknown(AlysError):
    """No such node among those added or connected."""


class NodeKnown(AlysError):
    """The node was added before."""


class Peers:
    """See the module's docstring. ``salt`` sets this node's greetings apart from those of every other."""

    def __init__(self, chain: ChainState, mempool: Mempool, now: Callable[[], float]) -> None:
        self.clock = now
        self.salt = b""
        self.now = now
        #: Connected peers by number, the oldest first.
        self.all: dict[int, Peer] = {}
        #: Nodes that shall be connected to whenever they are not, host:port.
        self.added: list[str] = []
        #: Nodes to be tried once.
        self.dials: deque[str] = deque()
        #: Where this node listens, host:port.
        self.listening: list[str] = []
        self.active = True
        #: Bytes of all connections, ended ones too.
        self.bytes_sent = self.bytes_received = 0
        #: Why the last peers were dropped, by address.
        self.dropped: deque[tuple[str, str]] = deque(maxlen=100)
        self.blocks = BlockSync(chain, now, lambda: self.clock())
        self.transactions = TransactionRelay(chain, mempool, now, lambda: self.clock())
        self._chain = chain
        self._mempool = mempool
        self._count = 0
        self._nonces: dict[int, int] = {}
        chain.listeners.append(self._on_block)
        mempool.listeners.append(self._on_transaction)

    def connected(
        self,
        address: str,
        *,
        inbound: bool,
        bound: str = "",
        manual: bool = False,
        wake: Callable[[], None] = lambda: None,
    ) -> Peer:
        """A connection exists. Where there are too many, or the network is switched off, its peer is closed at once."""
        number, self._count = self._count, self._count + 1
        peer = Peer(
            self,
            lambda: self.clock(),
            number=number,
            address=address,
            bound=bound,
            inbound=inbound,
            manual=manual,
            wake=wake,
        )
        same = sum(1 for other in self.all.values() if other.inbound is inbound)
        if not self.active:
            peer.close("the network is switched off")
        elif same >= (INBOUND_MAX if inbound else OUTBOUND_MAX):
            peer.close("too many peers")
        else:
            self.all[number] = peer
        return peer

    def disconnected(self, peer: Peer) -> None:
        """The connection is no more."""
        peer.close("the peer hung up")
        if self.all.pop(peer.number, None) is None:
            return
        self.dropped.append((peer.address, peer.reason))
        self._nonces.pop(peer.number, None)
        self.blocks.gone(peer)
        self.transactions.gone(peer)
        for other in self._ready():
            self.blocks.fetch(other)

    def tick(self) -> None:
        """Time has passed: time-outs, and blocks that are still to be asked for."""
        for peer in list(self.all.values()):
            peer.tick()
        self.blocks.tick()
        self.transactions.tick()
        for peer in self._ready():
            self.blocks.fetch(peer)

    def missing(self) -> list[str]:
        """The added nodes that there is no connection to."""
        there = {peer.address for peer in self.all.values() if not peer.inbound}
        return [address for address in self.added if address not in there] if self.active else []

    def add(self, address: str) -> None:
        """Stay connected to a node from now on. Raises NodeKnown."""
        if address in self.added:
            raise NodeKnown(address)
        self.added.append(address)

    def remove(self, address: str) -> None:
        """Stay connected no more; a connection that exists goes on. Raises NodeUnknown."""
        if address not in self.added:
            raise NodeUnknown(address)
        self.added.remove(address)

    def drop(self, address: str = "", number: int | None = None) -> None:
        """Hang up on a peer by its address, or by its number. Raises NodeUnknown."""
        found = [
            peer
            for peer in self.all.values()
            if (peer.address == address if number is None else peer.number == number)
        ]
        if not found:
            raise NodeUnknown(address or str(number))
        for peer in found:
            peer.close("disconnected on request")

    def switch(self, active: bool) -> None:
        """Switch the network on, or off, which hangs up on everybody."""
        self.active = active
        if not active:
            for peer in list(self.all.values()):
                peer.close("the network is switched off")

    # What the peers need of their desk.

    def greeting(self, peer: Peer) -> p2p.Version:
        """Our version for this peer."""
        seed = bitcoin.sha256d(self.salt + peer.number.to_bytes(8, "little"))
        nonce = int.from_bytes(seed[:8], "little")
        self._nonces[peer.number] = nonce
        return p2p.Version(
            services=OFFERED,
            time=int(self.now()),
            receiver=address_of(peer.address),
            sender=p2p.Address(services=OFFERED),
            nonce=nonce,
            agent=AGENT,
            height=self._chain.tip.height,
        )

    def is_ours(self, nonce: int) -> bool:
        """Whether we said this nonce on a connection that is still open."""
        return nonce in self._nonces.values()

    def ready(self, peer: Peer) -> None:
        """Ask for headers, and say what is too cheap to be announced."""
        peer.announced = self._chain.tip.hash  # it asks for what is there already
        peer.send(p2p.FeeFilter(rate=RELAY_FEE_SATS_PER_KVB))
        self.blocks.ask_headers(peer)

    def heard(self, peer: Peer, message: Message) -> None:
        """Act on a message of a ready peer; what has no meaning here is ignored."""
        match message:
            case p2p.Headers(headers=headers):
                self.blocks.heard_headers(peer, headers)
            case p2p.BlockMessage(block=block):
                self.blocks.heard_block(peer, block)
            case p2p.TxMessage(tx=tx):
                self.transactions.heard_tx(peer, tx)
            case p2p.Inv(items=items):
                self.blocks.heard_blocks(peer, items)
                if not self.blocks.behind:
                    self.transactions.heard_inv(peer, items)
            case p2p.NotFound(items=items):
                self.blocks.not_found(peer, items)
                self.transactions.not_found(peer, items)
            case _:
                self._answer(peer, message)

    def _answer(self, peer: Peer, question: Message) -> None:
        match question:
            case p2p.GetHeaders():
                self.blocks.answer_headers(peer, question)
            case p2p.GetBlocks():
                self.blocks.answer_blocks(peer, question)
            case p2p.GetData(items=items):
                self._want(peer, items)
            case p2p.MemPool():
                self.transactions.whole_mempool(peer)
            case _:
                pass

    def refill(self, peer: Peer) -> None:
        """News first, then what it asked for."""
        self.blocks.announce(peer)
        self.transactions.announce(peer)
        self._serve(peer)

    def _serve(self, peer: Peer) -> None:
        """A piece of what it asked for."""
        missing = []
        while peer.wanted and peer.outgoing_bytes < CHUNK_BYTES:
            item = peer.wanted.popleft()
            found = self._found(item)
            if found is None and item.kind in _TRANSACTIONS:
                missing.append(item)  # what else is not there is passed over in silence, as in Core
            elif found is not None:
                peer.send(found)
                if isinstance(found, p2p.TxMessage):
                    peer.learn(item.hash)
        if missing:
            peer.send(p2p.NotFound(items=tuple(missing)))

    def _want(self, peer: Peer, items: tuple[Item, ...]) -> None:
        if len(peer.wanted) + len(items) > WANTED_MAX:
            peer.close("it asks for more than it takes")
            return
        peer.wanted.extend(items)
        self._serve(peer)
        peer.wake()

    def _found(self, item: Item) -> Message | None:
        witness = bool(item.kind & WITNESS_FLAG)
        if item.kind in (Kind.BLOCK, Kind.WITNESS_BLOCK, Kind.COMPACT_BLOCK):
            entry = self._chain.index.get(item.hash)
            whole = (
                witness or item.kind == Kind.COMPACT_BLOCK
            )  # as Core answers for all but the newest blocks
            found = entry is not None and not entry.invalid
            return p2p.BlockMessage(block=entry.block, witness=whole) if entry and found else None
        if item.kind in _TRANSACTIONS:
            waiting = self._mempool.find(item.hash)
            if waiting is not None:
                return p2p.TxMessage(tx=waiting.tx, witness=item.kind != Kind.TX)
        return None

    def _ready(self) -> list[Peer]:
        return [peer for peer in self.all.values() if peer.ready]

    def _on_block(self, _: BlockEvent) -> None:
        self.transactions.on_block()
        for peer in self._ready():
            peer.wake()

    def _on_transaction(self, entry: Waiting) -> None:
        self.transactions.came_in(entry, self._ready())


def address_of(text: str) -> p2p.Address:
    """host:port as the wire has it; a name instead of an IP address becomes zeros."""
    host, _, port = text.rpartition(":")
    return p2p.Address(host=host.strip("[]"), port=int(port) if port.isdecimal() else 0)
