"""What the node needs of the world outside, as messages. A port is a ref behind which a gateway stands (in memory in the
simulated world, on sockets in the others); a call is an ask, and what comes in by itself arrives as a tell.
"""

from typing import Any, ClassVar

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
    """All of it or nothing, on disk when the ask returns."""

    puts: tuple[tuple[bytes, bytes], ...]
    deletes: tuple[bytes, ...] = ()


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
    """To the transport: connect to the other nodes of the federation and take their connections; the sender gets what comes in."""


class WireSend(Message, frozen=True, kw_only=True):
    """Send bytes to one peer, in order. Dropped where it is not connected: ``WireDown`` has said so or will."""

    peer: str
    data: bytes


class WireUp(Message, frozen=True, kw_only=True):
    """A peer is connected, and is who it says it is."""

    peer: str


class WireReceived(Message, frozen=True, kw_only=True):
    """Bytes from a peer, in the order in which it sent them."""

    peer: str
    data: bytes


class WireDown(Message, frozen=True, kw_only=True):
    """A peer is no longer connected; what was on its way may be lost."""

    priority: ClassVar[Priority] = Priority.NORMAL
    peer: str
    reason: str
