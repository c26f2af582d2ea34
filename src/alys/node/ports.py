"""What the node needs of the world outside, as messages. A port is a ref behind which a gateway stands (in memory in the
simulated world, on sockets in the others); a call is an ask, and what comes in by itself arrives as a tell.
"""

from typing import Any, ClassVar

import msgspec

from alys.actors.message import Message, Priority, Request


class JsonRpcCall(Request[Any], frozen=True, kw_only=True):
    """One JSON-RPC call to the service behind the port. The ask fails with ``wire.jsonrpc.RpcError`` when it answers an error,
    and with ``PortDown`` when it cannot be reached.
    """

    method: str
    params: tuple[Any, ...] = ()


class StoreGet(Request[bytes | None], frozen=True, kw_only=True):
    """The value under a key of the durable store, None when there is none."""

    key: bytes


class StoreScan(Request[tuple[tuple[bytes, bytes], ...]], frozen=True, kw_only=True):
    """All pairs whose key begins with the prefix, in the order of the keys."""

    prefix: bytes


class StoreWrite(Request[None], frozen=True, kw_only=True):
    """All of it or nothing, on disk when the ask returns. Fails with StoreFailed when the store took nothing of it."""

    puts: tuple[tuple[bytes, bytes], ...]
    deletes: tuple[bytes, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the whole store as it was at one moment."""

    name: str
    place: str
    """Where it is, in the words of whoever keeps it (a folder)."""
    size_bytes: int


class StoreSnapshot(Request[Snapshot], frozen=True, kw_only=True):
    """Copy the store, between two batches, while it goes on. Older copies beyond ``keep`` are removed, the oldest first.

    A copy of the same name is replaced. Fails with StoreFailed when there is no room for it.
    """

    timeout_seconds: ClassVar[float] = 60.0
    name: str
    keep: int


class OpenStream(Message, frozen=True, kw_only=True):
    """Open the bidirectional stream to a governance node (by its place in the list); the sender gets what comes in."""

    endpoint: int
    token: str | None = None


class SendFrame(Message, frozen=True, kw_only=True):
    """Send a serialised ``StreamRequest``. Dropped, and said so by ``StreamClosed``, when the stream is not open."""

    endpoint: int
    frame: bytes


class CloseStream(Message, frozen=True, kw_only=True):
    """End the stream from our side."""

    endpoint: int


class StreamOpened(Message, frozen=True, kw_only=True):
    """The stream is there; registration may begin."""

    endpoint: int


class FrameReceived(Message, frozen=True, kw_only=True):
    """A serialised ``StreamResponse``."""

    endpoint: int
    frame: bytes


class StreamClosed(Message, frozen=True, kw_only=True):
    """The stream ended or could not be opened."""

    priority: ClassVar[Priority] = Priority.NORMAL
    endpoint: int
    reason: str
    reached: bool = True
    """False when nobody answered at the address: not the node's word, only its absence."""


class WireListen(Message, frozen=True, kw_only=True):
    """To the transport: take connections of the other nodes; the sender gets what comes in, and what is there already."""


class WireDial(Message, frozen=True, kw_only=True):
    """Connect to a peer, unless it is connected already. ``WireUp`` or ``WireDown`` says what came of it."""

    peer: str
    address: str
    """``host:port``; who answers there must be this peer."""


class WireClose(Message, frozen=True, kw_only=True):
    """End the connection with a peer, if there is one; ``WireDown`` follows."""

    peer: str
    reason: str


class WireSend(Message, frozen=True, kw_only=True):
    """Send bytes to one peer, in order. Dropped where it is not connected: ``WireDown`` has said so or will."""

    peer: str
    data: bytes


class WireUp(Message, frozen=True, kw_only=True):
    """A peer is connected, and is who it says it is."""

    peer: str
    address: str = ""
    """Where it takes connections, by its own word; empty: it does not say."""


class WireReceived(Message, frozen=True, kw_only=True):
    """Bytes from a peer, in the order in which it sent them."""

    peer: str
    data: bytes


class WireDropped(Message, frozen=True, kw_only=True):
    """A peer did not read as fast as it was sent to: so many of the oldest sendings were given up."""

    peer: str
    count: int


TRANSPORT_RESTARTED = "the transport was restarted"
"""Why nobody is connected any more after a gateway has failed."""


class WireDown(Message, frozen=True, kw_only=True):
    """A peer is no longer connected, or could not be; what was on its way may be lost."""

    priority: ClassVar[Priority] = Priority.NORMAL
    peer: str
    reason: str
    reached: bool = True
    """False when no connection came about: nobody was there, or somebody else."""


class WireAddress(Request[str], frozen=True, kw_only=True):
    """Where the transport takes connections, ``host:port``."""
