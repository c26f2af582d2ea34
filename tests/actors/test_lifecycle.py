"""How one actor starts, fails, is restarted and stops; hooks that wait, hang or fail, and orders that cross each other."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorStopped, ChildEscalated, StartFailed
from alys.actors.message import Message
from alys.actors.supervision import Backoff, Directive, Restart
from tests.actors.stage import (
    Boom,
    Do,
    Puppet,
    Run,
    Say,
    Stage,
    everywhere,
    fail,
    in_simulation,
    pause,
    simulate,
    spawn,
)


class Bare(Actor):
    """No hooks at all."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_say(self, message: Say, ctx: Context) -> None:
        """Fail, or remember."""
        if message.text == "fail":
            raise Boom
        self.heard.append(message.text)

    def on_do(self, message: Do, ctx: Context) -> Any:
        """Do it."""
        return message.act(self, ctx)  # type: ignore[arg-type]


class Slow(Puppet):
    """Its hooks take as long as one says."""

    def __init__(self, stage: Stage, **seconds: float) -> None:
        super().__init__(stage)
        self.seconds = seconds

    async def take(self, hook: str) -> None:
        if hook in self.seconds:
            await self.stage.system.sleep(self.seconds[hook])
        self.note(hook)

    @override
    async def on_start(self, ctx: Context) -> None:
        super().on_start(ctx)
        await self.take("on_start")

    @override
    async def pre_restart(
        self, error: BaseException, message: Message | None, ctx: Context
    ) -> None:
        await self.take("pre_restart")

    @override
    async def post_restart(self, error: BaseException, ctx: Context) -> None:
        self.name = ctx.self.name
        await self.take("post_restart")

    @override
    async def post_stop(self, ctx: Context) -> None:
        await self.take("post_stop")


# Start


@everywhere
def test_an_actor_without_hooks_handles_what_it_is_told_also_after_a_restart(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=Bare)
        stage.say(a, "1", "fail", "2", "3")
        assert await stage.do(a, lambda p, ctx: (p.heard, ctx.self)) == (["2", "3"], a)

    run(scenario)


@in_simulation
def test_who_is_told_to_stop_before_it_runs_ends_its_start_first(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        assert await stage.system.stop(a) == "shutdown: system"
        assert stage.notes("a") == ["start", "post_stop"]
        b = stage.spawn("b", lambda: Slow(stage, on_start=5.0))
        await stage.settle(1.0)
        stopped = stage.system.stop(b)
        await stage.settle(1.0)
        stage.say(b, "unheard")
        await stopped
        assert stage.notes("b") == ["start", "on_start", "post_stop"]

    run(scenario)


@in_simulation
def test_a_start_hook_that_fails_while_the_actor_stops_is_reported_and_ends_nothing_else(
    run: Run,
) -> None:
    class Late(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            await pause(self, ctx)
            raise Boom

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Late(stage))
        await stage.settle()
        assert await stage.system.stop(a) == "shutdown: system"
        assert [(who, type(error)) for who, error in stage.log.failures] == [("a", Boom)]

    run(scenario)


def test_when_the_root_cannot_start_its_system_has_failed() -> None:
    async def scenario(stage: Stage) -> None:
        root = stage.system.root
        root.fail(Boom("the root itself"), None)
        assert await stage.system.terminated == "failed: Boom"
        assert (stage.system.status, type(stage.system.failure)) == (1, Boom)

    simulate(scenario)


# Restart


@in_simulation
def test_a_hook_after_a_restart_may_take_longer_than_stopping_may(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage, post_restart=60.0), shutdown_seconds=1.0)
        await stage.settle()
        stage.crash(a)
        stage.say(a, "kept")
        await stage.settle(61.0)
        assert stage.notes("a")[-3:] == ["pre_restart", "post_restart", "kept"]

    run(scenario)


