"""A scenario to copy: a deposit on Bitcoin becomes ether of the sidechain. Run it with

alys test examples/peg_in.py --world sim --seed 1
"""

from alys.worlds.network_world import NetworkWorld

SATS = 50_000_000
WEI_PER_SAT = 10_000_000_000  # written out: a check must not share the conversion that it checks


async def test_a_deposit_arrives(world: NetworkWorld) -> None:
    """Alice has nothing; half a bitcoin is paid for her; six confirmations later she has half an ether."""
    alice = world.ethereum_user("alice")
    world.check(await alice.balance() == 0, "alice begins with nothing")

    txid = await world.depositor().deposit(world.federation_address, alice.address, SATS)
    await world.confirm(6)
    await world.eventually(alice.balance, "the deposit is minted", timeout_s=90)

    wei = await alice.balance()
    world.check(wei == SATS * WEI_PER_SAT, "every satoshi is there", wei=wei)
    world.note(deposit=txid)
