"""Three simulated nodes to do things to, and gates that keep some of what they say from leaving them."""

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from alys.actors.message import Message
from alys.config.settings import Settings
from alys.node import gossip, ports
from alys.worlds.gate import Gate
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

NODES = 3
RUN_SECONDS = 300.0
"""Times the time scale, as in any simulated run."""

SAID_OF_BLOCKS = (
    gossip.ProposedBlock,
    gossip.Approval,
    gossip.SealedBlock,
    gossip.BlocksResponse,
)
"""All that a peer can learn of a block from."""

Work = Callable[[NetworkWorld], Awaitable[None]]


def play(
    work: Work,
    seed: int = 7,
    gates: Mapping[str, Gate] | None = None,
    settings: Settings | None = None,
) -> NetworkWorld:
    """Do the work in a world with three whole nodes, to its end; raises what was wrong. Returns the closed world."""
    driver = SimDriver(Settings() if settings is None else settings)

    async def life(world: NetworkWorld) -> None:
        try:
            await world.open()
            await work(world)
        finally:
            await world.close()

    try:
        with tempfile.TemporaryDirectory() as folder:
            info = ScenarioInfo(name="federation", seed=seed, scratch=Path(folder), nodes=NODES)
            world = driver.world(info)
            assert isinstance(world, SimWorld), "this driver makes no others"
            world.gates.update(gates or {})
            driver.wait(driver.start(world, life(world), RUN_SECONDS))
            return world
    finally:
        driver.close()


class Unheard(Gate):
    """Keeps items of some kinds from leaving a node for a peer, while it is shut; counts them."""

    def __init__(self, peer: str, *kinds: type[gossip.Item]) -> None:
        self.shut = False
        self.kept = 0
        self._peer = peer
        self._kinds = kinds

    @override
    def passes(self, act: Message) -> bool:
        """Whether it goes out."""
        if not self.shut or not isinstance(act, ports.WireSend) or act.peer != self._peer:
            return True
        if not isinstance(gossip.decode(act.data), self._kinds):
            return True
        self.kept += 1
        return False


def offered_by(world: NetworkWorld, author: int) -> list[int]:
    """Heights of the blocks that an authority offered, in order."""
    assert world.overheard is not None, "several nodes are overheard"
    found = world.overheard.offered.values()
    return [height for slot, height in found if slot % NODES == author]


async def status(world: NetworkWorld, index: int) -> Any:
    """What a node says of itself."""
    return await world.nodes.call(index, "alys_status")


async def height(world: NetworkWorld, index: int) -> int:
    """Of a node's head."""
    found: int = (await status(world, index))["height"]
    return found


async def reaches(world: NetworkWorld, index: int, wanted: int) -> None:
    """Wait until a node has a height."""

    async def there() -> bool:
        return await height(world, index) >= wanted

    await world.eventually(there, f"height {wanted} at node {index}", timeout_s=300)


async def turns(world: NetworkWorld, count: int) -> None:
    """Let every authority's slot come so many times."""
    spec = world.network.spec
    end = world.now() + count * len(spec.authorities) * spec.slot_duration_ms / 1000

    async def over() -> bool:
        return world.now() >= end

    await world.eventually(over, f"{count} turns of every authority", timeout_s=10_000)
