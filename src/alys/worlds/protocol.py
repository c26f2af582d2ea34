"""What a scenario may ask of its world, and what the runner may ask of the module that makes worlds.

Two audiences. A *scenario* sees ``World``: the clock, the services, the node, and the two verbs that prove something,
``check`` and ``eventually``. The *runner* sees ``Driver``: it makes one world per scenario and runs the scenario's
coroutine. There is one driver per run. A local driver owns the one event loop of the run and lets scenarios overlap;
a simulated driver steps virtual time until the coroutine ends, so its ``start`` may do all the work at once.

The life of a scenario, the same in every world::

    world = driver.world(info)                  # nothing is started yet
    handle = driver.start(world, coroutine, timeout_s)
        # the coroutine is the runner's: await world.open(); the scenario; finally: await world.close()
    driver.wait(handle)                         # returns, or raises what the scenario raised
    ...
    driver.close()                              # once, at the end of the run, also after Ctrl-C
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from alys.base import errors
from alys.config import settings as settings_module
from alys.worlds.supervised import ActorsSide

T = TypeVar("T")


class ScenarioInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a world is told about the scenario it is made for."""

    name: str
    """Unique within the run, stable between runs, fit for a file name."""
    seed: int
    """The run's seed. A world that wants different numbers per scenario forks it by ``name``."""
    scratch: Path
    """A folder for the world's files. It does not exist yet: who needs it makes it; the runner removes it."""
    placement: settings_module.Placement | None = None
    """Where the scenario must have its node, whatever the settings say; None: they decide."""
    nodes: int | None = None
    """How many authorities must be whole nodes, likewise."""


class ScenarioTimeout(errors.AlysError):
    """A scenario did not end in time. The driver has thrown it out: its ``finally`` blocks have run."""

    def __init__(self, *, name: str, timeout_s: float, waiting_for: str | None = None) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.waiting_for = waiting_for
        tail = f" while waiting for: {waiting_for}" if waiting_for else ""
        super().__init__(f"{name} did not end within {timeout_s:g} s{tail}")


class BitcoinSide(Protocol):
    """The Bitcoin node as its users reach it: over its public interface."""

    async def call(self, method: str, *params: object) -> object:
        """The JSON result of one RPC call; raises the error that the node answered."""
        ...


class EthereumSide(Protocol):
    """The execution client's public JSON-RPC."""

    async def call(self, method: str, *params: object) -> object:
        """The JSON result of one RPC call; raises the error that the client answered."""
        ...


class GovernanceSide(Protocol):
    """The governance nodes' admin interface, by node index from 0."""

    async def state(self, index: int) -> object:
        """What the node reports about itself, as JSON."""
        ...

    async def faults(self, index: int, **switches: bool) -> object:
        """Switch faults on and off; the answer has the switches and how many messages each has touched."""
        ...

    async def health(self, index: int) -> object:
        """The answer to the Health call, fields by their names in the proto."""
        ...

    async def capabilities(self, index: int) -> object:
        """The answer to the GetCapabilities call, in the same form."""
        ...

    async def push(self, index: int, verb: str, **fields: object) -> object:
        """Have the node announce ``federation_update``, ``proposal``, ``emergency_halt`` or ``resume`` to every registered stream.

        Each node signs for itself; who wants the federation's word pushes the same to as many as its threshold asks.
        """
        ...

    async def stop(self, index: int) -> None:
        """Take the node off the network; it keeps what it knows."""
        ...

    async def start(self, index: int) -> None:
        """Bring it back under the same address."""
        ...


class NodeSide(Protocol):
    """The Alys node's public RPC."""

    async def call(self, method: str, *params: object) -> object:
        """The JSON result of one RPC call."""
        ...


class NodesSide(Protocol):
    """The authorities by index, from 0: first the whole nodes, then the co-signers, which have no JSON-RPC.

    What is told of one that is no authority raises UsageError, and so does a verb that the world's placement cannot honour.
    """

    @property
    def count(self) -> int:
        """How many are whole nodes."""
        ...

    async def call(self, index: int, method: str, *params: object) -> object:
        """The JSON result of one RPC call to a whole node; raises PortDown while it is down."""
        ...

    def alive(self, index: int) -> bool:
        """Whether it was not taken down, or is up again."""
        ...

    async def kill(self, index: int) -> None:
        """End it at once, as SIGKILL does: no hook runs, what is on its way to it or from it is lost. Its store stays."""
        ...

    async def stop(self, index: int) -> None:
        """End it in good order."""
        ...

    async def start(self, index: int) -> None:
        """Bring it back on its store and its execution client; returns when it answers."""
        ...

    async def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """Cut every connection between nodes of different groups, and no other. Who is in no group is alone."""
        ...

    async def heal(self) -> None:
        """Join all again."""
        ...


