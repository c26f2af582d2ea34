"""The transport between nodes, in memory: connections that keep the order of what each side sends, with the seed's delays.

One ``Wires`` joins the ports of a world. A connection between two nodes is there while both listen and nobody has cut it.
What is on its way when a connection breaks is lost.
"""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.system import System
from alys.base.prng import Random
from alys.node import ports
from alys.worlds.gate import OPEN, Gate
from alys.worlds.memory import delay

STEP_SECONDS = 1e-6
"""Between two deliveries on one connection: the later is sent, the later it arrives."""

Pair = frozenset[str]


class Wires:
    """Which nodes listen, what is cut, and when the last thing on each connection arrives."""

    def __init__(self, random: Random, system: System) -> None:
        self.random = random
        self._system = system
        self._listening: set[str] = set()
        self._cut: set[Pair] = set()
        #: How often a connection broke; what was sent over an earlier one does not arrive.
        self.broken: dict[Pair, int] = {}
        self._last: dict[tuple[str, str], float] = {}

    def arrival(self, sender: str, receiver: str, now: float) -> float:
        """When something sent now is there."""
        due = max(now + delay(self.random), self._last.get((sender, receiver), 0.0) + STEP_SECONDS)
        self._last[sender, receiver] = due
        return due

    def connected(self, one: str, other: str) -> bool:
        """Whether there is a connection."""
        return {one, other} <= self._listening and frozenset((one, other)) not in self._cut

    def listen(self, tree: str) -> None:
        """A node is there: whoever may is connected with it."""
        self._listening.add(tree)
        for other in sorted(self._listening - {tree}):
            self._up(tree, other)

    def cut(self, one: str, other: str) -> None:
        """See ``nodes.WiresSide``, here and below."""
        pair = frozenset((one, other))
        if pair in self._cut:
            return
        there = self.connected(one, other)
        self._cut.add(pair)
        if there:
            self._down(one, other, "the network is cut")
            self._down(other, one, "the network is cut")

    def join(self, one: str, other: str) -> None:
        """Allow it again."""
        pair = frozenset((one, other))
        if pair in self._cut:
            self._cut.remove(pair)
            self._up(one, other)

    def gone(self, tree: str) -> None:
        """A node has ended."""
        others = [other for other in sorted(self._listening) if self.connected(tree, other)]
        self._listening.discard(tree)
        for other in others:
            if other != tree:
                self._down(other, tree, "connection reset")

    def _up(self, one: str, other: str) -> None:
        if self.connected(one, other):
            self._tell(one, ports.WireUp(peer=other))
            self._tell(other, ports.WireUp(peer=one))

    def _down(self, whom: str, peer: str, reason: str) -> None:
        pair = frozenset((whom, peer))
        self.broken[pair] = self.broken.get(pair, 0) + 1
        self._tell(whom, ports.WireDown(peer=peer, reason=reason))

    def _tell(self, tree: str, message: Message) -> None:
        self._system.tell(self._system.whereis(f"{tree}/network"), message)


class Deliver(Message, frozen=True, kw_only=True):
    """Something on a connection has arrived at the other end."""

    peer: str
    connection: int
    data: bytes


class WirePort(Actor):
    """One node's gateway to the others."""

    def __init__(self, wires: Wires, tree: str, gate: Gate = OPEN) -> None:
        self._gate = gate
        self._wires = wires
        self._tree = tree

    def on_listen(self, message: ports.WireListen, ctx: Context) -> None:
        """Connect with everybody who listens already; both ends are told."""
        self._wires.listen(self._tree)

    def on_send(self, message: ports.WireSend, ctx: Context) -> None:
        """On its way."""
        if not self._wires.connected(self._tree, message.peer):
            return
        due = self._wires.arrival(self._tree, message.peer, ctx.now())
        number = self._number(message.peer)
        on_way = Deliver(peer=message.peer, connection=number, data=message.data)
        ctx.after(due - ctx.now(), on_way)

    def on_deliver(self, message: Deliver, ctx: Context) -> None:
        """There, unless the connection broke meanwhile."""
        if message.connection != self._number(message.peer):
            return
        if not self._gate.passes(ports.WireSend(peer=message.peer, data=message.data)):
            return
        received = ports.WireReceived(peer=self._tree, data=message.data)
        ctx.tell(ctx.whereis(f"{message.peer}/network"), received)
        self._gate.acknowledges()

    def _number(self, peer: str) -> int:
        return self._wires.broken.get(frozenset((self._tree, peer)), 0)
