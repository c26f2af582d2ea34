"""What happens to children while several of them are started or restarted, by themselves or by an administrator."""

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import StartFailed
from alys.actors.supervision import Backoff, Restart, Strategy
from alys.actors.supervisor import DeleteChild, RestartChild, StartChild, Supervisor, TerminateChild
from tests.actors.stage import Boom, Do, Puppet, Run, Stage, everywhere, in_simulation, pause
from tests.actors.test_groups import ALL, REST, Slow, SlowToEnd, crash, group, names, states


@in_simulation
def test_a_child_that_ends_by_itself_while_a_list_is_taken_back_does_not_hold_that_up(
    run: Run,
) -> None:
    class SlowToStop(Puppet):
        @override
        async def post_stop(self, ctx: Context) -> None:
            await self.stage.system.sleep(1.0)

    def make() -> Puppet:
        raise Boom

    async def scenario(stage: Stage) -> None:
        slow, broken = stage.spec("b", lambda: SlowToStop(stage)), stage.spec("c", make)
        specs = (*names(stage, "a"), slow, broken)
        boss = stage.spawn("boss", lambda: Supervisor(specs), restart=Restart.TEMPORARY)
        await stage.settle(0.5)
        stage.tell(stage.system.whereis("a"), Do(act=lambda p, ctx: ctx.stop()))
        assert await boss.cell.when_stopped() == "failed: StartFailed"
        assert [who for who, _ in stage.log.stops] == ["c", "a", "b", "boss"]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("strategy", [ALL, REST])
def test_failures_and_ends_that_come_during_a_restart_wait_until_it_is_over(
    run: Run, strategy: Strategy
) -> None:
    async def scenario(stage: Stage) -> None:
        specs = names(stage, "abc", factory=lambda: SlowToEnd(stage))
        boss = group(stage, strategy, *specs, *names(stage, "de"))
        await stage.settle()
        crash(stage, "a")
        await stage.settle(0.5)
        crash(stage, "b")
        stage.tell(stage.system.whereis("c"), Do(act=lambda p, ctx: ctx.stop()))
        await stage.settle(20.0)
        assert set((await states(stage, boss)).values()) == {"running"}
        assert list(await states(stage, boss)) == ["a", "b", "c", "d", "e"]

    run(scenario)


@in_simulation
def test_a_child_that_ends_by_itself_before_its_turn_to_be_torn_down_is_started_with_the_rest(
    run: Run,
) -> None:
    """It is not the beginning of a second restart, which would forget those before it."""

    async def scenario(stage: Stage) -> None:
        slow = stage.spec("c", lambda: SlowToEnd(stage))
        boss = group(stage, REST, *names(stage, "ab"), slow)
        await stage.settle()
        crash(stage, "a")
        await stage.settle(0.5)
        stage.tell(stage.system.whereis("b"), Do(act=lambda p, ctx: ctx.stop()))
        await stage.settle(10.0)
        assert await states(stage, boss) == {"a": "running", "b": "running", "c": "running"}
        assert stage.notes("a").count("start") == 2

    run(scenario)


@in_simulation
def test_an_administrator_may_stop_and_delete_a_child_that_is_to_be_restarted(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        slow = stage.spec("c", lambda: SlowToEnd(stage))
        boss = group(stage, ALL, *names(stage, "ab"), slow)
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="b"))
        crash(stage, "a")
        await stage.settle(0.5)
        await stage.system.ask(boss, DeleteChild(name="b"))
        await stage.settle(10.0)
        assert await states(stage, boss) == {"a": "running", "c": "running"}

    run(scenario)


@in_simulation
def test_a_child_that_an_administrator_starts_in_the_middle_is_not_started_twice(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        late = Backoff(min_seconds=3.0, max_seconds=3.0)
        c = stage.spec("c", lambda: SlowToEnd(stage), backoff=late, register="c")
        boss = group(stage, ALL, *names(stage, "ab"), c)
        await stage.settle()
        await stage.system.ask(boss, TerminateChild(name="b"))
        crash(stage, "c")
        await stage.settle(2.0)
        await stage.system.ask(boss, RestartChild(name="b"))
        await stage.settle(10.0)
        assert await states(stage, boss) == {"a": "running", "b": "running", "c": "running"}
        assert stage.notes("b").count("start") == 2

    run(scenario)


@in_simulation
def test_a_start_that_is_overtaken_by_a_restart_of_the_group_is_answered_when_it_runs(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        boss = group(stage, ALL, *names(stage, "a"))
        await stage.settle()
        started = stage.system.ask(
            boss, StartChild(spec=stage.spec("b", lambda: Slow(stage))), timeout=1e6
        )
        await stage.settle(0.5)
        crash(stage, "a")
        b = await started
        assert await states(stage, boss) == {"a": "running", "b": "running"}
        assert await stage.do(b, lambda p, ctx: ctx.self) == b

    run(scenario)


@in_simulation
def test_a_supervisor_can_be_stopped_while_it_restarts_its_group(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        specs = names(stage, "ab", factory=lambda: SlowToEnd(stage))
        boss = group(stage, ALL, *specs)
        await stage.settle()
        crash(stage, "a")
        await stage.settle(0.5)
        assert await stage.system.stop(boss) == "shutdown: system"
        assert stage.notes("a").count("start") == 1

    run(scenario)


@everywhere
def test_a_start_hook_may_wait_for_the_children_it_starts(run: Run) -> None:
    """Any actor may start a list; it need not be a supervisor."""

    class Parent(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            await ctx.start_children((self.stage.spec("one"), self.stage.spec("two")))
            super().on_start(ctx)

    async def scenario(stage: Stage) -> None:
        boss = stage.spawn("boss", lambda: Parent(stage))
        await stage.do(boss, lambda p, ctx: None)
        assert [who for who, what in stage.journal if what == "start"] == ["one", "two", "boss"]

    run(scenario)


@in_simulation
def test_a_list_is_not_started_by_an_actor_that_is_told_to_stop(run: Run) -> None:
    class Late(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            await pause(self, ctx)
            await ctx.start_children((self.stage.spec("child"),))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Late(stage))
        await stage.settle()
        await stage.system.stop(a)
        [(who, error)] = stage.log.failures
        assert (who, type(error)) == ("a", StartFailed)
        assert stage.notes("child") == []

    run(scenario)
