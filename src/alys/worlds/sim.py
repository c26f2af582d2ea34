"""The simulated world: one thread, virtual time, no socket; a whole run is its seed.

Each scenario has a system and a dispatcher of its own. The scenario's coroutine is driven by the same dispatcher as the
actors, so what it does interleaves with them as the seed decides.
"""

from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec
from google.protobuf.json_format import MessageToDict
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.errors import AskTimeout
from alys.actors.observe import together
from alys.actors.reply import Reply
from alys.actors.supervision import Backoff
from alys.actors.system import System
from alys.config.settings import Settings
from alys.node import api
from alys.node.errors import PortDown
from alys.sim.dispatch import OutOfTime, SimDispatcher, SimulationError
from alys.sim.schedules import ScheduleMaker, Uniform
from alys.sim.trace import COUNTED
from alys.sim.trap import Trap
from alys.sim.waiting import reporter
from alys.wire.jsonrpc import Dialect, RpcError
from alys.worlds import logbook, misbehaving, network
from alys.worlds.disk import Disk, StorePort
from alys.worlds.gate import OPEN
from alys.worlds.governance_link import GovernanceLink, acquaint
from alys.worlds.load import Answered, Call
from alys.worlds.memory import (
    Cut,
    GovernancePort,
    LookRound,
    Service,
    ServicePort,
    delay,
)
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import Driver, Handle, ScenarioInfo, ScenarioTimeout, World
from alys.worlds.wires import WirePort, Wires

T = TypeVar("T")

EPOCH = 1_767_225_600.0
"""When simulated worlds begin: 2026-01-01T00:00:00Z."""

DRAIN_LOOK_SECONDS = 0.01

CLOSE_SECONDS = 120.0
"""Virtual time that a thrown-out scenario has for its ``finally`` blocks."""


