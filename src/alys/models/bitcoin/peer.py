"""One peer, sans I/O: bytes in with ``receive``, bytes out with ``data_to_send``, and the manners of the connection.

Theory of operation. A peer greets (``GREETING``), is ready once both versions are confirmed (``READY``), and ends
(``CLOSED``) for a reason that is kept. Greeting, pings and frames are settled here; the rest goes to the ``desk``, which is
told of each message. What is said waits in a queue; when it is empty the desk is asked for more, so that a peer that reads
slowly holds back its own answers and nobody's memory. Nothing here reads a clock: the caller gives ``clock``, in seconds.
"""

import enum
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from alys.wire import bitcoin_p2p as p2p
from alys.wire.bitcoin import MalformedBitcoin
from alys.wire.bitcoin_p2p import Item, Message

PROTOCOL_VERSION_MIN = 31800
"""Older nodes know no headers; Core turns them away."""

GREETING_SECONDS = 60
PING_EVERY_SECONDS = 120
SILENT_SECONDS = 20 * 60
OUTGOING_BYTES_MAX = 10_000_000
"""What may wait for a peer that does not read; two blocks and some."""

WANTED_MAX = 2 * p2p.INVENTORY_MAX
"""Items that a peer may ask for before it is sent the first."""

KNOWN_MAX = 50_000
"""Transactions that a peer is remembered to have."""


class PeerState(enum.Enum):
    """How far a connection is."""

    GREETING = "greeting"
    READY = "ready"
    CLOSED = "closed"


_GREETINGS = (p2p.Verack, p2p.WtxidRelay, p2p.SendAddrV2)


class Desk(Protocol):
    """Who answers a peer's messages and has things to say to it."""

    def greeting(self, peer: "Peer") -> p2p.Version:
        """Our version for this peer."""

    def is_ours(self, nonce: int) -> bool:
        """Whether a version's nonce is one of ours: the peer is this node."""

    def ready(self, peer: "Peer") -> None:
        """A peer's greeting is over."""

    def heard(self, peer: "Peer", message: Message) -> None:
        """A ready peer said something that is not about the connection."""

    def refill(self, peer: "Peer") -> None:
        """A ready peer has nothing to be sent any more: say what there is to say."""


