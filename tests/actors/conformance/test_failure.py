"""Checks 39 to 41 of the runtime's contract: who decides about a failure, what resuming keeps, what is no failure."""

import asyncio
from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.errors import AskFailed
from alys.actors.loop import LoopDispatcher
from alys.actors.supervision import Directive
from alys.actors.system import System
from alys.base.prng import SeededRandom
from tests.actors.conformance.paths import anywhere, in_virtual_time, incarnation, until
from tests.actors.stage import Do, PlainLog, Puppet, Run, Say, Stage, on_a_loop, simulate, spawn

RULES = (
    (KeyError, Directive.RESUME),
    (IndexError, Directive.RESTART),
    (LookupError, Directive.STOP),
    (Exception, Directive.ESCALATE),
)
OUTER_FIRST = ((LookupError, Directive.STOP), (KeyError, Directive.RESUME))


def fail_with(error: type[BaseException]) -> Any:
    def act(puppet: Puppet, ctx: Context) -> None:
        raise error("as the test says")

    return act


def fail_late_with(error: type[BaseException]) -> Any:
    async def act(puppet: Puppet, ctx: Context) -> None:
        await puppet.stage.system.sleep(1.0)
        raise error("as the test says")

    return act


# 39


@anywhere
@pytest.mark.parametrize("fail", [fail_with, fail_late_with], ids=["at_once", "late"])
@pytest.mark.parametrize(
    ("error", "rules", "hooks", "escalated"),
    [
        (KeyError, RULES, [], []),
        (IndexError, RULES, ["pre_restart", "start"], []),
        (LookupError, RULES, ["post_stop"], []),
        (OSError, RULES, ["post_stop"], ["boss"]),
        (KeyError, OUTER_FIRST, ["post_stop"], []),
        (OSError, OUTER_FIRST, ["pre_restart", "start"], []),
    ],
    ids=["resume", "restart", "stop", "escalate", "first-wins", "no-rule-restarts"],
)
def test_39_decider_by_exception_takes_the_first_rule_that_fits(
    run: Run, fail: Any, error: type[Exception], rules: Any, hooks: list[str], escalated: list[str]
) -> None:
    """Of the rules by exception the first that the failure falls under decides; where none does, it is a restart."""

    async def scenario(stage: Stage) -> None:
        boss = stage.spawn("boss")
        a = await stage.do(boss, spawn(stage.spec("a", directives=rules)))
        await stage.do(a, lambda p, ctx: None)
        with pytest.raises(AskFailed):
            await stage.do(a, fail(error))
        await until(stage, lambda: len(stage.notes("a")) == 1 + len(hooks))
        assert stage.notes("a") == ["start", *hooks]
        await until(stage, lambda: len(stage.log.restarts) == bool(escalated) + ("start" in hooks))
        assert stage.log.escalations == escalated

    run(scenario)


# 40


@anywhere
@pytest.mark.parametrize("fail", [fail_with, fail_late_with], ids=["at_once", "late"])
def test_40_resume_keeps_state_and_goes_on_with_the_next_message(run: Run, fail: Any) -> None:
    """A resumed actor is the same instance without a hook; the failing letter is dead, once; its mail and timers live."""

    async def scenario(stage: Stage) -> None:
        resume = ((ValueError, Directive.RESUME),)
        a = stage.spawn(directives=resume)
        child = await stage.do(a, spawn(stage.spec("child")))
        await stage.do(a, lambda p, ctx: ctx.after(5.0, Say(text="tick")))
        stage.say(a, "1", "2")
        stage.tell(a, Do(act=fail(ValueError)))
        stage.say(a, "3", "4")
        await until(stage, lambda: "tick" in stage.notes("a"))
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2", "3", "4", "tick"]
        assert await stage.do(a, lambda p, ctx: ctx.children()) == [child]
        assert stage.notes("a") == ["start", "1", "2", "3", "4", "tick"]
        assert stage.log.dead == [("a", "Do", "failed")]
        assert [type(error) for _, error in stage.log.failures] == [ValueError]
        assert (stage.log.restarts, incarnation(a)) == ([], 0)

    run(scenario)


@anywhere
def test_40_resuming_a_parent_takes_along_the_child_whose_failure_went_up(run: Run) -> None:
    """A child whose failure was escalated to a parent that is then resumed does not stand still for ever."""

    async def scenario(stage: Stage) -> None:
        boss = stage.spawn("boss", directives=((Exception, Directive.RESUME),))
        up = ((ValueError, Directive.ESCALATE),)
        a = await stage.do(boss, spawn(stage.spec("a", directives=up)))
        stage.say(a, "1")
        stage.tell(a, Do(act=fail_with(ValueError)))
        stage.say(a, "2")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2"]
        assert stage.log.restarts == []

    run(scenario)


# 41

FATAL = [KeyboardInterrupt, SystemExit, MemoryError]


