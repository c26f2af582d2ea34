"""Checks 52 to 55 of the runtime's contract: news of a death, whenever one begins to watch, and not after one has stopped."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Terminated
from alys.actors.context import Context
from alys.actors.errors import DeathPact
from alys.actors.mailbox import Overflow
from alys.actors.ref import Ref
from alys.actors.supervision import Restart
from tests.actors.conformance.paths import anywhere, in_virtual_time, until
from tests.actors.stage import Do, Mourner, Mutter, Puppet, Run, Say, Shout, Stage

STOPPED = "shutdown: system"


def watch(*refs: Ref, message: Any = None) -> Any:
    def act(puppet: Puppet, ctx: Context) -> None:
        for ref in refs:
            ctx.watch(ref, message)

    return act


async def sync(stage: Stage, *refs: Ref) -> None:
    """Whatever was queued at each has been handled."""
    for ref in refs:
        await stage.do(ref, lambda p, ctx: None)


# 52


@anywhere
def test_52_watch_dead_is_told_at_once_with_the_reason_noproc(run: Run) -> None:
    """Whoever watches one that has stopped, or never was, hears of it once, without delay."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.system.stop(b)
        nobody = stage.system.whereis("nobody")
        await stage.do(a, watch(b, nobody))
        await sync(stage, a, a)
        assert stage.notes("a") == ["start", "b is gone: noproc", "nobody is gone: noproc"]

    run(scenario)


@in_virtual_time
def test_52_watch_dead_takes_no_time(run: Run) -> None:
    """The news of one that is dead already come in the same instant."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.system.stop(b)
        begun = stage.now()
        await stage.do(a, watch(b))
        await sync(stage, a)
        assert stage.notes("a")[1:] == ["b is gone: noproc"]
        assert stage.now() == begun

    run(scenario)


@anywhere
def test_52_watch_dead_or_dying_gives_one_notice_whichever_comes_first(run: Run) -> None:
    """However the watch and the stop fall together, there is exactly one notice; watching twice is watching once."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        for number in range(10):
            b = stage.spawn(f"b{number}")
            stage.tell(a, Do(act=watch(b, b)))
            stopped = stage.system.stop(b)
            stage.tell(a, Do(act=watch(b)))
            await stopped
        await sync(stage, a, a)
        gone = [note.split()[0] for note in stage.notes("a")[1:]]
        assert sorted(set(gone)) == [f"b{number}" for number in range(10)]
        assert all(gone.count(name) <= 2 for name in gone), (
            "a second watch begins after the first notice"
        )

    run(scenario)


@anywhere
def test_52_watch_dead_carries_the_reason_of_every_end(run: Run) -> None:
    """The notice says how it ended: by itself, by a failure, by its parent's word, killed."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        names = ("done", "failed", "killed", "stopped")
        refs = [stage.spawn(name, restart=Restart.TEMPORARY) for name in names]
        await stage.do(a, watch(*refs))
        stage.do(refs[0], lambda p, ctx: ctx.stop())
        stage.crash(refs[1])
        await stage.system.stop(refs[2], seconds=0.0)
        await stage.system.stop(refs[3])
        await until(stage, lambda: len(stage.notes("a")) == 5)
        assert set(stage.notes("a")[1:]) == {
            "done is gone: normal",
            "failed is gone: failed: Boom",
            "killed is gone: killed: system",
            f"stopped is gone: {STOPPED}",
        }

    run(scenario)


@anywhere
def test_52_watch_dead_with_a_message_of_one_s_own(run: Run) -> None:
    """A watcher may choose what it is told; mixing two ways for one subject is an error."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(), stage.spawn("b")
        nobody = stage.system.whereis("nobody")
        await stage.do(a, watch(b, message=Say(text="b!")))
        await stage.do(a, watch(nobody, message=Say(text="nobody!")))

        def mix(puppet: Puppet, ctx: Context) -> None:
            for message in (None, Say(text="other")):
                with pytest.raises(ValueError, match="watched already"):
                    ctx.watch(b, message)
            ctx.watch(b, Say(text="b!"))

        await stage.do(a, mix)
        await stage.system.stop(b)
        await sync(stage, a, a)
        assert stage.notes("a") == ["start", "nobody!", "b!"]

    run(scenario)


