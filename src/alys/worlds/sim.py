"""The simulated world: one thread, virtual time, no socket; a whole run is its seed.

Each scenario has a system and a dispatcher of its own. The scenario's coroutine is driven by the same dispatcher as the
actors, so what it does interleaves with them as the seed decides.
"""

from collections.abc import Coroutine, Generator, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from google.protobuf.json_format import MessageToDict
from typing_extensions import override

from alys.actors.observe import together
from alys.actors.reply import Reply
from alys.actors.system import System
from alys.config.settings import Settings
from alys.node import api
from alys.sim.dispatch import OutOfTime, SimDispatcher, SimulationError
from alys.sim.trace import COUNTED
from alys.sim.trap import Trap
from alys.sim.waiting import reporter
from alys.wire.jsonrpc import Dialect, RpcError
from alys.worlds import logbook, misbehaving, network
from alys.worlds.disk import Disk, StorePort
from alys.worlds.gate import OPEN
from alys.worlds.load import Answered, Call
from alys.worlds.memory import (
    Cut,
    GovernanceLink,
    GovernancePort,
    Service,
    ServicePort,
    delay,
)
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import Driver, Handle, ScenarioInfo, ScenarioTimeout, World

T = TypeVar("T")

EPOCH = 1_767_225_600.0
"""When simulated worlds begin: 2026-01-01T00:00:00Z."""

DRAIN_LOOK_SECONDS = 0.01

CLOSE_SECONDS = 120.0
"""Virtual time that a thrown-out scenario has for its ``finally`` blocks."""


class SimWorld(NetworkWorld):
    """See the module's docstring."""

    name = "sim"
    dispatcher: SimDispatcher

    def __init__(self, settings: Settings, info: ScenarioInfo) -> None:
        super().__init__(settings, info)
        self.dispatcher = SimDispatcher(self.random.fork("schedule"), EPOCH, trap=Trap())
        heard = logbook.beside(self.recorder, self.settings.test_environment.log_level)
        observer = together(heard, *self.observers)
        self.system = System(self.dispatcher, self.random.fork("actors"), observer=observer)
        self.dispatcher.report = reporter(self.system)
        self._delays = self.random.fork("delays")
        #: What the authorities' stores are written on, by tree.
        self.disks: dict[str, Disk] = {}
        self._background: list[Reply[None]] = []

    @override
    async def await_reply(self, reply: Reply[T]) -> T:
        return await reply

    @override
    async def start_services(self) -> None:
        net = network.build(self.settings.node, self.dispatcher.now, self.random.fork("network"))
        self.network = net
        shared = Service(
            net.bitcoin.handle, Dialect.BITCOIN, net.bitcoin.misbehaviour, "the Bitcoin node"
        )
        public = Service(net.clients[network.PRODUCER].handle, Dialect.ETHEREUM)
        engines = [
            Service(
                client.handle_engine, Dialect.ETHEREUM, client.misbehaviour, "the execution client"
            )
            for client in net.clients
        ]
        links = self.links = [GovernanceLink(node=node) for node in net.governance]
        if self.settings.world.governance_gossip:
            network.acquaint(net.governance)
        for index, engine in enumerate(engines):
            tree = network.tree_name(index)
            disk = self.disks.setdefault(tree, Disk())
            gate = self.gates.get(tree, OPEN)
            self._port(tree, "bitcoin", lambda g=gate: ServicePort(shared, self._delays, g))  # type: ignore[misc]
            self._port(tree, "engine", lambda e=engine, g=gate: ServicePort(e, self._delays, g))  # type: ignore[misc]
            self._port(tree, "store", lambda d=disk, g=gate: StorePort(d, g))  # type: ignore[misc]
        gate = self.gates.get(network.NODE_TREE, OPEN)
        self._port(
            network.NODE_TREE, "governance", lambda: GovernancePort(links, self._delays, gate)
        )
        self.bitcoin = _ServiceSide(self, shared)
        self.ethereum = _ServiceSide(self, public)
        self.engine = _ServiceSide(self, engines[network.PRODUCER])
        self.governance = _Governance(self, links)
        self.node = _Node(self)
        self.load = _Load(self)
        self.faults.doors = misbehaving.in_process(
            net.bitcoin, dict(enumerate(net.clients)), net.governance
        )

    @override
    async def stop_services(self) -> None:
        return None

    @override
    def start_background(self, work: Coroutine[Any, Any, None]) -> None:
        self._background.append(self.system.drive(work))

    @override
    async def end_background(self) -> None:
        for work in self._background:
            await work

    @override
    def trace(self) -> Iterable[str]:
        """Without the notes: texts of errors may hold what no seed decides (a path, an address)."""
        return (line for line in super().trace() if line.startswith(COUNTED))

    async def travel(self) -> None:
        """A scenario's own call takes time on its way too."""
        await self.system.sleep(delay(self._delays))


class _ServiceSide:
    """A scenario's way to a service."""

    def __init__(self, world: SimWorld, service: Service) -> None:
        self._world = world
        self._service = service

    async def call(self, method: str, *params: object) -> object:
        await self._world.travel()
        result: object = self._service.call(method, params)
        return result


