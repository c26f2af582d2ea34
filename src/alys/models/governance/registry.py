"""Who is connected, who has registered, and what was heard from whom.

A connection's life: ``open`` (authenticated or refused), ``register`` (must come first), ``close``.
What nodes reported outlives their connections, so that a test can read it after the fact.
"""

from collections.abc import Mapping

import msgspec

from alys.base.errors import AlysError
from alys.base.prng import Random
from alys.models.governance.access import Access
from alys.models.governance.limits import Limits
from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb

SESSION_SECONDS = 3600  # the life of a session token
SESSION_TOKEN_BYTES = 16
NODES_MAX = 1_000  # whose last status is kept; who was silent longest goes first


class Unauthenticated(AlysError):
    """The caller's metadata carries neither the token nor the key; the stream is not opened."""


class TooManyConnections(AlysError):
    """The node holds as many streams as it may; retry when another has ended."""

    def __init__(self, streams_max: int) -> None:
        super().__init__(f"all {streams_max} connections are in use")


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a node said of itself, and the session it was given."""

    node_id: str
    public_key: str
    version: str
    capabilities: tuple[str, ...]
    session_token: str
    expires_at: int
    """Unix seconds."""


class Connection(msgspec.Struct, kw_only=True):
    """One open stream. ``registration`` is None until the first accepted registration."""

    connection_id: str
    registration: Registration | None = None
    heard_at: float
    """When the last message came in."""


class Registry:
    """Connections by id, in the order they were opened."""

    def __init__(self, random: Random, access: Access, limits: Limits) -> None:
        self._random = random
        self._access = access
        self._limits = limits
        self._open: dict[str, Connection] = {}
        self.last_status: dict[str, object] | None = None
        self.last_status_by_node: dict[str, dict[str, object]] = {}

    def open(self, connection_id: str, metadata: Mapping[str, str], now: float) -> None:
        """Admit a stream; raises Unauthenticated, TooManyConnections, ValueError on a known id."""
        if connection_id in self._open:
            raise ValueError(f"connection {connection_id} is open already")
        refusal = self._access.refuses(metadata)
        if refusal is not None:
            raise Unauthenticated(refusal)
        if len(self._open) >= self._limits.streams:
            raise TooManyConnections(self._limits.streams)
        self._open[connection_id] = Connection(connection_id=connection_id, heard_at=now)

    def __len__(self) -> int:
        return len(self._open)

    def close(self, connection_id: str) -> None:
        """Forget a stream; closing twice is harmless."""
        self._open.pop(connection_id, None)

    def get(self, connection_id: str) -> Connection:
        """An open stream; raises KeyError."""
        return self._open[connection_id]

    def crowded(self, connection: Connection, node_id: str) -> bool:
        """Whether one more stream may not register under this id."""
        others = [
            one
            for one in self._open.values()
            if one is not connection and one.registration and one.registration.node_id == node_id
        ]
        return len(others) >= self._limits.streams_of_one

    @property
    def registered(self) -> list[str]:
        """The connections that have registered, in the order they were opened."""
        return [name for name, one in self._open.items() if one.registration is not None]

    def register(
        self, connection: Connection, node_id: str, said: pb.NodeRegistration, now: float
    ) -> Registration:
        """Give a session; registering again on one stream keeps the token and moves its end."""
        old = connection.registration
        token = old.session_token if old else self._random.randbytes(SESSION_TOKEN_BYTES).hex()
        connection.registration = Registration(
            node_id=node_id,
            public_key=said.node_info.public_key,
            version=said.node_info.version,
            capabilities=tuple(said.capabilities),
            session_token=token,
            expires_at=int(now) + SESSION_SECONDS,
        )
        return connection.registration

    def heard_status(self, connection: Connection, said: pb.StatusUpdate, now: float) -> None:
        """Keep a node's latest status."""
        assert connection.registration is not None, "status before registration"
        node_id = connection.registration.node_id
        self.last_status = {
            "node_id": node_id,
            "received_at": now,
            "status": enum_name(pb.NodeStatus, said.status),
            "block_height": said.block_height,
            "sync_status": enum_name(pb.SyncStatus, said.sync_status),
            "connection_count": said.connection_count,
        }
        self.last_status_by_node.pop(node_id, None)
        self.last_status_by_node[node_id] = self.last_status
        if len(self.last_status_by_node) > NODES_MAX:
            del self.last_status_by_node[next(iter(self.last_status_by_node))]

    def view(self) -> list[dict[str, object]]:
        """The open streams as JSON values, without session tokens."""
        return [_connection_view(connection) for connection in self._open.values()]


def _connection_view(connection: Connection) -> dict[str, object]:
    view: dict[str, object] = {"connection_id": connection.connection_id, "registered": False}
    registration = connection.registration
    if registration is not None:
        view.update(
            registered=True,
            node_id=registration.node_id,
            public_key=registration.public_key,
            version=registration.version,
            capabilities=list(registration.capabilities),
            expires_at=registration.expires_at,
        )
    return view
