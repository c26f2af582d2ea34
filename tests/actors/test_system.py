"""Tell, ask and their failures, cycles, shutdown: the promises a caller relies on."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import (
    ActorStopped,
    AskCycle,
    AskFailed,
    AskTimeout,
    BadSpec,
    ForeignAwait,
    MailboxFull,
)
from alys.actors.mailbox import Overflow
from alys.actors.message import Request
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity, Restart
from tests.actors.stage import (
    Boom,
    Do,
    Puppet,
    Say,
    Stage,
    everywhere,
    fail,
    in_simulation,
    simulate,
)

Run = Any


@everywhere
def test_an_ask_returns_what_the_handler_returns(run: Run) -> None:
    async def scenario(stage: Stage) -> Any:
        return await stage.do(stage.spawn(), lambda puppet, ctx: 42)

    assert run(scenario) == 42


@everywhere
def test_an_async_handler_may_ask_on(run: Run) -> None:
    async def scenario(stage: Stage) -> Any:
        a, b = stage.spawn("a"), stage.spawn("b")

        async def ask_b(puppet: Puppet, ctx: Context) -> Any:
            return 1 + await ctx.ask(b, Do(act=lambda puppet, ctx: 41))

        return await stage.do(a, ask_b)

    assert run(scenario) == 42


@everywhere
def test_each_senders_messages_arrive_in_order(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        target = stage.spawn("target")
        senders = [stage.spawn(f"sender{n}") for n in range(3)]

        def talk(puppet: Puppet, ctx: Context) -> None:
            for n in range(50):
                ctx.tell(target, Say(text=f"{puppet.name} {n}"))

        for sender in senders * 2:
            await stage.do(sender, talk)
        heard = await stage.do(target, lambda puppet, ctx: puppet.heard)
        for n in range(3):
            mine = [text for text in heard if text.startswith(f"sender{n}")]
            assert mine == [f"sender{n} {k}" for k in range(50)] * 2

    run(scenario)


def test_who_comes_first_among_senders_is_the_seeds_choice() -> None:
    async def scenario(stage: Stage) -> str:
        target = stage.spawn("target")
        for n in range(4):
            sender = stage.spawn(f"s{n}")
            stage.tell(sender, Do(act=lambda p, ctx: ctx.tell(target, Say(text=p.name))))
        await stage.settle()
        return " ".join(stage.notes("target"))

    orders = {simulate(scenario, seed) for seed in range(20)}
    assert len(orders) > 5


@everywhere
def test_an_ask_that_nobody_answers_ends_at_its_deadline(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(AskTimeout, match=r"no reply from /alys/a to Do within 0\.05 s"):
            await stage.do(a, lambda puppet, ctx: ctx.defer(), timeout=0.05)

    run(scenario)


def test_the_deadline_of_an_ask_is_the_requests_own_unless_told() -> None:
    class Slow(Request[None], frozen=True, kw_only=True):
        timeout_seconds = 3.0

    class Silent(Puppet):
        def on_slow(self, message: Slow, ctx: Context) -> None:
            ctx.defer()

    async def scenario(stage: Stage) -> list[float]:
        a, ends = stage.spawn(factory=lambda: Silent(stage)), []
        for timeout in (None, 1.0):
            start = stage.now()
            with pytest.raises(AskTimeout):
                await stage.system.ask(a, Slow(), timeout=timeout)
            ends.append(stage.now() - start)
        return ends

    assert simulate(scenario) == [3.0, 1.0]


@everywhere
def test_an_ask_to_a_dead_actor_fails_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.system.stop(a)
        start = stage.now()
        for ref in (a, stage.system.whereis("nobody")):
            reply = stage.do(ref, lambda puppet, ctx: None, timeout=1e6)
            assert reply.done
            with pytest.raises(ActorStopped, match="is stopped and cannot answer Do"):
                await reply
        assert stage.now() - start < 1e4

    run(scenario)


@everywhere
def test_asks_that_are_queued_when_the_actor_stops_fail_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(shutdown_seconds=1.0)

        async def hang(puppet: Puppet, ctx: Context) -> None:
            await ctx.ask(stage.spawn("deaf"), Do(act=lambda p, c: c.defer()), timeout=1e6)

        under_way = stage.do(a, hang, timeout=1e6)
        queued = stage.do(a, lambda puppet, ctx: 1, timeout=1e6)
        await stage.system.stop(a)
        for reply in (queued, under_way):
            with pytest.raises(ActorStopped):
                await reply

    run(scenario)


@everywhere
def test_a_crash_fails_the_ask_at_once_with_the_cause(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(AskFailed, match="/alys/a failed on Do: Boom") as caught:
            await stage.do(a, fail, timeout=1e6)
        assert isinstance(caught.value.__cause__, Boom)
        assert await stage.do(a, lambda puppet, ctx: ctx.self) == a
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@everywhere
def test_a_crash_after_waiting_fails_the_ask_too(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        async def wait_then_fail(puppet: Puppet, ctx: Context) -> None:
            await ctx.ask(b, Do(act=lambda p, c: None))
            raise Boom

        with pytest.raises(AskFailed):
            await stage.do(a, wait_then_fail)

    run(scenario)


def test_a_handler_that_fails_while_the_actor_stops_still_fails_its_ask() -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        async def wait_then_fail(puppet: Puppet, ctx: Context) -> None:
            ctx.stop()
            await ctx.ask(b, Do(act=lambda p, c: c.after(1.0, Say(text="tick"))))
            raise Boom

        start = stage.now()
        with pytest.raises(AskFailed):
            await stage.do(a, wait_then_fail, timeout=100.0)
        assert stage.now() - start < 1.0

    simulate(scenario)


def test_a_late_reply_goes_to_the_dead_letters_and_never_to_the_next_ask() -> None:
    async def scenario(stage: Stage) -> None:
        a, promises = stage.spawn(), []
        with pytest.raises(AskTimeout):
            await stage.do(a, lambda p, ctx: promises.append(ctx.defer()), timeout=1.0)
        second = stage.do(a, lambda p, ctx: promises.append(ctx.defer()))
        await stage.settle()
        promises[0].complete("late")
        promises[1].complete("in time")
        assert await second == "in time"
        assert stage.log.dead == [("a", "Do", "late reply")]

    simulate(scenario)


@everywhere
def test_an_ask_for_which_there_is_no_handler_fails_and_the_actor_lives(run: Run) -> None:
    class Unknown(Request[None], frozen=True, kw_only=True):
        pass

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        with pytest.raises(AskFailed, match="Puppet has no handler for Unknown"):
            await stage.system.ask(a, Unknown())
        assert stage.log.dead == [("a", "Unknown", "unhandled")]
        assert stage.notes("a") == ["start"]

    run(scenario)


@everywhere
def test_an_actor_that_asks_itself_is_told_so_at_once(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        async def ask_self(puppet: Puppet, ctx: Context) -> str:
            with pytest.raises(AskCycle, match="ask cycle: /alys/a -> /alys/a"):
                await ctx.ask(ctx.self, Do(act=fail))
            return "told"

        assert await stage.do(stage.spawn(), ask_self) == "told"

    run(scenario)


def ask_then(target: Ref, act: Any) -> Any:
    async def asking(puppet: Puppet, ctx: Context) -> Any:
        return await ctx.ask(target, Do(act=act), timeout=1e6)

    return asking


@everywhere
def test_a_cycle_of_asks_is_told_at_once_with_its_chain(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b, c = (stage.spawn(name) for name in "abc")
        around = ask_then(b, ask_then(c, ask_then(a, fail)))
        start = stage.now()
        with pytest.raises(AskFailed, match="ask cycle: /alys/c -> /alys/a -> /alys/b -> /alys/c"):
            await stage.do(a, around, timeout=1e6)
        assert stage.now() - start < 1e4

    run(scenario)


def test_a_cycle_that_closes_only_when_a_reply_is_awaited_is_found_too() -> None:
    async def scenario(stage: Stage) -> None:
        a, b, c = (stage.spawn(name) for name in "abc")

        async def later(puppet: Puppet, ctx: Context) -> Any:
            first = ctx.ask(b, Do(act=ask_then(a, fail)), timeout=1e6)
            await ctx.ask(c, Do(act=pause), timeout=1e6)  # meanwhile b asks a and waits
            return await first

        async def pause(puppet: Puppet, ctx: Context) -> None:
            deaf = ctx.spawn(stage.spec("deaf"))
            with pytest.raises(AskTimeout):
                await ctx.ask(deaf, Do(act=lambda p, x: x.defer()), timeout=1.0)

        with pytest.raises(AskFailed, match="ask cycle: /alys/a -> /alys/b -> /alys/a"):
            await stage.do(a, later, timeout=1e6)
        assert stage.now() == pytest.approx(1.0)

    simulate(scenario)


@in_simulation
def test_asking_back_after_the_answer_is_no_cycle(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        def answer_then_ask(puppet: Puppet, ctx: Context) -> str:
            ctx.tell(ctx.self, Do(act=ask_then(a, lambda p, x: "fine")))
            return "answered"

        for _ in range(5):
            assert await stage.do(a, ask_then(b, answer_then_ask)) == "answered"
            await stage.settle()
        assert stage.log.failures == []

    run(scenario)


@everywhere
def test_whoever_tells_a_full_mailbox_hears_of_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=2)
        stage.say(a, "1", "2")
        with pytest.raises(MailboxFull, match="the mailbox of /alys/a holds its 2 messages"):
            stage.say(a, "3")
        while len(stage.notes("a")) < 3:
            await stage.system.sleep(1.0)
        assert await stage.do(a, lambda p, ctx: p.heard) == ["1", "2"]
        assert stage.log.dead == [("a", "3", "mailbox full")]

    run(scenario)


@pytest.mark.parametrize(
    ("overflow", "heard", "dropped"),
    [(Overflow.DROP_NEW, ["1", "2"], ["3", "4"]), (Overflow.DROP_OLD, ["3", "4"], ["1", "2"])],
)
def test_what_is_dropped_is_told_to_the_observer_once_and_to_nobody_else(
    overflow: Overflow, heard: list[str], dropped: list[str]
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=2, overflow=overflow)
        stage.say(a, "1", "2", "3", "4")
        await stage.settle()
        assert await stage.do(a, lambda p, ctx: p.heard) == heard
        assert stage.log.drops == [("a", text, "mailbox full") for text in dropped]
        assert stage.log.dead == []

    simulate(scenario)


def test_an_ask_that_is_dropped_fails_at_once() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=Overflow.DROP_OLD)
        first = stage.do(a, lambda p, ctx: 1, timeout=1e6)
        second = stage.do(a, lambda p, ctx: 2, timeout=1e6)
        with pytest.raises(MailboxFull):
            await first
        assert await second == 2

    simulate(scenario)


def test_a_message_to_the_dead_is_a_dead_letter() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.system.stop(a)
        stage.say(a, "hello?")
        stage.say(stage.system.whereis("nobody"), "anyone?")
        assert stage.log.dead == [("a", "hello?", "stopped"), ("nobody", "anyone?", "stopped")]

    simulate(scenario)


@everywhere
def test_shutdown_stops_the_last_started_first_and_says_why(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        for name in "abc":
            await stage.do(stage.spawn(name), lambda p, ctx: None)
        assert await stage.system.shutdown() == "shutdown"
        assert stage.log.stops == [(n, "shutdown: parent") for n in "cba"] + [("alys", "shutdown")]
        assert [who for who, what in stage.journal if what == "post_stop"] == ["c", "b", "a"]

    run(scenario)


def test_the_root_waits_for_each_child_as_long_as_the_child_may_take() -> None:
    async def scenario(stage: Stage) -> None:
        class Slow(Puppet):
            @override
            async def post_stop(self, ctx: Context) -> None:
                await stage.system.sleep(4.0)
                self.note("post_stop")

        for name in "abc":
            stage.spawn(name, factory=lambda: Slow(stage))
        await stage.settle()
        await stage.system.shutdown()
        assert stage.now() == pytest.approx(12.001)
        assert [who for who, what in stage.journal if what == "post_stop"] == ["c", "b", "a"]

    simulate(scenario)


@everywhere
def test_an_actor_that_is_stopped_from_outside_stays_stopped(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(restart=Restart.PERMANENT)
        assert await stage.system.stop(a) == "shutdown: system"
        assert await stage.system.stop(a) == "shutdown: system"
        assert await stage.system.stop(stage.system.whereis("nobody")) == "noproc"
        assert [path for path, _, _ in stage.system.tree()] == ["/alys"]

    run(scenario)


@everywhere
def test_a_later_actor_of_the_same_name_does_not_get_the_letters_of_the_first(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        old = stage.spawn()
        await stage.system.stop(old)
        new = stage.spawn()
        stage.say(old, "to the old one")
        assert await stage.do(new, lambda p, ctx: p.heard) == []
        assert old != new
        assert ("a", "to the old one", "stopped") in stage.log.dead

    run(scenario)


@everywhere
def test_a_registered_name_survives_restarts_and_is_free_after_the_stop(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(register="the one")
        stage.crash(a)
        assert await stage.do(stage.system.whereis("the one"), lambda p, ctx: ctx.self) == a
        assert stage.log.restarts == [("a", 1)]
        with pytest.raises(BadSpec, match="'the one' is registered already"):
            stage.spawn("b", register="the one")
        await stage.system.stop(a)
        assert stage.system.whereis("the one").cell is None
        assert stage.system.whereis("the one") != stage.spawn("b", register="the one")

    run(scenario)


def test_too_many_failures_below_the_root_end_the_system_and_are_remembered() -> None:
    async def scenario(stage: Stage) -> str:
        a = stage.spawn()
        stage.spawn("b")
        stage.crash(a)
        stage.crash(a)
        reason = await stage.system.terminated
        assert "more than 1 restarts" in str(stage.system.failure)
        return reason

    assert simulate(scenario, intensity=Intensity()) == "failed: IntensityExceeded"


@everywhere
def test_a_driven_coroutine_awaits_replies_only(run: Run) -> None:
    class Foreign:
        def __await__(self) -> Any:
            yield "something else"

    async def scenario(stage: Stage) -> None:
        with pytest.raises(ForeignAwait, match="something else"):
            await Foreign()
        assert await stage.do(stage.spawn(), lambda p, ctx: "goes on") == "goes on"

    run(scenario)


@everywhere
def test_what_a_driven_coroutine_raises_is_in_its_slot(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        async def broken() -> None:
            raise Boom

        with pytest.raises(Boom):
            await stage.system.drive(broken())

    run(scenario)


def test_the_tree_shows_parents_before_children_with_status_and_incarnation() -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.do(a, lambda p, ctx: ctx.spawn(stage.spec("child")))
        stage.spawn("b")
        stage.crash(a)
        await stage.settle()
        assert stage.system.tree() == [
            ("/alys", "running", 0),
            ("/alys/a", "running", 1),
            ("/alys/b", "running", 0),
        ]

    simulate(scenario)
