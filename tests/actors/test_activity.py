"""One handler or hook at a time, what it may await, and how it ends."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import ActorStopped, ForeignAwait
from tests.actors.stage import (
    Boom,
    Do,
    Puppet,
    Stage,
    everywhere,
    in_simulation,
    pause,
    simulate,
)

Run = Any


@in_simulation
def test_while_a_handler_waits_no_other_handler_of_the_actor_runs(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def long_work(puppet: Puppet, ctx: Context) -> None:
            puppet.note("begin")
            await pause(puppet, ctx)
            puppet.note("end")

        for _ in range(2):
            stage.tell(a, Do(act=long_work))
            stage.say(a, *"xyz")
        await stage.settle(10.0)
        one_round = ["begin", "waited", "end", "x", "y", "z"]
        assert stage.notes("a") == ["start", *one_round, *one_round]

    run(scenario)


@in_simulation
def test_no_message_is_handled_before_an_async_start_hook_is_over(run: Run) -> None:
    class Slow(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            await pause(self, ctx)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage))
        stage.say(a, "early")
        await stage.settle(5.0)
        assert stage.notes("a") == ["start", "waited", "early"]

    run(scenario)


@everywhere
def test_what_is_not_a_reply_cannot_be_awaited(run: Run) -> None:
    class Foreign:
        def __await__(self) -> Any:
            yield None

    async def scenario(stage: Stage) -> None:
        async def await_something(puppet: Puppet, ctx: Context) -> str:
            with pytest.raises(ForeignAwait, match="/alys/a awaited None"):
                await Foreign()
            return "told"

        assert await stage.do(stage.spawn(), await_something) == "told"

    run(scenario)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_is_not_the_actors_own_failure_is_not_restarted_away(
    error: type[BaseException],
) -> None:
    async def scenario(stage: Stage) -> None:
        def raise_it(puppet: Puppet, ctx: Context) -> None:
            raise error

        stage.tell(stage.spawn(), Do(act=raise_it))
        await stage.settle()

    with pytest.raises(error):
        simulate(scenario)


@in_simulation
def test_an_actor_that_does_not_stop_in_time_is_killed_and_its_finally_runs(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)

        async def hang(puppet: Puppet, ctx: Context) -> None:
            try:
                await pause(puppet, ctx, 3600.0)
            finally:
                puppet.note("finally")

        asked = stage.do(a, hang, timeout=1e6)
        await stage.settle()
        start = stage.now()
        assert await stage.system.stop(a) == "killed: system"
        assert stage.now() - start == pytest.approx(1.0)
        with pytest.raises(ActorStopped):
            await asked
        assert stage.notes("a") == ["start", "finally"]
        assert ("a", "killed: system") in stage.log.stops
        assert ("a", "Do", "aborted") in stage.log.dead

    run(scenario)


def test_a_finally_that_fails_does_not_keep_an_actor_from_being_killed() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)

        async def hang(puppet: Puppet, ctx: Context) -> None:
            try:
                await pause(puppet, ctx, 3600.0)
            finally:
                raise Boom

        stage.tell(a, Do(act=hang))
        await stage.settle()
        assert await stage.system.stop(a) == "killed: system"
        assert [type(error) for _, error in stage.log.failures] == [Boom]

    simulate(scenario)
