"""The keeper over a world of nothing: when it is ready, when it builds anew and why, and how it lets others have the chains."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import pytest
from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.base.turns import TurnLost, Turns
from alys.config.settings import Settings, WorldSettings
from alys.monitoring import catalogue
from alys.monitoring.samples import Sample
from alys.runner import keeper as keeper_module
from alys.runner.environment import Failure, Phase
from alys.runner.keeper import Keeper, Limits
from alys.shells.background import Background
from alys.worlds.network_world import NetworkWorld
from tests.shells.waiting import until

STREAM = {"endpoint": "0", "state": "ready"}


class Node:
    """Answers as the node does."""

    begins_growing = True

    def __init__(self) -> None:
        self.height = 0
        self.growing = Node.begins_growing
        self.streams = [STREAM, {**STREAM, "endpoint": "1"}]
        self.refusal: Exception | None = None

    async def call(self, method: str, *_: object) -> object:
        """One more block with every look."""
        if self.refusal is not None:
            raise self.refusal
        if method == "alys_status":
            self.height += self.growing
            status = {"state": "active", "reason": "", "height": self.height}
            return {**status, "finalisedHeight": self.height - 1}
        if method == "alys_governance":
            return self.streams
        return [{"kind": "pegin", "state": "minted"}] * 2


class Environment:
    """What the keeper makes, one world per generation."""

    def __init__(self) -> None:
        self.worlds: list[FakeWorld] = []
        self.refuse_to_open: list[Exception] = []
        self.fail_closing: Exception | None = None

    def make(self, generation: int) -> NetworkWorld:
        """The next world."""
        self.worlds.append(FakeWorld(self, generation))
        return cast(NetworkWorld, self.worlds[-1])

    @property
    def last(self) -> "FakeWorld":
        """The youngest."""
        return self.worlds[-1]


class FakeWorld:
    """As much of a world as the keeper touches."""

    name = "fake"

    def __init__(self, environment: Environment, generation: int) -> None:
        self.environment = environment
        self.generation = generation
        self.settings = Settings(world=WorldSettings(time_scale=10))
        self.observers: list[object] = []
        self.node = Node()
        self.events: list[str] = []
        self.trouble: Exception | None = None
        self.network: Any = type(
            "Network", (), {"spec": type("Spec", (), {"slot_duration_ms": 2000})}
        )
        self.system = object()

    def bound_trace(self, lines_max: int) -> None:
        """Note it."""
        self.events.append(f"at most {lines_max} lines")

    async def open(self) -> None:
        """Open, or refuse."""
        if self.environment.refuse_to_open:
            raise self.environment.refuse_to_open.pop(0)
        self.events.append("open")

    def keep_mining(self) -> None:
        """Note it."""
        self.events.append("mining")

    def require_sound(self) -> None:
        """Raise what the test wants."""
        if self.trouble is not None:
            raise self.trouble

    async def close(self) -> None:
        """Close, or fail to."""
        self.events.append("close")
        if self.environment.fail_closing is not None:
            raise self.environment.fail_closing


class FakeTraffic:
    """Counts steps; fails when told."""

    failing: Exception | None = None

    def __init__(self, *_: object, **__: object) -> None:
        self.deposits = self.payouts = 0
        self.doing = "counting"

    async def steps(self) -> AsyncGenerator[None, None]:
        """One deposit per step."""
        while True:
            if FakeTraffic.failing is not None:
                error, FakeTraffic.failing = FakeTraffic.failing, None
                raise error
            self.deposits += 1
            yield


class FakeSource:
    """Measures nothing but a score."""

    observer = object()

    def __init__(self, **_: object) -> None:
        self.attached: object = None

    def attach(self, system: object) -> None:
        """Keep it."""
        self.attached = system

    async def scrape(self) -> list[Sample]:
        """One sample."""
        return [Sample(family=catalogue.HEALTH_SCORE, value=0.75)]


class Bench:
    """A keeper that works, and the clock that it sees."""

    def __init__(self, background: Background, environment: Environment, keeper: Keeper) -> None:
        self.background = background
        self.environment = environment
        self.keeper = keeper
        self.clock = 0.0

    async def ready(self, words: str) -> None:
        """Wait until ``/ready`` would say so."""
        await until(lambda: words in self.keeper.ready()[1])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks that tests need not wait for."""
    FakeTraffic.failing = None
    monkeypatch.setattr(keeper_module, "Traffic", FakeTraffic)
    monkeypatch.setattr(keeper_module, "MetricsSource", FakeSource)
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.001)
    monkeypatch.setattr(keeper_module, "RENEW_SECONDS", 0.001)
    monkeypatch.setattr(keeper_module, "BACKOFF_SECONDS", (0.05, 0.2))


