"""The local world: every service on a real socket of this machine, actors on asyncio, node time faster than the wall.

All scenarios of a run share one event loop; each has services, ports, a store and a system of its own, so they overlap
without meeting.
"""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from typing_extensions import override

from alys.actors import loop as actors_loop
from alys.actors.actor import Actor
from alys.actors.observe import Observer, together
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.errors import UsageError
from alys.config.settings import Settings
from alys.shells import governance_questions
from alys.shells.bitcoin_server import serve_bitcoin
from alys.shells.ethereum_server import serve_engine, serve_ethereum
from alys.shells.governance_admin import GovernanceAdmin
from alys.shells.governance_gateway import GovernanceGateway
from alys.shells.governance_server import RunningGovernance, serve_governance
from alys.shells.jsonrpc_client import Basic, JsonRpcClient, Jwt
from alys.shells.jsonrpc_gateway import JsonRpcGateway
from alys.shells.metrics_server import serve_metrics
from alys.shells.metrics_source import MetricsSource
from alys.shells.node_server import serve_node
from alys.shells.store_gateway import StoreGateway
from alys.worlds import logbook, network
from alys.worlds.network_world import PORT_MESSAGES_MAX, NetworkWorld
from alys.worlds.protocol import Driver, Handle, ScenarioInfo, ScenarioTimeout, World

T = TypeVar("T")

BITCOIN_USER = "alys"
BITCOIN_PASSWORD = "regtest"
JWT_BYTES = 32
CLOSE_SECONDS = 20.0
"""Wall time that thrown-out scenarios have for their ``finally`` blocks."""

Closer = Callable[[], Coroutine[Any, Any, None]]