@anywhere
def test_52_watch_dead_s_news_follow_all_that_it_had_sent(run: Run) -> None:
    """Whatever the lanes: the news are behind everything that the dead had sent to the watcher."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        b = stage.spawn("b", restart=Restart.TEMPORARY)
        await stage.do(a, watch(b))

        def last_words(puppet: Puppet, ctx: Context) -> None:
            for number in range(50):
                kind = (Say, Mutter, Shout)[number % 3] if number < 40 else Say
                ctx.tell(a, kind(text=str(number)))
            ctx.stop()

        stage.tell(b, Do(act=last_words))
        await until(stage, lambda: len(stage.notes("a")) == 52)
        assert stage.notes("a")[-1] == "b is gone: normal"
        assert sorted(stage.notes("a")[1:-1], key=int) == [str(number) for number in range(50)]

    run(scenario)


# 53


@anywhere
@pytest.mark.parametrize("noise", [(), (Say, Mutter, Shout)], ids=["alone", "in_a_crowd"])
def test_53_unwatch_flush_takes_back_news_that_are_queued(run: Run, noise: Any) -> None:
    """After unwatching there is no news, although they were queued; all else that was queued is still there."""

    async def scenario(stage: Stage) -> None:
        a, b, c = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b"), stage.spawn("c")

        async def act(puppet: Puppet, ctx: Context) -> None:
            ctx.watch(b)
            ctx.watch(c)
            for kind in noise:
                ctx.tell(ctx.self, kind(text=f"{kind.__name__}"))
            await stage.system.stop(b)
            await stage.system.stop(c)
            ctx.unwatch(b)

        await stage.do(a, act)
        await until(stage, lambda: len(stage.notes("a")) == 2 + len(noise))
        heard = stage.notes("a")[1:]
        assert sorted(heard) == sorted(
            [f"c is gone: {STOPPED}", *(kind.__name__ for kind in noise)]
        )
        assert stage.log.dead == [("a", "Terminated", "not watched")]

    run(scenario)


@anywhere
def test_53_unwatch_flush_lets_the_line_move(run: Run) -> None:
    """Where queued news had filled a mailbox, a sender that waits for room is let in once they are taken back."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(
            factory=lambda: Mourner(stage), mailbox_messages_max=1, overflow=Overflow.SUSPEND
        )
        b, c = stage.spawn("b"), stage.spawn("c")

        async def send(puppet: Puppet, ctx: Context) -> None:
            await ctx.send(a, Say(text="let in"))

        async def act(puppet: Puppet, ctx: Context) -> None:
            ctx.watch(b)
            await stage.system.stop(b)
            ctx.tell(c, Do(act=send))
            while not a.mailbox.waiting:
                await stage.system.sleep(1.0)
            ctx.unwatch(b)

        await stage.do(a, act)
        await until(stage, lambda: "let in" in stage.notes("a"))

    run(scenario)


@anywhere
def test_53_unwatch_flush_ends_a_watch_of_the_living_too(run: Run) -> None:
    """Whoever has stopped watching hears nothing of a later end, and may watch anew."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")

        def act(puppet: Puppet, ctx: Context) -> None:
            ctx.watch(b)
            ctx.unwatch(b)

        await stage.do(a, act)
        await stage.system.stop(b)
        await sync(stage, a)
        assert stage.notes("a") == ["start"]
        await stage.do(a, watch(b))
        await sync(stage, a)
        assert stage.notes("a") == ["start", "b is gone: noproc"]

    run(scenario)


# 54


@anywhere
def test_54_death_pact_where_the_news_are_not_handled(run: Run) -> None:
    """A watcher without a handler for the news fails with DeathPact, and is supervised for it as for any failure."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, watch(b))
        await stage.system.stop(b)
        await sync(stage, a)
        [(who, error)] = stage.log.failures
        assert (who, type(error)) == ("a", DeathPact)
        assert "watched /alys/b" in str(error)
        assert stage.log.restarts == [("a", 1)]
        assert stage.log.dead == [("a", "Terminated", "failed")]

    run(scenario)


@anywhere
def test_54_death_pact_is_for_the_news_only(run: Run) -> None:
    """A message of one's own for a death that nobody handles is an unhandled message like any other."""

    class Unknown(Say, frozen=True, kw_only=True):
        pass

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, watch(b, message=Unknown(text="b!")))
        await stage.system.stop(b)
        await sync(stage, a)
        assert (stage.log.failures, stage.log.dead) == ([], [("a", "b!", "unhandled")])

    run(scenario)


# 55


@anywhere
def test_55_name_reuse_does_not_bring_the_old_ref_to_life(run: Run) -> None:
    """A ref of the dead reaches nobody although another actor has its path; a watch of the new one is its own."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        old = stage.spawn("b")
        await stage.do(a, watch(old))
        await stage.system.stop(old)
        new = stage.spawn("b")
        await sync(stage, a, a)
        assert stage.notes("a") == ["start", f"b is gone: {STOPPED}"]
        assert (old.path, old == new, old.uid == new.uid) == (new.path, False, False)
        stage.say(old, "to the old one")
        assert await stage.do(new, lambda p, ctx: p.heard) == []
        assert ("b", "to the old one", "stopped") in stage.log.dead
        await stage.do(a, watch(new, old))
        await sync(stage, a)
        assert stage.notes("a")[2:] == ["b is gone: noproc"]
        await stage.system.stop(new)
        await sync(stage, a)
        assert stage.notes("a")[3:] == [f"b is gone: {STOPPED}"]

    run(scenario)


@anywhere
def test_55_name_reuse_by_a_permanent_child_that_ended_by_itself(run: Run) -> None:
    """A permanent child that is done is another actor afterwards: its watchers are told, its old ref is dead."""

    class Keeper(Mourner):
        @override
        def on_terminated(self, message: Terminated, ctx: Context) -> None:
            super().on_terminated(message, ctx)
            self.note(str(message.ref.uid))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Keeper(stage))
        old = stage.spawn("b", register="the b")
        await stage.do(a, watch(old))
        stage.do(old, lambda p, ctx: ctx.stop())
        await until(stage, lambda: len(stage.notes("b")) == 3)
        new = stage.system.whereis("the b")
        await sync(stage, a, new)
        assert stage.notes("a") == ["start", "b is gone: normal", str(old.uid)]
        assert new.uid > old.uid
        stage.say(old, "lost")
        await sync(stage, new)
        assert stage.notes("b") == ["start", "post_stop", "start"]

    run(scenario)
