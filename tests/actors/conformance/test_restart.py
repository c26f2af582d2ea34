"""Checks 42 to 46 of the runtime's contract: what lives through a restart and what does not, and the order of its steps."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import AskFailed
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import Directive
from tests.actors.conformance.paths import Gate, anywhere, in_virtual_time, incarnation, until
from tests.actors.stage import Boom, Do, Mutter, Puppet, Run, Say, Shout, Stage, spawn

TEN = [str(number) for number in range(1, 11)]


class Brittle(Puppet):
    """Fails on "3", at once or after having waited."""

    late = False

    @override
    def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> Any:
        """Note it, or fail."""
        return self.fail_late() if message.text == "3" and self.late else self.hear(message)

    def hear(self, message: Say | Shout | Mutter) -> None:
        if message.text == "3":
            raise Boom
        self.heard.append(message.text)
        self.note(message.text)

    async def fail_late(self) -> None:
        await self.stage.system.sleep(1.0)
        raise Boom


class BrittleLater(Brittle):
    """Fails after having waited."""

    late = True


async def nap_then_fail(puppet: Puppet, ctx: Context) -> None:
    await puppet.stage.system.sleep(2.5)
    raise Boom


# 42


@anywhere
@pytest.mark.parametrize("kind", [Brittle, BrittleLater])
def test_42_mailbox_survives_a_restart_and_the_failing_message_is_not_repeated(
    run: Run, kind: type[Brittle]
) -> None:
    """Of ten queued messages the third fails: the others are handled in order, that one is a dead letter once."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: kind(stage))
        stage.say(a, *TEN)
        await until(stage, lambda: "10" in stage.notes("a"))
        assert stage.notes("a") == ["start", "1", "2", "pre_restart", "start", *TEN[3:]]
        assert await stage.do(a, lambda p, ctx: p.heard) == TEN[3:]
        assert stage.log.dead == [("a", "3", "failed")]
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@anywhere
def test_42_mailbox_survives_with_the_senders_and_priorities_of_what_is_queued(run: Run) -> None:
    """After the restart each message still says who sent it and about what, and higher lanes still go first."""

    class Curious(Puppet):
        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            sender = ctx.sender.name if ctx.sender is not None else None
            self.note(f"{message.text} {sender} {ctx.correlation}")

    async def scenario(stage: Stage) -> None:
        a, b, c = stage.spawn(factory=lambda: Curious(stage)), stage.spawn("b"), stage.spawn("c")
        gate = Gate(stage)

        async def wait_then_fail(puppet: Puppet, ctx: Context) -> None:
            await gate.wait()
            raise Boom

        stage.tell(a, Do(act=wait_then_fail))
        await until(stage, lambda: gate.waiting == 1)

        def talk(puppet: Puppet, ctx: Context) -> None:
            ctx.tell(a, Mutter(text="late"))
            for text in "12":
                ctx.tell(a, Say(text=text), about=f"op:{puppet.name}")
            ctx.tell(a, Shout(text="first"))

        await stage.do(b, talk)
        await stage.do(c, talk)
        gate.open = True
        await until(stage, lambda: len(stage.notes("a")) == 11)
        assert stage.notes("a")[1:] == [
            *("pre_restart", "start"),
            *("first b None", "first c None"),
            *("1 b op:b", "2 b op:b", "1 c op:c", "2 c op:c"),
            *("late b None", "late c None"),
        ]

    run(scenario)


# 43


class Orderly(Puppet):
    """Notes its birth too; its last hook takes a second."""

    def __init__(self, stage: Stage, name: str = "") -> None:
        super().__init__(stage, name)
        self.stage.journal.append((name or "?", "made"))

    @override
    async def post_stop(self, ctx: Context) -> None:
        """Take a second."""
        await self.stage.system.sleep(1.0)
        self.note("post_stop")

    @override
    def post_restart(self, error: BaseException, ctx: Context) -> Any:
        """Note the cause."""
        self.note(f"post_restart {type(error).__name__} at {self.stage.now()}")


