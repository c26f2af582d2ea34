"""Three nodes in bad weather: `python -m tests.federation.storm [--from N] [--count N] [--events N]`, one seed after the other.

A seed decides everything: who is killed and when it comes back, who is cut off from whom and until when, and in which order all
that happens meanwhile. Deposits and burns come in all the while. In the end everybody is up and nothing is cut; then all nodes
have one head, every peg has come out exact to the wei, and nothing was final twice at any moment.

The profile is light, so that hundreds of seeds are possible.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from alys.base.prng import Random
from alys.config.settings import Profile, Settings, WorldSettings
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld
from alys.worlds.users import EthereumUser

NODES = 3
EVENTS = 8
CALM_SECONDS = 9.0
"""At most so long between two events."""
PATIENCE_SECONDS = 400.0
RUN_SECONDS = 300.0
"""Times the time scale, as in any simulated run."""
FUNDED_SATS = 90_000_000
DEPOSIT_SATS = 20_000_000
WEI_PER_SAT = 10_000_000_000
PAYOUT_WEI = 110_000_000_000_000_000

Group = tuple[int, ...]
PARTITIONS: tuple[tuple[Group, ...], ...] = (
    ((0, 1), (2,)),
    ((0, 2), (1,)),
    ((1, 2), (0,)),
    ((0,), (1,), (2,)),
)


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed's storm was like, and what came of it."""

    events: tuple[str, ...]
    height: int
    finalised_height: int
    samples: dict[str, int]
    node_seconds: float


async def storm(world: NetworkWorld, events: int) -> Weather:
    """Bad weather, then good; raises whatever is not as it must be."""
    begun = world.now()
    chance = world.random.fork("weather")
    pegs = _Pegs(world)
    world.keep_mining()
    await pegs.fund(events)
    told = []
    for number in range(events):
        told.append(await _event(world, chance))
        await pegs.begin(number, number % NODES)
        await world.sleep(CALM_SECONDS * chance.random())
    await _calm(world)
    await world.converge("one head when the storm is over", timeout_s=PATIENCE_SECONDS)
    await pegs.complete()
    await world.converge("one head in the end", timeout_s=PATIENCE_SECONDS)
    found = world.watch.found()
    found.require("agreed", "approvals", "converged", "finals", "progress", "quorums", "standing")
    return Weather(
        events=tuple(told),
        height=max(view.height for view in world.watch.views.values()),
        finalised_height=found.finalised_height,
        samples=found.samples,
        node_seconds=world.now() - begun,
    )


async def _event(world: NetworkWorld, chance: Random) -> str:
    """One thing that the seed chooses of those that are possible now."""
    down = [index for index in range(NODES) if not world.nodes.alive(index)]
    up = [index for index in range(NODES) if world.nodes.alive(index)]
    choices = ["heal", "cut", "cut", *["kill"] * 2 * bool(up), *["start"] * 2 * bool(down)]
    chosen = chance.choice(choices)
    if chosen == "kill":
        index = chance.choice(up)
        await world.nodes.kill(index)
        return f"kill {index}"
    if chosen == "start":
        index = chance.choice(down)
        await world.nodes.start(index)
        return f"start {index}"
    if chosen == "cut":
        groups = chance.choice(PARTITIONS)
        await world.nodes.partition(groups)
        return f"cut {groups}"
    await world.nodes.heal()
    return "heal"


async def _calm(world: NetworkWorld) -> None:
    await world.nodes.heal()
    for index in range(NODES):
        if not world.nodes.alive(index):
            await world.nodes.start(index)


