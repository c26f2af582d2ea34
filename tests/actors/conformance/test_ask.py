"""Checks 56 to 59 of the runtime's contract: an ask is answered, or fails at once and says why; never by its deadline."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import ActorStopped, AskCycle, AskFailed, AskTimeout
from alys.actors.message import Request
from alys.actors.ref import Ref
from tests.actors.conformance.paths import anywhere, as_a_task, in_virtual_time, until
from tests.actors.stage import Boom, Do, Mutter, Puppet, Run, Say, Shout, Stage, fail

LONG = 1e6
"""Seconds; no test waits so long, so whatever fails fails before its deadline."""


def ask(target: Ref, act: Any, timeout: float = LONG) -> Any:
    async def act_by_asking(puppet: Puppet, ctx: Context) -> Any:
        return await ctx.ask(target, Do(act=act), timeout=timeout)

    return act_by_asking


async def outcomes(stage: Stage, target: Ref, act: Any) -> list[Any]:
    """What becomes of an ask from outside, and of one from an actor that hands on what it gets."""
    asker = stage.system.whereis("asker")
    if asker.cell is None:
        asker = stage.spawn("asker", register="asker")
    found: list[Any] = []
    for reply in (
        stage.do(target, act, timeout=LONG),
        stage.do(asker, ask(target, act), timeout=LONG),
    ):
        try:
            found.append(await reply)
        except Exception as error:
            found.append(error.__cause__ if isinstance(error, AskFailed) and found else error)
    return found


# 56


@anywhere
def test_56_ask_dead_fast(run: Run) -> None:
    """An ask to one that has stopped, or never was, fails at once, whoever asks."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.system.stop(a)
        for ref in (a, stage.system.whereis("nobody")):
            reply = stage.do(ref, lambda p, ctx: None, timeout=LONG)
            assert reply.done
            for error in await outcomes(stage, ref, lambda p, ctx: None):
                assert isinstance(error, ActorStopped)
                assert error.target == ref.path

    run(scenario)


@anywhere
def test_56_ask_stop_pending_fails_all_that_wait(run: Run) -> None:
    """When an actor ends, every ask that is queued, promised, put aside or under way fails at once."""

    class Patient(Puppet):
        @override
        def on_do(self, message: Do, ctx: Context) -> Any:
            if message.act is fail:
                ctx.stash(message)
                return None
            return message.act(self, ctx)

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(factory=lambda: Patient(stage), shutdown_seconds=1.0), stage.spawn("b")

        async def hang(puppet: Puppet, ctx: Context) -> None:
            await stage.system.sleep(1e5)

        promised = stage.do(a, lambda p, ctx: ctx.defer(), timeout=LONG)
        aside = stage.do(a, fail, timeout=LONG)
        under_way = stage.do(a, hang, timeout=LONG)
        queued = stage.do(a, lambda p, ctx: 1, timeout=LONG)
        theirs = stage.do(b, ask(a, lambda p, ctx: 1), timeout=LONG)
        await until(stage, lambda: a.mailbox.count == 2)
        begun = stage.system.dispatcher.wall()
        await stage.system.stop(a)
        for reply in (promised, aside, under_way, queued):
            assert reply.done
            with pytest.raises(ActorStopped):
                await reply
        with pytest.raises(AskFailed, match="/alys/a is stopped"):
            await theirs
        assert stage.system.dispatcher.wall() - begun < 10.0

    run(scenario)