class _Governance:
    """A scenario's way to the governance nodes."""

    def __init__(self, world: SimWorld, links: list[GovernanceLink]) -> None:
        self._world = world
        self._links = links

    async def state(self, index: int) -> object:
        await self._world.travel()
        return msgspec.json.decode(msgspec.json.encode(self._links[index].node.state()))

    async def faults(self, index: int, **switches: bool) -> object:
        await self._world.travel()
        self._links[index].node.faults.change(switches)
        return self._links[index].node.faults.view()

    async def health(self, index: int) -> object:
        await self._world.travel()
        answer = self._links[index].node.health()
        return MessageToDict(answer, preserving_proto_field_name=True)

    async def capabilities(self, index: int) -> object:
        await self._world.travel()
        answer = self._links[index].node.capabilities(network.NODE_TREE)
        return MessageToDict(answer, preserving_proto_field_name=True)

    async def stop(self, index: int) -> None:
        await self._cut(index, down=True)

    async def start(self, index: int) -> None:
        await self._cut(index, down=False)

    async def _cut(self, index: int, *, down: bool) -> None:
        port = self._world.system.whereis(f"{network.NODE_TREE}/ports/governance")
        self._world.system.tell(port, Cut(endpoint=index, down=down))
        await self._world.travel()


class _Node:
    """A scenario's way to the node's RPC."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world

    async def call(self, method: str, *params: object) -> object:
        await self._world.travel()
        spec = self._world.network.spec
        result: object = await api.answer(spec, self._world.ask_node, method, list(params))
        return result


class _Load:
    """A load in virtual time: every call of a batch travels by itself, the batch is answered when the last of them is.

    Its clock stands to node time as the wall's does in the local world, so a load is the same burden to the node in both.
    """

    measures_process = False

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self._open = 0

    def clock(self) -> float:
        return self._world.now() / self._world.settings.world.time_scale

    async def until(self, at: float) -> None:
        if (left := at - self.clock()) > 0:
            await self._world.sleep(left * self._world.settings.world.time_scale)

    def send(self, calls: Sequence[Call], answered: Answered) -> None:
        self._open += 1
        self._world.system.drive(self._carry_out(calls, answered))

    async def _carry_out(self, calls: Sequence[Call], answered: Answered) -> None:
        under_way = [self._world.system.drive(self._one(*call)) for call in calls]
        results = [await reply for reply in under_way]
        await self._world.travel()
        self._open -= 1
        answered(self.clock(), results)

    async def _one(self, method: str, params: list[Any]) -> Any:
        await self._world.travel()
        world = self._world
        try:
            return await api.answer(world.network.spec, world.ask_node, method, params)
        except RpcError as refusal:
            return refusal

    async def drain(self) -> None:
        while self._open:
            await self._world.sleep(DRAIN_LOOK_SECONDS)

    def usage(self) -> None:
        return None

    def cores(self) -> float:
        return 1.0


class _Scenario:
    """A scenario that was handed in; it runs when it is waited for."""

    def __init__(
        self, world: SimWorld, coroutine: Coroutine[object, object, None], limit_seconds: float
    ) -> None:
        self.world = world
        self.coroutine = coroutine
        self.limit_seconds = limit_seconds
        self.ended = False

    def done(self) -> bool:
        return self.ended


class SimDriver(Driver):
    """Runs scenarios one after the other, each to its end in virtual time."""

    name = "sim"
    deterministic = True
    concurrent = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: list[_Scenario] = []

    @override
    def world(self, info: ScenarioInfo) -> World:
        return SimWorld(self._settings, info)

    @override
    def start(
        self, world: World, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> Handle:
        assert isinstance(world, SimWorld), "a driver runs its own worlds"
        limit = timeout_s * self._settings.world.time_scale
        handle = _Scenario(world, scenario, limit)
        self._open.append(handle)
        return handle

    @override
    def wait(self, handle: Handle) -> None:
        assert isinstance(handle, _Scenario), "a driver knows its own handles"
        self._open.remove(handle)
        world = handle.world
        running = _Interruptible(handle.coroutine)
        reply = world.system.drive(running.steps())
        try:
            world.dispatcher.run_until(lambda: reply.done, handle.limit_seconds)
        except BaseException as error:
            self._throw_out(handle, running, reply, error)
        finally:
            handle.ended = True
        reply.result()

    def _throw_out(
        self,
        handle: _Scenario,
        running: "_Interruptible",
        reply: Reply[None],
        error: BaseException,
    ) -> None:
        """End a scenario that cannot, letting its ``finally`` blocks run; raises the reason."""
        world = handle.world
        reason: BaseException = error
        if isinstance(error, OutOfTime):
            timeout = handle.limit_seconds / self._settings.world.time_scale
            reason = ScenarioTimeout(
                name=world.info.name, timeout_s=timeout, waiting_for=world.waiting_for
            )
        running.interrupt(reason)
        world.dispatcher.trap = None  # a violation that was found would end the closing too
        try:
            world.dispatcher.run_until(lambda: reply.done, CLOSE_SECONDS)
        except SimulationError:
            raise reason from error
        if not isinstance(reason, ScenarioTimeout):
            raise reason

    @override
    def close(self) -> None:
        for handle in self._open:
            handle.coroutine.close()
        self._open.clear()


class _Interruptible:
    """Steps a coroutine like ``await`` does, but gives up what it waits for when it is interrupted."""

    def __init__(self, coroutine: Coroutine[object, object, None]) -> None:
        self._coroutine = coroutine
        self._error: BaseException | None = None
        self._waits: Reply[Any] | None = None

    def interrupt(self, error: BaseException) -> None:
        """Throw an error into the coroutine at the point where it waits."""
        self._error = error
        if self._waits is not None:
            self._waits.fail(error)

    async def steps(self) -> None:
        await self

    def __await__(self) -> Generator[Any, None, None]:
        try:
            waited: Any = self._coroutine.send(None)
            while True:
                self._waits = waited
                yield waited
                error, self._error = self._error, None
                waited = (
                    self._coroutine.send(None) if error is None else self._coroutine.throw(error)
                )
        except StopIteration:
            return


def open_driver(settings: Settings) -> SimDriver:
    """See ``protocol.DriverFactory``."""
    return SimDriver(settings)
