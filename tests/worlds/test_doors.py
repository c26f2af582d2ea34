"""Doors of a network: authorities of one process or of several meet by their keys, and a world parts them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from alys.actors.loop import LoopDispatcher, wait
from alys.actors.message import Message
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.chain.spec import ChainSpec, dev_spec
from alys.node import ports
from alys.shells import wire_keys
from alys.shells.wire_gateway import WireGateway
from alys.worlds import doors
from alys.worlds.doors import Doors
from tests.shells.waiting import until
from tests.shells.wires import Order, Owner

SPEC = dev_spec(bytes(32))
NAMES = ("node", "cosigner-1", "cosigner-2")


class Process(msgspec.Struct, kw_only=True):
    """What one process has of the network."""

    system: System
    doors: Doors
    heard: dict[str, list[Message]]

    def say(self, name: str, message: Message) -> None:
        self.system.tell(self.system.whereis(f"{name}/owner"), Order(message=message))

    def dial(self, name: str, other: int) -> None:
        address = self.doors.addresses()[other]
        self.say(name, ports.WireDial(peer=NAMES[other], address=address))

    def last(self, name: str, peer: str) -> str:
        told = [m for m in self.heard[name] if getattr(m, "peer", "") == peer]
        return type(told[-1]).__name__ if told else ""


@asynccontextmanager
async def process(
    here: tuple[int, ...], known: tuple[str, ...] = (), spec: ChainSpec = SPEC
) -> AsyncIterator[Process]:
    system = System(LoopDispatcher(asyncio.get_running_loop()), SeededRandom(1))
    made = Doors(spec, NAMES, here, system, known=known)
    heard: dict[str, list[Message]] = {}
    for index in here:
        name = NAMES[index]
        told = heard[name] = []
        factories = {
            "ports/wire": lambda index=index: WireGateway(made.of(index)),
            "owner": lambda told=told, name=name: Owner(told, f"{name}/ports"),
        }
        for place in ("ports/wire", "owner"):
            spec_ = ChildSpec(
                name=f"{name}-{place.replace('/', '-')}",
                factory=factories[place],  # type: ignore[arg-type]
                register=f"{name}/{place}",
            )
            system.spawn(spec_)
        system.tell(system.whereis(f"{name}/owner"), Order(message=ports.WireListen()))
    try:
        yield Process(system=system, doors=made, heard=heard)
    finally:
        await wait(system.shutdown())
        await made.close()


def test_authorities_of_one_process_meet_and_are_parted_and_joined() -> None:
    async def run() -> None:
        async with process((0, 1, 2)) as one:
            one.dial("node", 1)
            one.dial("node", 2)
            await until(lambda: one.last("cosigner-1", "node") == "WireUp")
            await until(lambda: one.last("cosigner-2", "node") == "WireUp")
            one.doors.cut("node", "cosigner-1")
            await until(lambda: one.last("cosigner-1", "node") == "WireDown")
            await until(lambda: one.last("node", "cosigner-1") == "WireDown")
            one.heard["node"].clear()
            one.dial("node", 1)
            await until(lambda: one.last("node", "cosigner-1") == "WireDown")
            assert one.last("cosigner-2", "node") == "WireUp"
            one.doors.join("cosigner-1", "node")
            one.dial("node", 1)
            await until(lambda: one.last("cosigner-1", "node") == "WireUp")

    asyncio.run(run())


def test_authorities_of_two_processes_meet_by_one_address() -> None:
    async def run() -> None:
        async with process((1,)) as first:
            known = ("", first.doors.addresses()[1])
            async with process((0,), known) as second:
                second.dial("node", 1)
                await until(lambda: first.last("cosigner-1", "node") == "WireUp")
                (up,) = first.heard["cosigner-1"]
                assert isinstance(up, ports.WireUp)
                assert up.address == second.doors.addresses()[0]
                second.doors.gone("node")
                await until(lambda: first.last("cosigner-1", "node") == "WireDown")

    asyncio.run(run())


def test_nodes_of_different_chains_do_not_meet() -> None:
    async def run() -> None:
        other = dev_spec(bytes(32), slot_duration_ms=4000)
        async with process((1,)) as first:
            known = ("", first.doors.addresses()[1])
            async with process((0,), known, other) as second:
                second.dial("node", 1)
                await until(lambda: second.last("node", "cosigner-1") == "WireDown")
                assert first.heard["cosigner-1"] == []
                (down,) = second.heard["node"]
                assert isinstance(down, ports.WireDown)
                assert "another chain" in down.reason or "closed" in down.reason

    asyncio.run(run())


@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_authority_has_a_key_of_its_own(index: int) -> None:
    keys = [wire_keys.public_of(doors.secret(n)) for n in range(3)]
    assert keys.count(keys[index]) == 1
