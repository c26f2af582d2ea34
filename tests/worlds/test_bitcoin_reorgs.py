"""Bitcoin reorganisations of depth 1 to 7 before a mint, after it, and around a payout: each has its outcome, and the ledger balances.

The world's auditor reads both chains all the while, so a satoshi that nobody explains ends any of these.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from alys.config.settings import Settings
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld
from tests.worlds import reorganisations
from tests.worlds.test_local import start

JOURNEYS = (
    reorganisations.before_the_mint,
    reorganisations.after_the_mint,
    reorganisations.around_a_payout,
)
OWN_SCENARIO = """
from tests.worlds import reorganisations


async def test_a_reorganisation(world):
    await reorganisations.{}(world, 7)
"""


def simulate(journey: Callable[[NetworkWorld], Awaitable[None]], seed: int, folder: Path) -> None:
    """The journey in a simulated world."""
    driver = SimDriver(Settings())
    world = driver.world(ScenarioInfo(name="reorganisation", seed=seed, scratch=folder))
    assert isinstance(world, SimWorld)

    async def life() -> None:
        await world.open()
        try:
            await journey(world)
        finally:
            await world.close()

    driver.wait(driver.start(world, life(), 200.0))


@pytest.mark.parametrize("depth", range(1, 8))
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_a_reorganisation_has_its_outcome(
    journey: Callable[[NetworkWorld, int], Awaitable[None]], depth: int, tmp_path: Path
) -> None:
    simulate(lambda world: journey(world, depth), depth, tmp_path)


def test_a_payout_that_nobody_mines_is_replaced(tmp_path: Path) -> None:
    simulate(reorganisations.a_payout_that_nobody_mines, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("journey", ["after_the_mint", "around_a_payout"])
def test_on_real_sockets_it_is_the_same(journey: str, tmp_path: Path) -> None:
    path = tmp_path / "own_scenario.py"
    path.write_text(OWN_SCENARIO.format(journey))
    with start(tmp_path / "results", "-o", "json", suite=str(path)) as process:
        out, err = process.communicate(timeout=300)
    told = json.loads(out)
    assert (process.returncode, told["verdict"]) == (0, "pass"), told.get("cause", err)
