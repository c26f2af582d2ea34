"""Runs of the journey in which the node dies once, each in a world of its own."""

from pathlib import Path

import msgspec

from alys.config.settings import Settings
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver
from tests.crash.journey import Arrived, journey
from tests.crash.lethal import Moment
from tests.crash.mortal import MortalWorld

TIMEOUT_SECONDS = 120.0
SEED = 7


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one."""

    acts: tuple[str, ...]
    """What the node did outside, until it was killed and afterwards."""
    killed: bool
    arrived: Arrived | None
    failure: str


def run(target: tuple[int, Moment] | None, scratch: Path, seed: int = SEED) -> Run:
    """One journey, with the node killed at its act of that number; None: it lives."""
    driver = SimDriver(Settings())
    info = ScenarioInfo(name="journey", seed=seed, scratch=scratch)
    world = MortalWorld(Settings(), info, target)
    arrived: list[Arrived] = []

    async def scenario() -> None:
        try:
            await world.open()
            world.gate.counting = True
            arrived.append(await journey(world))
        finally:
            await world.close()

    handle = driver.start(world, scenario(), TIMEOUT_SECONDS)
    failure = ""
    try:
        driver.wait(handle)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    finally:
        driver.close()
    return Run(
        acts=tuple(world.gate.acts),
        killed=world.gate.killed,
        arrived=arrived[0] if arrived else None,
        failure=failure,
    )
