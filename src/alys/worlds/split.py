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
from alys.shells import governance_questions
from alys.shells.child_process import ChildProcess
from alys.shells.service_admin import ServiceAdmin
from alys.worlds import network, parts
from alys.worlds.attached import Endpoints
from alys.worlds.elsewhere import ElsewhereWorld
from alys.worlds.network_world import ActorCrashed
from alys.worlds.nodes import refuse
from alys.worlds.protocol import GovernanceSide, ScenarioInfo
from alys.worlds.split_nodes import Processes, said

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
        _, services = await self._start(order, parts.Services, "the services' process")
        scale = self.settings.world.time_scale
        epoch = services.clock.epoch(loop.time(), scale)
        self.dispatcher = actors_loop.LoopDispatcher(loop, time_scale=scale, epoch=epoch)
        self.system = System(self.dispatcher, self.random.fork("actors"))
        self._services = services
        self.network, endpoints, self.governance = await self.provide()
        self.endpoints = endpoints
        self.bitcoin = self._client(endpoints.bitcoin_url, endpoints.bitcoin)
        self.ethereum = self._client(endpoints.ethereum_url)
        further = map(self._client, endpoints.further_ethereum_urls)
        self.clients = [self.ethereum, *further]
        self.engine = self._client(endpoints.engine_urls[network.PRODUCER], endpoints.engine)
        order_for_nodes = parts.StartNode(
            settings=self.settings,
            scenario=told,
            services=services,
            authorities=(),
            wire_addresses=(),
        )
        self.processes = Processes(self, order_for_nodes, self._launch, self.node_rpc_port)
        self.nodes = self.processes
        await self.processes.start_all()
        self.node_urls = self.processes.urls
        self.reach_nodes(self.node_urls, self.processes.pid(network.PRODUCER))
        self.node_sides = self.processes.reach(self.node_sides)
        self.node = self.node_sides[network.PRODUCER]

    async def _launch(self, order: parts.StartNode, what: str) -> tuple[ChildProcess, parts.NodeUp]:
        return await self._start(order, parts.NodeUp, what)

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        services = self._services
        urls = services.governance_admin_urls
        return services.grounds, services.endpoints, _Governance(services.endpoints, urls)

    async def _start(
        self, order: parts.Order, answer: type[T], what: str
    ) -> tuple[ChildProcess, T]:
        child, first = await ChildProcess.start(
            MODULE, msgspec.json.encode(order), what=what, tell=_pass_on
        )
        self._children.append(child)
        self.closers.append(lambda: self._end(child))
        try:
            return child, msgspec.json.decode(first, type=answer)
        except msgspec.MsgspecError as error:
            raise AlysBug(f"{what} said {first[:80]!r}: {error}") from error

    async def _end(self, child: ChildProcess) -> None:
        """One that was taken down on purpose has ended."""
        if not child.ended_by_order:
            await child.end()

    @override
    async def start_node(self) -> None:
        """It was up when its process said so."""

    # What breaks elsewhere

    @override
    def require_sound(self) -> None:
        """A child that died by itself, and what the nodes' processes said of their actors, before what broke here."""
        for child in self._children:
            child.require()
            for one in said(child):
                if isinstance(one, parts.Broke):
                    raise ActorCrashed(one.sentence)
        super().require_sound()


def _pass_on(line: str) -> None:
    sys.stderr.write(f"{line}\n")


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
