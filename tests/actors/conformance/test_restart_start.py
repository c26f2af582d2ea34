"""Checks 47 and 50 of the runtime's contract: starts that fail during a restart, and the waits before restarts."""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.supervision import Backoff, Intensity
from tests.actors.conformance.paths import in_virtual_time, supervise
from tests.actors.stage import Boom, Do, Puppet, Run, Stage, fail, simulate, spawn


class Workshop:
    """A factory that notes when it is called, and fails as often as it is told after the first time."""

    def __init__(
        self, stage: Stage, failures: int, kind: Callable[[Stage], Actor] = Puppet
    ) -> None:
        self.stage = stage
        self.failures = failures
        self.kind = kind
        self.times: list[float] = []

    def __call__(self) -> Actor:
        self.times.append(self.stage.now())
        if 1 < len(self.times) <= 1 + self.failures:
            raise Boom
        return self.kind(self.stage)


async def below_a_boss(stage: Stage, intensity: Intensity, **more: Any) -> Any:
    """An actor below one that allows so many restarts."""
    boss = stage.spawn("boss")
    await stage.do(boss, supervise(intensity))
    return await stage.do(boss, spawn(stage.spec("a", **more)))


# 47


@in_virtual_time
def test_47_ctor_fails_on_restart_and_is_tried_again_after_a_back_off(run: Run) -> None:
    """A factory that fails twice is tried again, each time after a longer wait; the mail is kept meanwhile."""

    async def scenario(stage: Stage) -> None:
        make = Workshop(stage, 2)
        backoff = Backoff(min_seconds=1.0, max_seconds=60.0)
        a = stage.spawn(factory=make, backoff=backoff)
        stage.crash(a)
        stage.say(a, "kept")
        await stage.settle(20.0)
        assert make.times == [0.0, 1.0, 3.0, 7.0]
        assert stage.notes("a") == ["start", "pre_restart", "start", "kept"]
        assert len(stage.log.failures) == 3

    run(scenario)


@in_virtual_time
@pytest.mark.parametrize(("restarts", "lives"), [(3, True), (2, False)])
def test_47_ctor_fails_on_restart_and_each_attempt_is_counted(
    run: Run, restarts: int, lives: bool
) -> None:
    """One crash and two failed starts are three restarts: three are enough, two are not."""

    async def scenario(stage: Stage) -> None:
        make = Workshop(stage, 2)
        limit = Intensity(restarts=restarts, period_seconds=100.0)
        a = await below_a_boss(stage, limit, factory=make)
        stage.crash(a)
        await stage.settle(1.0)
        assert len(make.times) == restarts + 1
        assert (stage.log.escalations == [], a.cell.is_stopped) == (lives, not lives)
        if lives:
            assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)


@in_virtual_time
def test_47_ctor_fails_on_restart_without_limit_or_pause_ends_the_actor(run: Run) -> None:
    """Where nothing would end the attempts and nothing delays them, the first that fails is the last."""

    async def scenario(stage: Stage) -> None:
        make = Workshop(stage, 10**9)
        a = await below_a_boss(stage, Intensity(restarts=None), factory=make)
        stage.crash(a)
        await stage.settle(1.0)
        assert (len(make.times), a.cell.is_stopped) == (2, True)
        assert ("a", "failed: Boom") in stage.log.stops

    run(scenario)


@in_virtual_time
def test_47_ctor_fails_on_restart_counts_like_a_start_hook_that_fails(run: Run) -> None:
    """A start hook that fails, at once or late, is a failed attempt too."""

    async def scenario(stage: Stage) -> None:
        starts: list[float] = []

        class Unready(Puppet):
            @override
            async def on_start(self, ctx: Context) -> None:
                starts.append(self.stage.now())
                await self.stage.system.sleep(0.5)
                if 1 < len(starts) < 4:
                    raise Boom

        backoff = Backoff(min_seconds=1.0, max_seconds=60.0)
        a = stage.spawn(factory=lambda: Unready(stage), backoff=backoff)
        await stage.settle(1.0)
        stage.crash(a)
        await stage.settle(20.0)
        assert starts == [0.0, 2.0, 4.5, 9.0]

    run(scenario)


# 50

ONE_TO_EIGHT = Backoff(min_seconds=1.0, max_seconds=8.0)
QUIET = (1.0 + 8.0) / 2


def crashing(times: int, after: float = 0.0) -> Callable[[Stage], Puppet]:
    """Actors of which the first so many fail, each some time after it has started."""
    left = [times]

    class Crashing(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            if left[0] > 0:
                left[0] -= 1
                ctx.after(after, Do(act=fail))

    return Crashing


@in_virtual_time
def test_50_backoff_sequence_doubles_up_to_its_maximum(run: Run) -> None:
    """The waits before restarts in a row are 1, 2, 4, 8, 8 seconds, exactly."""

    async def scenario(stage: Stage) -> None:
        make = Workshop(stage, 0, crashing(5))
        stage.spawn(factory=make, backoff=ONE_TO_EIGHT)
        await stage.settle(100.0)
        waits = [after - before for before, after in zip(make.times, make.times[1:], strict=False)]
        assert waits == [1.0, 2.0, 4.0, 8.0, 8.0]

    run(scenario)


@in_virtual_time
@pytest.mark.parametrize(("quiet", "wait"), [(QUIET, 1.0), (QUIET - 0.5, 4.0)])
def test_50_backoff_sequence_begins_anew_after_a_quiet_time(
    run: Run, quiet: float, wait: float
) -> None:
    """An actor that ran for the mean of both bounds without a failure starts counting anew; a little less does not do."""

    async def scenario(stage: Stage) -> None:
        make = Workshop(stage, 0, crashing(2))
        a = stage.spawn(factory=make, backoff=ONE_TO_EIGHT)
        await stage.settle(3.0 + quiet)
        assert make.times == [0.0, 1.0, 3.0]
        stage.crash(a)
        await stage.settle(10.0)
        assert make.times[3] == 3.0 + quiet + wait

    run(scenario)


def test_50_backoff_sequence_jitter_comes_from_the_seed() -> None:
    """Jitter stretches each wait by less than its factor, differently for each seed and equally for the same one."""
    backoff = Backoff(min_seconds=1.0, max_seconds=8.0, jitter=0.5)

    async def scenario(stage: Stage) -> list[float]:
        make = Workshop(stage, 0, crashing(5))
        stage.spawn(factory=make, backoff=backoff)
        await stage.settle(100.0)
        return [after - before for before, after in zip(make.times, make.times[1:], strict=False)]

    runs = [tuple(simulate(scenario, seed)) for seed in range(20)]
    assert runs == [tuple(simulate(scenario, seed)) for seed in range(20)]
    assert len(set(runs)) == 20
    for waits in runs:
        for wait, delay in zip(waits, (1.0, 2.0, 4.0, 8.0, 8.0), strict=True):
            assert delay <= wait < 1.5 * delay + 1e-6


@in_virtual_time
def test_50_backoff_sequence_ends_with_the_actor(run: Run) -> None:
    """Whoever is stopped while it waits is gone at once, and no timer of the wait is left."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(backoff=Backoff(min_seconds=3600.0, max_seconds=3600.0))
        stage.crash(a)
        await stage.settle()
        begun = stage.now()
        await stage.system.stop(a)
        assert stage.now() == begun
        dispatcher: Any = stage.system.dispatcher
        assert [timer for _, _, timer in dispatcher._timers if not timer.cancelled] == []

    run(scenario)
