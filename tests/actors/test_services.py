"""What a context offers beyond sending: the stash, silence, watches with words of one's own, suspension."""

from typing import Any

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import StashFull
from alys.actors.message import ReceiveTimeout
from alys.actors.ref import Ref
from alys.actors.supervision import Restart
from tests.actors.stage import (
    Boom,
    Do,
    Mourner,
    Mutter,
    Puppet,
    Run,
    Say,
    Shout,
    Stage,
    everywhere,
    in_simulation,
    pause,
    simulate,
)


class Patient(Puppet):
    """Puts aside what begins with ``later``, until it hears ``now``."""

    @override
    def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
        if message.text.startswith("later") and "now" not in self.heard:
            ctx.stash(message)
            return
        super().on_say(message, ctx)
        if message.text == "now":
            ctx.unstash()


class Listener(Puppet):
    """Notes when it got nothing for too long."""

    def on_silence(self, message: ReceiveTimeout, ctx: Context) -> None:
        """Note it."""
        self.note(f"silence at {self.stage.now():g}")


# The stash


@everywhere
def test_what_was_put_aside_is_handled_in_its_order_before_what_is_waiting(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Patient(stage))
        stage.say(a, "later 1", "x", "later 2", "now", "y")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["x", "now", "later 1", "later 2", "y"]

    run(scenario)


@everywhere
def test_an_ask_that_was_put_aside_is_answered_when_it_comes_back_by_who_asked(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        first: list[int] = []

        def put_aside_once(puppet: Puppet, ctx: Context) -> Any:
            first.append(1)
            if len(first) == 1:
                return ctx.stash(Do(act=put_aside_once))
            return ctx.sender, ctx.correlation

        a = stage.spawn()
        reply = stage.do(a, put_aside_once, about="pegin:1")
        assert await stage.do(a, lambda p, ctx: len(first)) == 1
        await stage.do(a, lambda p, ctx: ctx.unstash())
        assert await reply == (stage.system.outside, "pegin:1")

    run(scenario)


@everywhere
def test_more_than_the_spec_allows_is_not_put_aside_and_fails(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Patient(stage), stash_messages_max=2)
        stage.say(a, "later 1", "later 2", "later 3", "now")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["now", "later 1", "later 2"]
        [(_, error)] = stage.log.failures
        assert isinstance(error, StashFull)
        assert stage.log.dead == [("a", "later 3", "failed")]

    run(scenario)


@everywhere
def test_to_bring_back_nothing_changes_nothing(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.tell(a, Do(act=lambda p, ctx: ctx.unstash()))
        stage.say(a, "x")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["x"]

    run(scenario)


@in_simulation
def test_a_tick_or_news_that_was_put_aside_is_still_wanted_when_it_comes_back(run: Run) -> None:
    class Hesitant(Puppet):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            if message.text not in self.heard:
                self.heard.append(message.text)
                ctx.stash(message)
                ctx.unstash()
            else:
                self.note(message.text)

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Hesitant(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b, Say(text="b is gone")))
        await stage.do(a, lambda p, ctx: ctx.after(1.0, Say(text="tick")))
        await stage.system.stop(b)
        await stage.settle(2.0)
        assert stage.notes("a") == ["start", "b is gone", "tick"]
        assert stage.log.dead == []

    run(scenario)


def test_what_a_hook_puts_aside_comes_from_the_actor_itself() -> None:
    class Early(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            ctx.stash(Do(act=lambda p, c: p.note(f"from {c.sender and c.sender.name}")))
            ctx.unstash()

    async def scenario(stage: Stage) -> None:
        stage.spawn(factory=lambda: Early(stage))
        await stage.settle()
        assert stage.notes("a") == ["start", "from a"]

    simulate(scenario)


# Silence


@in_simulation
def test_silence_is_told_again_and_again_and_counts_from_the_last_message(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Listener(stage))
        await stage.do(a, lambda p, ctx: ctx.receive_timeout(2.0))
        await stage.settle(1.5)
        stage.say(a, "not yet")
        await stage.settle(5.0)
        assert stage.notes("a") == ["start", "not yet", "silence at 3.5", "silence at 5.5"]

    run(scenario)


@in_simulation
def test_when_it_is_called_off_or_the_incarnation_ends_there_is_no_more_of_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = (stage.spawn(name, lambda: Listener(stage)) for name in "ab")
        for ref in (a, b):
            await stage.do(ref, lambda p, ctx: ctx.receive_timeout(2.0))
        await stage.do(a, lambda p, ctx: ctx.receive_timeout(None))
        stage.crash(b)
        await stage.settle(10.0)
        assert (stage.notes("a"), stage.notes("b")) == (
            ["start"],
            ["start", "pre_restart", "start"],
        )

    run(scenario)


@in_simulation
def test_who_is_busy_is_not_told_of_silence(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Listener(stage))
        await stage.do(a, lambda p, ctx: ctx.receive_timeout(2.0))
        await stage.do(a, lambda p, ctx: pause(p, ctx, 5.0))
        assert stage.notes("a") == ["start", "waited"]
        await stage.settle(1.5)
        assert stage.notes("a") == ["start", "waited", "silence at 6"]

    run(scenario)


# Watches


@everywhere
def test_a_watcher_may_choose_what_it_is_told(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b, Say(text="b is gone")))
        await stage.do(a, lambda p, ctx: ctx.watch(b, Say(text="b is gone")))
        with_other_words = Do(act=lambda p, ctx: ctx.watch(b, Say(text="farewell")))
        stage.tell(a, with_other_words)
        await stage.system.stop(b)
        await stage.do(a, lambda p, ctx: None)
        [(_, error)] = stage.log.failures
        assert isinstance(error, ValueError)
        assert "watched already with Say(text='b is gone')" in str(error)

    run(scenario)


@in_simulation
def test_one_who_waits_for_news_is_told_them_in_its_own_words(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b, Say(text="b is gone")))
        await stage.system.stop(b)
        await stage.settle()
        assert stage.notes("a") == ["start", "b is gone"]

    run(scenario)


