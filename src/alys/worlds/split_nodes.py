"""The nodes of a split world (``protocol.NodesSide``): a process each, which is killed as a process is.

Co-signers have no process of their own: they live and die with node 0. A node that is started again is another process on the same
store, the same execution client and the same ports.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from alys.base.errors import UsageError
from alys.node.errors import PortDown
from alys.shells.child_process import ChildDied, ChildProcess
from alys.worlds import network, nodes, parts
from alys.worlds.protocol import NodeSide
from alys.worlds.recorder import Recorder

LOOK_SECONDS = 0.05
"""Node time between two looks at whether an order was carried out."""
ORDER_SECONDS = 60.0
"""Node time for that."""

Launch = Callable[[parts.StartNode, str], Awaitable[tuple[ChildProcess, parts.NodeUp]]]
"""Start a process for the order, by the name that people call it; it answers when this returns."""


class Ground(Protocol):
    """What it needs of the world."""

    recorder: Recorder
    network: network.Grounds

    def now(self) -> float:
        """Node time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let node time pass."""
        ...


class Processes:
    """See the module's docstring."""

    def __init__(
        self, world: Ground, order: parts.StartNode, launch: Launch, rpc_port: int = 0
    ) -> None:
        """``order`` is for all of them, but for the authorities and the ports; ``rpc_port``: of node 0, the next ones for the others."""
        self._rpc_port = rpc_port
        self.bears_deaths = False
        """Whether one that dies by itself counts as away, and is no failure of whoever asked it."""
        self._world = world
        self._order = order
        self._launch = launch
        self._sides: dict[int, NodeSide] = {}
        self._running: dict[int, ChildProcess] = {}
        self._up: dict[int, parts.NodeUp] = {}
        self._addresses = [""] * network.AUTHORITIES
        self._group = nodes.placed([range(network.AUTHORITIES)])
        self._orders = 0

    @property
    def count(self) -> int:
        """See ``protocol.NodesSide``, here and below."""
        return self._order.services.grounds.nodes

    @property
    def urls(self) -> list[str]:
        """The JSON-RPC of each node."""
        return [self._up[index].url for index in range(self.count)]

    @property
    def running(self) -> list[ChildProcess]:
        """The processes of those that were not taken down."""
        return list(self._running.values())

    def dead(self) -> list[tuple[int, ChildProcess]]:
        """Those that have ended by themselves, by node."""
        return [
            (index, child) for index, child in self._running.items() if child.exit_code is not None
        ]

    async def revive(self, index: int) -> None:
        """Start one of those again."""
        await self._running.pop(index).kill()  # nothing is left of it to kill, but to be read
        await self.start(index)

    def pid(self, index: int) -> int:
        """Of a node that runs."""
        return self._running[index].pid

    def reach(self, sides: Sequence[NodeSide]) -> list[NodeSide]:
        """Ways to the nodes by their URLs; the same, with what is raised when the process behind one has died by itself."""
        self._sides = {index: _Reached(self, index, side) for index, side in enumerate(sides)}
        return list(self._sides.values())

    async def call(self, index: int, method: str, *params: object) -> object:
        """One RPC call."""
        return await self._sides[nodes.whole(index, self.count)].call(method, *params)

    def alive(self, index: int) -> bool:
        """Whether it runs; a co-signer does while node 0 does."""
        return self._host(index) in self._running

    async def start_all(self) -> None:
        """The last one first: each is told where those before it are."""
        for index in reversed(range(self.count)):
            await self._start(index)

    async def start(self, index: int) -> None:
        """In a new process."""
        if self.alive(self._own(index)):
            raise UsageError(f"node {index} is up: stop it or kill it before it is started")
        await self._start(index)
        await self._part([index])

    async def kill(self, index: int) -> None:
        """SIGKILL."""
        await self._take_down(index, "kill").kill()

    async def stop(self, index: int) -> None:
        """Its standard input ends, which is its order."""
        await self._take_down(index, "stop").end()

    async def partition(self, groups: Sequence[Sequence[int]]) -> None:
        """Every process is told from whom its authorities are cut off."""
        self._group = nodes.placed(groups)
        await self._part(sorted(self._running))

    async def heal(self) -> None:
        """From nobody."""
        await self.partition([range(network.AUTHORITIES)])

    # Processes

    def _hosts(self, index: int) -> tuple[int, ...]:
        """The authorities that live in a node's process."""
        riding = range(self.count, network.AUTHORITIES) if index == network.PRODUCER else ()
        return (index, *riding)

    def _host(self, index: int) -> int:
        return network.PRODUCER if nodes.authority(index) >= self.count else index

    def _own(self, index: int) -> int:
        if self._host(index) != index:
            raise UsageError(
                f"authority {index} is a co-signer, which lives and dies with node 0: set world.nodes to {index + 1} or more"
            )
        return index

    async def _start(self, index: int) -> None:
        order = msgspec.structs.replace(
            self._order, authorities=self._hosts(index), wire_addresses=tuple(self._addresses)
        )
        if self._rpc_port:
            order = msgspec.structs.replace(order, rpc_port=self._rpc_port + index)
        before = self._up.get(index)
        if before is not None:
            wires = {one: _port(address) for one, address in before.wire_addresses.items()}
            order = msgspec.structs.replace(order, rpc_port=_port(before.url), wire_ports=wires)
        what = "the node's process" if self.count == 1 else f"the process of node {index}"
        self._running[index], self._up[index] = await self._launch(order, what)
        for one, address in self._up[index].wire_addresses.items():
            self._addresses[one] = address

    def _take_down(self, index: int, what: str) -> ChildProcess:
        if not self.alive(self._own(index)):
            raise UsageError(f"node {index} is down already")
        tree = self._order.services.grounds.tree(index)
        self._world.recorder.order(f"/alys/{tree}", what).touched.append(tree)
        return self._running.pop(index)

    async def _part(self, hosts: Sequence[int]) -> None:
        tree = self._order.services.grounds.tree
        self._orders += 1
        for host in hosts:
            isolated = {
                one: tuple(
                    tree(other) for other, group in self._group.items() if group != self._group[one]
                )
                for one in self._hosts(host)
            }
            order = parts.Part(number=self._orders, isolated=isolated)
            await self._running[host].tell(msgspec.json.encode(order))
        for host in hosts:
            await self._until_parted(self._running[host], self._orders)

    async def _until_parted(self, child: ChildProcess, number: int) -> None:
        end = self._world.now() + ORDER_SECONDS
        while parts.Parted(number=number) not in said(child):
            child.require()
            if self._world.now() >= end:
                raise ChildDied(child.what, 0, f"it did not carry out an order: {child.last_words}")
            await self._world.sleep(LOOK_SECONDS)


class _Reached:
    """A node over its RPC; when it does not answer because its process died by itself, that is what is raised."""

    def __init__(self, processes: Processes, index: int, side: NodeSide) -> None:
        self._processes = processes
        self._index = index
        self._side = side

    async def call(self, method: str, *params: object) -> object:
        child = self._processes._running.get(self._index)
        try:
            return await self._side.call(method, *params)
        except PortDown:
            if child is not None and not self._processes.bears_deaths:
                await child.require_soon()
            raise


def said(child: ChildProcess) -> list[parts.Said]:
    """What it said after it was ready."""
    return [msgspec.json.decode(line, type=parts.Said) for line in child.heard]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2].rstrip("/"))
