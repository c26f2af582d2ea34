"""The worlds that are measured, and what is done in them."""

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from alys.config.settings import Settings
from alys.node.errors import PortDown
from alys.wire.jsonrpc import RpcError
from alys.worlds import split
from alys.worlds.local import LocalDriver
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from benchmarks.node import child
from benchmarks.node.child import Taken

SCENARIO_SECONDS = 120.0
TIME_SCALE = 10.0
MINTS, QUICK_MINTS = 12, 2
BLOCKS, QUICK_BLOCKS = 30, 3
"""That the node makes in one world, at least."""
KILLS, QUICK_KILLS = 3, 1
RECONNECTIONS, QUICK_RECONNECTIONS = 3, 1
CRASHES = 2
"""Of each actor in one world: a supervisor gives up at the sixth within a minute."""
DEPOSIT_SATS = 1_000_000
AWAY_SECONDS = 1.0
SETTLED_SECONDS = 10.0
"""Node time that a restarted actor has before it fails again, so that its back-off begins anew."""

ASKED = {"chain": "alys_status", "bridge": "alys_operations", "stream": "alys_governance"}
PATHS = {
    "chain": "/alys/node/consensus/chain",
    "bridge": "/alys/node/bridge/bridge",
    "stream": "/alys/node/bridge/stream",
}

Samples = dict[str, list[float]]
Work = Callable[[NetworkWorld], Awaitable[Samples]]


def played(work: Work, placement: str, time_scale: float, number: int) -> Samples:
    """What the work measured in a world of its own."""
    settings = _settings(placement, time_scale)
    before, split.MODULE = split.MODULE, child.__name__
    driver = LocalDriver(settings)
    found: Samples = {}

    async def life(world: NetworkWorld) -> None:
        try:
            await world.open()
            found.update(await work(world))
        finally:
            await world.close()

    try:
        with tempfile.TemporaryDirectory() as folder:
            info = ScenarioInfo(name=f"figures-{number}", seed=number, scratch=Path(folder))
            world: Any = driver.world(info)
            driver.wait(driver.start(world, life(world), SCENARIO_SECONDS))
    finally:
        driver.close()
        split.MODULE = before
    return found


def _settings(placement: str, time_scale: float) -> Settings:
    plain = Settings()
    world = msgspec.structs.replace(plain.world, placement=placement, time_scale=time_scale)
    cleanup = msgspec.structs.replace(plain.cleanup, auto_cleanup=False)
    quiet = msgspec.structs.replace(plain.test_environment, log_level="error")
    return msgspec.structs.replace(plain, world=world, cleanup=cleanup, test_environment=quiet)


def blocks(*, quick: bool) -> Work:
    """Production, validation, import, mints, memory: the node in a process of its own, with deposits coming in."""

    async def work(world: NetworkWorld) -> Samples:
        world.keep_mining()
        mints = [await _mint(world, n) for n in range(QUICK_MINTS if quick else MINTS)]
        taken = await _taken(world, QUICK_BLOCKS if quick else BLOCKS)
        usage: Any = world.load.usage()
        return {
            "production": _ms(taken.seconds["alys_block_production_seconds"]),
            "validation": _ms(taken.seconds["alys_block_validation_seconds"]),
            "import": _ms(taken.seconds["alys_block_import_seconds"]),
            "mint": mints,
            "memory": [usage.resident_bytes / 1e6],
            "actor_memory": [one / 1e6 for one in taken.largest_actor_bytes],
        }

    return work


async def _taken(world: NetworkWorld, blocks: int) -> Taken:
    """What the node's process wrote down, once the node has made so many blocks."""

    def read() -> Taken:
        path = world.info.scratch / child.FILE
        return msgspec.json.decode(path.read_bytes(), type=Taken) if path.exists() else Taken()

    async def enough() -> bool:
        return len(read().seconds.get("alys_block_production_seconds", ())) >= blocks

    await world.eventually(enough, f"{blocks} blocks of the node's own", timeout_s=600)
    return read()


