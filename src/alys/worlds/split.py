"""The local world in parts: the services, the node and the runner are processes of their own, and meet over sockets only.

What a scenario reaches by URL it reaches here as well. What needs the node's actors in the runner's process (``world.actors``,
``world.offer``, ``world.call_actor``, the trace) is refused with the setting that brings it back.
"""

import asyncio
import sys
from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from alys.actors import loop as actors_loop
from alys.actors.system import System
from alys.base.errors import AlysBug
from alys.config.services import LOCAL_SECRETS
from alys.node.errors import PortDown
from alys.shells import governance_questions
from alys.shells.child_process import ChildProcess
from alys.shells.service_admin import ServiceAdmin
from alys.worlds import network, parts
from alys.worlds.attached import Endpoints
from alys.worlds.elsewhere import ElsewhereWorld
from alys.worlds.network_world import ActorCrashed
from alys.worlds.nodes import Untouched, refuse
from alys.worlds.protocol import GovernanceSide, NodeSide, ScenarioInfo

T = TypeVar("T")

MODULE = "alys.worlds.child"
WANTS = "the node in the runner's process: set world.placement to one"


class SplitWorld(ElsewhereWorld):
    """See the module's docstring."""

    name = "local"
    wants = WANTS

    def __init__(self, settings: Any, info: ScenarioInfo) -> None:
        super().__init__(settings, info)
        self._children: list[ChildProcess] = []

    # Start

    @override
    async def start_services(self) -> None:
        """The services' process; an actor system without actors gives this one its clock."""
        loop = asyncio.get_running_loop()
        told = parts.Scenario.of(self.info)
        order = parts.StartServices(settings=self.settings, scenario=told)
        services = await self._start(order, parts.Services, "the services' process")
        scale = self.settings.world.time_scale
        epoch = services.clock.epoch(loop.time(), scale)
        self.dispatcher = actors_loop.LoopDispatcher(loop, time_scale=scale, epoch=epoch)
        self.system = System(self.dispatcher, self.random.fork("actors"))
        self._services = services
        self.network, endpoints, self.governance = await self.provide()
        self.endpoints = endpoints
        self.bitcoin = self._client(endpoints.bitcoin_url, endpoints.bitcoin)
        self.ethereum = self._client(endpoints.ethereum_url)
        self.clients = [self.ethereum]
        self.engine = self._client(endpoints.engine_urls[network.PRODUCER], endpoints.engine)
        order_for_node = parts.StartNode(
            settings=self.settings, scenario=told, services=self._services
        )
        up = await self._start(order_for_node, parts.NodeUp, "the node's process")
        self.reach_nodes([up.url], self._children[-1].pid)
        self.node = _Reached(self.node, self._children[-1])
        self.node_sides = [self.node]
        self.nodes = Untouched(self.node_sides, WANTS)

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        services = self._services
        urls = services.governance_admin_urls
        return services.grounds, services.endpoints, _Governance(services.endpoints, urls)

    async def _start(self, order: parts.Order, answer: type[T], what: str) -> T:
        child, first = await ChildProcess.start(
            MODULE, msgspec.json.encode(order), what=what, tell=_pass_on
        )
        self._children.append(child)
        self.closers.append(child.end)
        try:
            return msgspec.json.decode(first, type=answer)
        except msgspec.MsgspecError as error:
            raise AlysBug(f"{what} said {first[:80]!r}: {error}") from error

    @override
    async def start_node(self) -> None:
        """It was up when its process said so."""

    # What breaks elsewhere

    @override
    def require_sound(self) -> None:
        """A child that died, and what the node's process said of its actors, before what broke here."""
        for child in self._children:
            child.require()
            for line in child.heard:
                raise ActorCrashed(msgspec.json.decode(line, type=parts.Broke).sentence)
        super().require_sound()


def _pass_on(line: str) -> None:
    sys.stderr.write(f"{line}\n")


class _Reached:
    """The node over its RPC; when it does not answer because its process died, that is what is raised."""

    def __init__(self, node: NodeSide, child: ChildProcess) -> None:
        self._node = node
        self._child = child

    async def call(self, method: str, *params: object) -> object:
        try:
            return await self._node.call(method, *params)
        except PortDown:
            await self._child.require_soon()
            raise


class _Governance:
    """The governance nodes over their admin ports and their gRPC."""

    def __init__(self, endpoints: Endpoints, admin_urls: tuple[str, ...]) -> None:
        self._targets = endpoints.governance_targets
        token = LOCAL_SECRETS["ADMIN_TOKEN"]
        self._admins = [ServiceAdmin(url, token) for url in admin_urls]

    async def state(self, index: int) -> object:
        found: object = await self._admins[index].state()
        return found

    async def faults(self, index: int, **switches: bool) -> object:
        told: object = await self._admins[index].faults(**switches)
        return told

    async def health(self, index: int) -> object:
        return await governance_questions.health(self._targets[index])

    async def capabilities(self, index: int) -> object:
        return await governance_questions.capabilities(self._targets[index], network.NODE_TREE)

    async def push(self, index: int, verb: str, **fields: object) -> object:
        told: object = await self._admins[index].push(verb, **fields)
        return told

    async def stop(self, index: int) -> None:
        refuse("governance.stop", WANTS)

    async def start(self, index: int) -> None:
        refuse("governance.start", WANTS)
