"""A federation of three whole nodes in virtual time, and what is done to it."""

import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from alys.config.settings import Settings
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

LIMIT_SECONDS = 300.0


def federation(
    scenario: Callable[[SimWorld], Coroutine[Any, Any, None]],
    seed: int = 1,
    settings: Settings | None = None,
) -> SimWorld:
    """Three nodes that mine, then the scenario, then the last audit; raises whatever was wrong."""
    driver = SimDriver(settings or Settings())

    async def life(world: SimWorld) -> None:
        try:
            await world.open()
            world.keep_mining()
            await world.sleep(3)
            await scenario(world)
        finally:
            await world.close()

    with tempfile.TemporaryDirectory() as folder:
        info = ScenarioInfo(name="troubled", seed=seed, scratch=Path(folder), nodes=3)
        world = driver.world(info)
        assert isinstance(world, SimWorld), "this driver makes no others"
        driver.wait(driver.start(world, life(world), LIMIT_SECONDS))
    driver.close()
    return world