@in_virtual_time
def test_43_hook_order_of_a_restart_with_two_children(run: Run) -> None:
    """The old instance's hook, the children in reverse and awaited, the new instance, its hook; no post_stop of its own."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Orderly(stage, "a"))
        for name in ("one", "two"):
            await stage.do(a, spawn(stage.spec(name, lambda n=name: Orderly(stage, n))))  # type: ignore[misc]
        await stage.settle(1.0)
        stage.journal.clear()
        stage.crash(a)
        await stage.settle(2.5)
        assert stage.journal == [
            ("a", "pre_restart"),
            ("two", "post_stop"),
            ("one", "post_stop"),
            ("a", "made"),
            ("a", "post_restart Boom at 3.0"),
        ]
        await stage.system.stop(a)
        assert [what for who, what in stage.journal if who == "a"].count("post_stop") == 1

    run(scenario)


@in_virtual_time
def test_43_hook_order_shows_the_old_instance_cause_and_message(run: Run) -> None:
    """pre_restart runs on the instance that failed, with the failure and the message on which it failed."""
    seen: list[Any] = []

    class Witness(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
            seen.append((self.heard, type(error), message))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Witness(stage))
        letter = Do(act=lambda p, ctx: 1 // 0)
        stage.say(a, "1")
        stage.tell(a, letter)
        await stage.settle()
        assert seen.pop() == (["1"], ZeroDivisionError, letter)

    run(scenario)


@in_virtual_time
def test_43_hook_order_is_not_cut_short_where_the_new_start_takes_long(run: Run) -> None:
    """The time to stop bounds pre_restart only: the new instance's hook may take as long as it takes, and runs once."""

    class Slow(Puppet):
        @override
        async def post_restart(self, error: BaseException, ctx: Context) -> None:
            await self.stage.system.sleep(60.0)
            self.on_start(ctx)

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Slow(stage), shutdown_seconds=5.0)
        stage.crash(a)
        stage.say(a, "kept")
        await stage.settle(61.0)
        assert stage.notes("a") == ["start", "pre_restart", "start", "kept"]
        assert stage.log.restarts == [("a", 1)]

    run(scenario)


@in_virtual_time
def test_43_hook_order_goes_on_when_pre_restart_outlasts_the_time_to_stop(run: Run) -> None:
    """A pre_restart that hangs is ended when the spec's time is over, and the restart goes on."""

    class Hanging(Puppet):
        @override
        async def pre_restart(self, error: BaseException, message: Any, ctx: Context) -> None:
            await self.stage.system.sleep(3600.0)
            self.note("never")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Hanging(stage), shutdown_seconds=5.0)
        await stage.settle(1.0)
        begun = stage.now()
        stage.crash(a)
        await stage.do(a, lambda p, ctx: p.note(str(stage.now() - begun)), timeout=1e6)
        assert stage.notes("a") == ["start", "start", "5.0"]

    run(scenario)


# 44


@anywhere
@pytest.mark.parametrize("keep", [False, True])
def test_44_children_policy_says_whether_they_live_through_a_restart(run: Run, keep: bool) -> None:
    """By default children are stopped; where the spec keeps them they are the same refs with the same state."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(keep_children=keep)
        child = await stage.do(a, spawn(stage.spec("child")))
        stage.say(child, "1")
        await stage.do(child, lambda p, ctx: None)
        stage.crash(a)
        children = await stage.do(a, lambda p, ctx: ctx.children())
        assert stage.notes("child") == ["start", "1", *([] if keep else ["post_stop"])]
        assert children == ([child] if keep else [])
        if keep:
            assert await stage.do(child, lambda p, ctx: p.heard) == ["1"]
            assert incarnation(child) == 0

    run(scenario)


@anywhere
def test_44_children_policy_keeps_no_child_that_stands_still(run: Run) -> None:
    """A kept child whose failure was escalated to the parent is restarted with it."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(keep_children=True)
        up = ((Boom, Directive.ESCALATE),)
        child = await stage.do(a, spawn(stage.spec("child", directives=up)))
        stage.crash(child)
        stage.say(child, "kept")
        assert await stage.do(child, lambda p, ctx: p.heard) == ["kept"]
        assert stage.log.restarts == [("a", 1), ("child", 1)]

    run(scenario)


# 45


