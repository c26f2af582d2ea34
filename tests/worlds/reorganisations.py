"""Reorganisations of Bitcoin of a given depth at three moments of a peg, and what must come of them; for any world."""

from typing import Any

from alys.base.faults import Reorg
from alys.suites.integration import bridge_operation_flow as flow
from alys.worlds.network_world import NetworkWorld

DEPOSIT_SATS = 150_000_000
WEI_PER_SAT = 10_000_000_000
PAYOUT_WEI = 300_000_000_000_000_000
REFUNDED_WEI = 400_000_000_000_000_000
PATIENCE_SECONDS = 600.0
"""Node time: a busy machine takes its time, and a simulated one none."""


async def reorganise(world: NetworkWorld, depth: int) -> None:
    """The last blocks lose to a longer branch without transactions."""
    fault = await world.faults.inject("bitcoin", Reorg(depth=depth, empty=True))
    await world.faults.until_bitten(fault)


async def state_of(world: NetworkWorld, operation: str, *states: str) -> Any:
    """The operation, once it is in one of the states."""

    async def there() -> Any:
        found: Any = await world.node.call("alys_operation", operation)
        return found if found is not None and found["state"] in states else None

    return await world.eventually(
        there, f"{operation[:20]}.. is {' or '.join(states)}", timeout_s=PATIENCE_SECONDS
    )


async def deposited(world: NetworkWorld, confirmations: int) -> tuple[Any, str]:
    """Alice, and her deposit with so many confirmations, which the node has seen."""
    alice = world.ethereum_user("alice")
    world.keep_mining()
    txid = await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(confirmations)
    await flow._seen_with(world, txid, confirmations)
    return alice, txid


async def minted_once(world: NetworkWorld, alice: Any, txid: str) -> None:
    """The deposit is credited, and listed by one block."""
    await world.eventually(alice.balance, "the deposit is minted", timeout_s=PATIENCE_SECONDS)
    await flow.new_blocks(world, 2)
    balance = await alice.balance()
    world.check(balance == DEPOSIT_SATS * WEI_PER_SAT, "credited once", wei=balance)
    listed = sum(ref["txid"] == txid for block in await blocks(world) for ref in block["pegins"])
    world.check(listed == 1, "one block lists it", blocks=listed)


async def blocks(world: NetworkWorld) -> list[Any]:
    """All consensus blocks."""
    status: Any = await world.node.call("alys_status")
    heights = range(world.network.first_height + 1, status["height"] + 1)
    return [await world.node.call("getblockbyheight", height) for height in heights]


async def incidents(world: NetworkWorld) -> list[tuple[str, str, int]]:
    """Kind, transaction and sats of those that are open."""
    listed: Any = await world.node.call("alys_incidents")
    return [(i["kind"], i["txid"], i["sats"]) for i in listed if i["resolved_at"] is None]


async def before_the_mint(world: NetworkWorld, depth: int) -> None:
    """One confirmation short of the mint. Where its block is gone the deposit begins again; it is minted once in any case."""
    required = world.network.spec.required_confirmations
    alice, txid = await deposited(world, required - 1)
    await reorganise(world, depth)
    if depth >= required - 1:
        await state_of(world, f"pegin:{txid}:0", "orphaned")
        await flow.new_blocks(world, 2)
        world.check(await alice.balance() == 0, "nothing is minted of what is not there")
        await world.audit()
        await world.confirm(required)
    await minted_once(world, alice, txid)
    await state_of(world, f"pegin:{txid}:0", "minted")
    statement = await world.audit()
    world.check(statement.incidents == (), "nothing is missed")
    world.check(await incidents(world) == [], "nor does the node miss anything")


async def after_the_mint(world: NetworkWorld, depth: int) -> None:
    """Up to five blocks change nothing. Deeper, the shortfall is an incident by name, nobody spends the deposit, and it comes back."""
    required = world.network.spec.required_confirmations
    alice, txid = await deposited(world, required)
    await minted_once(world, alice, txid)
    await reorganise(world, depth)
    await flow.new_blocks(world, 2)
    if depth < required:
        await state_of(world, f"pegin:{txid}:0", "minted")
        statement = await world.audit()
        world.check(statement.incidents == (), "nothing is missed")
        return
    await _missed(world, alice, txid)
    await world.confirm(required)
    await state_of(world, f"pegin:{txid}:0", "minted")
    await _said(world, "foundOutputs", txid)
    world.check(await incidents(world) == [], "the incident is over")
    statement = await world.audit()
    world.check(statement.incidents == (), "the ledger misses nothing any more")
    payee = world.bitcoin_user("payee")
    paid = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    await state_of(world, await flow.operation_of(world, paid), "broadcast")


