"""A real system of actors is measured: alive, failing, silent, dead."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.monitoring import catalogue
from alys.monitoring.catalogue import Family, Source
from alys.monitoring.samples import Sample
from alys.node.messages import ChainStatus, GetStatus
from alys.node.operations import ListOperations, OperationView
from alys.node.stream import GetStreamStatus
from alys.shells import metrics_source
from alys.shells.metrics_source import MetricsSource
from tests.shells.test_run_results import MINUTE, leave


class Say(Message, frozen=True, kw_only=True):
    """Something to handle."""


class Crash(Message, frozen=True, kw_only=True):
    """Something to fail over."""


class Ping(Request[str], frozen=True, kw_only=True):
    """So that a test knows what was handled before."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a connection; the real one says more."""

    endpoint: int
    state: str
    attempts: int
    queued: int
    dropped: int


class Worker(Actor):
    """Says, crashes, and answers like all of a node's actors at once."""

    def on_say(self, message: Say, ctx: Context) -> None:
        """See Say."""

    def on_crash(self, message: Crash, ctx: Context) -> None:
        """See Crash."""
        raise RuntimeError("as told")

    def on_ping(self, message: Ping, ctx: Context) -> str:
        """See Ping."""
        return "pong"

    def on_get_status(self, message: GetStatus, ctx: Context) -> ChainStatus:
        """A node's chain actor."""
        return ChainStatus(
            state="halted",
            reason="",
            height=7,
            head_root=b"",
            execution_hash=b"",
            slot=9,
            finalised_height=5,
            minted=2,
            refusals=(),
        )

    def on_get_stream_status(self, message: GetStreamStatus, ctx: Context) -> Any:
        """A node's stream actor."""
        ready = Connection(endpoint=0, state="ready", attempts=0, queued=0, dropped=0)
        away = Connection(endpoint=1, state="down", attempts=4, queued=3, dropped=2)
        return (ready, away)

    def on_list_operations(
        self, message: ListOperations, ctx: Context
    ) -> tuple[OperationView, ...]:
        """A node's bridge actor."""
        view = OperationView(id="a", kind="pegin", state="minted", detail="", txid="")
        late = OperationView(
            id="b", kind="pegout", state="burnt", detail="", txid="", incidents=("overdue",)
        )
        return (view, view, late)


class Mute(Actor):
    """Never answers."""

    def on_get_status(self, message: GetStatus, ctx: Context) -> None:
        """Put off for ever."""
        ctx.defer()


Test = Callable[[System, MetricsSource, Ref], Awaitable[Any]]


def measured(test: Test, **source: Any) -> Any:
    """Run a test with a system, its source and a worker."""

    async def life() -> Any:
        measuring = MetricsSource(**source)
        dispatcher = LoopDispatcher(asyncio.get_running_loop())
        system = System(
            dispatcher,
            SeededRandom(1),
            observer=measuring.observer,
            intensity=Intensity(restarts=5, period_seconds=60.0),
        )
        measuring.attach(system)
        worker = system.spawn(ChildSpec(name="worker", factory=Worker))
        try:
            return await test(system, measuring, worker)
        finally:
            await wait(system.shutdown())

    return asyncio.run(life())


def value(found: list[Sample], family: Family, *labels: str) -> float:
    (one,) = [one for one in found if one.family == family and one.labels == labels]
    return one.value


def families(found: list[Sample], source: Source) -> set[str]:
    return {one.family.name for one in found if one.family.source is source}


def declared(source: Source) -> set[str]:
    return {family.name for family in catalogue.FAMILIES if family.source is source}


def test_messages_failures_and_restarts_of_a_system_are_exported_per_actor_and_in_sum() -> None:
    async def test(system: System, source: MetricsSource, worker: Ref) -> None:
        for message in (Say(), Say(), Crash(), Say()):
            system.tell(worker, message)
        await system.ask(worker, Ping())
        found = await source.scrape()
        who = ("worker", "/alys/worker")
        assert value(found, catalogue.ACTOR_PROCESSED, *who) == 4
        assert value(found, catalogue.ACTOR_FAILED, *who) == 1
        assert value(found, catalogue.ACTOR_RESTARTS, *who) == 1
        assert value(found, catalogue.MEMORY_USAGE, *who) > 0
        assert value(found, catalogue.MESSAGES_PROCESSED) == 4
        assert value(found, catalogue.ACTIVE_ACTORS) == 2
        assert value(found, catalogue.HEALTH_SCORE) == (4 / 5 + 1 / 2) / 2
        (times,) = [one for one in found if one.family == catalogue.PROCESSING_DURATION]
        assert 0 < times.counts[-1] <= 4
        assert families(found, Source.ACTORS) == declared(Source.ACTORS)

    measured(test)


