"""What is left when an incarnation or an actor ends: each letter with its sender, each asker with an answer, no timer."""

from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.errors import ActorStopped
from alys.actors.events import DeadLetter
from alys.actors.mailbox import Overflow
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity, Strategy
from alys.actors.supervisor import Supervisor
from tests.actors.conformance.paths import PATIENT, Gate, anywhere, tell_all, until
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
)


class Mourner(Puppet):
    """Notes who had sent what is dead."""

    def on_dead_letter(self, message: DeadLetter, ctx: Context) -> None:
        """Note it."""
        text = message.message.text if isinstance(message.message, Say) else "Do"
        self.note(f"{text} from {message.sender.name}: {message.reason}")


def hear_of_dead_letters(stage: Stage) -> Ref:
    mourner = stage.spawn("mourner", lambda: Mourner(stage))
    stage.system.events.subscribe(mourner, DeadLetter)
    return mourner


def work(gate: Gate) -> Any:
    async def act(puppet: Puppet, ctx: Context) -> None:
        await gate.wait()

    return act


@anywhere
def test_what_is_queued_keeps_its_sender_when_the_actor_stops_after_a_long_handler(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        hear_of_dead_letters(stage)
        a, b, gate = stage.spawn(shutdown_seconds=PATIENT), stage.spawn("b"), Gate(stage)
        letters = [Say(text="1"), Do(act=work(gate)), Say(text="2"), Say(text="3")]
        await stage.do(b, tell_all(a, *letters))
        await until(stage, lambda: gate.waiting == 1)
        stopped = stage.system.stop(a)
        await until(stage, lambda: a.cell.is_stopped)
        gate.open = True
        await stopped
        await until(stage, lambda: len(stage.notes("mourner")) == 3)
        assert stage.notes("mourner")[1:] == ["2 from b: stopped", "3 from b: stopped"]
        assert stage.notes("a") == ["start", "1", "post_stop"]

    run(scenario)


@anywhere
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_what_a_sibling_handles_when_its_group_restarts_is_dead_with_its_sender(
    run: Run, strategy: Strategy
) -> None:
    async def scenario(stage: Stage) -> None:
        hear_of_dead_letters(stage)
        b, gate = stage.spawn("b"), Gate(stage)
        specs = [stage.spec(name, register=name) for name in ("first", "second")]
        many = Intensity(restarts=100)
        boss = stage.spawn("boss", lambda: Supervisor(specs, many, strategy))
        await until(stage, lambda: ("second", "start") in stage.journal)
        first, second = stage.system.whereis("first"), stage.system.whereis("second")
        await stage.do(b, tell_all(second, Say(text="1"), Do(act=work(gate)), Say(text="2")))
        await until(stage, lambda: gate.waiting == 1)
        stage.crash(first)
        await until(stage, lambda: "2" in stage.notes("second"))
        assert stage.notes("second") == ["start", "1", "pre_restart", "start", "2"]
        await until(stage, lambda: len(stage.notes("mourner")) == 3)
        assert set(stage.notes("mourner")[1:]) == {"Do from alys: failed", "Do from b: aborted"}
        await stage.system.stop(boss)

    run(scenario)


@anywhere
def test_what_waits_in_the_stash_while_its_handler_is_cut_off_stays_there(run: Run) -> None:
    class Careful(Puppet):
        async def on_careful(self, message: Say, ctx: Context) -> None:
            ctx.stash(message)
            await self.stage.system.sleep(1e6)

    setattr(Careful, "on_say", Careful.on_careful)  # noqa: B010  # in its place
    del Careful.on_careful

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Careful(stage), shutdown_seconds=1.0)
        stage.say(a, "1")
        await until(stage, lambda: a.cell.activity is not None)
        a.cell.begin_restart(RuntimeError("as the test says"), None)
        await until(stage, lambda: a.cell.incarnation == 1 and a.cell.activity is not None)
        assert stage.log.dead == []
        await stage.system.stop(a)
        assert stage.log.dead == [("a", "1", "stopped")]

    run(scenario)


