"""What an actor may do: send, defer, refuse, watch, set timers, start and stop."""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Terminated
from alys.actors.context import Context
from alys.actors.errors import ActorStopped, AskFailed
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.supervision import Restart
from tests.actors.stage import (
    EPOCH,
    Boom,
    Do,
    Mourner,
    Puppet,
    Say,
    Stage,
    everywhere,
    in_simulation,
    simulate,
)

Run = Any


class Wrong(Exception):
    """An answer that is a refusal."""


def watch(*refs: Ref) -> Callable[[Puppet, Context], None]:
    """To be done by a puppet."""

    def act(puppet: Puppet, ctx: Context) -> None:
        for ref in refs:
            ctx.watch(ref)

    return act


def watch_and_unwatch(ref: Ref) -> Callable[[Puppet, Context], None]:
    """To be done by a puppet."""

    def act(puppet: Puppet, ctx: Context) -> None:
        ctx.watch(ref)
        ctx.unwatch(ref)

    return act


# Answers


@everywhere
def test_a_refusal_is_an_answer_and_restarts_nobody(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(Wrong, match="not today"):
            await stage.do(a, lambda p, ctx: ctx.refuse(Wrong("not today")))
        assert (stage.log.failures, stage.log.restarts) == ([], [])
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)


@everywhere
def test_refusing_what_was_told_harms_nobody(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.tell(a, Do(act=lambda p, ctx: ctx.refuse(Wrong())))
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        assert stage.log.failures == []

    run(scenario)


@everywhere
def test_a_deferred_answer_comes_from_a_later_message(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, promises = stage.spawn(), []
        reply = stage.do(a, lambda p, ctx: promises.append(ctx.defer()))
        await stage.do(a, lambda p, ctx: promises[0].complete("at last"))
        assert await reply == "at last"

    run(scenario)


def test_of_two_answers_to_one_ask_the_first_counts() -> None:
    async def scenario(stage: Stage) -> None:
        def twice(puppet: Puppet, ctx: Context) -> str:
            promise = ctx.defer()
            promise.complete("first")
            promise.complete("second")
            promise.fail(Boom())
            return "third"

        assert await stage.do(stage.spawn(), twice) == "first"
        assert stage.log.dead == []

    simulate(scenario)


def test_a_deferred_answer_may_be_a_failure() -> None:
    async def scenario(stage: Stage) -> None:
        with pytest.raises(Wrong):
            await stage.do(stage.spawn(), lambda p, ctx: ctx.defer().fail(Wrong()))

    simulate(scenario)


# What a handler knows


@everywhere
def test_a_handler_knows_the_sender_and_what_it_is_about(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        async def ask_on(puppet: Puppet, ctx: Context) -> Any:
            act = Do(act=lambda p, c: (c.sender, c.correlation))
            return [await ctx.ask(b, act), await ctx.ask(b, act, about="pegin:2")]

        answers = await stage.do(a, ask_on, about="pegin:1")
        assert answers == [(a, "pegin:1"), (a, "pegin:2")]
        outside = stage.system.outside
        assert await stage.do(b, lambda p, c: (c.sender, c.correlation)) == (outside, None)

    run(scenario)


def test_in_a_hook_there_is_no_sender() -> None:
    async def scenario(stage: Stage) -> None:
        class Lonely(Puppet):
            @override
            def on_start(self, ctx: Context) -> None:
                self.stage.journal.append(("sender", str(ctx.sender)))

        stage.spawn(factory=lambda: Lonely(stage))
        await stage.settle()
        assert stage.journal == [("sender", "None")]

    simulate(scenario)


def test_time_is_the_dispatchers() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.settle(7.5)
        assert await stage.do(stage.spawn(), lambda p, ctx: ctx.now()) == EPOCH + 7.5

    simulate(scenario)


def test_chance_comes_from_the_seed_and_the_path() -> None:
    async def scenario(stage: Stage) -> list[int]:
        return [await stage.do(stage.spawn(n), lambda p, ctx: ctx.random.bits()) for n in "ab"]

    first, again, other = simulate(scenario, 1), simulate(scenario, 1), simulate(scenario, 2)
    assert first == again
    assert len({*first, *other}) == 4


# Timers


@in_simulation
def test_a_timer_tells_after_exactly_its_time_in_order(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        class Ticked(Request[None], frozen=True, kw_only=True):
            what: str

        class Clocked(Puppet):
            def on_ticked(self, message: Ticked, ctx: Context) -> None:
                self.note(f"{message.what} at {stage.now():g}")

        a = stage.spawn(factory=lambda: Clocked(stage))

        def arm(puppet: Puppet, ctx: Context) -> None:
            for seconds in (3600.0, 1.0, 0.25):
                ctx.after(seconds, Ticked(what=f"{seconds:g}"))

        await stage.do(a, arm)
        await stage.settle(4000.0)
        assert stage.notes("a") == ["start", "0.25 at 0.25", "1 at 1", "3600 at 3600"]

    run(scenario)


def test_a_cancelled_timer_tells_nothing() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        timer = await stage.do(a, lambda p, ctx: ctx.after(1.0, Say(text="tick")))
        timer.cancel()
        timer.cancel()
        await stage.settle(2.0)
        assert stage.notes("a") == ["start"]

    simulate(scenario)


def test_a_tick_that_meets_a_full_mailbox_is_told_as_a_dead_letter_and_comes_again() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1)

        async def arm_and_wait(puppet: Puppet, ctx: Context) -> None:
            ctx.after(1.0, Say(text="tick"))
            await ctx.ask(ctx.spawn(stage.spec("child")), Do(act=wait_two_seconds))

        async def wait_two_seconds(puppet: Puppet, ctx: Context) -> None:
            await stage.system.sleep(2.0)

        asked = stage.do(a, arm_and_wait)
        await stage.settle()
        stage.say(a, "fills it")
        await asked
        await stage.settle()
        assert set(stage.log.dead) == {("a", "tick", "mailbox full")}
        assert stage.notes("a") == ["start", "fills it"]
        await stage.system.sleep(1.0)
        assert stage.notes("a") == ["start", "fills it", "tick"]

    simulate(scenario)


# Death watch


@everywhere
def test_a_watcher_learns_of_a_death_once_with_the_reason(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, watch(b, b))
        await stage.system.stop(b)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "b is gone: shutdown: system"]

    run(scenario)


@everywhere
def test_watching_the_dead_gives_the_news_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.system.stop(b)
        nobody = stage.system.whereis("nobody")
        await stage.do(a, watch(b, nobody))
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "b is gone: noproc", "nobody is gone: noproc"]

    run(scenario)


@everywhere
def test_after_unwatching_there_is_no_news_even_if_it_was_queued(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.system.stop(b)
        await stage.do(a, watch_and_unwatch(b))
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start"]
        assert stage.log.dead == [("a", "Terminated", "not watched")]

    run(scenario)


@everywhere
def test_unwatching_the_living_leaves_no_trace(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, watch_and_unwatch(b))
        await stage.system.stop(b)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start"]

    run(scenario)


@everywhere
def test_the_news_come_after_all_that_the_dead_had_sent(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        b = stage.spawn("b", restart=Restart.TEMPORARY)

        def last_words(puppet: Puppet, ctx: Context) -> None:
            for n in range(100):
                ctx.tell(a, Say(text=str(n)))
            raise Boom

        await stage.do(a, lambda p, ctx: ctx.watch(b))
        stage.tell(b, Do(act=last_words))
        while not stage.notes("a")[-1].startswith("b is gone"):
            await stage.system.sleep(1.0)
        assert stage.notes("a")[1:] == [*map(str, range(100)), "b is gone: failed: Boom"]

    run(scenario)


@in_simulation
def test_restarts_are_no_news_to_a_watcher(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        for _ in range(5):
            stage.crash(b)
        await stage.settle()
        assert len(stage.log.restarts) == 5
        await stage.system.stop(b)
        await stage.settle()
        assert stage.notes("a") == ["start", "b is gone: shutdown: system"]

    run(scenario)


@in_simulation
def test_whoever_watches_a_later_actor_of_the_same_name_hears_of_that_one(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        old = stage.spawn("b")
        await stage.system.stop(old)
        new = stage.spawn("b")
        await stage.do(a, watch(new, old))
        await stage.settle()
        assert stage.notes("a") == ["start", "b is gone: noproc"]
        await stage.system.stop(new)
        await stage.settle()
        assert stage.notes("a")[2:] == ["b is gone: shutdown: system"]

    run(scenario)


def test_news_of_a_death_reach_a_full_mailbox() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage), mailbox_messages_max=1)
        b = stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))

        async def busy(puppet: Puppet, ctx: Context) -> None:
            await ctx.ask(ctx.spawn(stage.spec("child")), Do(act=sleep))

        async def sleep(puppet: Puppet, ctx: Context) -> None:
            await stage.system.sleep(1.0)

        stage.tell(a, Do(act=busy))
        await stage.settle()
        stage.say(a, "full")
        await stage.system.stop(b)
        await stage.settle(2.0)
        assert stage.notes("a") == ["start", "full", "b is gone: shutdown: system"]

    simulate(scenario)


# Children


@in_simulation
def test_a_parent_that_stops_its_child_means_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        child = await stage.do(a, lambda p, ctx: ctx.spawn(stage.spec("child")))
        await stage.do(a, lambda p, ctx: ctx.stop(child))
        await stage.settle()
        assert await stage.do(a, lambda p, ctx: ctx.children()) == []
        assert stage.notes("child") == ["start", "post_stop"]

    run(scenario)


def test_a_context_of_an_old_incarnation_starts_nobody() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        old = await stage.do(a, lambda p, ctx: ctx)
        stage.crash(a)
        await stage.settle()
        with pytest.raises(ActorStopped):
            old.spawn(stage.spec("child"))

    simulate(scenario)


def test_stopping_nobody_harms_nobody() -> None:
    async def scenario(stage: Stage) -> None:
        nobody = stage.system.whereis("nobody")
        await stage.do(stage.spawn(), lambda p, ctx: ctx.stop(nobody))
        assert stage.log.failures == []

    simulate(scenario)


def test_the_news_of_a_death_carry_the_ref() -> None:
    async def scenario(stage: Stage) -> None:
        seen: list[Terminated] = []

        class Keeper(Puppet):
            def on_terminated(self, message: Terminated, ctx: Context) -> None:
                seen.append(message)

        a, b = stage.spawn("a", lambda: Keeper(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        await stage.system.stop(b)
        await stage.settle()
        assert seen == [Terminated(ref=b, reason="shutdown: system")]

    simulate(scenario)


def test_what_one_asks_for_in_vain_is_chained_through_two_actors() -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        def fail(puppet: Puppet, ctx: Context) -> None:
            raise Boom("root cause")

        async def ask_b(puppet: Puppet, ctx: Context) -> None:
            await ctx.ask(b, Do(act=fail))

        with pytest.raises(AskFailed) as caught:
            await stage.do(a, ask_b)
        inner = caught.value.__cause__
        assert isinstance(inner, AskFailed)
        assert str(inner.__cause__) == "root cause"

    simulate(scenario)