class Peer:
    """A connection to another node. ``number`` is its id in RPC answers; ``manual`` ones were asked for by the user."""

    def __init__(
        self,
        desk: Desk,
        clock: Callable[[], float],
        *,
        number: int,
        address: str,
        bound: str = "",
        inbound: bool,
        manual: bool = False,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.number = number
        self.address = address
        self.bound = bound
        self.inbound = inbound
        self.manual = manual
        self.state = PeerState.GREETING
        self.reason = ""
        #: The peer's version, from its greeting on.
        self.version: p2p.Version | None = None
        self.wtxid_relay = False
        self.send_headers = False
        self.addresses_v2 = False
        self.fee_filter = 0
        #: The best block that the peer is known to have, the last header that it was sent, the last tip announced to it.
        self.best = ""
        self.told = ""
        self.announced = ""
        #: Items it asked for and was not sent yet.
        self.wanted: deque[Item] = deque()
        #: Transactions to be announced to it.
        self.news: deque[str] = deque()
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        #: Messages that could not be read.
        self.unread = 0
        self.opened_at = clock()
        self.last_sent_at = self.last_received_at = 0.0
        self.ping_seconds: float | None = None
        self.ping_seconds_min: float | None = None
        self.wake = wake
        self._desk = desk
        self._clock = clock
        self._frames = p2p.Frames()
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._known: dict[str, None] = {}
        self._pinged: tuple[int, float] | None = None
        self._pings = 0
        self._answered_at = self.opened_at
        if not inbound:
            self.send(desk.greeting(self))

    @property
    def ready(self) -> bool:
        """Whether greetings were exchanged and nobody hung up."""
        return self.state is PeerState.READY

    @property
    def closed(self) -> bool:
        """Whether this is over."""
        return self.state is PeerState.CLOSED

    @property
    def waiting_seconds(self) -> float | None:
        """How long a ping is without its answer."""
        return None if self._pinged is None else self._clock() - self._pinged[1]

    def knows(self, name: str) -> bool:
        """Whether the peer is remembered to have a transaction (by either of its hashes)."""
        return name in self._known

    def learn(self, name: str) -> None:
        """Remember that the peer has it; the oldest memory goes."""
        self._known[name] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def close(self, reason: str) -> None:
        """Hang up. The first reason stays."""
        if not self.closed:
            self.state, self.reason = PeerState.CLOSED, reason
            self._outgoing.clear()
            self.wanted.clear()
            self.news.clear()
            self.wake()

    def send(self, message: Message) -> None:
        """Queue a message; a peer that lets too much of it wait is dropped."""
        if self.closed:
            return
        data = p2p.encode(message)
        self.sent[_command(data)] += len(data)
        self._outgoing.append(data)
        self._outgoing_bytes += len(data)
        if self._outgoing_bytes > OUTGOING_BYTES_MAX:
            self.close(f"it leaves {self._outgoing_bytes} bytes unread")
        self.wake()

    @property
    def outgoing_bytes(self) -> int:
        """What waits to be sent."""
        return self._outgoing_bytes

    def data_to_send(self) -> bytes:
        """What is to be written now; empty when there is nothing more to say."""
        if not self._outgoing and self.ready:
            self._desk.refill(self)
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        self._outgoing_bytes = 0
        if data:
            self.last_sent_at = self._clock()
        return data

    def receive(self, data: bytes) -> None:
        """Take bytes in and act on the messages that they complete.

        A stream that cannot be one and a message beyond a limit close the connection; a message that cannot be read otherwise
        is passed over, as Core does.
        """
        if self.closed:
            return
        self.last_received_at = self._clock()
        try:
            frames = self._frames.receive(data)
        except MalformedBitcoin as error:
            self.close(str(error))
            return
        for frame in frames:
            name = frame.command if frame.command in p2p.COUNTED else p2p.OTHER
            self.received[name] += p2p.FRAME_HEAD_BYTES + len(frame.payload)
            if not self.closed:
                self._hear_frame(frame)

    def ping(self) -> None:
        """Ask whether the peer is there; a question under way is enough."""
        if self.ready and self._pinged is None:
            self._pings += 1
            nonce = (self.number << 32) + self._pings
            self._pinged = (nonce, self._clock())
            self.send(p2p.Ping(nonce=nonce))

    def tick(self) -> None:
        """Time has passed: ping, or give up."""
        now = self._clock()
        if self.state is PeerState.GREETING and now - self.opened_at > GREETING_SECONDS:
            self.close(f"no handshake within {GREETING_SECONDS} s")
        if not self.ready:
            return
        waited = self.waiting_seconds
        if waited is not None and waited > SILENT_SECONDS:
            self.close(f"no answer to a ping within {SILENT_SECONDS} s")
        elif waited is None and now - self._answered_at > PING_EVERY_SECONDS:
            self.ping()

    def _hear_frame(self, frame: p2p.Frame) -> None:
        try:
            message = p2p.decode(frame)
        except p2p.TooMuch as error:
            self.close(str(error))
        except MalformedBitcoin:
            self.unread += 1
        else:
            self._hear(message)

    def _hear(self, message: Message) -> None:
        if isinstance(message, p2p.Version):
            self._hear_version(message)
        elif self.version is None:
            pass  # Core: "non-version message before version handshake", ignored
        elif isinstance(message, _GREETINGS):
            self._hear_greeting(message)
        elif isinstance(message, p2p.SendHeaders):
            self.send_headers = True
        elif self.ready:  # else Core: "unsupported message prior to verack", ignored
            self._hear_ready(message)

    def _hear_greeting(self, message: Message) -> None:
        if isinstance(message, p2p.Verack):
            self._hear_verack()
        elif self.ready:
            self.close(f"{type(message).__name__.lower()} received after verack")
        elif isinstance(message, p2p.WtxidRelay):
            self.wtxid_relay = True
        else:
            self.addresses_v2 = True

    def _hear_ready(self, message: Message) -> None:
        match message:
            case p2p.Ping(nonce=nonce):
                self.send(p2p.Pong(nonce=nonce))
            case p2p.Pong(nonce=nonce):
                self._hear_pong(nonce)
            case p2p.FeeFilter(rate=rate):
                self.fee_filter = max(0, rate)
            case _:
                self._desk.heard(self, message)

    def _hear_version(self, message: p2p.Version) -> None:
        if self.version is not None:
            return  # Core: "redundant version message", ignored
        if message.protocol < PROTOCOL_VERSION_MIN:
            self.close(f"its protocol version {message.protocol} is obsolete")
            return
        if self.inbound and self._desk.is_ours(message.nonce):
            self.close("connected to itself")
            return
        self.version = message
        if self.inbound:
            self.send(self._desk.greeting(self))
        self.send(p2p.WtxidRelay())
        self.send(p2p.SendAddrV2())
        self.send(p2p.Verack())

    def _hear_verack(self) -> None:
        if self.state is PeerState.GREETING:
            self.state = PeerState.READY
            self.send(p2p.SendHeaders())
            self.ping()
            self._desk.ready(self)

    def _hear_pong(self, nonce: int) -> None:
        if self._pinged is None or self._pinged[0] != nonce:
            return
        seconds = self._clock() - self._pinged[1]
        self._pinged = None
        self._answered_at = self._clock()
        self.ping_seconds = seconds
        least = self.ping_seconds_min
        self.ping_seconds_min = seconds if least is None else min(least, seconds)


def _command(frame: bytes) -> str:
    return frame[4:16].rstrip(b"\x00").decode("ascii")
