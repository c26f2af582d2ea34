"""The federation hands over: a member leaves, another comes, and no satoshi of the peg is lost on the way.

Before, a deposit to the old address. Then too few members want another federation, then somebody who is none, then as many as the
threshold asks; the change stands in a block, waits for its height, and takes effect. From there on the node tells the new address, the old
coins are swept to it, a deposit to the old address still counts, one to the new one as well, and a peg-out is paid with
the new members' signatures. The ledger is read again and again; it learns the new script from the blocks alone.
"""

from typing import Any

from alys.suites import _governing as governance
from alys.suites.integration import bridge_operation_flow as bridge
from alys.wire import bitcoin
from alys.worlds.network_world import NetworkWorld

FIRST_SATS, OLD_SATS, NEW_SATS = 120_000_000, 30_000_000, 50_000_000
WEI_PER_SAT = 10_000_000_000
PAYOUT_WEI = 600_000_000_000_000_000
AHEAD = 6
"""Blocks from the announcement to the height at which it takes effect."""


async def test_federation_rotation(world: NetworkWorld) -> None:
    """Peg-in before, to the old address after, to the new one; a peg-out after the sweep; the ledger exact throughout."""
    alice = world.ethereum_user("alice")
    world.keep_mining()
    before = await governance.federation(world)
    old = str(await world.node.call("getdepositaddress"))
    await _deposit(world, old, FIRST_SATS, FIRST_SATS)
    members = await _too_few_and_strangers_change_nothing(world)
    await _the_threshold_changes_it(world, members)
    new = await _another_address_is_told(world, old)
    await _everything_is_swept(world)
    await _deposit(world, old, OLD_SATS, FIRST_SATS + OLD_SATS)
    await _deposit(world, new, NEW_SATS, FIRST_SATS + OLD_SATS + NEW_SATS)
    await _everything_is_swept(world)
    await _a_peg_out_is_paid_by_the_new_members(world, alice)
    after = await governance.federation(world)
    world.check(
        len(after["federations"]) == len(before["federations"]) + 1,
        "the node knows both federations",
        federations=len(after["federations"]),
    )
    statement = await world.audit()
    statement.require_samples("mints", "payouts", "signatures", "sweeps", "handovers", "supply")
    world.check(
        statement.samples["handovers"] == 1,
        "the ledger saw one handover in the blocks",
        handovers=statement.samples["handovers"],
    )


async def _deposit(world: NetworkWorld, address: str, sats: int, total: int) -> None:
    """Pay the address, wait for the mint, exactly."""
    alice = world.ethereum_user("alice")
    await world.depositor().deposit(address, alice.address, sats)
    await world.confirm(world.network.spec.required_confirmations)

    async def credited() -> bool:
        return await alice.balance() == total * WEI_PER_SAT

    await world.eventually(credited, f"a deposit of {sats} sats is minted", timeout_s=120)


async def _too_few_and_strangers_change_nothing(world: NetworkWorld) -> list[bytes]:
    """One member alone is heard and waits; a forged signature is refused, and shown."""
    present = await governance.keys(world)
    status: Any = await world.node.call("alys_status")
    newcomer = bitcoin.xonly_of(world.random.fork("newcomer").randbytes(32))
    members = [*present[:2], newcomer]
    far = int(status["height"]) + 100_000
    other = [*present[:1], newcomer, present[2]]
    await governance.say(world, [0], "federation_update", **governance.change(other, 2, far))

    async def waits() -> Any:
        heard = await governance.announcements(world)
        return [count for _, count in heard["waiting"]] == [1]

    await world.eventually(waits, "one member alone is counted and changes nothing")
    in_their_name = b"".join(key + bytes(64) for key in present[:2])
    forged = governance.change(members, 2, far + 1, in_their_name)
    await governance.say(world, [0, 1, 2], "federation_update", **forged)

    async def refused() -> Any:
        heard = await governance.announcements(world)
        return heard["refused"] == 6

    await world.eventually(refused, "a forged announcement is refused, counted and shown")
    heard = await governance.announcements(world)
    shown = await governance.federation(world)
    world.check(
        heard["agreed"] == 0 and shown["pending"] is None and len(shown["federations"]) == 1,
        "nothing is acted upon that the threshold has not signed",
        agreed=heard["agreed"],
        refused=heard["last_refused"],
    )
    return members


