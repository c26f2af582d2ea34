"""What of a wire gateway outlives it: its place in the network, and whom it serves."""

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from typing import Any

from alys.actors.ref import Ref
from alys.base.errors import EnvironmentFailure
from alys.shells import wire_keys
from alys.shells.wire_link import Times

BACKLOG = 64


class Door:
    """What outlives the gateway: its place in the network, its key, and what is open. Whoever kills the gateway closes it."""

    def __init__(
        self,
        name: str,
        secret: bytes,
        peers: Mapping[str, bytes],
        *,
        network: bytes,
        host: str = "127.0.0.1",
        port: int = 0,
        announced: str = "",
        times: Times | None = None,
    ) -> None:
        """``announced`` is where peers shall dial, if that is not ``host:port``. Raises BadWireKey."""
        self.name = name
        self.network = network
        self.times = times or Times()
        self.peers = tuple(sorted(peers))
        self.contexts = wire_keys.contexts(secret, peers)
        self.host = host
        self.port = port
        #: The Network that asked to listen: a gateway that is restarted goes on for it.
        self.owner: Ref | None = None
        #: Peers that it is cut off from: see ``Isolate``.
        self.isolated: frozenset[str] = frozenset()
        self._announced = announced
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> str:
        """Where peers shall dial; known once it listens."""
        return self._announced or f"{self.host}:{self.port}"

    def listen(self) -> socket.socket:
        """Take the port; the same one again after a restart. Raises EnvironmentFailure."""
        self.break_off()
        try:
            listener = socket.create_server((self.host, self.port), backlog=BACKLOG)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot take connections of peers on {self.host}:{self.port}: {error.strerror}; "
                "choose another port, or 0 for a free one"
            ) from error
        listener.setblocking(False)
        self._listener = listener
        self.port = int(listener.getsockname()[1])
        return listener

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that ends with the door."""
        self._loop = asyncio.get_running_loop()
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Everything that is open, at once, and for good: whoever comes next is to ask anew to listen."""
        self.owner = None
        self.break_off()

    def break_off(self) -> None:
        """Everything that is open, at once."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if self._listener is not None:
            if self._loop is not None:
                # The task that accepts lets go of it only in its next turn; the number may be another socket's by then.
                self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
