"""Nodes that are nothing but a transport, on loopback, and what each was told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.message import Message
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.node import ports
from alys.shells import wire_keys
from alys.shells.wire_door import Door
from alys.shells.wire_gateway import WireGateway
from alys.shells.wire_link import Times

NETWORK = b"the chain"
SECRETS = {name: name.encode() * 32 for name in ("a", "b", "c", "x")}
PUBLIC = {name: wire_keys.public_of(secret) for name, secret in SECRETS.items()}
FAST = Times(handshake=0.5, ping=0.05, idle=0.5, stall=0.5)


class Order(Message, frozen=True, kw_only=True):
    """To a node: say this to your transport, as your own word."""

    message: Message


class Owner(Actor):
    """A node's Network, which writes down what it is told."""

    def __init__(self, heard: list[Message], name: str) -> None:
        self._heard = heard
        self._name = name

    def on_order(self, message: Order, ctx: Context) -> None:
        ctx.tell(ctx.whereis(f"{self._name}/wire"), message.message)

    def on_any(
        self,
        message: ports.WireUp | ports.WireDown | ports.WireReceived | ports.WireDropped,
        ctx: Context,
    ) -> None:
        self._heard.append(message)


class Spoiled(Message, frozen=True, kw_only=True):
    """What a gateway fails at."""


class Fragile(WireGateway):
    """One that fails on demand."""

    def on_spoiled(self, message: Spoiled, ctx: Context) -> None:
        raise ValueError("spoiled")


class Node(msgspec.Struct, kw_only=True):
    """One of them."""

    name: str
    system: System
    door: Door
    heard: list[Message]

    def say(self, message: Message) -> None:
        """To the transport."""
        self.system.tell(self.system.whereis(f"{self.name}/owner"), Order(message=message))

    def dial(self, other: "Node | str", peer: str = "") -> None:
        """Connect with another one."""
        address = other if isinstance(other, str) else other.door.address
        self.say(ports.WireDial(peer=peer or getattr(other, "name", ""), address=address))

    def send(self, peer: str, *sent: bytes) -> None:
        """One after the other."""
        for data in sent:
            self.say(ports.WireSend(peer=peer, data=data))

    def received(self, peer: str) -> list[bytes]:
        """What came from a peer."""
        return [m.data for m in self.heard if isinstance(m, ports.WireReceived) and m.peer == peer]

    def ups(self) -> list[str]:
        """Who was connected, in order."""
        return [m.peer for m in self.heard if isinstance(m, ports.WireUp)]

    def downs(self) -> list[ports.WireDown]:
        """Who was not any more."""
        return [m for m in self.heard if isinstance(m, ports.WireDown)]


@asynccontextmanager
async def nodes(
    *names: str,
    times: Times = FAST,
    knows: tuple[str, ...] = ("a", "b", "c"),
    network: bytes = NETWORK,
) -> AsyncIterator[list[Node]]:
    """Nodes that know each other by key, and listen."""
    system = System(LoopDispatcher(asyncio.get_running_loop()), SeededRandom(1))
    made = []
    for name in names:
        peers = {other: PUBLIC[other] for other in knows if other != name}
        door = Door(name, SECRETS[name], peers, network=network, times=times)
        node = Node(name=name, system=system, door=door, heard=[])
        system.spawn(
            ChildSpec(
                name=f"{name}-wire",
                factory=lambda door=door: Fragile(door),  # type: ignore[misc]  # a default makes its type unknown
                register=f"{name}/wire",
            )
        )
        system.spawn(
            ChildSpec(
                name=f"{name}-owner",
                factory=lambda node=node: Owner(node.heard, node.name),  # type: ignore[misc]
                register=f"{name}/owner",
            )
        )
        wire = system.whereis(f"{name}/wire")
        assert (await wait(system.ask(wire, ports.WireAddress()))) == door.address
        node.say(ports.WireListen())
        made.append(node)
    try:
        yield made
    finally:
        await wait(system.shutdown())
