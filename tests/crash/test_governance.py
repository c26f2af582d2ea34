"""The node is killed with something to say to governance, under a halt, or away while the federation changes."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.config.settings import Settings
from alys.node.bridge import Bridge
from alys.node.federation_desk import FederationDesk
from alys.suites import _governing as governance
from alys.wire import bitcoin
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimDriver, SimWorld
from tests.crash.journey import patient

TIMEOUT_SECONDS = 120.0
DEPOSIT_SATS = 90_000_000
PAYOUT_WEI = 300_000_000_000_000_000
ALL = (0, 1, 2)

Scenario = Callable[[SimWorld], Awaitable[None]]


def played(
    scenario: Scenario,
    scratch: Path,
    seed: int = 7,
    nodes: int = 1,
    old_address_blocks: int = 10_000,
) -> None:
    """Run it in a world of its own; raises what it raised."""
    plain = Settings()
    settings = msgspec.structs.replace(
        plain,
        world=msgspec.structs.replace(plain.world, nodes=nodes),
        node=msgspec.structs.replace(plain.node, old_address_blocks=old_address_blocks),
    )
    driver = SimDriver(settings)
    world = SimWorld(settings, ScenarioInfo(name="governance", seed=seed, scratch=scratch))

    async def whole() -> None:
        try:
            await world.open()
            await scenario(world)
        finally:
            await world.close()

    try:
        driver.wait(driver.start(world, whole(), TIMEOUT_SECONDS))
    finally:
        driver.close()


async def funded(world: SimWorld) -> str:
    """A deposit, minted; its txid."""
    alice = world.ethereum_user("alice")
    world.keep_mining()
    txid = await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)
    await world.eventually(alice.balance, "the deposit is minted", timeout_s=240)
    return txid


async def operation(world: SimWorld, kind: str) -> Any:
    found = await patient(world.node.call("alys_operations"))
    return next((one for one in found or () if one["kind"] == kind), None)


async def in_state(world: SimWorld, kind: str, state: str, *, confirm: bool = False) -> None:
    async def there() -> bool:
        if confirm:
            await world.confirm(1)
        found = await operation(world, kind)
        return found is not None and found["state"] == state

    await world.eventually(there, f"the {kind} is {state}", timeout_s=240)


async def killed(world: SimWorld, index: int = 0) -> None:
    await world.nodes.kill(index)
    await world.nodes.start(index)


async def unheard(world: SimWorld) -> None:
    """Governance is away from the mint to the kill; whatever was to be said was said to nobody."""
    for index in ALL:
        await world.governance.stop(index)
    deposit = await funded(world)
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    await alice.request_peg_out(payee.address, PAYOUT_WEI)
    await in_state(world, "pegout", "finalised")
    await killed(world)
    for index in ALL:
        await world.governance.start(index)
    await in_state(world, "pegout", "settled", confirm=True)
    for index in ALL:
        state: Any = await world.governance.state(index)
        heard = [one["request_id"] for one in state["seen"] if one["kind"] != "heartbeat"]
        twice = sorted({name for name in heard if heard.count(name) > 1})
        world.check(not twice, "governance sees each request once", twice=twice)
        known = [name for name in state["coins"] if name.startswith(deposit)]
        world.check(len(known) == 1, "governance knows the coin", coins=state["coins"])
        signed = [one["request_id"] for one in state["signed"]]
        world.check(len(signed) == len(set(signed)), "and signs once under each id", signed=signed)


@pytest.mark.parametrize("seed", range(3))
def test_what_governance_could_not_hear_before_the_kill_it_hears_once_after(
    seed: int, tmp_path: Path
) -> None:
    played(unheard, tmp_path, seed)


def test_a_bridge_that_repeats_nothing_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def begin(self: Bridge, ctx: Any) -> None:
        """Records are taken up, and nobody is told of anything."""
        await self._records.load(ctx)

    monkeypatch.setattr(Bridge, "on_start", begin)
    monkeypatch.setattr("alys.node.bridge_deposits.Deposits.notify_all", lambda *_: None)
    with pytest.raises(Exception, match=r"settled|once|coin|never happened"):
        played(unheard, tmp_path)


async def halted(world: SimWorld) -> None:
    """Nobody is there to repeat the halt when the node comes back."""
    await funded(world)
    await governance.say(world, [0, 1], "emergency_halt", reason="a key is lost")

    async def stopped() -> bool:
        status = await patient(world.node.call("alys_status"))
        return status is not None and "emergency halt" in status["reason"]

    await world.eventually(stopped, "the halt is in force")
    for index in ALL:
        await world.governance.stop(index)
    await killed(world)
    status: Any = await world.node.call("alys_status")
    world.check(status["reason"] == "emergency halt 1: a key is lost", "it still is", status=status)
    height = status["height"]
    await world.sleep(30.0)
    later: Any = await world.node.call("alys_status")
    world.check(later["height"] == height, "no block is made", heights=(height, later["height"]))
    for index in ALL:
        await world.governance.start(index)
    await governance.say(world, [0, 1], "resume")

    async def goes_on() -> bool:
        now: Any = await world.node.call("alys_status")
        return bool(now["height"] > height)

    await world.eventually(goes_on, "blocks are made again", timeout_s=120)


def test_a_halt_outlives_the_whole_node(tmp_path: Path) -> None:
    played(halted, tmp_path)


def test_a_halt_that_is_not_stored_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def nothing(self: FederationDesk, ctx: Any) -> None:
        return None

    monkeypatch.setattr(FederationDesk, "load", nothing)
    with pytest.raises(Exception, match="it still is"):
        played(halted, tmp_path)


async def too_late(world: SimWorld) -> None:
    """The old address takes deposits for three blocks; one that comes later is nobody's, by node and ledger alike."""
    await funded(world)
    old = world.federation_address
    present = await governance.keys(world)
    newcomer = bitcoin.xonly_of(world.random.fork("newcomer").randbytes(32))
    status: Any = await world.node.call("alys_status")
    fields = governance.change([*present[:2], newcomer], 2, int(status["height"]) + 3)
    await governance.say(world, [0, 1], "federation_update", **fields)

    async def over() -> bool:
        view = await governance.federation(world)
        now: Any = await world.node.call("alys_status")
        former = view["federations"][0]["depositsUntil"]
        return former is not None and now["height"] > former

    await world.eventually(over, "the old address takes no deposits any more", timeout_s=240)
    alice = world.ethereum_user("alice")
    late = await world.depositor().deposit(old, alice.address, 7_000_000)
    await world.confirm(world.network.spec.required_confirmations)

    async def ended() -> bool:
        found: Any = await world.node.call("alys_operations")
        return any(one["txid"] == late and one["state"] == "unclaimable" for one in found)

    await world.eventually(ended, "a late deposit ends as nobody's", timeout_s=120)
    statement = await world.audit()
    world.check(
        statement.unclaimable_sats == 7_000_000,
        "and the ledger counts it so",
        sats=statement.unclaimable_sats,
    )


