"""Traffic arrives in a sound world, and says what does not in a broken one. In virtual time: the steps are the same everywhere."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from alys.config.settings import Settings
from alys.worlds import traffic
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.scorecard import CheckFailed, NeverHappened
from alys.worlds.sim import SimDriver, SimWorld
from alys.worlds.traffic import Traffic

Break = Callable[[SimWorld], Awaitable[object]]


async def nothing(_: SimWorld) -> None:
    """Leave the world as it is."""


def lived(
    folder: Path, *, rounds: int, before: Break = nothing, said: list[str] | None = None
) -> tuple[Traffic, SimWorld]:
    """Take steps until so many payouts arrived, looking every half node second."""
    driver = SimDriver(Settings())
    world = driver.world(ScenarioInfo(name="traffic", seed=7, scratch=folder))
    assert isinstance(world, SimWorld)
    made: list[Traffic] = []

    async def live() -> None:
        try:
            await world.open()
            world.keep_mining()
            await before(world)
            going = Traffic(world, interval_s=10)
            made.append(going)
            async for _ in going.steps():
                if said is not None:
                    said.append(going.doing)
                if going.payouts == rounds:
                    break
                await world.sleep(0.5)
        finally:
            await world.close()

    try:
        driver.wait(driver.start(world, live(), timeout_s=100))
    finally:
        driver.close()
    return made[0], world


def test_deposits_and_peg_outs_arrive_round_after_round(tmp_path: Path) -> None:
    going, world = lived(tmp_path, rounds=3)
    assert (going.deposits, going.payouts) == (3, 3)
    assert world.samples >= 3 * 5, "each round looks at five things, and the ledger at more"


async def _refuse_to_sign(world: SimWorld) -> None:
    for index in range(2):
        await world.governance.faults(index, refuse_signing=True)


async def _never_make_a_block(world: SimWorld) -> None:
    await world.node.call("alys_pauseProduction")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (_never_make_a_block, r"never happened within 180 s of node time: deposit .* to be minted"),
        (_refuse_to_sign, r"never happened within 180 s of node time: peg-out .* to be broadcast"),
    ],
    ids=["no blocks", "no signatures"],
)
def test_what_does_not_arrive_in_time_is_named(tmp_path: Path, before: Break, words: str) -> None:
    with pytest.raises(NeverHappened, match=words):
        lived(tmp_path, rounds=1, before=before)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WEI_PER_SAT", 10_000_000_001, "exactly sats x 10\\^10 wei"),
        ("FEE_SATS_MAX", 1, "the payee has the value minus the fee"),
    ],
)
def test_a_wrong_amount_is_no_arrival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int, words: str
) -> None:
    monkeypatch.setattr(traffic, name, value)
    with pytest.raises(CheckFailed, match=words):
        lived(tmp_path, rounds=1)


def test_it_says_what_it_waits_for(tmp_path: Path) -> None:
    said: list[str] = []
    lived(tmp_path, rounds=2, said=said)
    kinds = [re.sub(r" \w+\.\. ", " ", words) for words in dict.fromkeys(said)]
    stages = [
        "deposit to be minted",
        "peg-out to be broadcast",
    ]  # paid in the block that is then mined
    assert kinds == [*stages, "pausing", *stages]
