"""Checks 48, 49 and 51 of the runtime's contract: the stash, the watchers and the mail of an actor that is restarted."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import AskFailed
from alys.actors.supervision import Backoff, Restart
from tests.actors.conformance.paths import anywhere, in_virtual_time, until
from tests.actors.stage import Boom, Do, Mourner, Mutter, Puppet, Run, Say, Shout, Stage, fail


class Shop(Puppet):
    """Puts everything aside until it is open; opens when it is restarted, or told to."""

    def __init__(self, stage: Stage, name: str = "", *, is_open: bool = False) -> None:
        super().__init__(stage, name)
        self.open = is_open
        self.fails_on = ""

    @override
    def post_restart(self, error: BaseException, ctx: Context) -> None:
        """Open."""
        self.on_start(ctx)
        self.open = True

    @override
    def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
        """Note it, or put it aside; some are too much for the shop."""
        if not self.open:
            ctx.stash(message)
        elif message.text == self.fails_on:
            raise Boom
        else:
            super().on_say(message, ctx)

    @override
    def on_do(self, message: Do, ctx: Context) -> Any:
        """Whatever is asked with "later" in mind waits too."""
        return message.act(self, ctx)


def open_for_all_but(text: str) -> Any:
    def act(shop: Shop, ctx: Context) -> None:
        shop.open, shop.fails_on = True, text
        ctx.unstash()

    return act


# 48


@anywhere
def test_48_stash_kept_in_a_crash_and_replayed_before_newer_mail(run: Run) -> None:
    """What was put aside comes back after a crash, in its order and before what arrived later."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Shop(stage))
        stage.say(a, "1", "2", "3")
        stage.crash(a)
        stage.say(a, "4", "5")
        await until(stage, lambda: "5" in stage.notes("a"))
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2", "3", "4", "5"]
        assert stage.log.dead == [("a", "Do", "failed")]

    run(scenario)


@anywhere
def test_48_stash_kept_where_a_crash_comes_while_it_is_replayed(run: Run) -> None:
    """Of what is brought back only the message that fails is lost; the rest is handled, in order, before newer mail."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Shop(stage))
        stage.say(a, "1", "2", "3")
        stage.tell(a, Do(act=open_for_all_but("2")))
        stage.say(a, "4")
        await until(stage, lambda: "4" in stage.notes("a"))
        assert stage.notes("a") == ["start", "1", "pre_restart", "start", "3", "4"]
        assert stage.log.dead == [("a", "2", "failed")]

    run(scenario)


@anywhere
def test_48_stash_kept_with_senders_operations_and_lanes(run: Run) -> None:
    """A message that comes back says who sent it and about what; so does the one behind it."""

    class Curious(Shop):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            if not self.open:
                ctx.stash(message)
            elif ctx.sender is not None:
                self.note(f"{message.text} {ctx.sender.name} {ctx.correlation}")

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(factory=lambda: Curious(stage)), stage.spawn("b")

        def talk(puppet: Puppet, ctx: Context) -> None:
            for text in "12":
                ctx.tell(a, Say(text=text))
            ctx.tell(a, Say(text="3"), about="op")

        await stage.do(b, talk)
        await stage.do(a, open_for_all_but(""))
        stage.say(a, "4")
        await until(stage, lambda: len(stage.notes("a")) == 5)
        assert stage.notes("a")[1:] == ["1 b None", "2 b None", "3 b op", "4 alys None"]

    run(scenario)


@anywhere
def test_48_stash_kept_for_those_who_ask(run: Run) -> None:
    """An ask that was put aside is answered when it comes back, also after a crash, also from another actor."""

    class Later(Shop):
        @override
        def on_do(self, message: Do, ctx: Context) -> Any:
            if message.act is answer and not self.open:
                ctx.stash(message)
                return "ignored"
            return message.act(self, ctx)

    def answer(puppet: Puppet, ctx: Context) -> str:
        return "at last"

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(factory=lambda: Later(stage)), stage.spawn("b")

        async def ask(puppet: Puppet, ctx: Context) -> Any:
            return await ctx.ask(a, Do(act=answer), timeout=1e6)

        await stage.do(a, lambda p, ctx: None)
        mine = stage.do(a, answer, timeout=1e6)
        theirs = stage.do(b, ask, timeout=1e6)
        await until(stage, lambda: len(a.cell.more.stash or ()) == 2)
        stage.crash(a)
        assert (await mine, await theirs) == ("at last", "at last")

    run(scenario)


@anywhere
@pytest.mark.parametrize("late", [False, True])
def test_48_stash_kept_but_not_the_message_that_its_handler_fails_on(run: Run, late: bool) -> None:
    """Whoever puts a message aside and then fails on it has lost it: a dead letter once, and it does not come back."""

    async def act(shop: Shop, ctx: Context, message: Any) -> None:
        if late:
            await shop.stage.system.sleep(1.0)
        ctx.stash(message)
        if late:
            await shop.stage.system.sleep(1.0)
        raise Boom

    class Undecided(Shop):
        @override
        def on_do(self, message: Do, ctx: Context) -> Any:
            return act(self, ctx, message) if message.act is fail else message.act(self, ctx)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Undecided(stage))
        stage.say(a, "1")
        stage.tell(a, Do(act=fail))
        await until(stage, lambda: "1" in stage.notes("a"))
        with pytest.raises(AskFailed):
            await stage.do(a, fail, timeout=1e6)
        assert await stage.do(a, lambda p, ctx: p.heard) == []
        assert stage.log.dead == [("a", "Do", "failed")] * 2
        assert stage.notes("a").count("pre_restart") == 2
        assert a.cell.handled == 2, "the first letter, and the question after the failures"

    run(scenario)


# 49


@anywhere
def test_49_watch_silent_on_restart_and_told_once_of_the_end(run: Run) -> None:
    """Five restarts are no news; the stop is, once."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        for _ in range(5):
            stage.crash(b)
        await stage.do(b, lambda p, ctx: None)
        await stage.do(a, lambda p, ctx: None)
        assert (stage.notes("a"), len(stage.log.restarts)) == (["start"], 5)
        await stage.system.stop(b)
        await stage.do(a, lambda p, ctx: None)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "b is gone: shutdown: system"]

    run(scenario)


