"""The part of a world that is the same wherever it runs: network, system, drivers, verbs, audit.

What differs (how an answer is awaited, what lies between the actors and the services) is left to ``local`` and ``sim``.
"""

import abc
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.dispatch import Dispatcher
from alys.actors.errors import ActorStopped, AskTimeout
from alys.actors.message import Request
from alys.actors.metrics import Metrics
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import Backoff, ChildSpec, Restart
from alys.actors.system import System
from alys.base.errors import AlysBug, AlysError
from alys.base.prng import SeededRandom
from alys.config.settings import Settings
from alys.node.api import Ask
from alys.node.messages import GetStatus
from alys.node.tree import cosigner_tree, node_tree
from alys.worlds import network, stream_table
from alys.worlds.actors import Actors
from alys.worlds.agreement import Overheard
from alys.worlds.forger import Forger, Offer, Verdict
from alys.worlds.gate import Gate
from alys.worlds.load import LoadSide
from alys.worlds.misbehaving import Faults, Injected
from alys.worlds.nodes import TreesHere, WiresSide
from alys.worlds.onlooking import POLL_SECONDS, Onlooking
from alys.worlds.protocol import (
    EthereumSide,
    GovernanceSide,
    NodeSide,
    ScenarioInfo,
)
from alys.worlds.recorder import Recorder
from alys.worlds.scorecard import NeverHappened
from alys.worlds.supervised import ActorsSide
from alys.worlds.users import BitcoinUser, EthereumUser

T = TypeVar("T")

PORT_MESSAGES_MAX = 5_000
"""In a port's mailbox: a full outbox for each governance node may arrive there at once."""

START_SECONDS = 60.0
"""Node time for all actors to come up."""


class TreeFailed(AlysError):
    """A supervision tree gave up; a scenario over a broken node proves nothing."""


class ActorCrashed(AlysError):
    """An actor raised. It is restarted, but what no scenario provoked no scenario may pass over."""