@in_simulation
def test_a_hook_before_a_restart_that_hangs_is_ended_when_its_time_is_over(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage, pre_restart=1e6), shutdown_seconds=2.0)
        await stage.settle()
        stage.crash(a)
        await stage.settle(1.0)
        assert stage.log.restarts == []
        await stage.settle(2.0)
        assert stage.log.restarts == [("a", 1)]
        assert stage.notes("a") == ["start", "on_start", "post_restart"]

    run(scenario)


@in_simulation
def test_a_hook_before_a_restart_that_is_in_time_is_not_ended_later(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage, pre_restart=1.0), shutdown_seconds=2.0)
        await stage.settle()
        stage.crash(a)
        await stage.settle(1.5)
        stage.tell(a, Do(act=lambda p, ctx: pause(p, ctx, 5.0)))
        await stage.settle(10.0)
        assert stage.notes("a")[-3:] == ["pre_restart", "post_restart", "waited"]

    run(scenario)


@in_simulation
def test_a_hook_before_a_restart_that_fails_after_waiting_is_reported_and_the_restart_goes_on(
    run: Run,
) -> None:
    class Clumsy(Puppet):
        @override
        async def pre_restart(
            self, error: BaseException, message: Message | None, ctx: Context
        ) -> None:
            await self.stage.system.sleep(1.0)
            raise KeyError("clumsy")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Clumsy(stage))
        stage.crash(a)
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        assert [type(error) for _, error in stage.log.failures] == [Boom, KeyError]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("hook", ["pre_restart", "post_restart"])
def test_who_is_told_to_stop_in_a_hook_of_its_restart_ends_it_and_then_stops(
    run: Run, hook: str
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage, **{hook: 2.0}))
        await stage.settle()
        stage.crash(a)
        await stage.settle(1.0)
        assert await stage.system.stop(a) == "shutdown: system"
        assert stage.notes("a")[-2:] == [hook, "post_stop"]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("keep", [True, False])
def test_children_are_kept_or_stopped_as_the_spec_says(run: Run, keep: bool) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(keep_children=keep)
        child = await stage.do(a, spawn(stage.spec("child")))
        stage.say(child, "remember")
        await stage.settle()
        stage.crash(a)
        await stage.settle()
        assert await stage.do(a, lambda p, ctx: ctx.children()) == ([child] if keep else [])
        assert stage.notes("child") == ["start", "remember", *([] if keep else ["post_stop"])]

    run(scenario)


