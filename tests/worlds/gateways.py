"""Every gateway of a node fails once, in the middle of its work, and the node goes on: for any world that runs the actors itself."""

from alys.suites.integration import bridge_operation_flow as flow
from alys.worlds.network_world import NetworkWorld
from tests.worlds import reorganisations

GATEWAYS = ("bitcoin", "engine", "store", "governance", "wire")
ASK_THE_STORE = (
    "storage/storage",
    "consensus/chain",
    "bridge/bridge",
    "bridge/stream",
    "network/peer",
)
"""Who fails with a store that fails: what it cannot read or keep, it may not guess."""


async def each_fails_once(world: NetworkWorld) -> None:
    """One after the other, with blocks in between; in the end a deposit is minted, a burn is paid, and the co-signers take part."""
    tree = world.network.tree(0)
    world.keep_mining()
    await flow.new_blocks(world, 1)
    for gateway in GATEWAYS:
        path = f"/alys/{tree}-{gateway}"
        drags = tuple(f"/alys/{tree}/{name}" for name in ASK_THE_STORE if gateway == "store")
        fault = await world.actors.crash(path, drags=drags)
        await world.actors.bitten(fault)
        restarted = await world.actors.find(path)
        world.check(
            restarted is not None and restarted.incarnation == 1, f"{gateway} is restarted once"
        )
        await flow.new_blocks(world, 2)
    required = world.network.spec.required_confirmations
    alice, txid = await reorganisations.deposited(world, required)
    await reorganisations.minted_once(world, alice, txid)
    payee = world.bitcoin_user("payee")
    burn = await alice.request_peg_out(payee.address, reorganisations.PAYOUT_WEI)
    operation = await flow.operation_of(world, burn)
    await reorganisations.state_of(world, operation, "broadcast")
