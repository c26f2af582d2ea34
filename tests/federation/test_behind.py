"""A node that knows that it is behind makes no blocks until it has caught up."""

import pytest

from alys.node import gossip
from alys.node.gate import Gate
from alys.worlds.network_world import NetworkWorld
from alys.worlds.scorecard import CheckFailed
from tests.federation.scenes import Unheard, height, offered_by, play, reaches, status, turns

BEHIND = 2
TURNS = 3


def comes_back_behind() -> None:
    """Node 2 is away for ten blocks, and for three of its turns it is told of them but not given them."""
    mute = Unheard("node-2", gossip.BlocksResponse, gossip.SealedBlock)

    async def work(world: NetworkWorld) -> None:
        world.keep_mining()
        await reaches(world, BEHIND, 3)
        await world.nodes.kill(BEHIND)
        await reaches(world, 0, await height(world, 0) + 10)
        mute.shut = True
        made = len(offered_by(world, BEHIND))
        await world.nodes.start(BEHIND)
        await turns(world, TURNS)
        early = offered_by(world, BEHIND)[made:]
        world.check(mute.kept > 0, "it asked for what it lacks", kept=mute.kept)
        world.check(not early, "it proposes nothing while it is behind", heights=early)
        found = await status(world, BEHIND)
        world.check(found["state"] == "halted", "it says that it is behind", said=found["reason"])
        world.check("synced" in found["reason"], "and why it makes none", said=found["reason"])
        mute.shut = False
        await world.converge("it catches up", timeout_s=300)

        async def produces() -> bool:
            return len(offered_by(world, BEHIND)) > made

        await world.eventually(produces, "it makes blocks again", timeout_s=120)

    play(work, gates={"node": mute, "node-1": mute})


def test_who_is_behind_waits_says_so_and_goes_on() -> None:
    comes_back_behind()


def test_a_gate_that_is_ignored_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "hear_sync", lambda self, state: setattr(self, "_synced", ""))
    with pytest.raises(CheckFailed, match="it proposes nothing while it is behind"):
        comes_back_behind()
