"""The sockets of a Bitcoin node's peers: a port that listens, connections that are wanted, and the second hand for time-outs.

What is said over them is decided in ``models.bitcoin.peers``. A new session has other chains: ``begin`` hangs up on everybody
and goes on with the new node's peers.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Sequence

from alys.base.errors import EnvironmentFailure
from alys.models.bitcoin.peer import Peer
from alys.models.bitcoin.peers import Peers
from alys.shells.background import Background
from alys.shells.jsonrpc_server import RunningServer, bind

READ_BYTES = 1 << 16
LOOK_SECONDS = 1.0
"""How often time-outs are looked at and wanted connections tried again."""

DIAL_SECONDS = 5.0
CLOSE_SECONDS = 1.0

LOG = logging.getLogger("alys.bitcoin.peers")


class PeerPort:
    """See the module's docstring. ``connect``: nodes to stay connected to, host:port."""

    def __init__(self, peers: Peers, connect: Sequence[str] = ()) -> None:
        self._connect = tuple(connect)
        self._listening: list[str] = []
        self._background = Background()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dialled: set[str] = set()
        self._peers = peers
        self.begin(peers)

    def begin(self, peers: Peers) -> None:
        """Go on with these peers, and with none of those before."""
        if peers is not self._peers:
            self._peers.switch(False)
        self._peers = peers
        peers.salt = os.urandom(16)
        peers.clock = time.monotonic
        peers.listening = list(self._listening)
        peers.added = list(self._connect)

    async def open(self, host: str, port: int) -> RunningServer:
        """Listen; port 0 takes a free one. Raises EnvironmentFailure when the port is in use."""
        listener = bind(host, port, "Bitcoin P2P")
        try:
            server = await asyncio.start_server(self._inbound, sock=listener, limit=READ_BYTES)
        except OSError as error:
            listener.close()
            raise EnvironmentFailure(
                f"cannot listen on {host}:{port} for Bitcoin P2P: {error}"
            ) from error
        bound = int(listener.getsockname()[1])
        address = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
        self._listening = [address]
        self._peers.listening = [address]
        self._background.start("peers of the Bitcoin node", self._watch())

        async def close() -> None:
            server.close()
            self._peers.switch(False)
            self._background.end()
            await self._background.finish(CLOSE_SECONDS)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        return RunningServer(url=address, port=bound, close=close)

    @property
    def health(self) -> str:
        """Why peers are not looked after any more, "" while they are."""
        return self._background.health()

    async def _watch(self) -> None:
        while not self._background.ending:
            self._peers.tick()
            while self._peers.dials:
                self._dial(self._peers.dials.popleft())
            for address in self._peers.missing():
                self._dial(address)
            await self._background.pause(LOOK_SECONDS)

    def _dial(self, address: str) -> None:
        if address not in self._dialled:
            self._dialled.add(address)
            self._start(self._outbound(address, self._peers))

    async def _outbound(self, address: str, peers: Peers) -> None:
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError, ValueError) as error:
            LOG.debug("no connection to %s: %s", address, error)
            return
        finally:
            self._dialled.discard(address)
        await self._talk(peers, reader, writer, address, inbound=False)

    async def _inbound(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(task := _this_task())
        task.add_done_callback(self._tasks.discard)
        address = _shown(writer.get_extra_info("peername"))
        await self._talk(self._peers, reader, writer, address, inbound=True)

    async def _talk(
        self,
        peers: Peers,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
        *,
        inbound: bool,
    ) -> None:
        woken = asyncio.Event()
        bound = _shown(writer.get_extra_info("sockname"))
        peer = peers.connected(
            address, inbound=inbound, bound=bound, manual=not inbound, wake=woken.set
        )
        sending = self._start(_send(peer, writer, woken))
        try:
            while not peer.closed:
                data = await reader.read(READ_BYTES)
                if not data:
                    break
                peer.receive(data)
        except OSError as error:
            peer.close(f"the connection broke: {error}")
        finally:
            peers.disconnected(peer)
            LOG.info("peer %s is gone: %s", address, peer.reason)
            woken.set()
            await asyncio.wait([sending])
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()

    def _start(self, work: "asyncio._CoroutineLike[None]") -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _send(peer: Peer, writer: asyncio.StreamWriter, woken: asyncio.Event) -> None:
    """Write what there is whenever the peer wakes; break the connection off once it is closed."""
    with contextlib.suppress(OSError):
        while not peer.closed:
            woken.clear()
            while data := peer.data_to_send():
                writer.write(data)
                await writer.drain()
            if not peer.closed:
                await woken.wait()
    writer.transport.abort()


def _this_task() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None, "called on a loop"
    return task


def _shown(address: tuple[str, int] | None) -> str:
    if not address:
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
