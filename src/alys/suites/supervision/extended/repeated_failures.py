"""Every actor of the node fails, one after the other and then all over again, with a deposit under way each time.

A single failure shows that an actor is brought back. What is lost a little at every restart, or only the second time, shows
here: the deposits and the blocks of all rounds are counted at the end.
"""

from typing import Any

from alys.suites.supervision import _looking as looking
from alys.suites.supervision._looking import NODE
from alys.worlds.network_world import NetworkWorld

ROUNDS = 2
VICTIMS = (
    "bridge/stream",
    "bridge/bridge",
    "consensus/engine",
    "consensus/chain",
    "storage/storage",
    "network/network",
)
DEPOSIT_SATS = 30_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks
BETWEEN_SECONDS = 20.0
"""The node's domain allows five restarts in 60 s; this stays below it with room for those that a failure drags along."""


async def test_repeated_failures(world: NetworkWorld) -> None:
    """Ten failures, ten deposits: each minted once and exactly, and blocks all the while."""
    world.keep_mining()
    await looking.produces(world, 1)
    alice = world.ethereum_user("alice")
    deposits = 0
    for _ in range(ROUNDS):
        for victim in VICTIMS:
            await _fails(world, f"{NODE}/{victim}", alice.address)
            deposits += 1
            wanted = deposits * DEPOSIT_SATS * WEI_PER_SAT

            async def credited(wanted: int = wanted) -> bool:
                return await alice.balance() >= wanted

            await world.eventually(
                credited, f"deposit {deposits}, under way as {victim} failed, is minted", 120
            )
            wei = await alice.balance()
            world.check(wei == wanted, "every deposit so far once, and exactly", wei=wei)
            await looking.passes(world, BETWEEN_SECONDS)
    await looking.produces(world, 2)
    world.note(failures=deposits, minted_wei=await alice.balance())


async def _known(world: NetworkWorld, txid: str, confirmations: int) -> None:
    """The node has noted the deposit: what it forgets from here on it will not find again by reading on."""

    async def known() -> bool:
        operations: Any = await world.node.call("alys_operations")
        return any(
            one["txid"] == txid and one["confirmations"] >= confirmations for one in operations
        )

    await world.eventually(known, f"the node sees the deposit with {confirmations} confirmations")


async def _fails(world: NetworkWorld, path: str, address: bytes) -> None:
    """A deposit one block short of ripe, a failure, the block that ripens it."""
    required = world.network.spec.required_confirmations
    deposit = await world.depositor().deposit(world.federation_address, address, DEPOSIT_SATS)
    await world.confirm(required - 1)
    await _known(world, deposit, required - 1)
    before = await looking.snapshot(world, NODE)
    fault = await world.actors.crash(path, drags=tuple(before))
    await world.actors.bitten(fault)
    await world.confirm(1)

    async def again() -> bool:
        found = await world.actors.find(path)
        return found is not None and found.instance not in (0, before[path].instance)

    await world.eventually(again, f"{path} is brought back")
    await looking.settled(world, NODE, before)