@in_virtual_time
def test_45_old_timers_dead_even_if_a_tick_is_queued(run: Run) -> None:
    """No tick that an earlier incarnation armed arrives, neither one that is queued nor one that was to come."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def arm(puppet: Puppet, ctx: Context) -> None:
            ctx.every(1.0, Say(text="tick"))
            ctx.after(1.0, Shout(text="urgent tick"))
            ctx.after(9.0, Say(text="tock"))

        await stage.do(a, arm)
        stage.tell(a, Do(act=nap_then_fail))
        await stage.settle(20.0)
        assert stage.notes("a") == ["start", "pre_restart", "start"]
        dead = sorted(text for _, text, reason in stage.log.dead if reason == "old timer")
        assert dead == ["tick", "urgent tick"]

    run(scenario)


@in_virtual_time
def test_45_old_timers_dead_also_those_that_the_last_hook_has_set(run: Run) -> None:
    """A timer set in pre_restart belongs to the incarnation that ends."""

    class Late(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
            ctx.after(1.0, Say(text="from the past"))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Late(stage))
        stage.crash(a)
        await stage.settle(5.0)
        assert stage.notes("a") == ["start", "start"]

    run(scenario)


@in_virtual_time
def test_45_old_timers_dead_and_new_ones_alive_under_the_same_key(run: Run) -> None:
    """A new incarnation's timer arrives, at its time, also under the key of an old one whose tick is still queued."""

    class Ticking(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            ctx.every(1.0, Say(text=f"tick {incarnation(ctx.self)}"), key="tick")

        @override
        def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> None:
            self.note(f"{message.text} at {self.stage.now()}")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Ticking(stage))
        stage.tell(a, Do(act=nap_then_fail))
        await stage.settle(5.0)
        assert stage.notes("a")[2:] == ["start", "tick 1 at 3.5", "tick 1 at 4.5"]

    run(scenario)


@in_virtual_time
def test_45_old_timers_dead_when_cancelled_or_replaced_after_they_fired(run: Run) -> None:
    """A timer that is cancelled, or replaced under its key, does not arrive even if its tick is queued."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        async def act(puppet: Puppet, ctx: Context) -> None:
            timer = ctx.after(1.0, Say(text="cancelled"))
            ctx.after(1.0, Say(text="replaced"), key="k")
            await puppet.stage.system.sleep(2.0)
            timer.cancel()
            ctx.after(1.0, Say(text="in its place"), key="k")

        await stage.do(a, act)
        await stage.settle(5.0)
        assert stage.notes("a") == ["start", "in its place"]

    run(scenario)


@anywhere
def test_45_old_timers_dead_on_the_real_clock(run: Run) -> None:
    """The same where time is real: nothing of an old incarnation's rhythm is heard."""

    class Ticking(Puppet):
        @override
        def on_start(self, ctx: Context) -> None:
            super().on_start(ctx)
            life = incarnation(ctx.self)
            for _ in range(5):
                ctx.every(0.5, Do(act=lambda p, c: p.heard.append(str(life))))

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Ticking(stage))
        for life in range(1, 4):
            await stage.system.sleep(2.0)
            stage.crash(a)
            await until(stage, lambda: incarnation(a) == life)  # noqa: B023  # awaited here
        await stage.system.sleep(2.0)
        heard = await stage.do(a, lambda p, ctx: p.heard)
        assert set(heard) == {"3"}

    run(scenario)


# 46


@anywhere
@pytest.mark.parametrize("late", [False, True])
def test_46_pre_restart_raises_and_the_restart_goes_on(run: Run, late: bool) -> None:
    """A failure in pre_restart is reported, and changes nothing else."""

    class Clumsy(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> Any:
            if late:
                return self.fail_late()
            raise KeyError("clumsy")

        async def fail_late(self) -> None:
            await self.stage.system.sleep(1.0)
            raise KeyError("clumsy")

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(factory=lambda: Clumsy(stage))
        child = await stage.do(a, spawn(stage.spec("child")))
        stage.crash(a)
        stage.say(a, "kept")
        assert await stage.do(a, lambda p, ctx: p.heard) == ["kept"]
        assert [type(error) for _, error in stage.log.failures] == [Boom, KeyError]
        assert (stage.log.restarts, stage.notes("child")) == ([("a", 1)], ["start", "post_stop"])
        assert child.cell.is_stopped

    run(scenario)


@anywhere
def test_46_pre_restart_raises_no_answer_twice(run: Run) -> None:
    """The one who asked hears of the failure of the handler, not of the hook."""

    class Clumsy(Puppet):
        @override
        def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> Any:
            raise KeyError("clumsy")

    async def scenario(stage: Stage) -> None:
        a: Ref = stage.spawn(factory=lambda: Clumsy(stage))
        with pytest.raises(AskFailed, match="Boom"):
            await stage.do(a, nap_then_fail)
        assert await stage.do(a, lambda p, ctx: "alive") == "alive"

    run(scenario)