class _Pegs:
    """A deposit and a burn with every event."""

    def __init__(self, world: NetworkWorld) -> None:
        self._world = world
        self._deposited: list[EthereumUser] = []
        self._burners: list[EthereumUser] = []
        self._payees = 0

    def _user(self, name: str, index: int) -> EthereumUser:
        secret = self._world.random.fork(f"ethereum {name}").randbytes(32)
        return EthereumUser(secret, self._world.clients[index])

    async def fund(self, count: int) -> None:
        """One burner for every event."""
        world = self._world
        self._burners = [self._user(f"burner {n}", n % NODES) for n in range(count)]
        for burner in self._burners:
            await world.depositor().deposit(world.federation_address, burner.address, FUNDED_SATS)
            await world.confirm(1)
        await world.confirm(world.network.spec.required_confirmations)

        async def funded() -> bool:
            return all([await burner.balance() for burner in self._burners])

        await world.eventually(funded, "everybody has coins", timeout_s=PATIENCE_SECONDS)

    async def begin(self, number: int, index: int) -> None:
        """At one node's execution client, whether or not the node is there."""
        world = self._world
        user = self._user(f"depositor {number}", index)
        self._deposited.append(user)
        await world.depositor().deposit(world.federation_address, user.address, DEPOSIT_SATS)
        await world.confirm(world.network.spec.required_confirmations)
        payee = world.bitcoin_user(f"payee {number}")
        await self._burners[number].request_peg_out(payee.address, PAYOUT_WEI)

    async def complete(self) -> None:
        """Every deposit minted once, every burn paid once."""
        world = self._world
        count = len(self._deposited)

        async def minted() -> bool:
            return all([await user.balance() for user in self._deposited])

        await world.eventually(minted, "every deposit is minted", timeout_s=PATIENCE_SECONDS)
        for user in self._deposited:
            wei = await user.balance()
            world.check(wei == DEPOSIT_SATS * WEI_PER_SAT, "minted once", wei=wei)

        async def paid() -> int:
            if await world.bitcoin.call("getrawmempool"):
                await world.confirm(1)
            received = [await world.bitcoin_user(f"payee {n}").received() for n in range(count)]
            return sum(sats > 0 for sats in received) == count

        await world.eventually(paid, "every payout arrives", timeout_s=PATIENCE_SECONDS)
        statement = await world.audit()
        statement.require_samples("mints", "payouts", "signatures", "confirmations", "supply")
        world.check(statement.owed_wei == 0, "nothing is owed", wei=statement.owed_wei)


def weather(seed: int, events: int = EVENTS, profile: Profile = "light") -> Weather:
    """One seed's storm, to its end; raises what was wrong."""
    settings = Settings(world=WorldSettings(kind="sim", profile=profile))
    found: list[Weather] = []

    async def life(world: NetworkWorld) -> None:
        try:
            await world.open()
            found.append(await storm(world, events))
        finally:
            await world.close()

    driver = SimDriver(settings)
    try:
        with tempfile.TemporaryDirectory() as folder:
            info = ScenarioInfo(name="storm", seed=seed, scratch=Path(folder), nodes=NODES)
            world = driver.world(info)
            assert isinstance(world, SimWorld), "this driver makes no others"
            driver.wait(driver.start(world, life(world), RUN_SECONDS))
    finally:
        driver.close()
    return found[0]


def main(arguments: Sequence[str]) -> int:
    """Seeds one after the other; 1 when one of them failed."""
    made = argparse.ArgumentParser(prog="python -m tests.federation.storm", description=__doc__)
    made.add_argument("--from", dest="first", type=int, default=1, metavar="N", help="first seed")
    made.add_argument("--count", type=int, default=100, metavar="N", help="how many seeds")
    made.add_argument("--events", type=int, default=EVENTS, metavar="N", help="in each storm")
    options = made.parse_args(arguments)
    failed = []
    for seed in range(options.first, options.first + options.count):
        try:
            said = told(weather(seed, options.events))
        except Exception as error:
            failed.append(seed)
            said = f"{type(error).__name__}: {str(error)[:300]}"
        sys.stdout.write(f"seed {seed}: {said}\n")
        sys.stdout.flush()
    good = options.count - len(failed)
    sys.stdout.write(f"{good} of {options.count} storms were weathered; not: {failed or 'none'}\n")
    return 1 if failed else 0


def told(found: Weather) -> str:
    """In a line."""
    return (
        f"height {found.height}, final {found.finalised_height}, "
        f"{found.samples['reorganisations']} reorganisations, {found.node_seconds:.0f} node seconds: "
        f"{', '.join(found.events)}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
