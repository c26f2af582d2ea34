"""Loads for the simulation with nodes in it: one peg-in and peg-out, and a campaign run of an hour."""

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from alys.campaigns.draw import Options, plan_of
from alys.campaigns.plan import At, Order, Plan, Work
from alys.campaigns.run import run
from alys.config.settings import Settings
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver

SATS = 5_000_000
BURNT_WEI = 2_000_000 * 10**10
LIMIT_S = 600.0
SPELL_S = 240.0
SEEDS_APART = 1000


class Lived(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    real_s: float
    simulated_s: float
    note: str = ""


def cycle(seed: int) -> Lived:
    """A deposit and its mint, a burn and its payout. Bitcoin blocks come as soon as they are waited for; raises what goes wrong."""
    driver = SimDriver(Settings())
    taken: list[Lived] = []

    async def life(world: NetworkWorld) -> None:
        try:
            await world.open()
            world.keep_mining()
            begun, start = perf_counter(), world.now()
            await _there_and_back(world)
            taken.append(Lived(real_s=perf_counter() - begun, simulated_s=world.now() - start))
        finally:
            await world.close()

    try:
        with tempfile.TemporaryDirectory() as folder:
            info = ScenarioInfo(name="cycle", seed=seed, scratch=Path(folder))
            world: Any = driver.world(info)
            driver.wait(driver.start(world, life(world), LIMIT_S))
    finally:
        driver.close()
    return taken[0]


async def _there_and_back(world: NetworkWorld) -> None:
    spec = world.network.spec
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    await world.depositor().deposit(world.federation_address, alice.address, SATS)
    await world.confirm(spec.required_confirmations)

    async def credited() -> bool:
        return await alice.balance() > 0

    await world.eventually(credited, "the mint", timeout_s=90)
    await alice.request_peg_out(payee.address, BURNT_WEI)
    await world.eventually(_state_is(world, "broadcast"), "the payout is broadcast", timeout_s=120)
    await world.confirm(spec.payout_confirmations)
    await world.eventually(_state_is(world, "settled"), "the payout is settled", timeout_s=120)
    if not await payee.received():
        raise AssertionError("settled, and the payee has got nothing")


def _state_is(world: NetworkWorld, state: str) -> Any:
    async def looked() -> bool:
        listed: Any = await world.node.call("alys_operations")
        return any(one["id"].startswith("pegout:") and one["state"] == state for one in listed)

    return looked


def campaign(seed: int, weather_s: float) -> Lived:
    """A campaign run on the light profile; its verdict is in the note, since a figure of a red run is none."""
    outcome = run(long_plan(seed, weather_s))
    said = f"seed {seed}: {outcome.verdict}" + (f" ({outcome.oracle})" if outcome.oracle else "")
    bitten = sum(outcome.bitten.values())
    return Lived(
        real_s=outcome.real_seconds,
        simulated_s=outcome.simulated_seconds,
        note=f"{said}, {outcome.steps:,} steps, {len(outcome.plan.work)} pegs and transfers, {bitten} faults",
    )


def long_plan(seed: int, weather_s: float) -> Plan:
    """The plans of many seeds, one after the other: as much goes wrong in each ``SPELL_S`` of an hour as in a short run."""
    options = Options(profile="light", schedule="uniform", weather_s=SPELL_S)
    orders: list[Order] = []
    work: list[Work] = []
    for number in range(max(1, round(weather_s / SPELL_S))):
        spell = plan_of(seed * SEEDS_APART + number, options)
        later = number * SPELL_S
        for order in spell.orders:
            if isinstance(order.when, At):
                when = At(seconds=order.when.seconds + later)
                orders.append(msgspec.structs.replace(order, number=len(orders) + 1, when=when))
        for one in spell.work:
            work.append(
                msgspec.structs.replace(one, number=len(work) + 1, at=round(one.at + later, 3))
            )
    first = plan_of(seed, options)
    return msgspec.structs.replace(
        first, weather_s=weather_s, orders=tuple(orders), work=tuple(work)
    )