async def _mint(world: NetworkWorld, number: int) -> float:
    """Node seconds from the sixth confirmation to the balance."""
    user = world.ethereum_user(f"depositor {number}")
    required = world.network.spec.required_confirmations
    await world.depositor().deposit(world.federation_address, user.address, DEPOSIT_SATS)
    await world.confirm(required - 1)
    await _node_sees(world, required - 1)
    await world.confirm(1)
    begun = world.now()
    await world.eventually(user.balance, "the deposit is minted", timeout_s=300)
    return world.now() - begun


async def _node_sees(world: NetworkWorld, confirmations: int) -> None:
    """The deposit is known before its last confirmation comes, as with blocks that are minutes apart."""

    async def seen() -> bool:
        listed: Any = await world.node.call("alys_operations")
        return any(
            one["confirmations"] == confirmations for one in listed if one["kind"] == "pegin"
        )

    await world.eventually(seen, "the node sees the deposit", timeout_s=300)


def kills(*, quick: bool) -> Work:
    """The node's process is killed and started again."""

    async def work(world: NetworkWorld) -> Samples:
        world.keep_mining()
        found = []
        for _ in range(QUICK_KILLS if quick else KILLS):
            await _blocks(world, 2)
            await world.nodes.kill(0)
            begun = time.perf_counter()
            await world.nodes.start(0)
            found.append(time.perf_counter() - begun)
        return {"node_restart": _ms(found)}

    return work


def actors(*, quick: bool) -> Work:
    """Actors fail and are restarted, a governance node goes and comes back; node time runs as the wall's."""

    async def work(world: NetworkWorld) -> Samples:
        world.keep_mining()
        await _ready(world)
        restarts: Samples = {}
        for round_number in range(1 if quick else CRASHES):
            for name in ASKED:
                if round_number:
                    await world.sleep(SETTLED_SECONDS / len(ASKED))
                taken = await _restart(world, name)
                restarts.setdefault(f"restart_{name}", []).append(1000 * taken)
        back = [
            await _reconnect(world) for _ in range(QUICK_RECONNECTIONS if quick else RECONNECTIONS)
        ]
        return {**restarts, "reconnect": _ms(back)}

    return work


async def _restart(world: NetworkWorld, name: str) -> float:
    """Wall seconds from the failing message to an answer of the new instance."""
    await world.actors.crash(PATHS[name])
    begun = time.perf_counter()
    while True:
        try:
            await world.node.call(ASKED[name])
        except (PortDown, RpcError):
            continue
        return time.perf_counter() - begun


async def _reconnect(world: NetworkWorld) -> float:
    await _ready(world)
    await world.governance.stop(0)

    async def noticed() -> bool:
        streams: Any = await world.node.call("alys_governance")
        return bool(streams[0]["state"] != "ready")

    await world.eventually(noticed, "the node notices that governance 1 is gone")
    await world.sleep(AWAY_SECONDS)
    begun = time.perf_counter()
    await world.governance.start(0)
    while True:
        streams: Any = await world.node.call("alys_governance")
        if streams[0]["state"] == "ready":
            return time.perf_counter() - begun


async def _ready(world: NetworkWorld) -> None:
    async def all_ready() -> bool:
        streams: Any = await world.node.call("alys_governance")
        return all(stream["state"] == "ready" for stream in streams)

    await world.eventually(all_ready, "all streams are registered", timeout_s=60)


async def _blocks(world: NetworkWorld, count: int) -> None:
    async def height() -> int:
        status: Any = await world.node.call("alys_status")
        return int(status["height"])

    wanted = await height() + count

    async def reached() -> bool:
        return await height() >= wanted

    await world.eventually(reached, f"{count} blocks", timeout_s=300)


def _ms(seconds: list[float]) -> list[float]:
    return [1000 * one for one in seconds]