async def _the_threshold_changes_it(world: NetworkWorld, members: list[bytes]) -> None:
    status: Any = await world.node.call("alys_status")
    height = int(status["height"]) + AHEAD
    fields = governance.change(members, 2, height)
    await governance.say(world, [0, 1], "federation_update", **fields)

    async def in_a_block() -> Any:
        return (await governance.federation(world))["pending"]

    pending = await world.eventually(in_a_block, "a block announces the change", timeout_s=120)
    world.check(
        pending["keys"] == [key.hex() for key in members] and pending["fromHeight"] == height,
        "it is the one that was signed, for its height",
        pending=pending,
        wanted=height,
    )

    async def in_force() -> Any:
        shown = await governance.federation(world)
        return shown if shown["pending"] is None else None

    shown = await world.eventually(in_force, "the change takes effect", timeout_s=120)
    reached: Any = await world.node.call("alys_status")
    world.check(
        shown["federations"][-1]["fromHeight"] == height and reached["height"] >= height - 1,
        "it takes effect at its height",
        height=reached["height"],
        wanted=height,
    )


async def _another_address_is_told(world: NetworkWorld, old: str) -> str:
    new = str(await world.node.call("getdepositaddress"))
    shown = await governance.federation(world)
    state: Any = await world.governance.state(0)
    world.check(new != old, "getdepositaddress gives another address", address=new)

    async def agrees() -> Any:
        said: Any = await world.governance.state(0)
        return said["federation"]["address"] == new

    await world.eventually(agrees, "governance derives the same address by itself", timeout_s=120)
    former = shown["federations"][0]
    world.check(
        former["address"] == old
        and former["depositsUntil"]
        == shown["federations"][1]["fromHeight"] + world.network.spec.old_address_blocks - 1,
        "the old address is good for so many blocks more",
        former=former,
        retired=state["retired"],
    )
    return new


async def _everything_is_swept(world: NetworkWorld) -> None:
    """No coin of the old script is left on Bitcoin once the sweep is final, signed and confirmed."""

    async def proposed() -> Any:
        return (await governance.federation(world))["retiredCoins"] == 0

    await world.eventually(proposed, "every retired coin is in a sweep", timeout_s=120)
    old = (await governance.federation(world))["federations"][0]["address"]

    async def confirmed() -> Any:
        await world.confirm(1)
        found: Any = await world.bitcoin.call("scantxoutset", "start", [f"addr({old})"])
        return not found["unspents"]

    await world.eventually(confirmed, "the old script holds nothing any more", timeout_s=240)


async def _a_peg_out_is_paid_by_the_new_members(world: NetworkWorld, alice: Any) -> None:
    payee = world.bitcoin_user("payee")
    tx_hash = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    operation = await bridge.operation_of(world, tx_hash)

    async def settled() -> Any:
        await world.confirm(1)
        return await bridge.operation(
            world, lambda one: one["id"] == operation and one["state"] == "settled"
        )

    found = await world.eventually(settled, "the peg-out is settled", timeout_s=240)
    raw: Any = await world.bitcoin.call("getrawtransaction", found["txid"])
    tx = bitcoin.parse_tx(bytes.fromhex(str(raw)))
    leaf = tx.inputs[0].witness[-2]
    shown = await governance.federation(world)
    keys = [bytes.fromhex(key) for key in shown["federations"][-1]["keys"]]
    world.check(
        all(key in leaf for key in keys),
        "the new members' script paid it",
        txid=found["txid"],
    )
    paid = sum(out.value for out in tx.outputs if out.script == payee.script)
    received = await payee.received()
    world.check(
        0 < PAYOUT_WEI // WEI_PER_SAT - paid < 10_000 and received == paid,
        "the payee has what was burnt, less its share of the fee",
        burnt_sats=PAYOUT_WEI // WEI_PER_SAT,
        received=received,
    )
