"""One coin's way in and out again, and what must be true of it at the end, whatever befell the node meanwhile."""

from collections.abc import Awaitable
from typing import Any

import msgspec

from alys.node.errors import PortDown
from alys.wire.jsonrpc import RpcError
from alys.worlds.network_world import NetworkWorld

DEPOSIT_SATS = 200_000_000
WEI_PER_SAT = 10_000_000_000
PAYOUT_WEI = 300_000_000_000_000_000
PATIENCE_SECONDS = 240.0


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """How a journey ended."""

    height: int
    seconds: float
    attempts: int


async def journey(world: NetworkWorld) -> Arrived:
    """Deposit, mint, burn, payout; raises whatever is not as it must be."""
    begun = world.now()
    alice, payee = world.ethereum_user("alice"), world.bitcoin_user("payee")
    world.keep_mining()
    deposit = await world.depositor().deposit(world.federation_address, alice.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)

    async def minted() -> bool:
        return await alice.balance() > 0

    await world.eventually(minted, "the deposit is minted", timeout_s=PATIENCE_SECONDS)
    balance = await alice.balance()
    world.check(balance == DEPOSIT_SATS * WEI_PER_SAT, "minted to the wei", wei=balance)
    burnt = await alice.request_peg_out(payee.address, PAYOUT_WEI)
    await _paid(world)
    pegin, pegout = await _operations(world)
    world.check(pegin["state"] == "minted", "the peg-in has ended", operation=pegin)
    world.check(pegout["id"].startswith(f"pegout:{burnt}:"), "the peg-out is the burn's")
    await _once(world, deposit, pegout)
    received = await payee.received()
    most = PAYOUT_WEI // WEI_PER_SAT
    world.check(most - 100_000 < received < most, "the payee got it once", sats=received)
    statement = await world.audit()
    statement.require_samples("mints", "payouts", "signatures", "supply")
    status: Any = await world.node.call("alys_status")
    return Arrived(height=status["height"], seconds=world.now() - begun, attempts=0)


async def _paid(world: NetworkWorld) -> None:
    """Mine Bitcoin blocks once the payout is on its way, until the node says that it is settled."""
    on_its_way = False

    async def settled() -> bool:
        nonlocal on_its_way
        on_its_way = on_its_way or bool(await world.bitcoin.call("getrawmempool"))
        if on_its_way:
            await world.confirm(1)
        operations = await patient(world.node.call("alys_operations"))
        return any(one["state"] == "settled" for one in operations or ())

    await world.eventually(settled, "the peg-out is settled", timeout_s=PATIENCE_SECONDS)


async def _operations(world: NetworkWorld) -> tuple[Any, Any]:
    operations: Any = await world.node.call("alys_operations")
    kinds = [one["kind"] for one in operations]
    world.check(kinds == ["pegin", "pegout"], "one operation each way", kinds=kinds)
    return operations[0], operations[1]


async def _once(world: NetworkWorld, deposit: str, pegout: Any) -> None:
    """Over all blocks the deposit is listed once, and one payout is proposed and listed as signed at most once."""
    status: Any = await world.node.call("alys_status")
    mints = proposals = listed = 0
    for height in range(1, status["height"] + 1):
        block: Any = await world.node.call("getblockbyheight", height)
        mints += sum(pegin["txid"] == deposit for pegin in block["pegins"])
        proposals += block["payoutProposal"] is not None
        listed += len(block["finalizedPayouts"])
    world.check(mints == 1, "one mint", mints=mints)
    world.check(proposals == 1, "one proposal", proposals=proposals)
    world.check(listed <= 1, "one signed payout", listed=listed)
    found: Any = await world.bitcoin.call("getrawtransaction", pegout["txid"], True)
    world.check(found.get("confirmations", 0) > 0, "the payout is confirmed", tx=pegout["txid"])


async def patient(answer: Awaitable[Any]) -> Any:
    """None while the node is away."""
    try:
        return await answer
    except (RpcError, PortDown):
        return None