class World(Protocol):
    """The environment one scenario runs in. Members that are properties here may be plain attributes there.

    ``worlds.scorecard.Scorecard`` is a ready base for ``check``, ``samples`` and ``facts``.
    """

    @property
    def name(self) -> str:
        """``local`` or ``sim``."""
        ...

    @property
    def seed(self) -> int:
        """The run's seed."""
        ...

    @property
    def samples(self) -> int:
        """How many times something was looked at that could have been wrong. Zero at the end is no pass."""
        ...

    @property
    def facts(self) -> dict[str, object]:
        """What the report should show about this scenario: JSON values by name, in order of recording."""
        ...

    @property
    def bitcoin(self) -> BitcoinSide:
        """The Bitcoin node."""
        ...

    @property
    def ethereum(self) -> EthereumSide:
        """The producing node's execution client."""
        ...

    @property
    def governance(self) -> GovernanceSide:
        """The governance nodes."""
        ...

    @property
    def node(self) -> NodeSide:
        """The Alys node under test."""
        ...

    @property
    def nodes(self) -> NodesSide:
        """All nodes of the federation; the node under test is number 0."""
        ...

    @property
    def actors(self) -> ActorsSide:
        """The actors of the node and of test trees: what they are doing, and how to break them."""
        ...

    def now(self) -> float:
        """Node time in seconds since the Unix epoch: scaled in the local world, virtual in the simulated one."""
        ...

    def check(self, condition: bool, what: str, **facts: object) -> None:
        """Count one sample; raise ``scorecard.CheckFailed`` with the sentence and the facts if it does not hold."""
        ...

    async def eventually(
        self, probe: Callable[[], Awaitable[T]], what: str, timeout_s: float = 60.0
    ) -> T:
        """The first truthy answer of ``probe``; counts one sample.

        ``timeout_s`` is node time. Raises ``scorecard.NeverHappened`` with ``what`` and the last answer.
        A probe that raises ends the wait with its error.
        """
        ...

    def trace(self) -> Iterable[str]:
        """The scenario's event records, one JSON object per item, without newline; read after ``close``, or in the middle of the
        scenario when the run's own timeout cuts it off.

        In a deterministic world a record holds nothing that differs between two runs of one seed (no wall time,
        no path, no process id): the run's trace hash is BLAKE2b over these lines as written to ``events.jsonl``.
        """
        ...

    async def open(self) -> None:
        """Start everything. Raises ``EnvironmentFailure`` when the machine is to blame; ``close`` is called even then."""
        ...

    async def close(self) -> None:
        """Stop everything, in reverse order; called once, also after a failure in ``open`` and on a timeout."""
        ...


class Handle(Protocol):
    """A scenario that was started."""

    def done(self) -> bool:
        """Whether it ended, well or badly. Must not block."""
        ...


class Driver(Protocol):
    """Makes worlds and runs scenarios in them. One per run; used from one thread."""

    @property
    def name(self) -> str:
        """``local`` or ``sim``."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether one seed gives one trace, so that a trace hash means something."""
        ...

    @property
    def concurrent(self) -> bool:
        """Whether several scenarios may be started before the first is waited for."""
        ...

    def world(self, info: ScenarioInfo) -> World:
        """A new world for one scenario; must not start anything yet."""
        ...

    def start(
        self, world: World, scenario: Coroutine[object, object, None], timeout_s: float
    ) -> Handle:
        """Begin to run the coroutine in its world, which is one that ``world`` made.

        A concurrent driver begins at most ``settings.concurrency`` at once and queues the rest in order; waiting
        for a turn does not count towards the timeout. It makes no progress outside ``wait`` and ``close``.
        ``timeout_s`` is wall time in the local world; a simulated driver allows ``timeout_s * time_scale`` virtual
        seconds, the same node time.
        """
        ...

    def wait(self, handle: Handle) -> None:
        """Run until that scenario has ended; raise what it raised, or ``ScenarioTimeout``.

        Others may progress meanwhile. A KeyboardInterrupt passes through; ``close`` is called next.
        """
        ...

    def close(self) -> None:
        """Throw out every scenario that still runs (its ``finally`` blocks run, so worlds close), then the loop.

        A scenario that never began is closed without running. Must be safe to call twice.
        """
        ...


DriverFactory = Callable[[settings_module.Settings], Driver]
"""Each module of ``worlds`` that makes worlds has one, under the name ``open_driver``."""
