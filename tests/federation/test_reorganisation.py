"""A node that alone holds a sealed block goes over to the branch of the others: nothing is lost by it, and nothing is twice."""

from typing import Any

import pytest

from alys.node import gossip
from alys.worlds.network_world import NetworkWorld
from tests.federation.scenes import Unheard, height, play, reaches, status

DEPOSIT_SATS = 30_000_000
WEI_PER_SAT = 10_000_000_000
SAID_OF_BLOCKS = (
    gossip.ProposedBlock,
    gossip.Approval,
    gossip.SealedBlock,
    gossip.BlocksResponse,
)
AUTHOR, ALONE, OTHER = 0, 1, 2
"""The second approves a block of the first and so has it sealed; nobody hears of that."""


async def _mints_alone(world: NetworkWorld, gate: Unheard) -> tuple[str, int, Any]:
    """Node 1 alone has a sealed block with a deposit in it. Returns its root, its height, and the user."""
    world.keep_mining()
    await reaches(world, ALONE, 4)
    world.keep_mining(False)
    user = world.ethereum_user("alone")
    await world.depositor().deposit(world.federation_address, user.address, DEPOSIT_SATS)
    await world.confirm(world.network.spec.required_confirmations)
    await world.nodes.partition([[AUTHOR, ALONE], [OTHER]])
    gate.shut = True

    async def ahead() -> Any:
        found = await status(world, ALONE)
        block: Any = await world.nodes.call(ALONE, "getheadblock")
        return found if found["height"] > await height(world, AUTHOR) and block["pegins"] else None

    found = await world.eventually(ahead, "node 1 has minted in a block that nobody else has")
    return found["headRoot"], found["height"], user


def test_a_mint_that_was_rolled_back_comes_again_and_once() -> None:
    silent = Unheard("node", *SAID_OF_BLOCKS)
    forgetful = Unheard("node-2", gossip.ProposedBlock)

    async def work(world: NetworkWorld) -> None:
        root, at, user = await _mints_alone(world, silent)
        forgetful.shut = True
        await world.nodes.partition([[AUTHOR, OTHER], [ALONE]])
        await reaches(world, AUTHOR, at + 1)
        other: Any = await world.nodes.call(AUTHOR, "getblockbyheight", at)
        world.check(other["root"] != root, "the others have another block", height=at)
        silent.shut = forgetful.shut = False
        await world.nodes.heal()
        await world.converge("one head", timeout_s=120)
        mine: Any = await world.nodes.call(ALONE, "getblockbyheight", at)
        world.check(mine["root"] == other["root"], "node 1 has gone over", height=at)
        world.keep_mining()
        await world.eventually(user.balance, "the deposit is minted on the branch of all")
        wei = await user.balance()
        world.check(wei == DEPOSIT_SATS * WEI_PER_SAT, "once", wei=wei)
        listed = 0
        for number in range(await height(world, AUTHOR) + 1):
            block: Any = await world.nodes.call(ALONE, "getblockbyheight", number)
            listed += len(block["pegins"])
        world.check(listed == 1, "the branch of all lists it once", times=listed)

    world = play(work, gates={"node-1": silent, "node": forgetful})
    assert silent.kept > 0
    assert forgetful.kept > 0
    assert world.watch.found().samples["reorganisations"] >= 1
