"""The transport between nodes, in memory: connections that keep the order of what each side sends, with the seed's delays.

One ``Wires`` joins the ports of a world. A connection between two nodes is there once both listen, and while nobody has cut it.
"""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.base.prng import Random
from alys.node import ports
from alys.worlds.gate import OPEN, Gate
from alys.worlds.memory import delay

STEP_SECONDS = 1e-6
"""Between two deliveries on one connection: the later is sent, the later it arrives."""


class Wires:
    """Which nodes listen, and when the last thing on each connection arrives."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.listening: set[str] = set()
        self._last: dict[tuple[str, str], float] = {}

    def arrival(self, sender: str, receiver: str, now: float) -> float:
        """When something sent now is there."""
        due = max(now + delay(self.random), self._last.get((sender, receiver), 0.0) + STEP_SECONDS)
        self._last[sender, receiver] = due
        return due


class Deliver(Message, frozen=True, kw_only=True):
    """Something on a connection has arrived at the other end."""

    peer: str
    data: bytes


class WirePort(Actor):
    """One node's gateway to the others."""

    def __init__(self, wires: Wires, tree: str, gate: Gate = OPEN) -> None:
        self._gate = gate
        self._wires = wires
        self._tree = tree

    def on_listen(self, message: ports.WireListen, ctx: Context) -> None:
        """Connect with everybody who listens already; both ends are told."""
        self._wires.listening.add(self._tree)
        for other in sorted(self._wires.listening - {self._tree}):
            ctx.tell(ctx.whereis(f"{self._tree}/network"), ports.WireUp(peer=other))
            ctx.tell(ctx.whereis(f"{other}/network"), ports.WireUp(peer=self._tree))

    def on_send(self, message: ports.WireSend, ctx: Context) -> None:
        """On its way."""
        due = self._wires.arrival(self._tree, message.peer, ctx.now())
        ctx.after(due - ctx.now(), Deliver(peer=message.peer, data=message.data))

    def on_deliver(self, message: Deliver, ctx: Context) -> None:
        """There."""
        if not self._gate.passes(ports.WireSend(peer=message.peer, data=message.data)):
            return
        received = ports.WireReceived(peer=self._tree, data=message.data)
        ctx.tell(ctx.whereis(f"{message.peer}/network"), received)
        self._gate.acknowledges()