class NetworkWorld(Onlooking, abc.ABC):
    """See the module's docstring; everything but ``open`` expects an open world."""

    name = ""
    asks_node = True
    """Whether the node's own JSON-RPC can be asked; without it there is no audit and no mining for the node."""
    governance_token: str | None = network.GOVERNANCE_TOKEN
    """What the node shows the governance nodes."""
    ethereum: EthereumSide
    engine: EthereumSide
    """The producing node's Engine API."""
    governance: GovernanceSide
    node: NodeSide
    wires: WiresSide
    can_kill = False
    """Whether a node may be killed here: see ``nodes``."""
    tree_backoff: Backoff | None = None
    """Before a node whose tree gave up is started again, where it has no process of its own."""
    actors: ActorsSide
    faults: Faults
    load: LoadSide
    system: System
    dispatcher: Dispatcher

    def __init__(self, settings: Settings, info: ScenarioInfo) -> None:
        super().__init__()
        self.settings = settings
        self.info = info
        self.seed = info.seed
        #: How many authorities are whole nodes.
        self.whole_nodes = info.nodes or settings.world.nodes
        self.random = SeededRandom(info.seed).fork(info.name)
        self.waiting_for: str | None = None
        self._lines: list[str] | deque[str] = []
        self.recorder = Recorder(lambda: self.dispatcher.now(), self._lines.append)
        #: More that listen to all actors; to be added before the world opens.
        self.observers: list[Observer] = []
        self._metrics = Metrics()
        if settings.cleanup.preserve_metrics:
            self.observers.append(self._metrics)
        if self.whole_nodes > 1:
            self.overheard = Overheard()
            self.observers.append(self.overheard)
        self.actors = Actors(self)
        self.faults = Faults(self)
        #: Who may stop what an authority does to the outside, by tree; to be set before the world opens.
        self.gates: dict[str, Gate] = {}
        #: By how many seconds the clock of an authority's actors is wrong, by tree; who is not here is right.
        self.skews: dict[str, float] = {}
        #: Whether no fault holds anybody up, and none did a moment ago.
        self.calm: Callable[[], bool] = lambda: True
        self._opened = False

    # What a world supplies

    @abc.abstractmethod
    async def await_reply(self, reply: Reply[T]) -> T:
        """Wait for an actor's answer."""

    @abc.abstractmethod
    async def start_services(self) -> None:
        """Bring up the services, register the ports of every authority, set the drivers."""

    @abc.abstractmethod
    async def stop_services(self) -> None:
        """The reverse; must not raise when little was started."""

    @abc.abstractmethod
    def start_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the scenario until the world closes."""

    @abc.abstractmethod
    async def end_background(self) -> None:
        """Wait until what runs beside has ended (``_closing`` is set)."""

    def gateways(self, index: int) -> Mapping[str, Callable[[], Actor]]:
        """What stands behind each port of an authority, by the port's name."""
        raise NotImplementedError(f"world {self.name} runs no trees")

    def wire_addresses(self) -> Mapping[int, str]:
        """Where each authority takes connections of the others; in memory that is its name."""
        return {index: self.network.tree(index) for index in range(network.AUTHORITIES)}

    def buried(self, index: int) -> None:
        """An authority's actors are gone: whatever else would end with its process ends now."""

    def _port(self, tree: str, name: str, factory: Callable[[], Actor]) -> Ref:
        """Start what stands behind one port of an authority, under the name that its actors look for."""
        return self.system.spawn(
            ChildSpec(
                name=f"{tree}-{name}",
                factory=factory,
                register=f"{tree}/ports/{name}",
                mailbox_messages_max=PORT_MESSAGES_MAX,
            )
        )

    # Life

    async def open(self) -> None:
        """Services, ports, co-signers, node, audit."""
        await self.start_services()
        await self.start_node()
        self.take_post()
        self._opened = True
        self.start_background(self._watch())

    async def start_node(self) -> None:
        """The actors of every authority; returns when all of them answer."""
        trees = TreesHere(self, self.node_sides)
        self.nodes = trees
        self.system.spawn(
            ChildSpec(name="forger", factory=Forger, register="forger", restart=Restart.TEMPORARY)
        )
        await trees.start_all(self.authorities_here())

    def authorities_here(self) -> Sequence[int]:
        """Whose trees run in this process."""
        return range(network.AUTHORITIES)

    def raise_authority(self, index: int) -> list[Ref]:
        """Start an authority's ports and its tree; the refs, ports first."""
        tree, spec = self.network.tree(index), self.network.spec
        refs = [self._port(tree, name, make) for name, make in self.gateways(index).items()]
        me, table = (
            self.network.authority(index, self.wire_addresses()),
            self.settings.node.policies,
        )
        if index >= self.network.nodes:
            return [*refs, self._tree(cosigner_tree(spec, me, table))]
        nodes, token = self.network.governance_nodes, self.governance_token
        figures = stream_table.figures(self.settings.stream, self.hurried)
        whole = node_tree(
            spec, me, governance_nodes=nodes, token=token, table=table, figures=figures
        )
        return [*refs, self._tree(whole)]

    def _tree(self, spec: ChildSpec) -> Ref:
        return self.system.spawn(msgspec.structs.replace(spec, backoff=self.tree_backoff))

    async def until_up(self, index: int) -> None:
        """Wait until an authority answers."""
        name = f"{self.network.tree(index)}/chain"
        end = self.now() + START_SECONDS
        while not await self._answers(name):
            self.require_sound()
            if self.now() >= end:
                raise TreeFailed(f"{name} did not come up: {self.system.failure or 'no answer'}")
            await self.sleep(POLL_SECONDS)

    async def _answers(self, name: str) -> bool:
        try:
            await self.call_actor(name, GetStatus())
        except (ActorStopped, AskTimeout):
            return False
        return True

    async def close(self) -> None:
        """The last audit, then everything down. Raises what the audit or a background job found."""
        self._closing = True
        try:
            await self.faults.settle()
            if self._opened:
                await self.end_background()
                self.require_sound()
                await self._last_audit()
                self.recorder.require_faults()
        finally:
            if hasattr(self, "system"):
                self._keep_metrics()
                await self.await_reply(self.system.shutdown())
            await self.stop_services()

    def _keep_metrics(self) -> None:
        """For the report, what the actors of this process did: by path, without what is zero."""
        if self._metrics not in self.observers:
            return
        figures: dict[str, dict[str, object]] = {}
        for line in self._metrics.reading(self.system):
            told = msgspec.structs.asdict(line)
            del told["path"], told["active"]
            if counted := {name: value for name, value in told.items() if value}:
                figures[line.path] = counted
        if figures:
            self.note(actors=figures)

    # Time

    @override
    def now(self) -> float:
        """Node time, seconds since the Unix epoch."""
        return self.dispatcher.now()

    @override
    async def sleep(self, seconds: float) -> None:
        """Let node time pass; for polling, never to wait for something to happen."""
        await self.await_reply(self.system.sleep(seconds))

    @override
    async def eventually(
        self, probe: Callable[[], Awaitable[T]], what: str, timeout_s: float = 60.0
    ) -> T:
        """See ``protocol.World.eventually``; also fails at once when the node or the ledger broke."""
        self.sample()
        end = self.now() + timeout_s
        before, self.waiting_for = self.waiting_for, what
        while True:
            self.require_sound()
            found = await probe()
            if found:
                self.waiting_for = before
                return found
            if self.now() >= end:
                raise NeverHappened(what, timeout_s=timeout_s, last=_plain(found))
            await self.sleep(POLL_SECONDS)

    def require_sound(self) -> None:
        """Raise what the audit found, what befell the node, or an actor's crash: once, and then the world is to be closed."""
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if self.recorder.crashes:
            raise ActorCrashed(self.recorder.crashes[0])
        if self.system.failure is not None:
            raise TreeFailed(f"the node gave up: {self.system.failure}")

    # Actors

    async def call_actor(self, name: str, request: Request[T]) -> T:
        """Ask an actor by its registered name, past every public interface."""
        return await self.await_reply(self.system.ask(self.system.whereis(name), request))

    def begin_call(self, name: str, request: Request[T]) -> Reply[T]:
        """Ask an actor and go on; ``await_reply`` has the answer."""
        return self.system.ask(self.system.whereis(name), request)

    def asker(self, index: int) -> Ask:
        """What the RPC server of a whole node uses."""
        tree = self.network.tree(index)

        async def ask(actor: str, request: Request[Any]) -> Any:
            return await self.call_actor(f"{tree}/{actor}", request)

        return ask

    async def until_bitten(self, injected: Injected, timeout_s: float = 30.0) -> int:
        """Wait until a service's fault has bitten; how often. Raises Inconclusive when it does not in so many node seconds."""
        return await self.faults.until_bitten(injected, timeout_s)

    # Peg

    @property
    def federation_address(self) -> str:
        """Where deposits go."""
        return self.network.spec.federation.address(self.network.spec.network)

    def depositor(self) -> BitcoinUser:
        """The Bitcoin user that the network was begun with; it has coins."""
        return BitcoinUser(self.network.depositor_secret, self.bitcoin)

    def bitcoin_user(self, name: str) -> BitcoinUser:
        """A Bitcoin user without coins."""
        return BitcoinUser(self.random.fork(f"bitcoin {name}").randbytes(32), self.bitcoin)

    def ethereum_user(self, name: str) -> EthereumUser:
        """An account on the sidechain; equal names are equal accounts."""
        return EthereumUser(self.random.fork(f"ethereum {name}").randbytes(32), self.ethereum)

    async def confirm(self, count: int = 1) -> None:
        """Mine Bitcoin blocks that hold what waits in the mempool."""
        miner = BitcoinUser(network.MINER_SECRET, self.bitcoin)
        await self.bitcoin.call("generatetoaddress", count, miner.address)

    # Forgeries

    async def offer(self, block: bytes) -> tuple[Verdict, ...]:
        """What the co-signers say of a block."""
        to = tuple(
            f"{self.network.tree(index)}/chain"
            for index in range(network.AUTHORITIES)
            if index != network.PRODUCER
        )
        return await self.call_actor("forger", Offer(block=block, to=to))

    # Trace

    def bound_trace(self, lines_max: int) -> None:
        """Keep the newest lines only, or none: for a world that lives longer than a scenario, or whose trace nobody reads."""
        self._lines = deque(self._lines, maxlen=lines_max)
        self.recorder.sink = self._lines.append if lines_max else None

    def trace(self) -> Iterable[str]:
        """See ``protocol.World.trace``."""
        self.recorder.flush()
        return (line.rstrip("\n") for line in self._lines)

    def messages(self) -> list[dict[str, Any]]:
        """The ``sent`` records so far, decoded."""
        self.recorder.flush()
        return [msgspec.json.decode(line) for line in self._lines if '"kind":"sent"' in line[:60]]


def _plain(value: object) -> object:
    try:
        return msgspec.to_builtins(value)
    except (TypeError, msgspec.MsgspecError) as error:
        raise AlysBug(f"a probe must answer JSON values: {error}") from error