class SimWorld(NetworkWorld):
    """See the module's docstring."""

    name = "sim"
    can_kill = True
    tree_backoff = Backoff(min_seconds=1.0, max_seconds=10.0)
    dispatcher: SimDispatcher
    wires_in_memory: Wires
    """The same as ``wires``, with all that only these have."""

    def __init__(
        self,
        settings: Settings,
        info: ScenarioInfo,
        schedule: ScheduleMaker = Uniform,
    ) -> None:
        super().__init__(settings, info)
        chance = self.random.fork("schedule")
        #: Chooses what comes next.
        self.schedule = schedule(chance)
        self.dispatcher = SimDispatcher(chance, EPOCH, trap=Trap(), schedule=self.schedule)
        self.recorder.now = self.dispatcher.now
        heard = logbook.beside(self.recorder, self.settings.test_environment.log_level)
        observer = together(heard, *self.observers)
        self._listening = len(self.observers)
        self.system = System(self.dispatcher, self.random.fork("actors"), observer=observer)
        self.dispatcher.report = reporter(self.system)
        self._delays = self.random.fork("delays")
        #: What the authorities' stores are written on, by tree.
        self.disks: dict[str, Disk] = {}
        #: Each whole node's ways to the governance nodes, by its number.
        self._links: dict[int, list[GovernanceLink]] = {}
        self._background: list[Reply[None]] = []
        #: What whoever looks on waits for, until the time is over or a block comes.
        self._nap: Reply[None] = Reply(self.dispatcher)

    @override
    def block_came(self, *block: object) -> None:
        super().block_came(*block)
        if self.closely:
            self._nap.complete(None)

    @override
    async def nap(self, seconds: float) -> None:
        self._nap = self.system.sleep(seconds)
        await self._nap

    @override
    async def await_reply(self, reply: Reply[T]) -> T:
        return await reply

    @override
    async def start_services(self) -> None:
        if late := self.observers[self._listening :]:  # some came since the system was made
            self.system.observer = together(self.system.observer, *late)
        net = network.build(
            self.settings.node,
            self.dispatcher.now,
            self.random.fork("network"),
            self.whole_nodes,
            self.settings.world.profile,
        )
        self.network = net
        net.bitcoin.listeners.append(self.block_came)
        for client in net.clients:
            client.listeners.append(self.block_came)
        light = self.settings.world.profile == "light"
        self._bitcoin = Service(
            net.bitcoin.handle,
            Dialect.BITCOIN,
            net.bitcoin.misbehaviour,
            "the Bitcoin node",
            light=light,
        )
        self._engines = [
            Service(
                client.handle_engine,
                Dialect.ETHEREUM,
                client.misbehaviour,
                "the execution client",
                light=light,
            )
            for client in net.clients
        ]
        if self.settings.world.governance_gossip:
            network.acquaint(net.governance)
        whole = range(net.nodes)
        self._links = {
            index: [GovernanceLink(node=node, prefix=_prefix(index)) for node in net.governance]
            for index in whole
        }
        for number in range(len(net.governance)):
            acquaint([links[number] for links in self._links.values()])
        self._wires = Wires(self.random.fork("wires"), self.system)
        self.wires = self.wires_in_memory = self._wires
        self.bitcoin = _ServiceSide(self, self._bitcoin)
        self.clients = [
            _ServiceSide(self, Service(net.clients[index].handle, Dialect.ETHEREUM, light=light))
            for index in whole
        ]
        self.ethereum = self.clients[network.PRODUCER]
        self.engine = _ServiceSide(self, self._engines[network.PRODUCER])
        self.governance = _Governance(self, list(self._links.values()))
        self.node_sides = [_Node(self, index) for index in whole]
        self.node = self.node_sides[network.PRODUCER]
        self.load = _Load(self)
        self.faults.doors = misbehaving.in_process(
            net.bitcoin, dict(enumerate(net.clients)), net.governance
        )

    @override
    def gateways(self, index: int) -> Mapping[str, Callable[[], Actor]]:
        tree, delays = self.network.tree(index), self._delays
        gate = self.gates.get(tree, OPEN)
        engine, disk = self._engines[index], self.disks.setdefault(tree, Disk())
        ports: dict[str, Callable[[], Actor]] = {
            "bitcoin": lambda: ServicePort(self._bitcoin, delays, gate),
            "engine": lambda: ServicePort(engine, delays, gate),
            "store": lambda: StorePort(disk, gate),
            "wire": lambda: WirePort(self._wires, tree, gate),
        }
        if (links := self._links.get(index)) is not None:
            ports["governance"] = lambda: GovernancePort(links, delays, gate)
        return ports

    @override
    def buried(self, index: int) -> None:
        """Its streams break: the governance nodes learn of it."""
        for link in self._links.get(index, []):
            link.break_off()

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

    def __init__(self, world: SimWorld, ways: list[list[GovernanceLink]]) -> None:
        """``ways``: of each whole node, by the governance node's number."""
        self._world = world
        self._ways = ways
        self._nodes = [link.node for link in ways[network.PRODUCER]]

    async def state(self, index: int) -> object:
        await self._world.travel()
        return msgspec.json.decode(msgspec.json.encode(self._nodes[index].state()))

    async def faults(self, index: int, **switches: bool) -> object:
        await self._world.travel()
        self._nodes[index].faults.change(switches)
        return self._nodes[index].faults.view()

    async def push(self, index: int, verb: str, **fields: object) -> object:
        await self._world.travel()
        told = self._nodes[index].push({verb: fields})
        system = self._world.system
        for number in range(len(self._ways)):
            port = system.whereis(f"{self._world.network.tree(number)}/ports/governance")
            if self._world.nodes.alive(number):
                system.tell(port, LookRound(endpoint=index))
        return told

    async def health(self, index: int) -> object:
        await self._world.travel()
        return MessageToDict(self._nodes[index].health(), preserving_proto_field_name=True)

    async def capabilities(self, index: int) -> object:
        await self._world.travel()
        answer = self._nodes[index].capabilities(network.NODE_TREE)
        return MessageToDict(answer, preserving_proto_field_name=True)

    async def stop(self, index: int) -> None:
        await self._cut(index, down=True)

    async def start(self, index: int) -> None:
        await self._cut(index, down=False)

    async def _cut(self, index: int, *, down: bool) -> None:
        system = self._world.system
        for number, links in enumerate(self._ways):
            links[index].down = down  # its node may be down, and no port there
            port = system.whereis(f"{self._world.network.tree(number)}/ports/governance")
            if self._world.nodes.alive(number):
                system.tell(port, Cut(endpoint=index, down=down))
        await self._world.travel()


class _Node:
    """A scenario's way to a node's RPC."""

    def __init__(self, world: SimWorld, index: int) -> None:
        self._world = world
        self._index = index

    async def call(self, method: str, *params: object) -> object:
        world = self._world
        await world.travel()
        if not world.nodes.alive(self._index):
            raise PortDown(world.network.tree(self._index), "connection refused")
        ask = world.asker(self._index)
        try:
            result: object = await api.answer(world.network.spec, ask, method, list(params))
        except AskTimeout as error:
            raise PortDown(world.network.tree(self._index), "no answer in time") from error
        return result


def _prefix(index: int) -> str:
    """What the streams of a whole node are called at the governance nodes."""
    return "" if index == network.PRODUCER else f"{network.NODE_TREE}-{index}/"


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
            return await api.answer(
                world.network.spec, world.asker(network.PRODUCER), method, params
            )
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
    """Runs scenarios one after the other, each to its end in virtual time.

    ``schedule`` makes the schedule of each (``alys.sim.schedules``); ``SimWorld.schedule`` is what it made.
    """

    name = "sim"
    deterministic = True
    concurrent = False

    def __init__(self, settings: Settings, schedule: ScheduleMaker = Uniform) -> None:
        self._settings = settings
        self._schedule = schedule
        self._open: list[_Scenario] = []

    @override
    def world(self, info: ScenarioInfo) -> World:
        return SimWorld(self._settings, info, self._schedule)

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
        over: list[None] = []
        reply.subscribe(lambda: over.append(None))
        ended = cast(Callable[[], bool], over.__len__)  # asked at every step
        try:
            world.dispatcher.run_until(ended, handle.limit_seconds)
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