@anywhere
def test_49_watch_silent_on_restart_also_when_it_is_the_watcher_s(run: Run) -> None:
    """A restart of the watcher forgets its watches, and the news of a death that are still queued."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        b, c = (stage.spawn(name, restart=Restart.TEMPORARY) for name in "bc")

        async def watch_then_fail(puppet: Puppet, ctx: Context) -> None:
            ctx.watch(b)
            ctx.watch(c)
            await stage.system.sleep(10.0)
            raise Boom

        stage.tell(a, Do(act=watch_then_fail))
        await until(stage, lambda: a.cell.activity is not None)
        await stage.system.stop(b)
        await until(stage, lambda: "pre_restart" in stage.notes("a"))
        await stage.system.stop(c)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "pre_restart", "start"]

    run(scenario)


# 51


@in_virtual_time
def test_51_backoff_stash_overflow_drops_what_is_too_much(run: Run) -> None:
    """Of five messages sent while the actor waits for its restart it holds two, in order, and three are dropped."""

    async def scenario(stage: Stage) -> None:
        wait = Backoff(min_seconds=10.0, max_seconds=10.0)
        a = stage.spawn(backoff=wait, restart_messages_max=2)
        stage.crash(a)
        await stage.settle()
        stage.say(a, "1", "2", "3", "4", "5")
        assert stage.log.drops == [("a", text, "restarting") for text in "345"]
        await stage.settle(20.0)
        assert stage.notes("a") == ["start", "pre_restart", "start", "1", "2"]
        stage.say(a, "6", "7", "8")
        await stage.settle()
        assert stage.notes("a")[-3:] == ["6", "7", "8"], "the bound is for the wait only"
        assert len(stage.log.drops) == 3

    run(scenario)


@in_virtual_time
def test_51_backoff_stash_overflow_fails_asks_at_once(run: Run) -> None:
    """Whoever asks an actor that can hold no more while it waits learns so without delay."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(backoff=Backoff(min_seconds=10.0, max_seconds=10.0), restart_messages_max=1)
        stage.crash(a)
        await stage.settle()
        held = stage.do(a, lambda p, ctx: "held", timeout=1e6)
        refused = stage.do(a, lambda p, ctx: "refused", timeout=1e6)
        assert (held.done, refused.done) == (False, True)
        assert await held == "held"
        assert type(refused.error).__name__ == "MailboxFull"

    run(scenario)
