"""Checks 18 to 25: how many restarts are too many, and what becomes of a supervisor that has seen too many."""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorStopped, ChildRestarting, ChildRunning, IntensityExceeded
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, Intensity, Restart, Strategy
from alys.actors.supervisor import (
    ChildCounts,
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    Supervisor,
    TerminateChild,
)
from tests.actors.conformance.ways import (
    Run,
    children_of,
    clock,
    every_way,
    in_time,
    supervise,
    until,
)
from tests.actors.stage import Boom, Mourner, Puppet, Stage, simulate

TWO_IN_TEN = Intensity(restarts=2, period_seconds=10.0)
TINY = 1e-6
"""A little later: seconds since the epoch, as a float, tell no two moments apart that are much closer."""


async def crash_at(stage: Stage, *moments: float, name: str = "a") -> None:
    """Let the child of this registered name fail at these seconds since the start, exactly."""
    for moment in moments:
        await stage.system.sleep(moment - clock(stage))
        assert clock(stage) == round(moment, 9)
        stage.crash(stage.system.whereis(name))
    await stage.settle(TINY)


@in_time
def test_18_intensity_exact(run: Run) -> None:
    """With two restarts in ten seconds the third failure is one too many.

    In that moment all children are stopped, last started first, and the supervisor ends with shutdown.
    """

    async def scenario(stage: Stage) -> None:
        specs = [stage.spec(name, register=name) for name in "abc"]
        boss = supervise(stage, *specs, intensity=TWO_IN_TEN)
        mourner = stage.spawn("mourner", lambda: Mourner(stage))
        await stage.do(mourner, lambda p, ctx: ctx.watch(boss))
        await crash_at(stage, 0.0, 1.0)
        assert (stage.log.restarts, stage.log.stops) == ([("a", 1), ("a", 2)], [])
        await crash_at(stage, 2.0)
        assert stage.log.restarts == [("a", 1), ("a", 2)]
        assert stage.log.stops == [
            *((name, "shutdown: parent") for name in "cba"),
            ("boss", "shutdown: intensity"),
        ]
        assert stage.notes("mourner") == ["start", "boss is gone: shutdown: intensity"]
        [error] = [error for who, error in stage.log.failures if who == "boss"]
        assert isinstance(error, IntensityExceeded)
        assert (error.intensity, error.period_seconds) == (2, 10.0)
        assert isinstance(error.__cause__, Boom)

    run(scenario)


async def survives(stage: Stage, intensity: Intensity, *moments: float) -> bool:
    """Whether a supervisor lives through these crashes of its child."""
    boss = supervise(stage, stage.spec("a", register="a"), intensity=intensity)
    await children_of(stage, boss)
    await crash_at(stage, *moments)
    return boss in stage.system.cells()


@in_time
def test_19_intensity_slides(run: Run) -> None:
    """A restart that is older than the period does not count any more; the window is no fixed one."""

    async def scenario(stage: Stage) -> None:
        assert await survives(stage, TWO_IN_TEN, 0.0, 9.0, 11.0)
        await crash_at(stage, 19.5)
        assert len(stage.log.restarts) == 4
        await crash_at(stage, 20.0)
        assert stage.log.escalations == ["boss"]

    run(scenario)


@in_time
@pytest.mark.parametrize(
    ("moment", "lives"), [(10.0 - TINY, False), (10.0, False), (10.0 + TINY, True)]
)
def test_20_intensity_boundary(run: Run, moment: float, lives: bool) -> None:
    """A restart that is exactly as old as the period still counts; one that is a little older does not."""

    async def scenario(stage: Stage) -> None:
        one_in_ten = Intensity(restarts=1, period_seconds=10.0)
        assert await survives(stage, one_in_ten, 0.0, moment) == lives

    run(scenario)


@every_way
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_21_group_counts_once(run: Run, strategy: Strategy) -> None:
    """A failure that takes four siblings along is one restart: with two allowed, two such are survived and no third."""

    async def scenario(stage: Stage) -> None:
        never = Intensity(restarts=2, period_seconds=1e9)
        boss = supervise(
            stage, *[stage.spec(name) for name in "abcde"], strategy=strategy, intensity=never
        )
        a = (await children_of(stage, boss))["a"].ref
        assert a is not None
        for count in (1, 2):
            stage.crash(a)
            await until(stage, lambda: stage.notes("e").count("start") == 1 + count)  # noqa: B023
            assert len(stage.log.restarts) == 5 * count
        stage.crash(a)
        assert await boss.cell.when_stopped() == "shutdown: intensity"
        assert len(stage.log.restarts) == 10

    run(scenario)