class LocalWorld(NetworkWorld):
    """See the module's docstring."""

    name = "local"
    timestamp_slack_s = 600  # this machine may be busy for a while, ten times as long in node time

    def __init__(
        self, settings: Settings, info: ScenarioInfo, *, metrics_port: int | None = None
    ) -> None:
        """With a ``metrics_port`` (0: a free one) the world exports its metrics from before its first actor to its end."""
        super().__init__(settings, info)
        self._metrics_port = metrics_port
        self._source: MetricsSource | None = None
        self.metrics_url: str | None = None
        #: What was started, to be ended in reverse.
        self._closers: list[Closer] = []
        self._background: list[asyncio.Task[None]] = []

    @override
    async def await_reply(self, reply: Reply[T]) -> T:
        return await actors_loop.wait(reply)

    @override
    async def start_services(self) -> None:
        self.dispatcher = actors_loop.LoopDispatcher(
            asyncio.get_running_loop(), time_scale=self.settings.world.time_scale
        )
        beside = logbook.beside(self.recorder, self.settings.test_environment.log_level)
        observer = together(self._with_metrics(beside), *self.observers)
        self.system = System(self.dispatcher, self.random.fork("actors"), observer=observer)
        await self._export_metrics()
        random = self.random.fork("network")
        self.network = network.build(self.settings.node, self.dispatcher.now, random)
        targets = await self._serve_governance()
        await self._serve_chains(random.fork("jwt").randbytes(JWT_BYTES))
        self._port(network.NODE_TREE, "governance", lambda: GovernanceGateway(targets))
        server = await serve_node(self.network.spec, self.ask_node, self.settings.world.host, 0)
        self._closers.append(server.close)
        self.node = self._client(server.url)

    def _with_metrics(self, observer: Observer) -> Observer:
        """The observer, beside that of the metrics where they are exported."""
        if self._metrics_port is None:
            return observer
        results = Path(self.settings.test_environment.results_dir)
        self._source = MetricsSource(tree=network.NODE_TREE, results=results)
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
            ready=lambda: self._gave_up() or self._not_open(),
        )
        self._closers.append(server.close)
        self.metrics_url = server.url

    def _gave_up(self) -> str:
        failure = self.system.failure
        return "" if failure is None else f"the tree gave up: {failure}"

    def _not_open(self) -> str:
        return "" if self._opened and not self._closing else "the world is not open"

    async def _serve_chains(self, jwt_secret: bytes) -> None:
        """The Bitcoin node that all share, and a client per authority; their ports."""
        chosen = self.settings.world
        net = self.network
        host = chosen.host
        served = await serve_bitcoin(
            net.bitcoin, host, chosen.bitcoin_rpc_port, BITCOIN_USER, BITCOIN_PASSWORD
        )
        self._closers.append(served.close)
        basic = Basic(user=BITCOIN_USER, password=BITCOIN_PASSWORD)
        jwt = Jwt(secret=jwt_secret)
        self.bitcoin = self._client(served.url, basic)
        public = await serve_ethereum(net.clients[network.PRODUCER], host, chosen.ethereum_rpc_port)
        self._closers.append(public.close)
        self.ethereum = self._client(public.url)
        for index, client in enumerate(net.clients):
            tree = network.tree_name(index)
            port = chosen.engine_api_port if index == network.PRODUCER else 0
            engine = await serve_engine(client, host, port, jwt_secret=jwt_secret)
            self._closers.append(engine.close)
            if index == network.PRODUCER:
                self.engine = self._client(engine.url, jwt)
            self._gateway(tree, "bitcoin", served.url, basic)
            self._gateway(tree, "engine", engine.url, jwt)
            path = self.info.scratch / tree / "store"
            self._port(tree, "store", lambda path=path: StoreGateway(path))  # type: ignore[misc]

    async def _serve_governance(self) -> list[str]:
        """The governance nodes; their gRPC targets."""
        side = _Governance(self)
        self.governance = side
        self._closers.append(side.close)
        base = self.settings.world.governance_base_port
        for index in range(len(self.network.governance)):
            await side.serve(index, base + index if base else 0)
        return side.targets

    def _client(self, url: str, auth: Basic | Jwt | None = None) -> JsonRpcClient:
        client = JsonRpcClient(url, auth)
        self._closers.append(client.close)
        return client

    def _gateway(self, tree: str, name: str, url: str, auth: Basic | Jwt) -> None:
        self._port(tree, name, lambda: JsonRpcGateway(JsonRpcClient(url, auth)))

    def _port(self, tree: str, name: str, factory: Callable[[], Actor]) -> None:
        self.system.spawn(
            ChildSpec(
                name=f"{tree}-{name}",
                factory=factory,
                register=f"{tree}/ports/{name}",
                mailbox_messages_max=PORT_MESSAGES_MAX,
            )
        )

    @override
    async def stop_services(self) -> None:
        """In reverse order; what fails to close does not keep the rest open."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        failed: list[BaseException] = []
        while self._closers:
            try:
                await self._closers.pop()()
            except Exception as error:
                failed.append(error)
        shutil.rmtree(self.info.scratch, ignore_errors=True)
        if failed:
            raise failed[0]

    @override
    def start_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._background.append(asyncio.get_running_loop().create_task(work))

    @override
    async def end_background(self) -> None:
        await asyncio.gather(*self._background)
        self._background.clear()


class _Governance:
    """The governance nodes' servers, and a scenario's way to them."""

    def __init__(self, world: LocalWorld) -> None:
        self._world = world
        self._servers: dict[int, RunningGovernance] = {}
        self._ports: dict[int, tuple[int, int]] = {}

    @property
    def targets(self) -> list[str]:
        return [self._servers[index].url for index in sorted(self._servers)]

    async def serve(self, index: int, port: int, admin_port: int = 0) -> None:
        node = self._world.network.governance[index]
        host = self._world.settings.world.host
        server = await serve_governance(node, host, port, admin_port=admin_port)
        self._servers[index] = server
        self._ports[index] = (server.port, server.admin_port)

    async def state(self, index: int) -> object:
        found: object = await GovernanceAdmin(self._servers[index].admin_url).state()
        return found

    async def faults(self, index: int, **switches: bool) -> object:
        told: object = await GovernanceAdmin(self._servers[index].admin_url).faults(**switches)
        return told

    async def health(self, index: int) -> object:
        return await governance_questions.health(self._servers[index].url)

    async def capabilities(self, index: int) -> object:
        return await governance_questions.capabilities(self._servers[index].url, network.NODE_TREE)

    async def stop(self, index: int) -> None:
        await self._servers.pop(index).close()

    async def start(self, index: int) -> None:
        await self.serve(index, *self._ports[index])

    async def close(self) -> None:
        for index in sorted(self._servers, reverse=True):
            await self._servers.pop(index).close()


class _Scenario:
    """A scenario under way."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task = task

    def done(self) -> bool:
        return self.task.done()