def at(
    life: Callable[[Bench], Awaitable[None]],
    *,
    blocks: int = 1_000_000,
    hours: float = 1e6,
    turns: Turns | None = None,
    environment: Environment | None = None,
) -> Environment:
    """Let a keeper work for the length of a test."""
    grounds = environment or Environment()

    async def whole() -> None:
        background = Background()
        limits = Limits(blocks=blocks, hours=hours, interval_s=1)
        keeper = Keeper(
            grounds.make,
            background,
            limits,
            monotonic=lambda: bench.clock,
            wall_clock=lambda: 1000.0 + bench.clock,
            turns=turns,
        )
        bench = Bench(background, grounds, keeper)
        background.start("environment", keeper.run())
        background.start("turn", keeper.hold_turn()) if turns else None
        try:
            async with asyncio.timeout(20):
                await life(bench)
        finally:
            background.end()
            assert await background.finish(10) == []

    asyncio.run(whole())
    return grounds


def test_it_is_ready_once_there_is_a_block_and_all_streams_stand() -> None:
    async def life(bench: Bench) -> None:
        assert bench.keeper.ready() == (False, "the environment is starting")
        await until(lambda: bench.keeper.ready()[0])
        assert bench.keeper.ready() == (True, "ready")
        bench.environment.last.node.streams = [STREAM, {"endpoint": "1", "state": "backing off"}]
        await bench.ready("1 of 2 governance streams are registered: 1 backing off")
        assert bench.keeper.ready()[0] is False
        bench.environment.last.node.streams = []
        await bench.ready("0 of 0 governance streams are registered: none")

    environment = at(life)
    assert environment.last.events == ["at most 2000 lines", "open", "mining", "close"]


def test_it_is_not_ready_before_the_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    async def life(bench: Bench) -> None:
        await bench.ready("the node has not made a block yet")
        assert bench.keeper.ready()[0] is False
        bench.environment.last.node.growing = True
        await bench.ready("ready")

    monkeypatch.setattr(Node, "begins_growing", False)
    at(life)


def test_blocks_that_stop_coming_are_told_and_so_is_their_return() -> None:
    async def life(bench: Bench) -> None:
        await bench.ready("ready")
        node = bench.environment.last.node
        node.growing = False
        height = node.height
        await until(lambda: cast(Any, bench.keeper)._look.height == height)
        bench.clock += 15.0
        assert bench.keeper.ready() == (True, "ready"), "a busy machine may be late"
        bench.clock += 1.0
        assert bench.keeper.ready() == (False, "no new block for 16 s; the chain is active")
        node.growing = True
        await until(lambda: bench.keeper.ready()[0])

    at(life)


@pytest.mark.parametrize("how", ["crash", "traffic", "answer", "opening", "closing"])
def test_a_broken_environment_is_closed_told_and_built_anew(how: str) -> None:
    error = EnvironmentFailure("the ledger does not balance")

    async def life(bench: Bench) -> None:
        grounds = bench.environment
        if how != "opening":
            await until(lambda: bench.keeper.ready()[0])
        if how == "crash":
            grounds.last.trouble = error
        elif how == "traffic":
            FakeTraffic.failing = error
        elif how == "answer":
            grounds.last.node.refusal = error
        await bench.ready("the ledger does not balance")
        assert bench.keeper.ready()[0] is False
        await until(lambda: bench.keeper.ready()[0])
        report = await bench.keeper.report()
        assert (report.generation, report.phase, len(report.failures)) == (2, "running", 1)
        assert report.failures[0].cause == "the ledger does not balance"
        assert (report.failures[0].at, report.failures[0].generation) == (1000.0, 1)
        assert grounds.worlds[0].events[-1] == "close"

    environment = Environment()
    if how == "opening":
        environment.refuse_to_open = [error]
    if how == "closing":
        environment.fail_closing = error

        async def renewed(bench: Bench) -> None:
            await until(lambda: bench.keeper.ready()[0])
            bench.environment.last.node.height = 999
            await bench.ready("the ledger does not balance")
            environment.fail_closing = None
            await until(lambda: bench.keeper.ready()[0])

        at(renewed, environment=environment, blocks=999)
        return
    at(life, environment=environment)