@everywhere
def test_to_unwatch_who_was_not_watched_harms_nobody(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.unwatch(b))
        assert stage.log.failures == []

    run(scenario)


@everywhere
def test_news_that_are_called_off_in_the_run_that_would_reach_them_leave_the_rest_alone(
    run: Run,
) -> None:
    """They lie among what the actor is just working through."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))

        async def be_busy(puppet: Puppet, ctx: Context) -> None:
            await stage.system.sleep(50.0)

        stage.tell(a, Do(act=be_busy))
        stage.tell(a, Do(act=lambda p, ctx: ctx.unwatch(b)))
        await stage.system.stop(b)
        assert await stage.do(a, lambda p, ctx: p.heard, timeout=1e6) == []
        assert (stage.notes("a"), stage.log.failures) == (["start"], [])
        assert stage.log.dead == [("a", "Terminated", "not watched")]

    run(scenario)


# Suspension


@everywhere
def test_the_suspended_handle_nothing_until_they_are_resumed_but_obey(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: None)
        await stage.do(b, lambda p, ctx: ctx.suspend(a))
        stage.say(a, "1", "2")
        await stage.system.sleep(100.0)
        assert stage.notes("a") == ["start"]
        await stage.do(b, lambda p, ctx: ctx.resume(a))
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2"]
        stage.system.suspend(a)
        assert await stage.system.stop(a) == "shutdown: system"
        assert stage.notes("a")[-1] == "post_stop"

    run(scenario)


@in_simulation
def test_a_restart_does_not_end_a_suspension(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def fail_late(puppet: Puppet, ctx: Context) -> None:
            await pause(puppet, ctx, 2.0)
            raise Boom

        stage.tell(a, Do(act=fail_late))
        await stage.settle(1.0)
        stage.system.suspend(a)
        stage.say(a, "kept")
        await stage.settle(5.0)
        assert stage.log.restarts == [("a", 1)]
        assert "kept" not in stage.notes("a")
        stage.system.resume(a)
        await stage.settle()
        assert stage.notes("a")[-1] == "kept"

    run(scenario)


@in_simulation
def test_who_was_suspended_before_it_ran_starts_and_then_waits(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.system.suspend(a)
        stage.say(a, "later")
        await stage.settle()
        assert stage.notes("a") == ["start"]
        stage.system.resume(a)
        await stage.settle()
        assert stage.notes("a") == ["start", "later"]

    run(scenario)


def test_to_suspend_nobody_harms_nobody() -> None:
    async def scenario(stage: Stage) -> None:
        a, nobody = stage.spawn(), Ref("/nobody", 0)
        await stage.do(a, lambda p, ctx: ctx.suspend(nobody))
        await stage.do(a, lambda p, ctx: ctx.resume(nobody))
        assert stage.log.failures == []

    simulate(scenario)


# Ends


@everywhere
def test_whoever_asks_for_the_end_is_told_it_also_when_it_has_been(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=Actor, restart=Restart.TEMPORARY)
        first, second = a.cell.when_stopped(), a.cell.when_stopped()
        await stage.system.stop(a)
        b = stage.spawn("b", restart=Restart.TEMPORARY)
        stage.crash(b)
        while not b.cell.is_stopped:
            await stage.system.sleep(1.0)
        assert [await first, await second] == ["shutdown: system"] * 2
        assert await b.cell.when_stopped() == "failed: Boom"

    run(scenario)
