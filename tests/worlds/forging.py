"""A calm federation with deposits and burns under way, in which forgeries are offered."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from alys.config.settings import Settings
from alys.worlds.adversary import Adversary
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld

TARGET = 2
"""Its own slot does not come right after the first node's, whose execution client has the burns."""
SATS = 90_000_000
DEPOSIT_SATS = 5_000_000
PAYOUT_WEI = 20_000_000 * 10**9
BLOCK_SECONDS = 1.7
BLOCKS = 50
RUN_SECONDS = 60.0


async def offered(world: SimWorld, forms: Iterable[str]) -> dict[str, bool]:
    """Offer each form once; which of them came to be judged."""
    world.keep_mining()
    alice = world.ethereum_user("alice")
    await world.depositor().deposit(world.federation_address, alice.address, SATS)
    await world.confirm(world.network.spec.required_confirmations)

    async def rich() -> int:
        return await alice.balance()

    await world.eventually(rich, "somebody has coins")
    world.start_background(_traffic(world))
    forger = Adversary(world)
    found = {form: await forger.forge(form, TARGET) for form in forms}
    samples = forger.judged.samples
    world.check(samples["refused_otherwise"] == 0, "each for its reason", samples=samples)
    return found


async def _traffic(world: SimWorld) -> None:
    """A Bitcoin block now and then, with deposits and burns."""
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    for number in range(BLOCKS):
        if number % 6 == 0:
            await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
        if number % 3 == 0:
            await alice.request_peg_out(payee.address, PAYOUT_WEI)
        await world.confirm(1)
        await world.sleep(BLOCK_SECONDS)


def judged(*forms: str) -> dict[str, bool]:
    """A world for these forms, from its beginning to its end; which were judged. Raises Believed."""
    found: list[dict[str, bool]] = []

    async def life(world: SimWorld) -> None:
        try:
            await world.open()
            found.append(await offered(world, forms))
        finally:
            await world.close()

    driver = SimDriver(Settings())
    try:
        with tempfile.TemporaryDirectory() as folder:
            info = ScenarioInfo(name="forging", seed=1, scratch=Path(folder), nodes=3)
            world = driver.world(info)
            assert isinstance(world, SimWorld), "this driver makes no others"
            driver.wait(driver.start(world, life(world), RUN_SECONDS))
    finally:
        driver.close()
    return found[0]
