"""What the soak found in families, each told on its own: children that end, and failures that climb, at odd moments."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.message import Message, PoisonPill
from alys.actors.supervision import Backoff, Directive, Intensity, Restart, Strategy
from alys.actors.supervisor import Supervisor, WhichChildren
from tests.actors.conformance.paths import PATIENT, anywhere, in_virtual_time, incarnation, until
from tests.actors.stage import Boom, Puppet, Run, Stage, spawn

MANY = Intensity(restarts=100)


class SlowStart(Puppet):
    """Takes five seconds to start."""

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take them."""
        await self.stage.system.sleep(5.0)
        super().on_start(ctx)


class SlowEnd(Puppet):
    """Takes three seconds to end an incarnation."""

    @override
    async def pre_restart(
        self, error: BaseException, message: Message | None, ctx: Context
    ) -> None:
        """Take them."""
        await self.stage.system.sleep(3.0)
        self.note("pre_restart")


@anywhere
@pytest.mark.parametrize("strategy", Strategy)
def test_a_child_that_ends_while_its_siblings_are_still_being_started(
    run: Run, strategy: Strategy
) -> None:
    """The list is started to its end; then the child that was done meanwhile is dealt with by the strategy."""

    async def scenario(stage: Stage) -> None:
        specs = [
            stage.spec("first", register="first"),
            stage.spec("second", lambda: SlowStart(stage), register="second"),
        ]
        boss = stage.spawn("boss", lambda: Supervisor(specs, MANY, strategy))
        await until(stage, lambda: ("first", "start") in stage.journal)
        stage.tell(stage.system.whereis("first"), PoisonPill())
        await until(stage, lambda: stage.notes("first")[-2:] == ["post_stop", "start"])
        await until(stage, lambda: boss.cell.status.value == "running")
        listed: list[tuple[str, str]] = []
        for _ in range(100):
            children = await stage.system.ask(boss, WhichChildren(), timeout=1e6)
            listed = [(info.name, info.status) for info in children]
            if listed == [("first", "running"), ("second", "running")]:
                return
            await stage.system.sleep(1.0)
        raise AssertionError(listed)

    run(scenario)


@anywhere
def test_a_temporary_child_that_ends_while_its_group_is_torn_down(run: Run) -> None:
    """It is gone, and the others are restarted."""

    async def scenario(stage: Stage) -> None:
        specs = [
            stage.spec("first", register="first"),
            stage.spec("passing", register="passing", restart=Restart.TEMPORARY),
            stage.spec("last", lambda: SlowEnd(stage), register="last", shutdown_seconds=PATIENT),
        ]
        boss = stage.spawn("boss", lambda: Supervisor(specs, MANY, Strategy.ONE_FOR_ALL))
        await until(stage, lambda: ("last", "start") in stage.journal)
        stage.crash(stage.system.whereis("first"))
        await until(stage, lambda: stage.system.whereis("last").cell.activity is not None)
        stage.tell(stage.system.whereis("passing"), PoisonPill())
        await until(stage, lambda: stage.notes("last")[-2:] == ["pre_restart", "start"])
        listed = await stage.system.ask(boss, WhichChildren(), timeout=1e6)
        assert [info.name for info in listed] == ["first", "last"]

    run(scenario)


@anywhere
def test_a_child_that_is_done_while_its_parent_restarts_has_no_successor(run: Run) -> None:
    """Whenever a permanent child ends by itself during its parent's restart, nobody is left behind below the old one."""

    async def scenario(stage: Stage) -> None:
        for number in range(20):
            a = stage.spawn(f"a{number}")
            children = [
                await stage.do(a, spawn(stage.spec(f"{number}{name}"))) for name in ("x", "y")
            ]
            for child in children:
                stage.tell(child, PoisonPill())
            stage.crash(a)
            assert await stage.do(a, lambda p, ctx: ctx.children()) == []
        await stage.system.sleep(10.0)
        assert len(stage.system.tree()) == 21

    run(scenario)


@in_virtual_time
@pytest.mark.parametrize("restarts", [0, 100], ids=["gives_up", "escalates"])
def test_a_failure_that_climbs_while_the_parent_s_new_start_is_under_way(
    run: Run, restarts: int
) -> None:
    """The parent fails in its start, is restarted once more, and all of them run in the end."""
    troubles = [1]

    class Parent(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            ctx.supervise(Intensity(restarts=restarts))
            up = ((Boom, Directive.ESCALATE),) if restarts else ()
            ctx.spawn(self.stage.spec("child", Child, directives=up))
            await self.stage.system.sleep(5.0)
            self.note("ready")

    def Child() -> Puppet:  # stands for a class
        return Fragile(stages[0])

    class Fragile(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            await self.stage.system.sleep(1.0)
            if incarnation(ctx.self.cell.parent) == 1 and troubles:
                troubles.pop()
                raise Boom

    stages: list[Stage] = []

    async def scenario(stage: Stage) -> None:
        stages.append(stage)
        backoff = Backoff(min_seconds=1.0, max_seconds=1.0)
        a = stage.spawn("a", lambda: Parent(stage), backoff=backoff)
        await stage.settle(10.0)
        stage.crash(a)
        await stage.settle(20.0)
        assert stage.notes("a").count("ready") == 2
        assert (a.cell.status.value, incarnation(a)) == ("running", 2)
        assert [ref.name for ref in await stage.do(a, lambda p, ctx: ctx.children())] == ["child"]
        assert stage.log.escalations == ["a"]

    run(scenario)


@in_virtual_time
def test_a_successor_that_was_to_come_after_a_back_off_is_called_off_with_its_parent(
    run: Run,
) -> None:
    """A permanent child is done and waits for its successor; its parent, restarted, starts another of that name first."""

    class Parent(Puppet):
        @override
        def on_start(self, ctx: Context) -> Any:
            super().on_start(ctx)
            wait = Backoff(min_seconds=10.0, max_seconds=10.0)
            ctx.spawn(self.stage.spec("child", backoff=wait))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Parent(stage))
        [child] = await stage.do(a, lambda p, ctx: ctx.children())
        stage.tell(child, PoisonPill())
        await stage.settle(1.0)
        assert await stage.do(a, lambda p, ctx: ctx.children()) == []
        stage.crash(a)
        await stage.settle(30.0)
        assert len(await stage.do(a, lambda p, ctx: ctx.children())) == 1
        assert stage.notes("child") == ["start", "post_stop", "start"]

    run(scenario)
