"""A node that alone holds a sealed block goes over to the branch of the others: nothing is lost by it, and nothing is twice."""

from typing import Any

import pytest
from msgspec.structs import replace

from alys.chain.state import PegState
from alys.config.settings import Settings
from alys.node import gossip
from alys.node.bridge_deposits import Deposits
from alys.node.production import Larder
from alys.worlds.network_world import NetworkWorld
from alys.worlds.scorecard import NeverHappened
from alys.worlds.users import EthereumUser
from tests.federation.scenes import SAID_OF_BLOCKS, Unheard, height, play, reaches, status, turns

DEPOSIT_SATS = 30_000_000
WEI_PER_SAT = 10_000_000_000
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


def only_node_1_can_mint_it() -> None:
    """Node 2 never hears of the deposit, node 0 is gone for good: what node 1 had minted it has to mint again itself."""
    silent = Unheard("node", *SAID_OF_BLOCKS)
    forgetful = Unheard("node-2", gossip.ProposedBlock)

    async def work(world: NetworkWorld) -> None:
        await world.actors.suspend("/alys/node-2/bridge/bridge")
        root, at, _ = await _mints_alone(world, silent)
        forgetful.shut = True
        await turns(
            world, 2
        )  # node 1 tries to go on alone, so it has looked for deposits on its branch
        await world.nodes.partition([[AUTHOR, OTHER], [ALONE]])
        await reaches(world, OTHER, at + 1)
        await world.nodes.kill(AUTHOR)
        await world.nodes.heal()
        silent.shut = False
        await world.converge("one head of the two that are left", timeout_s=300)
        other: Any = await world.nodes.call(ALONE, "getblockbyheight", at)
        world.check(other["root"] != root, "node 1 has gone over", height=at)
        world.keep_mining()
        secret = world.random.fork("ethereum alone").randbytes(32)
        user = EthereumUser(secret, world.clients[ALONE])
        await world.eventually(user.balance, "the deposit is minted again", timeout_s=200)
        wei = await user.balance()
        world.check(wei == DEPOSIT_SATS * WEI_PER_SAT, "once", wei=wei)
        await world.actors.resume("/alys/node-2/bridge/bridge")

    play(work, gates={"node-1": silent, "node": forgetful}, settings=_without_checks_of_bridge())


def _without_checks_of_bridge() -> Settings:
    """A Bridge that is held up is not found dead and begun anew."""
    default = Settings()
    bridge = replace(default.node.actors.bridge, health_interval=0.0)
    actors = replace(default.node.actors, bridge=bridge)
    return replace(default, node=replace(default.node, actors=actors))


def test_what_was_rolled_back_is_minted_by_who_had_minted_it() -> None:
    only_node_1_can_mint_it()


def test_a_rollback_that_forgets_its_deposits_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A deposit is let go of as soon as a block has minted it, and nobody takes it back with the block."""
    honest = Larder.deposits_for

    def careless(self: Larder, parent: PegState) -> Any:
        for outpoint in parent.minted:
            self._ready.pop(outpoint, None)
        return honest(self, parent)

    async def forgets(*_: Any) -> None:
        return None

    monkeypatch.setattr(Larder, "deposits_for", careless)
    monkeypatch.setattr(Deposits, "reverted", forgets)
    with pytest.raises(NeverHappened, match="the deposit is minted again"):
        only_node_1_can_mint_it()
