"""A deposit: nothing before it is deep enough, then exactly what it is worth, once."""

from alys.suites.conformance import _looking as looking
from alys.worlds.network_world import NetworkWorld

DEPOSIT_SATS = 120_000_000


async def test_peg_in(world: NetworkWorld) -> None:
    """From the depositor's transaction to the balance on the sidechain."""
    alice = world.ethereum_user("alice")
    required = world.network.spec.required_confirmations
    await looking.work(world)
    first = await looking.height(world)
    with world.proving("pegin.depth") as proof:
        txid = await world.depositor().deposit(
            world.federation_address, alice.address, DEPOSIT_SATS
        )
        await world.confirm(required - 1)
        last = await looking.blocks_later(world)
        early = await alice.balance()
        world.check(early == 0, "nothing is minted yet", wei=early, confirmations=required - 1)
        proof.evidence = f"{txid} with {required - 1} confirmations: nothing up to block {last}"
    with world.proving("pegin.exact") as proof:
        await world.confirm(1)
        found = await looking.credited(world, alice, "the deposit is minted")
        expected = DEPOSIT_SATS * looking.WEI_PER_SAT
        world.check(found == expected, "exactly sats x 10^10 wei", wei=found, expected=expected)
        proof.evidence = f"{DEPOSIT_SATS} sats became {found} wei"
    with world.proving("pegin.once") as proof:
        last = await looking.blocks_later(world)
        mints = await looking.withdrawals_to(world, alice.address, first, last)
        world.check(len(mints) == 1, "the deposit is minted once", gwei=mints)
        proof.evidence = f"one withdrawal in blocks {first} to {last}"
    await looking.books(world)
