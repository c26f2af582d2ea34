"""Who gives no sign of life is ended and started again; what the node is fit for follows from what its actors say."""

from typing import Any

import msgspec

from alys.actors.context import Context
from alys.actors.message import Request
from alys.actors.supervision import ChildSpec
from alys.config.policies import ActorPolicy
from alys.node import health, messages, stream, sync
from alys.node.checked import Checked
from alys.node.health import GetHealth, Health, HealthActor, HealthNames
from tests.node.bench import Bench

ROW = ActorPolicy(health_interval=5.0, health_timeout=1.0, health_failures=3)
ACTIVE = messages.ChainStatus(
    state="active",
    reason="",
    height=7,
    head_root=bytes(32),
    execution_hash=bytes(32),
    slot=1,
    finalised_height=6,
    minted=0,
    refusals=(),
)
SYNCED = sync.SyncStatus(
    phase="synced", synced=True, own_height=7, best_height=7, peer="", checkpoints=(), claims=()
)


class Never(Request[bool], frozen=True, kw_only=True):
    """Nobody answers this."""


class Wait(Request[bool], frozen=True, kw_only=True):
    """Ask somebody who never answers."""


class Silent(Checked):
    """Takes a question and keeps the answer."""

    def on_never(self, message: Never, ctx: Context) -> bool:
        ctx.defer()
        return False


class Plain(Checked):
    """Answers as an actor of the node does; can be made to wait."""

    def on_status(self, message: messages.GetStatus, ctx: Context) -> messages.ChainStatus:
        return ACTIVE

    def on_sync(self, message: sync.GetSyncStatus, ctx: Context) -> sync.SyncStatus:
        return SYNCED

    def on_streams(self, message: stream.GetStreamStatus, ctx: Context) -> Any:
        return ()

    async def on_wait(self, message: Wait, ctx: Context) -> bool:
        return await ctx.ask(ctx.whereis("node/silent"), Never(), timeout=60.0)


class Node:
    """A health actor over two or three others."""

    def __init__(self, *actors: str) -> None:
        self.bench = Bench()
        self.bench.start("node/silent", Silent)
        for actor in actors:
            spec = ChildSpec(name=actor, factory=Plain, register=f"node/{actor}")
            self.bench.system.spawn(spec)
        names = HealthNames(tree="node", checks=dict.fromkeys(actors, ROW))
        self.bench.start("node/health", lambda: HealthActor(names, signatures=2, produces=True))

    def uid(self, actor: str) -> int:
        """Of whoever stands there."""
        return self.bench.system.whereis(f"node/{actor}").uid

    def look(self) -> Health:
        """What the node says of itself."""
        found: Health = self.bench.ask("node/health", GetHealth())
        return found

    def state(self, actor: str) -> health.ActorHealth:
        """By the last check."""
        return next(one for one in self.look().actors if one.actor == actor)


def test_who_answers_is_healthy_and_left_alone() -> None:
    node = Node("chain", "sync")
    before = node.uid("chain")
    node.bench.run_for(60.0)
    assert node.state("chain") == health.ActorHealth(
        actor="chain", state="healthy", failures=0, ended=0
    )
    assert node.uid("chain") == before


def test_who_gives_no_sign_of_life_is_ended_at_the_third_check_and_started_again() -> None:
    node = Node("chain", "sync")
    before = node.uid("chain")
    node.bench.system.suspend(node.bench.system.whereis("node/chain"))
    node.bench.run_for(13.0)
    assert node.uid("chain") == before  # two checks
    node.bench.run_for(12.0)
    assert node.uid("chain") != before
    node.bench.run_for(10.0)
    found = node.state("chain")
    assert (found.state, found.failures, found.ended) == ("healthy", 0, 1)


def test_who_waits_for_an_answer_is_not_ill() -> None:
    node = Node("chain", "sync")
    before = node.uid("chain")
    node.bench.system.ask(node.bench.system.whereis("node/chain"), Wait())
    node.bench.run_for(40.0)
    assert node.uid("chain") == before
    waiting = node.bench.system.whereis("node/health")
    assert waiting.uid
    node.bench.run_for(40.0)
    assert node.state("chain") == health.ActorHealth(
        actor="chain", state="healthy", failures=0, ended=0
    )


def test_a_node_that_is_well_is_fit_for_all() -> None:
    found = Node("chain", "sync", "engine", "storage").look()
    assert (found.score, found.can_produce, found.can_validate) == (1.0, True, True)
    assert (found.federation_healthy, found.sync_status, found.reasons) == (False, "synced", ())


def test_too_few_streams_and_a_missing_actor_are_said() -> None:
    node = Node("chain", "sync", "engine", "storage", "stream")
    node.bench.stop("node/engine")
    node.bench.run_for(10.0)
    found = node.look()
    assert (found.can_validate, found.can_produce) == (False, False)
    assert found.score == 0.8
    assert found.reasons == (
        "0 governance nodes are reached, 2 must sign",
        "engine is away",
    )
    shown = health.show(found)
    assert shown["canProduce"] is False
    assert shown["reasons"] == list(found.reasons)
    assert msgspec.json.encode(shown)


def test_without_chain_nothing_can_be_validated() -> None:
    node = Node("chain", "sync", "storage")
    node.bench.stop("node/chain")
    found = node.look()
    assert found.can_validate is False
    assert found.reasons == ("chain did not answer: ActorStopped",)
