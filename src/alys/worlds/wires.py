"""The transport between nodes, in memory: connections that keep the order of what each side sends, with the seed's delays.

One ``Wires`` joins the ports of a world and has the verbs that break it. A cut stops what is on its way, in one direction or both; it
goes on when the cut is mended soon, as TCP would send it again. After ``NOTICE_SECONDS`` the connection is given up: what was on its
way is lost, and both ends hear of it. A node that is killed takes its connections along at once.
"""

from collections import deque

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.errors import MailboxFull
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.base.prng import Random
from alys.node import ports
from alys.worlds.gate import OPEN, Gate
from alys.worlds.memory import delay
from alys.worlds.wire_troubles import Way, WireTroubles

STEP_SECONDS = 1e-6
"""Between two deliveries on one connection: the later is sent, the later it arrives."""
FULL_WAIT_SECONDS = 0.05
"""Until a node that had no room is tried again."""
NOTICE_SECONDS = 5.0
"""Without a sign of life, until a connection counts as broken; so long a dial waits for an answer, too."""


class _Side(msgspec.Struct, kw_only=True):
    """One direction of a connection."""

    last: float = 0.0
    """When the last thing that was sent arrives."""
    held: deque[bytes] = msgspec.field(default_factory=deque)
    """What a cut stopped."""


class _Connection(msgspec.Struct, kw_only=True):
    number: int
    sides: dict[Way, _Side]


class Wires:
    """Who listens, who is connected, and what is cut."""

    def __init__(self, random: Random, system: System) -> None:
        self.random = random
        self._system = system
        self.ports: dict[str, Ref] = {}
        #: By tree, who asked its port to listen: a port that is restarted goes on for it.
        self.owners: dict[str, Ref] = {}
        self.listening: set[str] = set()
        self.connections: dict[frozenset[str], _Connection] = {}
        self.cuts: set[Way] = set()
        #: What befalls frames besides, and who is cut off by faults.
        self.troubles = WireTroubles(random.fork("troubles"), self._look)
        self._made = 0

    # Verbs of a world: see ``nodes.WiresSide``

    def cut(self, one: str, other: str, *, one_way: bool = False) -> None:
        """Let nothing pass from one to the other, nor back unless it is ``one_way``."""
        self.cuts.add((one, other))
        if not one_way:
            self.cuts.add((other, one))
        self._look()

    def join(self, one: str, other: str) -> None:
        """Let everything pass between them again."""
        self.cuts -= {(one, other), (other, one)}
        self._look()

    def gone(self, tree: str) -> None:
        """A node has ended: its connections break, what was on its way is lost, the other ends are told."""
        self.listening.discard(tree)
        for peer in self.peers_of(tree):
            self.close(tree, peer)
            down = ports.WireDown(peer=tree, reason="closed by the peer")
            self._system.tell(self.ports[peer], Heard(message=down))

    def _look(self) -> None:
        for _, port in sorted(self.ports.items()):
            self._system.tell(port, Look())

    # For the ports

    def of(self, one: str, other: str) -> _Connection | None:
        """The connection between two, if there is one."""
        return self.connections.get(frozenset((one, other)))

    def is_cut(self, way: Way) -> bool:
        """Whether nothing passes on it."""
        return way in self.cuts or way in self.troubles.severed

    def broken(self, one: str, other: str) -> bool:
        """Whether one of the two ways between them is cut."""
        return self.is_cut((one, other)) or self.is_cut((other, one))

    def open(self, one: str, other: str) -> None:
        """A connection from now on."""
        self._made += 1
        sides = {(one, other): _Side(), (other, one): _Side()}
        made = _Connection(number=self._made, sides=sides)
        self.connections[frozenset((one, other))] = made

    def close(self, one: str, other: str) -> bool:
        """No connection any more; whether there was one."""
        return self.connections.pop(frozenset((one, other)), None) is not None

    def peers_of(self, tree: str) -> list[str]:
        """Who is connected with it."""
        return sorted(name for pair in self.connections if tree in pair for name in pair - {tree})


class Arrives(Message, frozen=True, kw_only=True):
    """To oneself: something on a connection is due at the other end."""

    peer: str
    connection: int
    data: bytes


class Reaches(Message, frozen=True, kw_only=True):
    """To oneself: a dial is due at the other end."""

    peer: str