@in_virtual_time
def test_56_ask_stop_pending_takes_no_time(run: Run) -> None:
    """Asks that are queued at an idle stop fail in the instant of the stop."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.system.suspend(a)
        await stage.settle(1.0)
        replies = [stage.do(a, lambda p, ctx: 1, timeout=LONG) for _ in range(5)]
        begun = stage.now()
        await stage.system.stop(a)
        assert [type(reply.error) for reply in replies] == [ActorStopped] * 5
        assert stage.now() == begun

    run(scenario)


# 57


async def fail_late(puppet: Puppet, ctx: Context) -> None:
    await puppet.stage.system.sleep(1.0)
    raise Boom("as the test says")


@anywhere
@pytest.mark.parametrize("act", [fail, fail_late], ids=["at_once", "late"])
def test_57_ask_crash_fast_with_the_cause_and_the_same_supervision_as_a_tell(
    run: Run, act: Any
) -> None:
    """An asker has the handler's own exception before any deadline; the actor is restarted as after a tell."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        stage.tell(a, Do(act=act))
        first, second = await outcomes(stage, a, act)
        assert (type(first), type(second)) == (AskFailed, AskFailed)
        assert (type(first.__cause__), type(second.__cause__)) == (Boom, Boom)
        assert (first.target, first.request) == ("/alys/a", "Do")
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        mine = [(who, number) for who, number in stage.log.restarts if who == "a"]
        assert mine == [("a", 1), ("a", 2), ("a", 3)]
        assert [entry for entry in stage.log.dead if entry[0] == "a"] == [("a", "Do", "failed")] * 3
        assert stage.notes("a") == ["start", *["pre_restart", "start"] * 3]

    run(scenario)


@anywhere
def test_57_ask_crash_fast_without_a_handler(run: Run) -> None:
    """A question that nobody understands fails at once; the actor lives."""

    class Unknown(Request[None], frozen=True, kw_only=True):
        pass

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: None)
        with pytest.raises(AskFailed, match="no handler for Unknown"):
            await stage.system.ask(a, Unknown(), timeout=LONG)

        async def by_an_actor(puppet: Puppet, ctx: Context) -> None:
            with pytest.raises(AskFailed, match="no handler for Unknown"):
                await ctx.ask(a, Unknown(), timeout=LONG)

        await stage.do(b, by_an_actor)
        assert stage.log.dead == [("a", "Unknown", "unhandled")] * 2
        assert (stage.log.failures, stage.notes("a")) == ([], ["start"])

    run(scenario)


@anywhere
def test_57_ask_crash_fast_and_a_refusal_is_no_crash(run: Run) -> None:
    """A refusal reaches the asker as it is, and restarts nobody."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: None)
        first, second = await outcomes(stage, a, lambda p, ctx: ctx.refuse(Boom("no")))
        assert (type(first), type(second)) == (Boom, Boom)
        await until(stage, lambda: stage.log.restarts == [("asker", 1)])

    run(scenario)


# 58


@anywhere
def test_58_ask_late_reply_is_a_dead_letter_and_never_the_answer_to_another_ask(run: Run) -> None:
    """After a timeout the late answer is dead; the second ask gets its own; no slot is left."""

    async def scenario(stage: Stage) -> None:
        a, promises = stage.spawn(), []
        asker = stage.spawn("asker")

        def promise(puppet: Puppet, ctx: Context) -> None:
            promises.append(ctx.defer())

        async def ask_twice(puppet: Puppet, ctx: Context) -> Any:
            with pytest.raises(AskTimeout):
                await ctx.ask(a, Do(act=promise), timeout=0.01)
            second = ctx.ask(a, Do(act=promise), timeout=LONG)
            while len(promises) < 2:
                await stage.system.sleep(1.0)
            promises[0].complete("late")
            promises[1].complete("in time")
            return await second

        assert await stage.do(asker, ask_twice, timeout=LONG) == "in time"
        with pytest.raises(AskTimeout, match=r"no reply from /alys/a to Do within 0\.01 s"):
            await stage.do(a, promise, timeout=0.01)
        second = stage.do(a, promise, timeout=LONG)
        await until(stage, lambda: len(promises) == 4)
        promises[2].complete("late")
        promises[3].complete("in time")
        assert await second == "in time"
        assert stage.log.dead == [("a", "Do", "late reply")] * 2
        assert a.cell.more.promises == {}

    run(scenario)


@in_virtual_time
@pytest.mark.parametrize("seconds", [0.0, 0.25, 3.0])
def test_58_ask_late_reply_is_one_after_the_deadline_to_the_instant(
    run: Run, seconds: float
) -> None:
    """A deadline falls exactly when it was set for; its timer is gone when the answer came first."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: None)
        begun = stage.now()
        with pytest.raises(AskTimeout):
            await stage.do(a, lambda p, ctx: ctx.defer(), timeout=seconds)
        assert stage.now() - begun == seconds
        assert await stage.do(a, lambda p, ctx: "fine", timeout=50.0) == "fine"
        dispatcher: Any = stage.system.dispatcher
        assert [timer for _, _, timer in dispatcher._timers if not timer.cancelled] == []

    run(scenario)