@anywhere
def test_promises_of_an_incarnation_are_broken_when_it_ends(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        promises: list[Any] = []
        asked = stage.do(a, lambda p, ctx: promises.append(ctx.defer()), timeout=1e6)
        stage.crash(a)
        with pytest.raises(ActorStopped):
            await asked
        promises[0].complete("too late")
        assert stage.log.dead == [("a", "Do", "failed")]

    run(scenario)


ASIDE = Say(text="aside")


def put_aside(message: Any = ASIDE) -> Any:
    """To be done by a puppet: put the message that is handled aside, as if it were this one."""
    return lambda puppet, ctx: ctx.stash(message)


@everywhere
def test_what_was_put_aside_is_handled_by_the_next_incarnation_before_newer_mail(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, seen = stage.spawn(), list[str]()

        def once(text: str) -> Do:
            def act(puppet: Puppet, ctx: Context) -> None:
                if text not in puppet.stage.notes("seen"):
                    stage.journal.append(("seen", text))
                    ctx.stash(Do(act=act))
                else:
                    seen.append(text)

            return Do(act=act)

        for text in "123":
            stage.tell(a, once(text))
        stage.crash(a)
        stage.tell(a, Do(act=lambda p, ctx: seen.append("newer")))
        await stage.do(a, lambda p, ctx: None)
        assert seen == ["1", "2", "3", "newer"]

    run(scenario)


@everywhere
def test_what_is_put_aside_or_queued_when_the_actor_stops_is_a_dead_letter_and_asks_fail(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        aside = stage.do(a, put_aside(), timeout=1e6)
        await stage.do(a, lambda p, ctx: None)
        stage.system.suspend(a)
        queued = stage.do(a, lambda p, ctx: None, timeout=1e6)
        stage.say(a, "told")
        await stage.system.stop(a)
        for reply in (aside, queued):
            with pytest.raises(ActorStopped):
                await reply
        assert sorted(stage.log.dead) == [
            ("a", "Do", "stopped"), ("a", "Do", "stopped"), ("a", "told", "stopped"),
        ]  # fmt: skip

    run(scenario)


@everywhere
def test_who_waits_for_room_when_the_actor_stops_is_told_and_sends_nothing(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=Overflow.SUSPEND)
        await stage.do(a, lambda p, ctx: None)
        stage.system.suspend(a)
        stage.say(a, "fills it")
        waits = stage.system.send(a, Say(text="waits"))
        assert not waits.done
        await stage.system.stop(a)
        with pytest.raises(ActorStopped, match="cannot answer Say"):
            await waits
        assert stage.log.dead == [("a", "fills it", "stopped")]

    run(scenario)


@in_simulation
def test_a_letter_that_was_put_aside_by_the_handler_that_is_ended_stays_put_aside(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a, tries = stage.spawn(), list[int]()

        async def put_aside_and_hang(puppet: Puppet, ctx: Context) -> str:
            tries.append(1)
            if len(tries) == 1:
                ctx.stash(again)
                await pause(puppet, ctx, 1e5)
            return "in the end"

        again = Do(act=put_aside_and_hang)
        reply = stage.system.ask(a, again, timeout=1e6)
        await stage.settle()
        a.cell.begin_restart(Boom(), None)
        assert await reply == "in the end"
        assert (len(tries), stage.log.dead) == (2, [])

    run(scenario)


@in_simulation
def test_a_letter_under_way_when_the_incarnation_ends_is_a_dead_letter_and_its_ask_fails(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        reply = stage.do(a, lambda p, ctx: pause(p, ctx, 1e5), timeout=1e6)
        await stage.settle()
        a.cell.begin_restart(Boom(), None)
        with pytest.raises(ActorStopped):
            await reply
        assert stage.log.dead[0] == ("a", "Do", "aborted")
        assert await stage.do(a, lambda p, ctx: "goes on") == "goes on"

    run(scenario)


@in_simulation
def test_the_letter_that_an_actor_failed_on_is_not_brought_back_although_it_was_put_aside(
    run: Run,
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def put_aside_and_fail(puppet: Puppet, ctx: Context) -> None:
            ctx.stash(letter)
            raise Boom

        letter = Do(act=put_aside_and_fail)
        stage.tell(a, letter)
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"
        assert stage.log.dead == [("a", "Do", "failed")]
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@everywhere
def test_no_promise_timer_or_watch_of_an_incarnation_outlives_it(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")

        def leave_things(puppet: Puppet, ctx: Context) -> None:
            ctx.after(1e6, Say(text="tick"))
            ctx.every(1e6, Say(text="tick"))
            ctx.receive_timeout(1e6)
            ctx.watch(b)
            ctx.defer()

        stage.tell(a, Do(act=leave_things))
        stage.tell(a, Do(act=fail))
        await stage.do(a, lambda p, ctx: None)
        more = a.cell.belongings
        assert (more.promises, more.watching, more.timers.count) == ({}, {}, 0)
        assert more.receive_timeout is None
        assert b.cell.belongings.watchers == {}

    run(scenario)
