"""A world whose node runs on asyncio in this process and reaches its services by URL, wherever these run.

What it is attached to is said by ``provide``: the local world starts the services itself, the remote one is given theirs.
"""

import abc
import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from alys.actors import loop as actors_loop
from alys.actors.actor import Actor
from alys.actors.errors import ActorError
from alys.actors.observe import Observer, together
from alys.actors.reply import Reply
from alys.actors.system import System
from alys.config.settings import Settings
from alys.node.health import GetHealth
from alys.shells.foreign_execution import PublicDoor, TwoDoors
from alys.shells.governance_gateway import GovernanceGateway
from alys.shells.jsonrpc_client import Basic, JsonRpcClient, Jwt
from alys.shells.jsonrpc_gateway import JsonRpcGateway
from alys.shells.load_client import LoadClient
from alys.shells.metrics_server import serve_metrics
from alys.shells.metrics_source import MetricsSource
from alys.shells.node_server import serve_node
from alys.shells.store_gateway import StoreGateway
from alys.shells.wire_gateway import WireGateway
from alys.worlds import logbook, network
from alys.worlds.doors import Doors
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import EthereumSide, GovernanceSide, ScenarioInfo

T = TypeVar("T")

Closer = Callable[[], Coroutine[Any, Any, None]]


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the services are, and what opens their doors."""

    bitcoin_url: str
    bitcoin: Basic
    ethereum_url: str
    """The public JSON-RPC of the producer's execution client."""
    further_ethereum_urls: tuple[str, ...] = ()
    """The same of the further whole nodes' clients, in order."""
    engine_urls: tuple[str, ...]
    """The Engine API of each authority's own client, by authority."""
    engine: Jwt
    foreign_execution: bool = False
    """Whether the producer's client is somebody else's, whose Engine port may serve no more than it must."""
    governance_targets: tuple[str, ...]
    """``host:port`` of each governance node, by its number."""
    wire_addresses: tuple[str, ...] = ()
    """``host:port`` where authorities of other processes take connections of their peers, by authority; empty: not known yet."""


