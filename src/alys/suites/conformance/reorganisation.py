"""Bitcoin changes its mind: what was taken away is not minted, and minted once when it is back."""

from typing import Any

from alys.suites.conformance import _looking as looking
from alys.worlds import network
from alys.worlds.network_world import NetworkWorld
from alys.worlds.users import BitcoinUser

DEPOSIT_SATS = 110_000_000


async def test_reorganisation(world: NetworkWorld) -> None:
    """The block with the deposit is invalidated; blocks without it make a longer chain."""
    bob = world.ethereum_user("bob")
    required = world.network.spec.required_confirmations
    await looking.work(world)
    first = await looking.height(world)
    txid = await world.depositor().deposit(world.federation_address, bob.address, DEPOSIT_SATS)
    with world.proving("reorg.forgotten") as proof:
        await world.confirm(required - 1)
        await looking.blocks_later(world, 1)
        tip = int(str(await world.bitcoin.call("getblockcount")))
        holder: Any = await world.bitcoin.call("getblockhash", tip - required + 2)
        await world.bitcoin.call("invalidateblock", holder)
        await _empty_blocks(world, required + 1)
        pool: Any = await world.bitcoin.call("getrawmempool")
        world.check(txid in pool, "the deposit waits to be mined again", deposit=txid)
        await looking.blocks_later(world)
        minted = await bob.balance()
        world.check(minted == 0, "a deposit off the best chain mints nothing", wei=minted)
        proof.evidence = f"{required - 1} blocks replaced by {required + 1} without {txid}"
    with world.proving("reorg.minted") as proof:
        await world.confirm(required)
        found = await looking.credited(world, bob, "the deposit is minted after all")
        expected = DEPOSIT_SATS * looking.WEI_PER_SAT
        world.check(found == expected, "exactly sats x 10^10 wei", wei=found, expected=expected)
        last = await looking.blocks_later(world)
        mints = await looking.withdrawals_to(world, bob.address, first, last)
        world.check(len(mints) == 1, "it is minted once", gwei=mints)
        proof.evidence = f"{found} wei, one withdrawal in blocks {first} to {last}"
    await looking.books(world)


async def _empty_blocks(world: NetworkWorld, count: int) -> None:
    miner = BitcoinUser(network.MINER_SECRET, world.bitcoin)
    for _ in range(count):
        await world.bitcoin.call("generateblock", miner.address, [])