def test_pauses_grow_with_failures_in_a_row_and_a_long_life_begins_a_new_row() -> None:
    async def life(bench: Bench) -> None:
        await until(lambda: bench.keeper.ready()[0])
        inside = cast(Any, bench.keeper)
        assert [report.cause for report in inside._failures] == ["no", "no", "no"]
        assert inside._failed_in_a_row == 3
        assert inside._backoff() == 0.2, "doubled, up to the limit"
        bench.clock += keeper_module.SOUND_SECONDS + 1
        bench.environment.last.trouble = EnvironmentFailure("late")
        await until(lambda: len(inside._failures) == 4)
        assert inside._failed_in_a_row == 1

    environment = Environment()
    environment.refuse_to_open = [EnvironmentFailure("no") for _ in range(3)]
    at(life, environment=environment)


@pytest.mark.parametrize("limit", ["blocks", "hours"])
def test_an_old_environment_is_renewed_and_counts_go_on(limit: str) -> None:
    async def life(bench: Bench) -> None:
        await until(lambda: bench.keeper.ready()[0])
        if limit == "blocks":
            bench.environment.last.node.height = 50
        else:
            bench.clock += 2 * 3600.0
        await until(lambda: len(bench.environment.worlds) == 2 and bench.keeper.ready()[0])
        report = await bench.keeper.report()
        assert (report.generation, report.failures) == (2, ())
        assert report.deposits >= 2, "those of the first environment too"
        assert report.health_score == 0.75
        assert bench.environment.worlds[0].events[-1] == "close"

    at(life, blocks=50, hours=2.0)


class FakeTurns(Turns):
    """A lease with one other who may want it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.other_waits = ""
        self.other_has = ""
        self.lost = ""
        self.free = threading.Event()
        self.free.set()

    @override
    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        while not self.free.wait(0.001):
            waiting(self.other_has)
        self.events.append(f"{holder} has it")

    @override
    def renew(self) -> None:
        if self.lost:
            lost, self.lost = self.lost, ""
            raise TurnLost(lost)

    @override
    def release(self) -> None:
        self.events.append("let go")
        if self.other_waits:
            self.free.clear()
            self.other_has, self.other_waits = self.other_waits, ""

    @override
    def wanted(self) -> str:
        return self.other_waits


def test_it_parks_while_a_run_has_the_chains_and_comes_back() -> None:
    turns = FakeTurns()

    async def life(bench: Bench) -> None:
        await until(lambda: bench.keeper.ready()[0])
        assert (await bench.keeper.report()).holder == "alys serve"
        turns.other_waits = "run 42"
        await bench.ready("parked: run 42 has the chains")
        assert bench.keeper.ready()[0] is True, "a probe must not end what is only polite"
        await until(lambda: turns.other_has)
        assert bench.environment.worlds[0].events[-1] == "close", "closed before it lets go"
        assert len(bench.environment.worlds) == 1
        report = await bench.keeper.report()
        assert (report.phase, report.holder, report.look) == ("parked", "run 42", None)
        turns.free.set()
        await until(lambda: bench.keeper.ready() == (True, "ready"))
        assert len(bench.environment.worlds) == 2
        assert (await bench.keeper.report()).failures == ()

    at(life, turns=turns)
    assert turns.events == ["alys serve has it", "let go", "alys serve has it", "let go"]


def test_a_lost_turn_ends_the_environment_as_a_failure() -> None:
    turns = FakeTurns()

    async def life(bench: Bench) -> None:
        await until(lambda: bench.keeper.ready()[0])
        turns.lost = "somebody took it"
        await bench.ready("somebody took it")
        await until(lambda: bench.keeper.ready()[0])

    at(life, turns=turns)
    assert turns.events[:3] == ["alys serve has it", "let go", "alys serve has it"]


def test_the_end_is_not_held_up_by_a_turn_that_somebody_else_has() -> None:
    turns = FakeTurns()
    turns.free.clear()
    turns.other_has = "run 42"

    async def life(bench: Bench) -> None:
        await bench.ready("parked: run 42 has the chains")

    assert at(life, turns=turns).worlds == []
    assert "let go" not in turns.events


def test_every_phase_has_its_words() -> None:
    async def life(bench: Bench) -> None:
        await until(lambda: bench.keeper.ready()[0])
        for phase in Phase:
            cast(Any, bench.keeper)._failures.appendleft(
                Failure(at=0, generation=1, cause="because")
            )
            cast(Any, bench.keeper)._phase = phase
            assert bench.keeper.ready()[1]

    at(life)