@anywhere
def test_58_ask_late_reply_where_the_asker_is_gone(run: Run) -> None:
    """An asker that is stopped or fails while it waits frees its slot: the answer is late, and harms nobody."""

    async def scenario(stage: Stage) -> None:
        a, promises = stage.spawn(), []
        asker = stage.spawn("asker", shutdown_seconds=0.0)
        stage.tell(asker, Do(act=ask(a, lambda p, ctx: promises.append(ctx.defer()))))
        await until(stage, lambda: len(promises) == 1)
        await stage.system.stop(asker)
        promises[0].complete("for nobody")
        assert stage.log.dead == [("asker", "Do", "aborted"), ("a", "Do", "late reply")]
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)


def test_58_ask_late_reply_where_the_asking_task_was_cancelled() -> None:
    """A task that is cancelled while it waits frees its slot: the answer is late, and the actor goes on."""

    async def scenario(stage: Stage) -> None:
        a, promises = stage.spawn(), []
        reply = stage.do(a, lambda p, ctx: promises.append(ctx.defer()), timeout=60.0)

        async def wait() -> Any:
            return await reply

        task = asyncio.ensure_future(wait())  # noqa: TID251  # like a gateway's
        await until(stage, lambda: len(promises) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (reply.done, reply.timer, reply.callbacks) == (True, None, None)
        promises[0].complete("for nobody")
        assert stage.log.dead == [("a", "Do", "late reply")]

    as_a_task(scenario)


# 59


@anywhere
def test_59_ask_cycle_of_one(run: Run) -> None:
    """An actor that waits for its own answer is told so within the turn."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def ask_self(puppet: Puppet, ctx: Context) -> str:
            begun = stage.now()
            with pytest.raises(AskCycle) as caught:
                await ctx.ask(ctx.self, Do(act=lambda p, c: None), timeout=LONG)
            assert caught.value.chain == ("/alys/a", "/alys/a")
            assert stage.now() - begun < 1000.0
            return "told"

        for _ in range(3):
            assert await stage.do(a, ask_self, timeout=LONG) == "told"
        asker = stage.spawn("asker")
        assert await stage.do(asker, ask(a, ask_self), timeout=LONG) == "told"
        assert stage.log.failures == []

    run(scenario)


@anywhere
@pytest.mark.parametrize("length", [2, 3, 7])
def test_59_ask_cycle_names_its_chain_and_frees_everybody(run: Run, length: int) -> None:
    """Whoever closes a circle of waiting is told at once who is in it; afterwards all answer again."""

    async def scenario(stage: Stage) -> None:
        ring = [stage.spawn(f"r{number}") for number in range(length)]
        cycles: list[AskCycle] = []

        def pass_on(number: int) -> Any:
            async def act(puppet: Puppet, ctx: Context) -> None:
                following = (number + 1) % length
                question = Do(act=pass_on(following) if following else lambda p, c: None)
                try:
                    await ctx.ask(ring[following], question, timeout=LONG)
                except AskCycle as cycle:
                    cycles.append(cycle)

            return act

        begun = stage.now()
        await stage.do(ring[0], pass_on(0), timeout=LONG)
        [cycle] = cycles
        chain = [name.rsplit("/", 1)[-1] for name in cycle.chain]
        assert chain[0] == chain[-1]
        assert sorted(chain[1:]) == sorted(ref.name for ref in ring)
        assert stage.now() - begun < 10_000.0
        for ref in ring:
            assert await stage.do(ref, lambda p, ctx: "alive", timeout=LONG) == "alive"
        assert stage.log.failures == []

    run(scenario)


@in_virtual_time
def test_59_ask_cycle_is_found_in_the_instant_in_which_it_closes(run: Run) -> None:
    """A circle that closes only when an earlier ask is awaited is found then, to the instant."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        async def ask_now_await_later(puppet: Puppet, ctx: Context) -> float:
            reply = ctx.ask(b, Do(act=ask(a, fail)), timeout=LONG)
            await stage.system.sleep(2.0)
            with pytest.raises(AskCycle):
                await reply
            return stage.now()

        assert await stage.do(a, ask_now_await_later, timeout=LONG) == 2.0

    run(scenario)


@anywhere
def test_59_ask_cycle_is_none_where_nobody_waits(run: Run) -> None:
    """Asking back after the answer, or without waiting, closes no circle."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        def answer_then_ask(puppet: Puppet, ctx: Context) -> str:
            ctx.tell(ctx.self, Do(act=ask(a, lambda p, c: p.note("asked back"))))
            ctx.ask(a, Do(act=lambda p, c: p.note("not awaited")), timeout=LONG)
            return "answered"

        assert await stage.do(a, ask(b, answer_then_ask), timeout=LONG) == "answered"
        await until(stage, lambda: len(stage.notes("a")) == 3)
        assert set(stage.notes("a")[1:]) == {"asked back", "not awaited"}
        assert stage.log.failures == []

    run(scenario)


# Asks that are answered in the asker's own turn: the same promises where the path is another one.


@anywhere
def test_56_an_actor_that_is_asked_first_hears_what_it_tells_itself_meanwhile(run: Run) -> None:
    """What a handler tells its own actor while it answers is handled soon, without another message."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        def talk_to_oneself(puppet: Puppet, ctx: Context) -> None:
            for message in (Say(text="1"), Shout(text="2"), Mutter(text="3"), Say(text="4")):
                ctx.tell(ctx.self, message)

        await until(stage, lambda: stage.notes("a") == ["start"])
        await stage.do(a, talk_to_oneself)
        await until(stage, lambda: len(stage.notes("a")) == 5)
        assert stage.notes("a") == ["start", "2", "1", "4", "3"]
        c = stage.spawn("c")
        await until(stage, lambda: stage.notes("c") == ["start"])
        await stage.do(b, ask(c, talk_to_oneself))
        await until(stage, lambda: stage.notes("c") == ["start", "2", "1", "4", "3"])


@anywhere
def test_57_senders_and_operations_are_right_around_an_ask(run: Run) -> None:
    """An ask in between changes neither the sender nor the operation of the messages around it."""

    class Curious(Puppet):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            sender = ctx.sender.name if ctx.sender is not None else None
            self.note(f"{message.text} {sender} {ctx.correlation}")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Curious(stage))
        b, c = stage.spawn("b"), stage.spawn("c")

        def who(puppet: Puppet, ctx: Context) -> Any:
            return (ctx.sender.name if ctx.sender is not None else None, ctx.correlation)

        def talk(operation: str | None) -> Any:
            async def act(puppet: Puppet, ctx: Context) -> Any:
                ctx.tell(a, Say(text="1"), about=operation)
                ctx.tell(a, Say(text="2"), about=operation)
                answer = await ctx.ask(a, Do(act=who), about="asked", timeout=LONG)
                ctx.tell(a, Say(text="3"), about=operation)
                return answer

            return act

        for sender, operation in ((b, "op"), (c, None), (b, None)):
            assert await stage.do(sender, talk(operation), timeout=LONG) == (sender.name, "asked")
        stage.say(a, "4")
        await until(stage, lambda: len(stage.notes("a")) == 11)
        rounds = (("b", "op"), ("c", None), ("b", None))
        expected = [f"{n} {name} {op}" for name, op in rounds for n in "123"]
        assert stage.notes("a")[1:] == [*expected, "4 alys None"]

    run(scenario)