# Up the tree


def tree(stage: Stage, restart: Restart, inner: int, outer: int) -> Ref:
    """A child below ``sub`` below ``boss``; how many restarts each of the two allows."""
    often = 1e9
    child = stage.spec("a", register="a")
    sub = stage.spec(
        "sub",
        lambda: Supervisor(
            [child, stage.spec("b")], Intensity(restarts=inner, period_seconds=often)
        ),
        restart=restart,
        supervisor=True,
    )
    return stage.spawn(
        "boss",
        lambda: Supervisor([sub], Intensity(restarts=outer, period_seconds=often)),
        restart=Restart.PERMANENT,
    )


@every_way
def test_22_escalation_chain_restarts_the_subtree(run: Run) -> None:
    """A permanent supervisor that gave up is restarted by its own, with all its children anew and an empty log."""

    async def scenario(stage: Stage) -> None:
        boss = tree(stage, Restart.PERMANENT, inner=1, outer=5)
        await until(stage, lambda: stage.notes("b"))
        old, seen = (await children_of(stage, boss))["sub"].ref, stage.system.whereis("a")
        for starts in (2, 3, 4, 5):
            stage.crash(stage.system.whereis("a"))
            await until(stage, lambda: stage.notes("a").count("start") == starts)  # noqa: B023
            await until(stage, lambda: stage.notes("b").count("start") == (starts + 1) // 2)  # noqa: B023
        assert stage.log.restarts == [("a", 1), ("sub", 1), ("a", 1), ("sub", 2)]
        assert (await children_of(stage, boss))["sub"].ref == old
        assert stage.system.whereis("a") != seen
        assert stage.system.status == 0

    run(scenario)


@pytest.mark.parametrize(("inner", "outer", "root"), [(0, 0, 0), (1, 2, 1), (2, 1, 0), (2, 2, 2)])
def test_22_escalation_chain_ends_at_the_root(inner: int, outer: int, root: int) -> None:
    """The failures that a system survives are the product of what its supervisors allow; then it ends, with status 1."""

    async def scenario(stage: Stage) -> tuple[int, str, int, list[str]]:
        tree(stage, Restart.PERMANENT, inner, outer)
        crashes = 0
        while stage.system.failure is None:
            await stage.settle()
            stage.crash(stage.system.whereis("a"))
            crashes += 1
            await stage.settle()
        end = await stage.system.terminated
        causes: list[str] = []
        error: BaseException | None = stage.system.failure
        while error is not None:
            causes.append(type(error).__name__)
            error = error.__cause__
        return crashes, end, stage.system.status, causes

    for seed in range(5):
        got = simulate(scenario, seed, Intensity(restarts=root, period_seconds=1e9))
        crashes = (inner + 1) * (outer + 1) * (root + 1)
        assert got == (
            crashes,
            "failed: IntensityExceeded",
            1,
            ["IntensityExceeded"] * 3 + ["Boom"],
        )


@every_way
def test_23_transient_sup_not_restarted(run: Run) -> None:
    """A transient supervisor that gave up stays away: it has ended with shutdown, which is no failure."""

    async def scenario(stage: Stage) -> None:
        boss = tree(stage, Restart.TRANSIENT, inner=1, outer=5)
        await until(stage, lambda: stage.notes("b"))
        stage.crash(stage.system.whereis("a"))
        await until(stage, lambda: stage.notes("a").count("start") == 2)
        stage.crash(stage.system.whereis("a"))
        await until(stage, lambda: ("sub", "shutdown: intensity") in stage.log.stops)
        await stage.system.sleep(10.0)
        sub = (await children_of(stage, boss))["sub"]
        assert (sub.ref, sub.status) == (None, "stopped")
        assert stage.log.restarts == [("a", 1)]
        assert (boss.cell.incarnation, stage.system.status) == (0, 0)

    run(scenario)


# 24


class Hanging(Puppet):
    """Its second start never ends."""

    starts = 0

    @override
    async def on_start(self, ctx: Context) -> None:
        type(self).starts += 1
        super().on_start(ctx)
        if type(self).starts > 1:
            await self.stage.system.sleep(1e9)


def never_again(stage: Stage, how: str) -> tuple[Callable[[], Actor], dict[str, Any]]:
    """A factory that works once, and what its spec says besides."""
    calls: list[int] = []

    def make() -> Actor:
        calls.append(1)
        if len(calls) > 1:
            raise Boom
        return Puppet(stage)

    if how == "hangs":
        kind = type("Hanging", (Hanging,), {})
        return (lambda: kind(stage)), {}
    backoff = Backoff(min_seconds=1.0, max_seconds=1.0) if how == "fails with pauses" else None
    return make, {"backoff": backoff}


STRATEGIES = list(Strategy)
HOW = ["fails at once", "fails with pauses", "hangs"]


async def hanging(stage: Stage, strategy: Strategy, how: str) -> Ref:
    """A supervisor of a and b, where b has failed and does not come up again."""
    factory, more = never_again(stage, how)
    boss = supervise(
        stage, stage.spec("a"), stage.spec("b", factory, **more),
        strategy=strategy, intensity=Intensity(restarts=2_000, period_seconds=1e9),
    )  # fmt: skip
    b = (await children_of(stage, boss))["b"].ref
    assert b is not None
    stage.crash(b)
    while (await children_of(stage, boss))[
        "b"
    ].status != "restarting":  # no time passes while it fails at once, so nobody can wait for any
        pass
    return boss


@every_way
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("how", HOW)
def test_24_hanging_restart_loop(run: Run, strategy: Strategy, how: str) -> None:
    """A supervisor whose child does not come up again goes on answering: it lists, counts and refuses; told to stop, it does."""

    async def scenario(stage: Stage) -> None:
        boss = await hanging(stage, strategy, how)
        ask = stage.system.ask
        for _ in range(3):
            assert (await children_of(stage, boss))["b"].status == "restarting"
            with pytest.raises(ChildRestarting):
                await ask(boss, DeleteChild(name="b"))
            with pytest.raises(ChildRestarting):
                await ask(boss, RestartChild(name="b"))
            with pytest.raises(ChildRunning):
                await ask(boss, StartChild(spec=stage.spec("b")))
        assert await ask(boss, StartChild(spec=stage.spec("c"))) is not None
        if strategy is not Strategy.ONE_FOR_ALL:
            assert await ask(boss, CountChildren()) == ChildCounts(
                specs=3, active=2, supervisors=0, workers=3
            )
        assert await stage.system.stop(boss) == "shutdown: system"
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)


