"""What becomes of a node whose store is damaged, set back, or full."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from alys.config.settings import Settings
from alys.node import records
from alys.worlds.network import NODE_TREE, PRODUCER
from alys.worlds.network_world import ActorCrashed
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld
from tests.crash.journey import journey, patient

pytestmark = pytest.mark.slow

Scenario = Callable[[SimWorld], Awaitable[object]]


def lived(scenario: Scenario, scratch: Path) -> SimWorld:
    """A simulated world with this scenario; raises what it raises, and what the world finds at its end."""
    driver = SimDriver(Settings())
    world = driver.world(ScenarioInfo(name="stores", seed=7, scratch=scratch))
    assert isinstance(world, SimWorld)
    opened = world

    async def live() -> None:
        try:
            await opened.open()
            await scenario(opened)
        finally:
            await opened.close()

    try:
        driver.wait(driver.start(world, live(), 120.0))
    finally:
        driver.close()
    return world


async def height(world: SimWorld) -> int:
    """The node's, -1 while it is away."""
    status: Any = await patient(world.node.call("alys_status"))
    return -1 if status is None else int(status["height"])


async def grows(world: SimWorld, blocks: int) -> None:
    """Wait for so many more blocks."""
    wanted = await height(world) + blocks

    async def there() -> bool:
        return await height(world) >= wanted

    await world.eventually(there, f"{blocks} more blocks", timeout_s=120)


def test_a_damaged_store_is_named_and_the_node_does_not_go_on(tmp_path: Path) -> None:
    async def scenario(world: SimWorld) -> None:
        await grows(world, 2)
        await world.nodes.kill(PRODUCER)
        pairs = world.disks[NODE_TREE].pairs
        pairs[records.HEAD] = pairs[records.HEAD][:-1] + b"?"
        await world.nodes.start(PRODUCER)

    with pytest.raises(ActorCrashed, match=r"stored record head: .*alys store restore"):
        lived(scenario, tmp_path)


def test_a_node_that_was_set_back_to_a_snapshot_catches_up_and_mints_nothing_twice(
    tmp_path: Path,
) -> None:
    """The snapshot is of before the deposit: the blocks come from the others, the operations from both chains."""

    async def scenario(world: SimWorld) -> None:
        await grows(world, 1)
        taken: Any = await world.node.call("alys_snapshot", "before")
        world.check(taken["name"] == "before", "a snapshot was taken", snapshot=taken)
        await journey(world)
        reached = await height(world)
        await world.nodes.kill(PRODUCER)
        disk = world.disks[NODE_TREE]
        disk.pairs = dict(disk.snapshots["before"])
        await world.nodes.start(PRODUCER)

        async def caught_up() -> bool:
            operations: Any = await patient(world.node.call("alys_operations")) or ()
            states = sorted(one["state"] for one in operations)
            return await height(world) >= reached and states == ["minted", "settled"]

        await world.eventually(caught_up, "it has caught up", timeout_s=240)
        await grows(world, 2)

    lived(scenario, tmp_path)


def test_a_full_disk_halts_production_and_pegs_and_when_there_is_room_they_go_on(
    tmp_path: Path,
) -> None:
    """Nobody is restarted for it, and nothing that was not kept has been done."""

    async def scenario(world: SimWorld) -> None:
        await grows(world, 2)
        world.keep_mining()
        disk = world.disks[NODE_TREE]
        disk.refusal = "No space left on device"
        kept = dict(disk.pairs)

        async def halted() -> bool:
            status: Any = await world.node.call("alys_status")
            return status["state"] == "halted" and "No space left on device" in status["reason"]

        await world.eventually(halted, "the node says why it makes no blocks", timeout_s=60)
        before = await height(world)
        alice = world.ethereum_user("alice")
        await world.depositor().deposit(world.federation_address, alice.address, 100_000_000)
        await world.confirm(world.network.spec.required_confirmations)
        await world.sleep(60)
        world.check(await height(world) == before, "no block without the store", height=before)
        world.check(await alice.balance() == 0, "nothing is minted")
        world.check(disk.pairs == kept, "the store is as it was")
        world.check(await halted(), "it is halted still")
        disk.refusal = ""
        await grows(world, 2)

        async def minted() -> bool:
            return await alice.balance() == 100_000_000 * 10**10

        await world.eventually(minted, "the deposit is minted", timeout_s=60)
        restarts = [one for one in world.recorder.happenings if one.kind == "restarted"]
        world.check(not restarts, "nobody was restarted", restarts=len(restarts))

    lived(scenario, tmp_path)