class AttachedWorld(NetworkWorld, abc.ABC):
    """See the module's docstring."""

    timestamp_slack_s = 600  # this machine may be busy for a while, ten times as long in node time
    node_rpc_port = 0
    """Of the node's own JSON-RPC, and from there upwards of the further ones'; 0 takes a free one."""
    wire_ports: Mapping[int, int] = {}
    """Where authorities take connections of their peers; else at free ports."""
    wire_host = ""
    """Where they listen for those; empty: ``world.host``."""
    wire_announced: Mapping[int, str] = {}
    """Where peers shall dial, if that is another address."""
    metrics_tree = network.NODE_TREE
    """Whose streams and blocks are measured."""
    keeps_stores = False
    """Whether what is in ``info.scratch`` is left where it is, whatever the settings say of cleaning up."""
    epoch: float | None = None
    """Node time at the start; None: the wall's. Who shares a clock with another process is told."""
    not_before: float = 0.0
    """Node time begins no earlier than this."""

    def __init__(
        self, settings: Settings, info: ScenarioInfo, *, metrics_port: int | None = None
    ) -> None:
        """With a ``metrics_port`` (0: a free one) the world exports its metrics from before its first actor to its end."""
        super().__init__(settings, info)
        self._metrics_port = metrics_port
        self._source: MetricsSource | None = None
        self.metrics_url: str | None = None
        self.endpoints: Endpoints | None = None
        self.node_url = ""
        #: The JSON-RPC of every whole node.
        self.node_urls: list[str] = []
        #: What was started, to be ended in reverse.
        self.closers: list[Closer] = []
        self._background: list[asyncio.Task[None]] = []

    @abc.abstractmethod
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        """Find or start the services; what is started goes to ``closers``."""

    @override
    async def await_reply(self, reply: Reply[T]) -> T:
        return await actors_loop.wait(reply)

    def clock(self, epoch: float | None) -> actors_loop.LoopDispatcher:
        """Node time that begins then; None: now."""
        self.hurried = self.settings.world.time_scale
        return actors_loop.LoopDispatcher(
            asyncio.get_running_loop(), time_scale=self.hurried, epoch=epoch
        )

    async def prepare(self) -> None:
        """Before there is a clock: look at what is there already. May set ``not_before``, ``random`` and facts."""

    @override
    async def start_services(self) -> None:
        await self.prepare()
        self.dispatcher = self.clock(self.epoch)
        if self.now() < self.not_before:
            self.dispatcher = self.clock(self.not_before)
        observer = together(self._with_metrics(self.observer()), *self.observers)
        self.system = System(self.dispatcher, self.random.fork("actors"), observer=observer)
        await self._export_metrics()
        self.network, endpoints, self.governance = await self.provide()
        self.endpoints = endpoints
        self._attach(endpoints)
        host = self.settings.world.host
        whole = [index for index in self.authorities_here() if index < self.network.nodes]
        for place, index in enumerate(whole):
            port = self.node_rpc_port + place if self.node_rpc_port else 0
            server = await serve_node(self.network.spec, self.asker(index), host, port)
            self.closers.append(server.close)
            self.node_urls.append(server.url)
        self.reach_nodes(self.node_urls, os.getpid())

    def observer(self) -> Observer:
        """Who hears of everything that actors do."""
        return logbook.beside(self.recorder, self.settings.test_environment.log_level)

    def reach_nodes(self, urls: Sequence[str], pid: int) -> None:
        """The scenario's ways to the whole nodes; the first, which loads are put on, runs in the process ``pid``."""
        self.node_url = urls[0]
        self.node_sides = [self._client(url) for url in urls]
        self.node = self.node_sides[0]
        load = LoadClient(self.node_url, pid)
        self.closers.append(load.close)
        self.load = load

    def _attach(self, to: Endpoints) -> None:
        """The scenario's own clients, and the transport between the nodes."""
        self.bitcoin = self._client(to.bitcoin_url, to.bitcoin)
        self.ethereum = self.public_door(to)
        self.clients = [self.ethereum, *map(self._client, to.further_ethereum_urls)]
        self.engine = self._client(to.engine_urls[network.PRODUCER], to.engine)
        everybody = range(network.AUTHORITIES)
        self.doors = Doors(
            self.network.spec,
            [self.network.tree(index) for index in everybody],
            self.authorities_here(),
            self.system,
            host=self.wire_host or self.settings.world.host,
            announced=self.wire_announced,
            known=to.wire_addresses,
            ports=self.wire_ports,
        )
        self.wires = self.doors
        self.closers.append(self.doors.close)

    @override
    def wire_addresses(self) -> Mapping[int, str]:
        return self.doors.addresses()

    @override
    def gateways(self, index: int) -> Mapping[str, Callable[[], Actor]]:
        to, tree = self.endpoints, self.network.tree(index)
        assert to is not None, "services first, then their ports"
        foreign = to.foreign_execution and self.drives_foreign(index)
        found: dict[str, Callable[[], Actor]] = {
            "bitcoin": lambda: JsonRpcGateway(JsonRpcClient(to.bitcoin_url, to.bitcoin)),
            "engine": lambda: JsonRpcGateway(
                _two_doors(to) if foreign else JsonRpcClient(to.engine_urls[index], to.engine)
            ),
            "store": lambda: StoreGateway(self.info.scratch / tree / "store"),
            "wire": lambda: WireGateway(self.doors.of(index)),
        }
        if index < self.network.nodes:
            found["governance"] = lambda: GovernanceGateway(to.governance_targets)
        return found

    def drives_foreign(self, index: int) -> bool:
        """Whether the foreign execution client, where there is one, is this authority's."""
        return index == network.PRODUCER

    def _with_metrics(self, observer: Observer) -> Observer:
        """The observer, beside that of the metrics where they are exported."""
        if self._metrics_port is None:
            return observer
        results = Path(self.settings.test_environment.results_dir)
        self._source = MetricsSource(tree=self.metrics_tree, results=results)
        return together(observer, self._source.observer)

    async def _export_metrics(self) -> None:
        """Serve what is measured of the system that was just made."""
        if self._source is None:
            return
        self._source.attach(self.system)
        server = await serve_metrics(
            self._source.scrape,
            self.settings.world.host,
            self._metrics_port or 0,
            health=self._gave_up,
            ready=self._unready,
        )
        self.closers.append(server.close)
        self.metrics_url = server.url

    def _gave_up(self) -> str:
        failure = self.system.failure
        return "" if failure is None else f"the tree gave up: {failure}"

    async def _unready(self) -> str:
        """Why the node does not follow its chain, by its own word."""
        reason = self._gave_up() or self._not_open()
        if reason:
            return reason
        try:
            found = await self.call_actor(f"{self.metrics_tree}/health", GetHealth())
        except ActorError as error:
            return f"the node does not say how it is: {error}"
        fit = found.can_validate and found.sync_status != "unknown"
        return "" if fit else "; ".join(found.reasons)

    def _not_open(self) -> str:
        return "" if self._opened and not self._closing else "the world is not open"

    def public_door(self, to: Endpoints) -> EthereumSide:
        """The scenario's way to the producer's execution client, and the auditor's."""
        client = self._client(to.ethereum_url)
        if not to.foreign_execution:
            return client
        door = PublicDoor(client)

        async def say() -> None:
            if door.repaired:
                self.note(receipts_set_right=door.repaired)

        self.closers.append(say)
        return door

    def _client(self, url: str, auth: Basic | Jwt | None = None) -> JsonRpcClient:
        client = JsonRpcClient(url, auth, witness=True)
        self.closers.append(client.close)
        return client

    @override
    async def stop_services(self) -> None:
        """In reverse order; what fails to close does not keep the rest open."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        failed: list[BaseException] = []
        while self.closers:
            try:
                await self.closers.pop()()
            except Exception as error:
                failed.append(error)
        told = self.settings
        if (
            not self.keeps_stores
            and told.cleanup.auto_cleanup
            and told.kubernetes.cleanup_on_failure
        ):
            shutil.rmtree(self.info.scratch, ignore_errors=True)  # else the runner decides
        if failed:
            raise failed[0]

    @override
    def start_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._background.append(asyncio.get_running_loop().create_task(work))

    @override
    async def end_background(self) -> None:
        await asyncio.gather(*self._background)
        self._background.clear()


def _two_doors(to: Endpoints) -> TwoDoors:
    """The producer's execution client."""
    engine = JsonRpcClient(to.engine_urls[network.PRODUCER], to.engine)
    return TwoDoors(engine, PublicDoor(JsonRpcClient(to.ethereum_url)))