class Look(Message, frozen=True, kw_only=True):
    """From the wires to a port: something was cut or mended."""


class Notice(Message, frozen=True, kw_only=True):
    """To oneself: a connection was cut so long ago that it shows."""

    peer: str
    connection: int


class Heard(Message, frozen=True, kw_only=True):
    """Port to port: tell your node."""

    message: ports.WireUp | ports.WireDown | ports.WireReceived


class TryAgain(Message, frozen=True, kw_only=True):
    """To oneself: the node may have room by now."""


class WirePort(Actor):
    """One node's gateway to the others."""

    def __init__(self, wires: Wires, tree: str, gate: Gate = OPEN) -> None:
        self._gate = gate
        self._wires = wires
        self._tree = tree
        #: For a node that has no room.
        self._waiting: deque[Message] = deque()
        #: Connections that are cut, and will be given up if they stay so.
        self._noticing: set[int] = set()

    @override
    def on_start(self, ctx: Context) -> None:
        """A transport that starts anew has lost its connections, of which a Network that knows of no restart hears first."""
        if self._wires.ports.get(self._tree) != ctx.self:
            self._wires.owners.pop(self._tree, None)  # of another life of the node
        self._wires.ports[self._tree] = ctx.self
        self._wires.listening.discard(self._tree)
        for peer in self._wires.peers_of(self._tree):
            self._wires.close(self._tree, peer)
            self._tell_other(peer, "closed by the peer", ctx)
        if self._tree in self._wires.owners:
            for peer in sorted(self._wires.ports.keys() - {self._tree}):
                self._tell(ports.WireDown(peer=peer, reason=ports.TRANSPORT_RESTARTED), ctx)
            self._wires.listening.add(self._tree)

    def on_address(self, message: ports.WireAddress, ctx: Context) -> str:
        """Its name is its address."""
        return self._tree

    def on_listen(self, message: ports.WireListen, ctx: Context) -> None:
        """Take connections from now on; say who is connected."""
        assert ctx.sender is not None, "a Network asks"
        self._wires.owners[self._tree] = ctx.sender
        self._wires.listening.add(self._tree)
        for peer in self._wires.peers_of(self._tree):
            self._tell(ports.WireUp(peer=peer, address=peer), ctx)

    def on_dial(self, message: ports.WireDial, ctx: Context) -> None:
        """On its way, unless there is a connection."""
        if self._wires.of(self._tree, message.peer) is None:
            ctx.after(delay(self._wires.random), Reaches(peer=message.peer), key=message.peer)

    def on_reaches(self, message: Reaches, ctx: Context) -> None:
        """There, if anybody is; a way that is cut shows after a while."""
        peer = message.peer
        if self._wires.of(self._tree, peer) is not None:
            return
        if self._wires.broken(self._tree, peer):
            self._wires.troubles.met((self._tree, peer), (peer, self._tree))
            gone = Notice(peer=peer, connection=0)
            ctx.after(NOTICE_SECONDS, gone, key=("dial", peer))
        elif peer not in self._wires.listening:
            refused = ports.WireDown(peer=peer, reason="connection refused", reached=False)
            self._tell(refused, ctx)
        else:
            self._wires.open(self._tree, peer)
            ctx.watch(self._wires.ports[peer])
            self._tell(ports.WireUp(peer=peer, address=peer), ctx)
            up = ports.WireUp(peer=self._tree, address=self._tree)
            ctx.tell(self._wires.ports[peer], Heard(message=up))

    def on_close(self, message: ports.WireClose, ctx: Context) -> None:
        """End it at both ends."""
        if self._wires.close(self._tree, message.peer):
            self._tell(ports.WireDown(peer=message.peer, reason=message.reason), ctx)
            self._tell_other(message.peer, "closed by the peer", ctx)

    def on_send(self, message: ports.WireSend, ctx: Context) -> None:
        """On its way."""
        connection = self._wires.of(self._tree, message.peer)
        if connection is not None:
            self._send(connection, message.peer, message.data, ctx)

    def on_arrives(self, message: Arrives, ctx: Context) -> None:
        """There, unless the connection is another by now, or the way is cut."""
        connection = self._wires.of(self._tree, message.peer)
        if connection is None or connection.number != message.connection:
            return
        way = (self._tree, message.peer)
        held = connection.sides[way].held
        if self._wires.is_cut(way) or held:
            self._wires.troubles.met(way)
            held.append(message.data)
        else:
            self._there(message.peer, message.data, ctx)

    def on_heard(self, message: Heard, ctx: Context) -> None:
        """From another port: our node's business."""
        if isinstance(message.message, ports.WireUp) and ctx.sender is not None:
            ctx.watch(ctx.sender)
        self._tell(message.message, ctx)

    # Cuts

    def on_look(self, message: Look, ctx: Context) -> None:
        """Begin to wait for a sign of life where a way is cut; send again where it is mended."""
        for peer in self._wires.peers_of(self._tree):
            connection = self._wires.of(self._tree, peer)
            assert connection is not None, "it is one of those that are connected"
            if self._wires.broken(self._tree, peer) and connection.number not in self._noticing:
                self._noticing.add(connection.number)
                notice = Notice(peer=peer, connection=connection.number)
                ctx.after(NOTICE_SECONDS, notice)
            if not self._wires.is_cut((self._tree, peer)):
                held = connection.sides[self._tree, peer].held
                while held:  # what is on its way comes behind it
                    self._there(peer, held.popleft(), ctx)

    def on_notice(self, message: Notice, ctx: Context) -> None:
        """If it is cut still, it is broken; so is a dial that nobody answered."""
        peer = message.peer
        connection = self._wires.of(self._tree, peer)
        self._noticing.discard(message.connection)
        if message.connection == 0:
            if connection is None:
                silent = ports.WireDown(peer=peer, reason="no answer in time", reached=False)
                self._tell(silent, ctx)
            return
        same = connection is not None and connection.number == message.connection
        if same and self._wires.broken(self._tree, peer):
            self._lose(peer, "no answer in time", ctx)

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """A node was killed: its connections end at once."""
        for peer in self._wires.peers_of(self._tree):
            if self._wires.ports[peer] == message.ref:
                self._wires.listening.discard(peer)
                self._wires.close(self._tree, peer)
                self._tell(ports.WireDown(peer=peer, reason="closed by the peer"), ctx)

    def _there(self, peer: str, data: bytes, ctx: Context) -> None:
        if not self._gate.passes(ports.WireSend(peer=peer, data=data)):
            return
        received = ports.WireReceived(peer=self._tree, data=data)
        ctx.tell(self._wires.ports[peer], Heard(message=received))
        self._gate.acknowledges()

    def _lose(self, peer: str, reason: str, ctx: Context) -> None:
        self._wires.close(self._tree, peer)
        self._tell(ports.WireDown(peer=peer, reason=reason), ctx)
        self._tell_other(peer, reason, ctx)

    def _tell_other(self, peer: str, reason: str, ctx: Context) -> None:
        down = ports.WireDown(peer=self._tree, reason=reason)
        ctx.tell(self._wires.ports[peer], Heard(message=down))

    def _send(self, connection: _Connection, peer: str, data: bytes, ctx: Context) -> None:
        way = (self._tree, peer)
        fate = self._wires.troubles.fate(way)
        if fate.lost:
            return
        side, now = connection.sides[way], ctx.now()
        on_its_way = delay(self._wires.random) + fate.late_s
        side.last = max(now + on_its_way, side.last + STEP_SECONDS)
        arrives = Arrives(peer=peer, connection=connection.number, data=data)
        ctx.after(side.last - now, arrives)
        if fate.again_s is not None:
            ctx.after(side.last - now + fate.again_s, arrives)

    def _tell(self, message: Message, ctx: Context) -> None:
        """In order; a node that has no room is waited for, as a socket that nobody reads would wait."""
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._hand_over(ctx)

    def on_try_again(self, message: TryAgain, ctx: Context) -> None:
        """See TryAgain."""
        self._hand_over(ctx)

    def _hand_over(self, ctx: Context) -> None:
        while self._waiting:
            owner = self._wires.owners.get(self._tree)
            if owner is not None:
                try:
                    ctx.tell(owner, self._waiting[0])
                except MailboxFull:
                    ctx.after(FULL_WAIT_SECONDS, TryAgain(), key="again")
                    return
            self._waiting.popleft()
