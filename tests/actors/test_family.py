"""The children of one actor: order, names, and back-off in virtual time."""

import itertools
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.errors import BadSpec
from alys.actors.supervision import Backoff, Restart
from tests.actors.stage import Puppet, Stage, everywhere, in_simulation, simulate

Run = Any


async def wait_forever(stage: Stage) -> None:
    await stage.system.sleep(1e5)


@everywhere
def test_a_second_child_of_a_name_is_refused_and_the_first_lives_on(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(BadSpec, match="/alys has a child named 'a' already"):
            stage.spawn()
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)


@everywhere
def test_a_name_is_free_again_once_its_actor_is_gone(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.system.stop(stage.spawn())
        assert await stage.do(stage.spawn(), lambda p, ctx: "alive") == "alive"

    run(scenario)


@in_simulation
def test_children_are_listed_in_the_order_of_their_start(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def spawn_some(puppet: Puppet, ctx: Any) -> list[str]:
            for name in "cab":
                ctx.spawn(stage.spec(name))
            return [ref.name for ref in ctx.children()]

        assert await stage.do(a, spawn_some) == ["c", "a", "b"]

    run(scenario)


@in_simulation
def test_children_stop_one_after_the_other_last_first(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await self.stage.system.sleep(1.0)
            self.note(f"stopped at {self.stage.now():g}")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def spawn_some(puppet: Puppet, ctx: Any) -> None:
            for name in "xyz":
                ctx.spawn(stage.spec(name, lambda: Slow(stage)))

        await stage.do(a, spawn_some)
        await stage.settle(1.0)
        await stage.system.stop(a)
        assert stage.journal[-4:] == [
            ("z", "stopped at 2"),
            ("y", "stopped at 3"),
            ("x", "stopped at 4"),
            ("a", "post_stop"),
        ]

    run(scenario)


def starts_of(stage: Stage, starts: list[float]) -> Any:
    def make() -> Puppet:
        starts.append(round(stage.now(), 6))
        return Puppet(stage)

    return make


def delays(times: list[float]) -> list[float]:
    return [round(b - a, 6) for a, b in itertools.pairwise(times)]


@in_simulation
def test_each_restart_in_a_row_waits_twice_as_long_up_to_the_maximum(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        starts: list[float] = []
        backoff = Backoff(min_seconds=1.0, max_seconds=8.0)
        a = stage.spawn(factory=starts_of(stage, starts), backoff=backoff)
        for _ in range(5):
            stage.crash(a)
        await stage.settle(100.0)
        assert delays(starts) == [1, 2, 4, 8, 8]

    run(scenario)


@in_simulation
def test_after_a_quiet_time_the_waits_begin_anew(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        starts: list[float] = []
        a = stage.spawn(
            factory=starts_of(stage, starts), backoff=Backoff(min_seconds=1.0, max_seconds=8.0)
        )
        stage.crash(a)
        stage.crash(a)
        await stage.settle(3.0)
        await stage.settle(4.4)  # the quiet time is 4.5 s after the restart at 3 s
        stage.crash(a)
        await stage.settle(4.0)
        await stage.settle(4.6)
        stage.crash(a)
        await stage.settle(50.0)
        assert [starts[0], *delays(starts)[:2]] == [0, 1, 2]
        assert round(starts[3] - 7.4, 3) == 4.0
        assert round(starts[4] - 16.0, 3) == 1.0

    run(scenario)


def test_jitter_is_the_seeds_and_stretches_by_at_most_its_share() -> None:
    async def scenario(stage: Stage) -> list[float]:
        starts: list[float] = []
        backoff = Backoff(min_seconds=1.0, max_seconds=4.0, jitter=0.5)
        a = stage.spawn(factory=starts_of(stage, starts), backoff=backoff)
        for _ in range(4):
            stage.crash(a)
        await stage.settle(100.0)
        return delays(starts)

    first, again, other = simulate(scenario, 1), simulate(scenario, 1), simulate(scenario, 2)
    assert first == again != other
    for delay, least in zip(first, [1, 2, 4, 4], strict=True):
        assert least <= delay < least * 1.5


@in_simulation
def test_a_permanent_child_that_is_killed_while_it_stops_by_itself_is_started_again(
    run: Run,
) -> None:
    class Stubborn(Puppet):
        @override
        async def post_stop(self, ctx: Any) -> None:
            await wait_forever(self.stage)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Stubborn(stage), restart=Restart.PERMANENT)
        await stage.do(a, lambda p, ctx: ctx.stop())
        await stage.settle(10.0)
        assert stage.notes("a") == ["start", "start"]
        assert stage.log.stops == [("a", "killed")]

    run(scenario)