async def _missed(world: NetworkWorld, alice: Any, txid: str) -> None:
    """The node and the ledger name the transaction and the sum, a block says so, and what nothing can pay is refunded."""
    found = await state_of(world, f"pegin:{txid}:0", "lost")
    world.check(
        list(found["incidents"]) == ["deposit_lost"], "the operation says so", operation=found
    )
    wanted = [("deposit_lost", txid, DEPOSIT_SATS)]
    world.check(await incidents(world) == wanted, "the node misses the deposit by name")
    await _said(world, "lostOutputs", txid)
    statement = await world.audit()
    named = [(one.kind, one.txid, one.sats) for one in statement.incidents]
    world.check(named == wanted, "the ledger misses the deposit by name", incidents=named)
    world.check(statement.lost_sats == DEPOSIT_SATS, "to the satoshi", sats=statement.lost_sats)
    request = await alice.request_peg_out(world.bitcoin_user("payee").address, REFUNDED_WEI)
    await state_of(world, await flow.operation_of(world, request), "refunded")
    await world.audit()


async def _said(world: NetworkWorld, field: str, txid: str) -> None:
    """A block claims it of the deposit."""

    async def said() -> bool:
        return any(f"{txid}:0" in block["bitcoin"][field] for block in await blocks(world))

    await world.eventually(said, f"a block says {field}", timeout_s=PATIENCE_SECONDS)


async def around_a_payout(world: NetworkWorld, depth: int) -> None:
    """A payout with ``depth`` confirmations loses them all, is sent again by the node itself, and is settled after all."""
    spec = world.network.spec
    alice, txid = await deposited(world, spec.required_confirmations)
    await minted_once(world, alice, txid)
    payee = world.bitcoin_user("payee")
    request = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    operation = await flow.operation_of(world, request)
    sent = await state_of(world, operation, "broadcast")
    await world.confirm(depth)
    settled = depth >= spec.payout_confirmations
    if settled:
        await state_of(world, operation, "settled")
        await _closed(world, sent["txid"])
    await reorganise(world, depth)

    async def back() -> bool:
        found: Any = await world.node.call("alys_operation", operation)
        return bool(found["state"] == "broadcast" and found["confirmations"] == 0)

    await world.eventually(
        back, "it is broadcast again, without confirmations", timeout_s=PATIENCE_SECONDS
    )
    wanted = [("payout_reverted", sent["txid"], PAYOUT_WEI // WEI_PER_SAT)] if settled else []
    world.check(await incidents(world) == wanted, "that it was settled before is an incident")
    statement = await world.audit()
    world.check(statement.paid_sats == 0, "the ledger has it as owed", sats=statement.paid_sats)
    await world.confirm(spec.payout_confirmations)
    await state_of(world, operation, "settled")
    await _closed(world, sent["txid"])
    world.check(await incidents(world) == [], "nothing is open")
    received = await payee.received()
    asked = PAYOUT_WEI // WEI_PER_SAT
    world.check(asked - 1_000 < received < asked, "the payee has it once", sats=received)
    statement = await world.audit()
    world.check(statement.paid_sats == asked, "and the federation paid it once")


async def _closed(world: NetworkWorld, txid: str) -> None:
    """A block says that the payout is settled."""

    async def said() -> bool:
        settled = (ref for block in await blocks(world) for ref in block["bitcoin"]["settled"])
        return any(ref["txid"] == txid for ref in settled)

    await world.eventually(
        said, "a block says that the payout is settled", timeout_s=PATIENCE_SECONDS
    )


async def a_payout_that_nobody_mines(world: NetworkWorld) -> None:
    """Blocks leave the payout out, so it is replaced at a higher rate; payees bear it, the federation pays what was asked for."""
    spec = world.network.spec
    alice, txid = await deposited(world, spec.required_confirmations)
    await minted_once(world, alice, txid)
    payee = world.bitcoin_user("payee")
    request = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    operation = await flow.operation_of(world, request)
    first = await state_of(world, operation, "broadcast")
    miner = world.bitcoin_user("miner")
    for _ in range(6):
        await world.bitcoin.call("generateblock", miner.address, [])

    async def replaced() -> Any:
        found: Any = await world.node.call("alys_operation", operation)
        return found if found["txid"] not in (first["txid"], "") else None

    second = await world.eventually(replaced, "the payout is replaced", timeout_s=PATIENCE_SECONDS)
    pool: Any = await world.bitcoin.call("getrawmempool")
    world.check(pool == [second["txid"]], "the pool has the replacement alone", pool=pool)
    bumps = [bump for block in await blocks(world) for bump in block["bitcoin"]["bumps"]]
    world.check([bump["replaces"] for bump in bumps] == [first["txid"]], "one block says so")
    await world.audit()
    await world.confirm(spec.payout_confirmations)
    await state_of(world, operation, "settled")
    await _closed(world, second["txid"])
    view: Any = await world.bitcoin.call("getrawtransaction", second["txid"], True)
    asked, received = PAYOUT_WEI // WEI_PER_SAT, await payee.received()
    world.check(
        asked - received == view["vsize"] * bumps[0]["feeRate"], "the payee bears the fee exactly"
    )
    statement = await world.audit()
    world.check(statement.paid_sats == asked, "the federation paid what was asked for")