def test_a_stopped_tree_has_health_0_and_no_actors_and_keeps_its_counts() -> None:
    async def test(system: System, source: MetricsSource, worker: Ref) -> None:
        await system.ask(worker, Ping())
        alive = await source.scrape()
        assert value(alive, catalogue.HEALTH_SCORE) == 1
        await wait(system.shutdown())
        dead = await source.scrape()
        assert value(dead, catalogue.ACTIVE_ACTORS) == value(dead, catalogue.HEALTH_SCORE) == 0
        assert value(dead, catalogue.HEALTHY_ACTORS) == 0
        assert value(dead, catalogue.MESSAGES_PROCESSED) == 1
        assert families(dead, Source.ACTORS) == declared(Source.ACTORS)

    measured(test)


def test_before_there_is_a_system_the_exporter_says_that_nothing_lives() -> None:
    found = asyncio.run(MetricsSource(tree="node").scrape())
    assert value(found, catalogue.ACTIVE_ACTORS) == value(found, catalogue.HEALTH_SCORE) == 0
    assert families(found, Source.NODE) == set()


def spawn_node(system: System, **factories: type[Actor]) -> None:
    for name, factory in factories.items():
        system.spawn(ChildSpec(name=f"node-{name}", factory=factory, register=f"node/{name}"))


def test_what_the_nodes_actors_answer_fills_every_family_of_the_node() -> None:
    async def test(system: System, source: MetricsSource, worker: Ref) -> None:
        spawn_node(system, chain=Worker, stream=Worker, bridge=Worker)
        found = await source.scrape()
        assert families(found, Source.NODE) == declared(Source.NODE)
        assert value(found, catalogue.BLOCK_HEIGHT) == 7
        assert value(found, catalogue.FINALISED_HEIGHT) == 5
        assert value(found, catalogue.CHAIN_ACTIVE) == 0
        assert value(found, catalogue.CONNECTION, "0") == 1
        assert value(found, catalogue.CONNECTION, "1") == 0
        assert value(found, catalogue.BUFFER, "1") == 3
        assert value(found, catalogue.GOVERNANCE_DROPPED, "1") == 2
        assert value(found, catalogue.RECONNECTS, "1") == 4
        assert value(found, catalogue.OPERATIONS, "pegin", "minted") == 2
        assert value(found, catalogue.OPERATIONS, "pegout", "burnt") == 1
        assert value(found, catalogue.OPERATIONS, "pegout", "settled") == 0
        assert value(found, catalogue.INCIDENTS, "overdue") == 1
        assert value(found, catalogue.INCIDENTS, "deposit_lost") == 0

    measured(test, tree="node")


def test_an_actor_that_does_not_answer_is_absent_and_hides_no_other(monkeypatch: Any) -> None:
    monkeypatch.setattr(metrics_source, "ANSWER_SECONDS", 0.05)

    async def test(system: System, source: MetricsSource, worker: Ref) -> None:
        spawn_node(system, chain=Mute, stream=Worker)
        found = await source.scrape()
        told = families(found, Source.NODE)
        assert catalogue.CONNECTION.name in told
        assert catalogue.BLOCK_HEIGHT.name not in told
        assert catalogue.OPERATIONS.name not in told

    measured(test, tree="node")


def test_looking_at_a_node_that_is_not_there_leaves_no_dead_letters() -> None:
    async def test(system: System, source: MetricsSource, worker: Ref) -> None:
        await source.scrape()
        found = await source.scrape()
        letters = [one.value for one in found if one.family == catalogue.ACTOR_DEAD_LETTERS]
        assert letters == [0, 0]

    measured(test, tree="node")


def test_finished_runs_and_limits_are_exported(tmp_path: Path) -> None:
    leave(tmp_path, "regression", MINUTE, exit_code=1)
    found = asyncio.run(MetricsSource(results=tmp_path).scrape())
    assert value(found, catalogue.RUN_EXIT_CODE, "regression") == 1
    assert families(found, Source.RUNS) == declared(Source.RUNS)
    assert value(found, catalogue.MEMORY_LIMIT) > 0
    assert value(found, catalogue.CPU_LIMIT) > 0


def test_a_process_without_actors_exports_its_limits_and_no_dead_tree() -> None:
    found = asyncio.run(metrics_source.process_alone())
    assert {one.family for one in found} == {catalogue.MEMORY_LIMIT, catalogue.CPU_LIMIT}