def test_a_deposit_that_comes_too_late_has_an_end(tmp_path: Path) -> None:
    played(too_late, tmp_path, old_address_blocks=3)


async def away(world: SimWorld) -> None:
    """The third node is down from before the announcement until after the change."""
    await funded(world)
    old = await world.nodes.call(2, "getdepositaddress")
    await world.nodes.kill(2)
    present = await governance.keys(world)
    newcomer = bitcoin.xonly_of(world.random.fork("newcomer").randbytes(32))
    status: Any = await world.node.call("alys_status")
    fields = governance.change([*present[:2], newcomer], 2, int(status["height"]) + 4)
    await governance.say(world, [0, 1], "federation_update", **fields)

    async def changed(index: int) -> Any:
        view = await patient(world.nodes.call(index, "alys_federation"))
        return view if view and len(view["federations"]) == 2 else None

    first = await world.eventually(lambda: changed(0), "the change is in force", timeout_s=240)
    for index in ALL:
        await world.governance.stop(index)
    await world.nodes.start(2)
    third = await world.eventually(lambda: changed(2), "and the third node knows", timeout_s=240)
    world.check(
        third["federations"] == first["federations"],
        "it learnt it from the blocks",
        first=first["federations"],
        third=third["federations"],
    )
    address = await world.nodes.call(2, "getdepositaddress")
    world.check(address != old, "and tells the new address", address=address)


def test_a_node_that_was_away_learns_of_the_change_from_the_blocks(tmp_path: Path) -> None:
    played(away, tmp_path, nodes=3)
