"""What the transport between nodes costs: items a second and the time of a block of 100 kB to two peers, over TLS on loopback.

Run: ``python -m benchmarks.wire``. All three nodes share this process, so a second core would help.
"""

import asyncio
import time

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.message import Message
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.chain.spec import dev_spec
from alys.node import ports
from alys.shells.wire_gateway import WireGateway
from alys.worlds.doors import Doors

NAMES = ("node", "cosigner-1", "cosigner-2")
BLOCK_BYTES = 100_000
BLOCKS = 200
SMALL_BYTES = 150
SMALL = 20_000
WINDOW = 500
"""Small items under way at once: less than what a queue holds."""


class Say(Message, frozen=True, kw_only=True):
    """To an owner: tell your transport."""

    message: Message


class Owner(Actor):
    """A node's Network, which notes when what it got had come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.up: set[str] = set()
        self.count = 0
        self.more = asyncio.Event()

    def on_say(self, message: Say, ctx: Context) -> None:
        """As its own word."""
        ctx.tell(ctx.whereis(f"{self.name}/ports/wire"), message.message)

    def on_received(self, message: ports.WireReceived, ctx: Context) -> None:
        """Count."""
        self.count += 1
        self.more.set()

    def on_any(self, message: Message, ctx: Context) -> None:
        """Who is there."""
        if isinstance(message, ports.WireUp):
            self.up.add(message.peer)
            self.more.set()

    async def until(self, count: int) -> None:
        """Wait until so many have come."""
        while self.count < count:
            self.more.clear()
            await self.more.wait()


class Federation:
    """Three of them, connected."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.system = System(LoopDispatcher(loop), SeededRandom(1))
        self.doors = Doors(dev_spec(bytes(32)), NAMES, range(3), self.system)
        self.owners = [Owner(name) for name in NAMES]
        for index, owner in enumerate(self.owners):
            self._spawn(f"{owner.name}/ports/wire", WireGateway(self.doors.of(index)))
            self._spawn(f"{owner.name}/owner", owner)
            self.say(index, ports.WireListen())

    def _spawn(self, name: str, actor: Actor) -> None:
        spec = ChildSpec(
            name=name.replace("/", "-"),
            factory=lambda: actor,
            register=name,
            mailbox_messages_max=100_000,
        )
        self.system.spawn(spec)

    def say(self, index: int, message: Message) -> None:
        """A node's word to its transport."""
        self.system.tell(self.system.whereis(f"{NAMES[index]}/owner"), Say(message=message))

    async def connect(self) -> None:
        """The first dials the others."""
        for index in (1, 2):
            dial = ports.WireDial(peer=NAMES[index], address=self.doors.of(index).address)
            self.say(0, dial)
        while any(not owner.up for owner in self.owners[1:]):
            for owner in self.owners[1:]:
                owner.more.clear()
            await asyncio.sleep(0.01)

    def publish(self, data: bytes) -> None:
        """From the first to both others."""
        for index in (1, 2):
            self.say(0, ports.WireSend(peer=NAMES[index], data=data))

    async def both(self, count: int) -> None:
        """Wait until both have so many."""
        for owner in self.owners[1:]:
            await owner.until(count)


async def _measure() -> None:
    run = Federation()
    began = time.perf_counter()
    await run.connect()
    print(f"connected after {1000 * (time.perf_counter() - began):.0f} ms")
    took = []
    for number in range(1, BLOCKS + 1):
        began = time.perf_counter()
        run.publish(bytes(BLOCK_BYTES))
        await run.both(number)
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    middle, late = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"a block of 100 kB to both peers: median {middle:.2f} ms, p99 {late:.2f} ms")
    began = time.perf_counter()
    for number in range(SMALL):
        run.publish(bytes(SMALL_BYTES))
        if number % WINDOW == WINDOW - 1:
            await run.both(BLOCKS + number + 1)
    await run.both(BLOCKS + SMALL)
    seconds = time.perf_counter() - began
    print(f"items of {SMALL_BYTES} bytes: {2 * SMALL / seconds:,.0f} received a second")
    await wait(run.system.shutdown())
    await run.doors.close()


if __name__ == "__main__":
    asyncio.run(_measure())
