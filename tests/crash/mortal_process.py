"""The split world with a node whose process can be killed and started again, on the same store, services and address."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from alys.node.errors import PortDown
from alys.worlds import parts
from alys.worlds.network_world import ActorCrashed
from alys.worlds.protocol import NodeSide, ScenarioInfo
from alys.worlds.split import SplitWorld


class MortalProcessWorld(SplitWorld):
    """See the module's docstring."""

    def __init__(self, settings: Any, info: ScenarioInfo) -> None:
        super().__init__(settings, info)
        self.down = False

    @override
    async def start_services(self) -> None:
        """The scenario's way to the node is one that bears its death."""
        await super().start_services()
        self.node = _Mortal(self, self._client(self.node_url))
        self.node_sides[:] = [self.node]

    async def kill_node(self) -> None:
        """SIGKILL. Raises what its process said of its actors before that."""
        self.require_sound()
        child = self._children[-1]
        fault = self.recorder.order("node", "kill -9")
        fault.touched.append(f"process {child.pid}")
        self.down = True
        self._children.remove(child)
        self.closers.remove(child.end)
        await child.kill()
        for line in child.heard:
            raise ActorCrashed(msgspec.json.decode(line, type=parts.Broke).sentence)

    async def start_node_again(self) -> None:
        """Returns when it answers."""
        order = parts.StartNode(
            settings=self.settings,
            scenario=parts.Scenario.of(self.info),
            services=self._services,
            rpc_port=urlsplit(self.node_url).port or 0,
        )
        await self._start(order, parts.NodeUp, "the node's process")
        self.down = False

    async def start_and_kill(self, seconds: float) -> bool:
        """SIGKILL so many wall seconds after its start, if it does not answer before that; whether it was killed."""
        starting = asyncio.create_task(self.start_node_again())  # noqa: TID251 - it is cut off
        await asyncio.wait({starting}, timeout=seconds)
        if starting.done():
            starting.result()
            return False
        starting.cancel()  # which kills the child
        await asyncio.gather(starting, return_exceptions=True)
        return True

    async def node_died(self) -> None:
        """Raises ChildDied when nobody killed the process that just fell silent."""
        if not self.down:
            await self._children[-1].require_soon()


class _Mortal:
    """The node over its RPC."""

    def __init__(self, world: MortalProcessWorld, node: NodeSide) -> None:
        self._world = world
        self._node = node

    async def call(self, method: str, *params: object) -> object:
        """PortDown while it is down."""
        try:
            return await self._node.call(method, *params)
        except PortDown:
            await self._world.node_died()
            raise
