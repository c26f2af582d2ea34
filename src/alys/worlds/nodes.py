"""The nodes of a federation as a scenario reaches them (``protocol.NodesSide``), where all trees stand in one system.

A node that is killed here ends like a killed process: its actors and its ports at once, without a hook, and whoever is connected
with it sees the connection break. That is exact in simulation only; where sockets are real a process of its own is what can be
killed (placement ``split``).
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.system import System
from alys.base.errors import UsageError
from alys.node.errors import PortDown
from alys.worlds import network
from alys.worlds.protocol import EthereumSide, NodeSide
from alys.worlds.recorder import Recorder
from alys.worlds.supervised import Fault

T = TypeVar("T")

WANTS_A_PROCESS = (
    "world.nodes.kill needs nodes that can be killed: set world.placement to split, or world.kind to "
    "sim; world.nodes.stop ends one in good order"
)


class WiresSide(Protocol):
    """The transport between the nodes of this world, by the names of their trees."""

    def cut(self, one: str, other: str) -> None:
        """Break the connection, and let none come about until ``join``; both ends are told. Harmless when cut already."""
        ...

    def join(self, one: str, other: str) -> None:
        """Allow it again; where both listen it comes about."""
        ...

    def gone(self, tree: str) -> None:
        """A node has ended: its connections break, what was on its way is lost, the other ends are told."""
        ...


class Ground(Protocol):
    """What it needs of the world."""

    system: System
    recorder: Recorder
    network: network.Grounds
    wires: WiresSide
    can_kill: bool

    async def await_reply(self, reply: Reply[T]) -> T:
        """Wait for an actor's answer."""
        ...

    def raise_authority(self, index: int) -> list[Ref]:
        """Start its ports and its tree; the refs, ports first."""
        ...

    async def until_up(self, index: int) -> None:
        """Wait until it answers."""
        ...

    def buried(self, index: int) -> None:
        """Its actors are gone: whatever else would end with its process ends now."""
        ...


class TreesHere:
    """See the module's docstring."""

    def __init__(self, world: Ground, sides: Sequence[NodeSide]) -> None:
        """``sides``: the JSON-RPC of each whole node."""
        self._world = world
        self._sides = sides
        self._running: dict[int, list[Ref]] = {}
        #: What was ordered, in order.
        self.faults: list[Fault] = []

    @property
    def count(self) -> int:
        """See ``protocol.NodesSide``, here and below."""
        return self._world.network.nodes

    async def call(self, index: int, method: str, *params: object) -> object:
        """One RPC call."""
        side = self._sides[whole(index, self.count)]
        if not self.alive(index):
            raise PortDown(self._world.network.tree(index), "connection refused")
        return await side.call(method, *params)

    def alive(self, index: int) -> bool:
        """Whether it runs."""
        return authority(index) in self._running

    async def start_all(self, authorities: Sequence[int]) -> None:
        """These, the first one last; returns when all answer."""
        for index in reversed(authorities):
            self._running[index] = self._world.raise_authority(index)
        for index in authorities:
            await self._world.until_up(index)

    async def start(self, index: int) -> None:
        """Bring it back."""
        self.begin(index)
        await self._world.until_up(index)

    def begin(self, index: int) -> None:
        """Start it, and do not wait until it answers."""
        if self.alive(index):
            raise UsageError(f"node {index} is up: stop it or kill it before it is started")
        self._running[index] = self._world.raise_authority(index)

    async def kill(self, index: int) -> None:
        """At once."""
        if not self._world.can_kill:
            raise UsageError(WANTS_A_PROCESS)
        await self._end(index, "kill", seconds=0)

    async def stop(self, index: int) -> None:
        """In good order."""
        await self._end(index, "stop", seconds=None)

    async def _end(self, index: int, what: str, seconds: float | None) -> None:
        if not self.alive(index):
            raise UsageError(f"node {index} is down already")
        tree = self._world.network.tree(index)
        fault = self._world.recorder.order(f"/alys/{tree}", what)
        fault.touched.append(tree)
        self.faults.append(fault)
        await self.end(index, seconds)

    async def end(self, index: int, seconds: float | None) -> None:
        """End it, without a note of who ordered it; ``seconds``: see ``System.stop``. It does not count as alive from the first moment on."""
        tree = self._world.network.tree(index)
        *ports, root = map(self._living, self._running.pop(index))
        await self._world.await_reply(self._world.system.stop(root, seconds=seconds))
        self._world.wires.gone(tree)
        for ref in ports:  # last, or they would fail those who wait for them
            await self._world.await_reply(self._world.system.stop(ref, seconds=seconds))
        self._world.buried(index)

    def _living(self, ref: Ref) -> Ref:
        """Who stands there now: one that ended by itself has a successor under its path."""
        cells = self._world.system.cells()
        return next((cell for cell in cells if cell.path == ref.path), ref)

    async def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """Cut what lies between groups, join the rest."""
        group = placed(groups)
        tree = self._world.network.tree
        for one, other in pairs():
            change = self._world.wires.join if group[one] == group[other] else self._world.wires.cut
            change(tree(one), tree(other))

    async def heal(self) -> None:
        """Join all."""
        await self.partition([range(network.AUTHORITIES)])


