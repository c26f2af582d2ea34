"""The port actor between a node and the other nodes of its federation: TLS 1.3 sockets, one connection per peer.

It takes connections, dials when told to, and says what became of it; whom to dial and when to try again is the Peer actor's business.
Two nodes may dial each other at the same moment: then both keep the connection that the one with the lesser name made. A connection
that comes much later than the one it would stand beside replaces it: the peer dials because it has lost that one.
"""

import asyncio
import contextlib
import socket

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import MailboxFull
from alys.actors.message import Message
from alys.node import ports
from alys.shells.wire_door import Door
from alys.shells.wire_link import Link, LinkBroken, words

STRANGERS_MAX = 64
"""Connections that have not proved a key yet; one more is closed at once."""
REPLACED = "replaced by another connection"
FULL_WAIT_SECONDS = 0.01
"""Between two attempts to hand something to a node that cannot take it now; nothing is read from that peer meanwhile."""


class Isolate(Message, frozen=True, kw_only=True):
    """For worlds: be cut off from these peers until told otherwise, as by a network that is."""

    peers: tuple[str, ...]


class WireGateway(Actor):
    """See the module's docstring."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._links: dict[str, Link] = {}
        self._dialling: set[str] = set()
        self._strangers = 0
        self._context: Context

    @override
    def on_start(self, ctx: Context) -> None:
        self._context = ctx
        self._listener = self._door.listen()
        if self._door.owner is not None:
            self._door.run(self._begin_anew())

    def on_address(self, message: ports.WireAddress, ctx: Context) -> str:
        """See WireAddress."""
        return self._door.address

    def on_listen(self, message: ports.WireListen, ctx: Context) -> None:
        """Take connections from now on; a Network that was restarted hears of those that it had."""
        first, self._door.owner = self._door.owner is None, ctx.sender
        for peer, link in self._links.items():
            self._tell(ports.WireUp(peer=peer, address=link.address))
        if first:
            self._door.run(self._take())

    def on_dial(self, message: ports.WireDial, ctx: Context) -> None:
        """Connect, unless that is done or under way."""
        if message.peer not in self._links and message.peer not in self._dialling:
            self._dialling.add(message.peer)
            self._door.run(self._dial(message.peer, message.address))

    def on_close(self, message: ports.WireClose, ctx: Context) -> None:
        """End the connection."""
        if message.peer in self._links:
            self._links[message.peer].end(message.reason)

    def on_send(self, message: ports.WireSend, ctx: Context) -> None:
        """Queue for the peer."""
        if message.peer in self._links:
            self._links[message.peer].send(message.data)

    def on_isolate(self, message: Isolate, ctx: Context) -> None:
        """See Isolate."""
        self._door.isolated = frozenset(message.peers)
        for peer in self._door.isolated & self._links.keys():
            self._links[peer].end("no answer in time")

    @override
    def post_stop(self, ctx: Context) -> None:
        self._door.close()

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        self._door.break_off()

    # Connections

    async def _begin_anew(self) -> None:
        """For a Network that knows of no restart: none of its connections is left, which it hears first."""
        for peer in self._door.peers:
            await self._hand_over(ports.WireDown(peer=peer, reason=ports.TRANSPORT_RESTARTED))
        await self._take()

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:  # it was reset before it was taken, or there are no descriptors now
                await asyncio.sleep(FULL_WAIT_SECONDS)
                continue
            if self._strangers >= STRANGERS_MAX:
                connection.close()
            else:
                self._strangers += 1
                self._door.run(self._answer(connection))

    async def _answer(self, connection: socket.socket) -> None:
        """A connection that came in, from the first byte to the last."""
        loop, times = asyncio.get_running_loop(), self._door.times
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._door.contexts.server,
                ssl_handshake_timeout=times.handshake,
            )
        except OSError:  # a stranger; TLS and its time-out raise kinds of this
            self._strangers -= 1
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        link = Link(reader, writer, times, dialled=False)
        try:
            peer = await self._meet(link, writer)
        except (LinkBroken, OSError, EOFError, TimeoutError):
            link.close()
            return
        finally:
            self._strangers -= 1
        await self._live(peer, link)

    async def _dial(self, peer: str, address: str) -> None:
        """A connection that this side makes."""
        try:
            link = await self._connect(peer, address)
        except (LinkBroken, OSError, EOFError, TimeoutError, ValueError) as error:
            reason = f"{address}: {words(error)}"
            await self._hand_over(ports.WireDown(peer=peer, reason=reason, reached=False))
            return
        finally:
            self._dialling.discard(peer)
        await self._live(peer, link)

    async def _connect(self, peer: str, address: str) -> Link:
        if peer in self._door.isolated:
            raise LinkBroken("no answer in time")
        host, _, port = address.rpartition(":")
        times = self._door.times
        async with asyncio.timeout(2 * times.handshake):
            reader, writer = await asyncio.open_connection(
                host,
                int(port),
                ssl=self._door.contexts.client,
                ssl_handshake_timeout=times.handshake,
            )
        link = Link(reader, writer, times, dialled=True)
        try:
            found = await self._meet(link, writer)
            if found != peer:
                raise LinkBroken(f"{found} answers there")
        except BaseException:  # cancelled as well: nobody else would close it
            link.close()
            raise
        return link

    async def _meet(self, link: Link, writer: asyncio.StreamWriter) -> str:
        """Greet whoever proved a key that is on the list; who it is."""
        peer = self._door.contexts.peer_of(writer.get_extra_info("ssl_object"))
        if peer is None or peer in self._door.isolated:
            raise LinkBroken("is not on the list")
        await link.greet(self._door.network, self._door.address)
        return peer

    async def _live(self, peer: str, link: Link) -> None:
        """Keep the better of two connections, and carry what comes over it."""
        other = self._links.get(peer)
        if other is not None and not self._better(link, other, peer):
            link.close()
            return
        self._links[peer] = link
        if other is not None:
            other.end(REPLACED)
            await self._hand_over(ports.WireDown(peer=peer, reason=REPLACED))
        await self._hand_over(ports.WireUp(peer=peer, address=link.address))

        async def received(data: bytes) -> None:
            await self._hand_over(ports.WireReceived(peer=peer, data=data))

        def dropped(count: int) -> None:
            self._tell(ports.WireDropped(peer=peer, count=count))

        reason = await link.live(received, dropped)
        if self._links.get(peer) is link:
            del self._links[peer]
            await self._hand_over(ports.WireDown(peer=peer, reason=reason))

    def _better(self, link: Link, other: Link, peer: str) -> bool:
        simultaneous = link.opened_at - other.opened_at < 2 * self._door.times.handshake
        if link.dialled == other.dialled or not simultaneous:
            return True
        return link.dialled == (self._door.name < peer)

    # Its node

    def _tell(self, message: Message) -> None:
        """Dropped where the node cannot take it: it is told again when its Network starts anew."""
        if self._door.owner is not None:
            with contextlib.suppress(MailboxFull):
                self._context.tell(self._door.owner, message)

    async def _hand_over(self, message: Message) -> None:
        """Wait until the node has room."""
        while self._door.owner is not None:
            try:
                self._context.tell(self._door.owner, message)
            except MailboxFull:
                await asyncio.sleep(FULL_WAIT_SECONDS)
            else:
                return