@in_virtual_time
@pytest.mark.parametrize("error", FATAL)
@pytest.mark.parametrize("fail", [fail_with, fail_late_with], ids=["at_once", "late"])
def test_41_fatal_not_caught_in_a_handler(run: Run, fail: Any, error: type[BaseException]) -> None:
    """What is not the actor's own failure reaches whoever runs the turns; nobody is restarted for it."""
    stages = []

    async def scenario(stage: Stage) -> None:
        stages.append(stage)
        stage.tell(stage.spawn(), Do(act=fail(error)))
        await stage.settle(10.0)

    with pytest.raises(error):
        run(scenario)
    [stage] = stages
    assert (stage.log.restarts, stage.log.failures, stage.notes("a")) == ([], [], ["start"])


@pytest.mark.parametrize("error", FATAL)
@pytest.mark.parametrize(
    "hook", ["factory", "on_start", "pre_restart", "post_restart", "post_stop"]
)
def test_41_fatal_not_caught_in_a_hook(hook: str, error: type[BaseException]) -> None:
    """The same for the factory and for each hook."""

    class Fatal(Puppet):
        pass

    def raise_it(*_: Any) -> Any:
        raise error("as the test says")

    if hook != "factory":
        setattr(Fatal, hook, raise_it)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=raise_it if hook == "factory" else lambda: Fatal(stage))
        await stage.settle()
        if hook == "post_stop":
            await stage.system.stop(a)
        stage.crash(a)
        await stage.settle(10.0)

    with pytest.raises(error):
        simulate(scenario)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_41_fatal_not_caught_leaves_the_loop(error: type[BaseException]) -> None:
    """On asyncio Ctrl-C and exit leave the loop."""

    async def scenario(stage: Stage) -> None:
        stage.tell(stage.spawn(), Do(act=fail_with(error)))
        await stage.system.sleep(1e9)

    with pytest.raises(error):
        on_a_loop(scenario, PlainLog)


def test_41_fatal_not_caught_reaches_the_loop_s_own_handler() -> None:
    """On asyncio a lack of memory in a turn is told to whoever handles the loop's errors, and restarts nobody."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Any] = loop.create_future()
        loop.set_exception_handler(lambda _, context: told.set_result(context["exception"]))
        log = PlainLog()
        system = System(LoopDispatcher(loop), SeededRandom(0), observer=log)
        stage = Stage(system, log)
        stage.tell(stage.spawn(), Do(act=fail_with(MemoryError)))
        assert isinstance(await asyncio.wait_for(told, 20), MemoryError)
        assert (log.failures, log.restarts) == ([], [])

    asyncio.run(main())


def test_41_fatal_not_caught_reaches_a_task_that_asked() -> None:
    """Where an ask is answered at once in the turn of a task, the lack of memory is that task's too."""

    async def main() -> None:
        log = PlainLog()
        dispatcher = LoopDispatcher(asyncio.get_running_loop())
        stage = Stage(System(dispatcher, SeededRandom(0), observer=log), log)
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: None)
        with pytest.raises(MemoryError):
            await stage.do(a, fail_with(MemoryError))
        assert (log.failures, log.restarts) == ([], [])

    asyncio.run(main())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize("asked", [False, True], ids=["told", "asked"])
def test_41_fatal_not_caught_leaves_a_system_that_can_still_be_shut_down(
    error: type[BaseException], waits: bool, asked: bool
) -> None:
    """Who survives such an error (a shell, a test bench) can go on with the actor, and shut the system down."""
    loop = asyncio.new_event_loop()
    told = loop.create_future()  # of a MemoryError, which ends no loop

    def hear(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        told.set_exception(context["exception"])

    loop.set_exception_handler(hear)
    log = PlainLog()
    stage = Stage(System(LoopDispatcher(loop), SeededRandom(0), observer=log), log)
    a = stage.spawn()

    async def fail(puppet: Puppet, ctx: Context) -> None:
        if waits:
            await stage.system.sleep(0.001)
        raise error

    async def trouble() -> None:
        await stage.do(a, lambda p, ctx: None)
        if asked:
            await stage.do(a, fail)
        else:
            stage.tell(a, Do(act=fail))
            await stage.system.sleep(1e9)

    async def afterwards() -> None:
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        await stage.system.shutdown()

    troubled = loop.create_task(trouble())
    heard_by_the_loop = (
        error is MemoryError and waits
    )  # else it falls into the turns that the task runs
    with pytest.raises(error):
        loop.run_until_complete(told if heard_by_the_loop else troubled)
    if not troubled.done():
        troubled.cancel()
        loop.run_until_complete(asyncio.wait([troubled], timeout=20))
    assert troubled.cancelled() or troubled.exception() is not None
    loop.run_until_complete(asyncio.wait_for(afterwards(), 20))
    loop.close()
    assert (log.restarts, stage.system.tree()) == ([], [])