@in_simulation
def test_no_more_than_so_many_messages_wait_for_the_end_of_a_back_off(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        late = Backoff(min_seconds=5.0, max_seconds=5.0)
        a = stage.spawn(backoff=late, restart_messages_max=2)
        stage.crash(a)
        await stage.settle(1.0)
        stage.say(a, *"12345")
        await stage.settle(10.0)
        assert stage.notes("a")[-3:] == ["start", "1", "2"]
        assert stage.log.drops == [("a", text, "restarting") for text in "345"]
        stage.crash(a)
        await stage.settle(1.0)
        stage.say(a, *"67")
        await stage.settle(10.0)
        assert stage.notes("a")[-2:] == ["6", "7"], "the count begins anew"

    run(scenario)


@in_simulation
def test_to_resume_is_to_go_on_with_the_next_message(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(directives=((Boom, Directive.RESUME),))

        async def fail_late(puppet: Puppet, ctx: Context) -> None:
            await pause(puppet, ctx)
            raise Boom

        stage.tell(a, Do(act=fail_late))
        stage.say(a, "next")
        await stage.settle(5.0)
        assert stage.notes("a") == ["start", "waited", "next"]

    run(scenario)


@in_simulation
def test_who_was_stopped_before_its_parent_let_it_go_on_stays_stopped(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        for directive in (Directive.RESUME, Directive.RESTART):
            a = stage.spawn(directive.value, directives=((Boom, directive),))
            await stage.settle()
            stage.crash(a)
            stopped = stage.system.stop(a)
            await stopped
            assert a.cell.is_stopped
        assert [path for path, *_ in stage.system.tree()] == ["/alys"]

    run(scenario)


# A child's failure


@in_simulation
def test_a_failure_that_is_passed_on_ends_what_the_parent_is_doing(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        rules = ((Boom, Directive.ESCALATE),)
        child = await stage.do(a, spawn(stage.spec("child", directives=rules)))
        busy = stage.do(a, lambda p, ctx: pause(p, ctx, 60.0), timeout=1e6)
        await stage.settle()
        stage.crash(child)
        with pytest.raises(ActorStopped):
            await busy
        assert stage.now() < 1.0
        assert [type(e) for who, e in stage.log.failures if who == "a"] == [ChildEscalated]

    run(scenario)


@in_simulation
def test_a_failure_that_is_passed_on_to_one_that_starts_is_its_failure_to_start(run: Run) -> None:
    class Parent(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            child = ctx.spawn(self.stage.spec("child", directives=((Boom, Directive.ESCALATE),)))
            ctx.tell(child, Do(act=fail))
            await pause(self, ctx, 60.0)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Parent(stage), restart=Restart.TEMPORARY)
        assert await a.cell.when_stopped() == "failed: ChildEscalated"
        assert stage.now() < 1.0

    run(scenario)


# Stop


@everywhere
def test_who_is_told_to_stop_twice_stops_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: None)
        first, second = stage.system.stop(a), stage.system.stop(a)
        assert [await first, await second] == ["shutdown: system"] * 2
        assert stage.notes("a") == ["start", "post_stop"]
        assert [who for who, _ in stage.log.stops] == ["a"]

    run(scenario)


@in_simulation
def test_who_hangs_while_it_stops_can_still_be_killed_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage, post_stop=1e6), shutdown_seconds=1e9)
        await stage.settle()
        patient = stage.system.stop(a)
        await stage.settle(5.0)
        assert not patient.done
        assert await stage.system.stop(a, seconds=0.0) == "killed: system"
        assert await patient == "killed: system"

    run(scenario)


@in_simulation
def test_what_is_gone_hears_no_more_orders(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.system.stop(a)
        a.cell.begin_restart(Boom(), None)
        a.cell.begin_resume(Boom())
        a.cell.begin_rebuild(Boom())
        a.cell.begin_suspend(False)
        a.cell.escalate(Boom())
        a.cell.give_up(Boom())
        await stage.settle(1.0)
        assert a.cell.control is None
        assert (stage.log.failures, stage.log.restarts) == ([], [])

    run(scenario)


@in_simulation
def test_orders_for_another_state_are_ignored(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.settle()
        a.cell.begin_rebuild(Boom())
        a.cell.begin_resume(Boom())
        await stage.settle()
        assert (stage.log.restarts, stage.log.resumes) == ([], [])
        assert stage.notes("a") == ["start"]

    run(scenario)


@in_simulation
def test_memory_that_runs_out_in_a_factory_is_nobodys_failure_to_bear(run: Run) -> None:
    def make() -> Actor:
        raise MemoryError

    async def scenario(stage: Stage) -> None:
        stage.spawn(factory=make)
        await stage.settle()

    with pytest.raises(MemoryError):
        run(scenario)


def test_a_list_of_children_that_does_not_start_is_a_failure_to_start() -> None:
    class Parent(Puppet):
        @override
        async def on_start(self, ctx: Context) -> None:
            specs = (self.stage.spec("x"), self.stage.spec("y", lambda: 5))  # type: ignore[arg-type, return-value]
            await ctx.start_children(specs)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Parent(stage), restart=Restart.TEMPORARY)
        await a.cell.when_stopped()
        assert isinstance(dict(stage.log.failures)["a"], StartFailed)
        assert stage.notes("x") == ["start", "post_stop"]

    simulate(scenario)