class LocalDriver(Driver):
    """Runs scenarios as tasks of one loop, a bounded number at once."""

    name = "local"
    deterministic = False
    concurrent = True

    def __init__(self, settings: Settings, *, metrics_port: int | None = None) -> None:
        """``metrics_port``: see LocalWorld. A fixed one is for a single world at a time."""
        self._settings = settings
        self._metrics_port = metrics_port
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Semaphore(settings.concurrency)
        self._tasks: dict[asyncio.Task[None], Coroutine[object, object, None]] = {}

    @override
    def world(self, info: ScenarioInfo) -> World:
        return LocalWorld(self._settings, info, metrics_port=self._metrics_port)

    @override
    def start(
        self, world: World, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> Handle:
        assert isinstance(world, LocalWorld), "a driver runs its own worlds"
        task = self._loop.create_task(self._in_turn(world, scenario, timeout_s))
        self._tasks[task] = scenario
        return _Scenario(task)

    async def _in_turn(
        self, world: LocalWorld, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> None:
        async with self._turn:
            limit = asyncio.timeout(timeout_s)
            try:
                async with limit:
                    await scenario
            except TimeoutError as error:
                if not limit.expired():
                    raise
                raise ScenarioTimeout(
                    name=world.info.name, timeout_s=timeout_s, waiting_for=world.waiting_for
                ) from error

    @override
    def wait(self, handle: Handle) -> None:
        assert isinstance(handle, _Scenario), "a driver knows its own handles"
        interrupted = self._loop.create_future()

        def interrupt() -> None:
            if not interrupted.done():
                interrupted.set_result(None)

        # An exception out of nowhere would cut an actor's step in two; between two steps it does no harm.
        with _interrupts_call(self._loop, interrupt):
            either = asyncio.wait({handle.task, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            self._loop.run_until_complete(either)
        if not handle.task.done():
            raise KeyboardInterrupt
        interrupted.cancel()
        self._tasks.pop(handle.task, None)
        handle.task.result()

    @override
    def close(self) -> None:
        if self._loop.is_closed():
            return
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            self._loop.run_until_complete(asyncio.wait(self._tasks, timeout=CLOSE_SECONDS))
        for coroutine in self._tasks.values():
            coroutine.close()  # one that never began; harmless for the others
        self._tasks.clear()
        self._loop.run_until_complete(_end_stragglers())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@contextlib.contextmanager
def _interrupts_call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C becomes a call between two turns of the loop; where that cannot be (another thread), it stays as it is."""
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, call)
    except (ValueError, RuntimeError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


async def _end_stragglers() -> None:
    """Tasks of gateways and libraries that were told to end and have not had their turn yet."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def open_driver(settings: Settings) -> LocalDriver:
    """See ``protocol.DriverFactory``. Raises UsageError for services elsewhere, which this world cannot use yet."""
    given = settings.mock_services
    for name in given.__struct_fields__:
        if getattr(given, name):
            raise UsageError(
                f"mock_services.{name} is set, but the local world starts its own services: remove it"
            )
    return LocalDriver(settings)
