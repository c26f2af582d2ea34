"""A reply that is given later is given once, and is owed until then or until its incarnation ends."""

from typing import Any

import pytest

from alys.actors.errors import ActorStopped, AskTimeout
from alys.actors.promise import Promise
from tests.actors.stage import Boom, Do, Run, Stage, everywhere, in_simulation


@everywhere
def test_it_may_be_given_after_the_handler_is_over_by_whoever_holds_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, held = stage.spawn(), list[Promise]()
        reply = stage.do(a, lambda p, ctx: held.append(ctx.defer()))
        await stage.do(a, lambda p, ctx: None)
        held[0].complete("at last")
        assert await reply == "at last"

    run(scenario)


@everywhere
def test_only_the_first_answer_counts(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        def twice(puppet: Any, ctx: Any) -> str:
            promise = ctx.defer()
            promise.fail(Boom("first"))
            promise.complete("second")
            return "third"

        with pytest.raises(Boom, match="first"):
            await stage.do(stage.spawn(), twice)
        assert stage.log.dead == []

    run(scenario)


@everywhere
def test_a_promise_for_what_was_only_told_harms_nobody(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, held = stage.spawn(), list[Promise]()
        stage.tell(a, Do(act=lambda p, ctx: held.append(ctx.defer())))
        stage.tell(a, Do(act=lambda p, ctx: held.append(ctx.defer())))
        await stage.do(a, lambda p, ctx: None)
        held[0].complete("for nobody")
        held[1].fail(Boom())
        assert (stage.log.dead, stage.log.failures) == ([], [])

    run(scenario)


@in_simulation
def test_an_answer_that_comes_too_late_is_a_dead_letter(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, held = stage.spawn(), list[Promise]()
        with pytest.raises(AskTimeout):
            await stage.do(a, lambda p, ctx: held.append(ctx.defer()), timeout=1.0)
        held[0].complete("late")
        assert stage.log.dead == [("a", "Do", "late reply")]

    run(scenario)


@everywhere
@pytest.mark.parametrize("end", ["stop", "restart"])
def test_what_is_still_owed_when_the_incarnation_ends_fails_at_once(run: Run, end: str) -> None:
    async def scenario(stage: Stage) -> None:
        a, held = stage.spawn(), list[Promise]()
        reply = stage.do(a, lambda p, ctx: held.append(ctx.defer()), timeout=1e6)
        await stage.do(a, lambda p, ctx: None)
        if end == "stop":
            await stage.system.stop(a)
        else:
            stage.crash(a)
        with pytest.raises(ActorStopped):
            await reply
        held[0].complete("too late")
        assert a.cell.belongings.promises == {}

    run(scenario)