@every_way
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("how", HOW)
def test_24_hanging_restart_loop_ends_when_the_child_is_terminated(
    run: Run, strategy: Strategy, how: str
) -> None:
    """Whoever terminates the child that does not come up ends the trying; it stays stopped, and the others run."""

    async def scenario(stage: Stage) -> None:
        boss = await hanging(stage, strategy, how)
        await stage.system.ask(boss, TerminateChild(name="b"))
        restarts = len(stage.log.restarts)
        await stage.system.sleep(10.0)
        after = await children_of(stage, boss)
        assert [info.status for info in after.values()] == ["running", "stopped"]
        assert after["a"].ref is not None
        assert await stage.do(after["a"].ref, lambda p, ctx: "well") == "well"
        assert len(stage.log.restarts) <= restarts + 1
        assert boss.cell.incarnation == 0

    run(scenario)


@in_time
def test_25_multiple_restarts(run: Run) -> None:
    """Failures that are far enough apart are all survived, however many; afterwards as many are allowed as ever."""

    async def scenario(stage: Stage) -> None:
        moments = [5.1 * count for count in range(50)]
        assert await survives(stage, TWO_IN_TEN, *moments)
        assert stage.log.restarts == [("a", count + 1) for count in range(50)]
        await crash_at(stage, 300.0, 301.0)
        assert stage.log.escalations == []
        await crash_at(stage, 302.0)
        assert stage.log.escalations == ["boss"]

    run(scenario)


@in_time
def test_25_multiple_restarts_of_several_children_share_the_window(run: Run) -> None:
    """The window is the supervisor's, not the child's; and nothing of it is left after the period."""

    async def scenario(stage: Stage) -> None:
        specs = [stage.spec(name, register=name) for name in "ab"]
        boss = supervise(stage, *specs, intensity=TWO_IN_TEN)
        await children_of(stage, boss)
        for start in (0.0, 100.0, 200.0):
            await crash_at(stage, start)
            await crash_at(stage, start + 1.0, name="b")
        assert stage.log.escalations == []
        await crash_at(stage, 202.0)
        assert stage.log.escalations == ["boss"]
        with pytest.raises(ActorStopped):
            await children_of(stage, boss)

    run(scenario)
