"""What one node alone holds for final, the others must not go round: who approved its proof is bound by that."""

from typing import Any

import pytest

from alys.chain import forkchoice
from alys.chain.forkchoice import Objection, Tree, Vote
from alys.node import gossip
from alys.oracles.agreement import Disagreement, Flaw
from alys.worlds.network_world import NetworkWorld
from tests.federation.scenes import SAID_OF_BLOCKS, Unheard, height, play, reaches, turns

BOUND, ALONE, OTHER = 0, 1, 2
TURNS = 8


def go_round_what_is_final() -> NetworkWorld:
    """Node 1 alone has the quorum for a block with a proof; node 0 approved it; node 2 knows nothing of that branch."""
    silent = Unheard("node", *SAID_OF_BLOCKS)
    secretive = Unheard("node-2", *SAID_OF_BLOCKS, gossip.Status)

    async def work(world: NetworkWorld) -> None:
        world.keep_mining()
        await reaches(world, ALONE, 4)
        world.keep_mining(False)
        await world.nodes.partition([[BOUND, ALONE], [OTHER]])
        common = await height(world, OTHER)
        await reaches(world, BOUND, common + 1)
        await reaches(world, ALONE, common + 1)
        silent.shut = True
        at = await _alone_with_a_proof(world)
        secretive.shut = True
        await world.nodes.partition([[BOUND, OTHER], [ALONE]])
        world.keep_mining()
        await turns(world, TURNS)
        found = await height(world, OTHER)
        world.check(found == common, "nobody goes round what may be final", height=found)
        mine: Any = await world.nodes.call(ALONE, "getblockbyheight", at)
        silent.shut = secretive.shut = False
        await world.nodes.heal()
        await world.converge("one head", timeout_s=300)
        for index in (BOUND, OTHER):
            theirs: Any = await world.nodes.call(index, "getblockbyheight", at)
            world.check(theirs["root"] == mine["root"], "its branch is everybody's", node=index)

    world = play(work, gates={"node-1": silent, "node": secretive})
    assert silent.kept > 0
    assert secretive.kept > 0
    return world


async def _alone_with_a_proof(world: NetworkWorld) -> int:
    """Wait until node 1 has a block with a proof that node 0 made and nobody else has as imported; its height."""

    async def there() -> int:
        await world.miners[BOUND].mine()
        block: Any = await world.nodes.call(ALONE, "getheadblock")
        ahead = block["height"] > await height(world, BOUND)
        return block["height"] if ahead and block["auxpowHeader"] is not None else 0

    return await world.eventually(there, "node 1 alone holds something for final", timeout_s=300)


def test_who_approved_a_proof_is_bound_by_it() -> None:
    found = go_round_what_is_final().watch.found()
    found.require("agreed", "approvals", "converged", "finals")


def test_an_authority_that_forgets_what_binds_it_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only its slots increase; then a height is final twice."""

    def free(vote: Vote, votes: Any, tree: Tree) -> Objection | None:
        used = any(one.slot >= vote.slot for one in votes)
        return Objection.SLOT_USED if used else None

    monkeypatch.setattr(forkchoice, "objection", free)
    monkeypatch.setattr(forkchoice, "_is_locked", lambda *_: False)
    with pytest.raises(Disagreement) as told:
        go_round_what_is_final()
    assert told.value.flaw is Flaw.FINALISED_TWICE