class Untouched:
    """Nodes that somebody else runs: they can be called, and nothing else."""

    def __init__(self, sides: Sequence[NodeSide], wants: str) -> None:
        """``wants`` ends the sentence that says what a verb needs."""
        self._sides = sides
        self._wants = wants

    @property
    def count(self) -> int:
        """See ``protocol.NodesSide``, here and below."""
        return len(self._sides)

    async def call(self, index: int, method: str, *params: object) -> object:
        """One RPC call."""
        return await self._sides[whole(index, self.count)].call(method, *params)

    def alive(self, index: int) -> bool:
        """Nobody took one down."""
        return True

    async def kill(self, index: int) -> None:
        """Refused, as are all that follow."""
        refuse("nodes.kill", self._wants)

    async def stop(self, index: int) -> None:
        """See ``kill``."""
        refuse("nodes.stop", self._wants)

    async def start(self, index: int) -> None:
        """See ``kill``."""
        refuse("nodes.start", self._wants)

    async def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """See ``kill``."""
        refuse("nodes.partition", self._wants)

    async def heal(self) -> None:
        """See ``kill``."""
        refuse("nodes.heal", self._wants)


def refuse(what: str, wants: str) -> NoReturn:
    """Raises UsageError for a verb of the world that is not here."""
    raise UsageError(f"world.{what} needs {wants}")


def authority(index: int) -> int:
    """The index, if there is such an authority; else raises UsageError."""
    if not 0 <= index < network.AUTHORITIES:
        last = network.AUTHORITIES - 1
        raise UsageError(f"there is no authority {index}: they are numbered 0 to {last}")
    return index


def whole(index: int, count: int) -> int:
    """The index, if it is that of a whole node; else raises UsageError."""
    if authority(index) >= count:
        raise UsageError(
            f"authority {index} is a co-signer and has no JSON-RPC: set world.nodes to {index + 1} or more"
        )
    return index


def pairs() -> list[tuple[int, int]]:
    """Every two authorities, once."""
    every = range(network.AUTHORITIES)
    return [(one, other) for one in every for other in every if one < other]


def placed(groups: Sequence[Sequence[int]]) -> dict[int, int]:
    """The group of each authority; who is in none has one of its own. Raises UsageError for one in two groups."""
    found: dict[int, int] = {}
    for number, group in enumerate(groups):
        for index in group:
            if found.setdefault(authority(index), number) != number:
                raise UsageError(f"authority {index} is in two groups")
    for index in range(network.AUTHORITIES):
        found.setdefault(index, len(groups) + index)
    return found


class Vantage:
    """The node that an onlooker asks, and its execution client, chosen anew when told to."""

    def __init__(
        self,
        alive: Callable[[int], bool],
        nodes: Sequence[NodeSide],
        clients: Sequence[EthereumSide],
    ) -> None:
        self._alive = alive
        self._sides = list(zip(nodes, clients, strict=True))
        self.index = 0
        self.node = _Through(lambda: self._sides[self.index][0])
        self.ethereum = _Through(lambda: self._sides[self.index][1])

    def choose(self, wanted: int | None = None) -> None:
        """Before a look: the wanted one, else the first that is up; raises PortDown when every node is down."""
        up = [index for index in range(len(self._sides)) if self._alive(index)]
        if not up:
            raise PortDown("every node of the federation", "all were taken down")
        self.index = wanted if wanted in up else up[0]


class _Through:
    """Calls whoever is the one at that moment."""

    def __init__(self, side: Callable[[], NodeSide | EthereumSide]) -> None:
        self._side = side

    def call(self, method: str, *params: object) -> Coroutine[Any, Any, object]:
        return self._side().call(method, *params)
