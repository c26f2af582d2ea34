"""The process of a part: ``python -m alys.worlds.child`` reads its order (``parts``), starts that part, says so, and ends
when its standard input does. Nobody types this: ``split`` does.
"""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from alys.actors import loop as actors_loop
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.base.errors import AlysError, ExitCode
from alys.config import logs
from alys.shells import child_process
from alys.worlds import logbook, network, parts
from alys.worlds.attached import AttachedWorld, Endpoints
from alys.worlds.local import LocalWorld
from alys.worlds.nobody import Nobody
from alys.worlds.protocol import GovernanceSide

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

GRACE_SECONDS = 15.0
"""Wall time for an orderly end, once it is wanted."""
LOOK_SECONDS = 0.1
"""Wall time between two looks at whether the tree stands."""


def main() -> int:
    """Do what the order says; the exit code is 0 when the end was ordered."""
    line = child_process.read_order()
    if not line:
        return int(ExitCode.ENVIRONMENT)
    order = msgspec.json.decode(line, type=parts.Order)
    logs.set_up(order.settings.test_environment)
    try:
        asyncio.run(_live(order))
    except AlysError as error:
        sys.stderr.write(f"alys: {error}\n")
        return int(error.exit_code)
    return int(ExitCode.PASS)


async def _live(order: parts.Order) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.call_soon_threadsafe(over.set)

    if isinstance(order, parts.StartServices):
        child_process.when_parent_ends(end, GRACE_SECONDS)
        await _serve(order, over)
    else:
        world = NodeWorld(order)

        def hear(line: bytes) -> None:
            loop.call_soon_threadsafe(world.part, msgspec.json.decode(line, type=parts.Part))

        child_process.when_parent_ends(end, GRACE_SECONDS, hear)
        await _run_node(world, over)


def _say(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


# Services


async def _serve(order: parts.StartServices, over: asyncio.Event) -> None:
    """The services that the local world would start, without a node."""
    loop = asyncio.get_running_loop()
    world = LocalWorld(order.settings, order.scenario.info())
    world.dispatcher = actors_loop.LoopDispatcher(loop, time_scale=order.settings.world.time_scale)
    try:
        net, endpoints, governance = await world.provide()
        _say(
            parts.Services(
                endpoints=endpoints,
                grounds=network.Grounds(
                    spec=net.spec,
                    depositor_secret=net.depositor_secret,
                    governance_nodes=net.governance_nodes,
                    nodes=net.nodes,
                ),
                governance_admin_urls=tuple(governance.admin_urls),
                clock=parts.Clock(node=world.now(), monotonic=loop.time()),
            )
        )
        await over.wait()
    finally:
        await world.stop_services()


# The node


class Crashes(Observer):
    """Says what no scenario may pass over. It hears of nothing else, so it costs the node nothing."""

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        on = "" if envelope is None else f" on {type(envelope.message).__name__}"
        _say(parts.Broke(sentence=f"{actor.path} crashed{on}: {type(error).__name__}: {error}"))


class NodeWorld(AttachedWorld):
    """The node's side of a split world: its trees and its RPC; no audit, no scenario, no trace."""

    name = "local"
    keeps_stores = True  # they are for whoever takes its place; the runner cleans up

    def __init__(self, order: parts.StartNode) -> None:
        super().__init__(order.settings, order.scenario.info())
        self._order = order
        self._services = order.services
        self.node_rpc_port, self.wire_ports = order.rpc_port, order.wire_ports
        scale = order.settings.world.time_scale
        self.epoch = order.services.clock.epoch(asyncio.get_running_loop().time(), scale)

    @override
    def observer(self) -> Observer:
        level = self.settings.test_environment.log_level
        return logbook.beside(Crashes(), level)

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        endpoints = msgspec.structs.replace(
            self._services.endpoints, wire_addresses=self._order.wire_addresses
        )
        return self._services.grounds, endpoints, Nobody()

    @override
    def authorities_here(self) -> Sequence[int]:
        return self._order.authorities

    def up(self) -> parts.NodeUp:
        """For the runner."""
        addresses = self.wire_addresses()
        here = {index: addresses[index] for index in self._order.authorities}
        return parts.NodeUp(url=self.node_url, wire_addresses=here)

    def part(self, order: parts.Part) -> None:
        """Cut and join as ordered."""
        for index, peers in order.isolated.items():
            self.doors.isolate(self.network.tree(index), peers)
        _say(parts.Parted(number=order.number))


async def _run_node(world: NodeWorld, over: asyncio.Event) -> None:
    try:
        await world.start_services()
        await world.start_node()
        _say(world.up())
        await _until(over, world)
    finally:
        if hasattr(world, "system"):
            await world.await_reply(world.system.shutdown())
        await world.stop_services()


async def _until(over: asyncio.Event, world: NodeWorld) -> None:
    """Wait for the end; a tree that gives up meanwhile is told of once."""
    told = False
    while not over.is_set():
        if world.system.failure is not None and not told:
            told = True
            _say(parts.Broke(sentence=f"the node gave up: {world.system.failure}"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
