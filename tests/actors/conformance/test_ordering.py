"""Checks 1 and 2: who sent what keeps its order and its origin, whichever way it travels."""

import itertools
from collections.abc import Callable
from typing import Any, ClassVar

from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.message import Message, Priority, Request
from alys.actors.ref import Ref
from alys.actors.state import Status
from alys.actors.supervision import Restart
from tests.actors.conformance.numbered import (
    ROOM,
    Heard,
    LazyNumber,
    Number,
    UrgentNumber,
    seen,
)
from tests.actors.conformance.ways import Run, every_way, on_loops, until
from tests.actors.stage import (
    Do,
    Mourner,
    Puppet,
    Say,
    Stage,
    fail,
    on_a_loop,
    on_a_plain_loop,
)


class Question(Request[int], frozen=True, kw_only=True):
    """One that is answered with its number."""

    number: int


class SlowQuestion(Question, frozen=True, kw_only=True):
    """One whose handler waits for somebody else meanwhile."""


class UrgentQuestion(Question, frozen=True, kw_only=True):
    """One that is asked ahead of others."""

    priority = Priority.HIGH


class Tick(Message, frozen=True, kw_only=True):
    """A timer's."""


class Go(Message, frozen=True, kw_only=True):
    """Send the next few."""


class Listener(Actor):
    """Writes down every message with its sender and its operation, at its beginning and again at its end."""

    def __init__(self, heard: list[Heard], helper: Ref) -> None:
        self.heard = heard
        self.helper = helper
        self.numbers = itertools.count(1)
        self.meant: list[Heard] = []
        self.ticks: list[tuple[Ref | None, str | None]] = []

    @override
    def on_start(self, ctx: Context) -> None:
        ctx.every(0.001, Tick(), about="time")

    def on_number(
        self, message: Number | UrgentNumber | LazyNumber | Question | UrgentQuestion, ctx: Context
    ) -> int:
        self.heard.append(seen(message, ctx))
        return message.number

    async def on_slow_question(self, message: SlowQuestion, ctx: Context) -> int:
        before = seen(message, ctx)
        self.heard.append(before)
        await ctx.ask(self.helper, Question(number=0), about="something else")
        assert seen(message, ctx) == before
        return message.number

    def on_tick(self, message: Tick, ctx: Context) -> None:
        self.ticks.append((ctx.sender, ctx.correlation))
        number = Number(number=next(self.numbers))
        self.meant.append(Heard(ctx.self.name, number.priority, number.number, "time"))
        ctx.tell(ctx.self, number)


class Helper(Actor):
    """Answers."""

    def on_question(self, message: Question, ctx: Context) -> int:
        return message.number


class Talker(Actor):
    """Sends to the listener in all ways that there are, as its generator says; notes what it meant."""

    KINDS: ClassVar[dict[str, type[Any]]] = {
        "tell": Number, "run": Number, "urgent": UrgentNumber, "lazy": LazyNumber, "about": Number, "send": Number,
        "ask": Question, "ask and wait": Question, "ask slowly": SlowQuestion, "ask urgently": UrgentQuestion,
    }  # fmt: skip

    def __init__(self, listener: Ref, rounds: int) -> None:
        self.listener = listener
        self.left = rounds
        self.numbers = itertools.count(1)
        self.meant: list[Heard] = []
        self.asked: list[tuple[int, Any]] = []

    async def on_go(self, message: Go, ctx: Context) -> None:
        for _ in range(1 + ctx.random.below(5)):
            await self.say(ctx, ctx.random.choice(tuple(self.KINDS)))
        self.left -= 1
        if self.left <= 0:
            return
        about = ctx.random.choice((None, None, "this", "that"))
        if ctx.random.below(4):
            ctx.tell(ctx.self, Go(), about)
        else:
            ctx.after(0.001 * ctx.random.below(4), Go(), about)

    async def say(self, ctx: Context, how: str) -> None:
        for _ in range(1 + ctx.random.below(6) if how == "run" else 1):
            message = self.KINDS[how](number=next(self.numbers))
            about = ctx.random.choice(("this", "that")) if how == "about" else None
            self.meant.append(
                Heard(ctx.self.name, message.priority, message.number, about or ctx.correlation)
            )
            if how == "send":
                await ctx.send(self.listener, message)
            elif not how.startswith("ask"):
                ctx.tell(self.listener, message, about)
            else:
                await self.ask(ctx, message, wait=how in ("ask and wait", "ask slowly"))

    async def ask(self, ctx: Context, message: Any, *, wait: bool) -> None:
        reply = ctx.ask(self.listener, message)
        if wait:
            assert await reply == message.number
        else:
            self.asked.append((message.number, reply))


def lanes(heard: list[Heard]) -> dict[tuple[str, Priority], list[Heard]]:
    """What each sender had to say in each lane, in its order."""
    found: dict[tuple[str, Priority], list[Heard]] = {}
    for one in heard:
        found.setdefault((one.sender, one.lane), []).append(one)
    return found


async def talk(stage: Stage, rounds: int) -> None:
    """Some talkers to one listener; every message arrives, in order, with its sender and its operation."""
    heard: list[Heard] = []
    helper = stage.spawn("helper", Helper)
    listener = Listener(heard, helper)
    ear = stage.spawn("ear", lambda: listener, mailbox_messages_max=ROOM)
    talkers = [Talker(ear, rounds) for _ in range(3)]
    meant: list[list[Heard]] = [listener.meant, *(talker.meant for talker in talkers)]
    for name, talker in zip("abc", talkers, strict=True):
        stage.tell(stage.spawn(name, lambda talker=talker: talker), Go())  # type: ignore[misc]
    if stage.system.random.below(2):
        stage.system.suspend(ear)
        await stage.system.sleep(0.01)
        stage.system.resume(ear)
    await until(stage, lambda: not any(talker.left for talker in talkers))
    await until(stage, lambda: len(heard) == sum(map(len, meant)))
    assert lanes(heard) == lanes([one for each in meant for one in each])
    assert set(listener.ticks) == {(ear, "time")}
    assert [n for t in talkers for n, _ in t.asked] == [
        r.result() for t in talkers for _, r in t.asked
    ]


@every_way
def test_01_fifo_pair_holds_whatever_is_mixed_in(run: Run) -> None:
    """What one actor sends to another in one lane arrives in its order, with its sender and operation.

    Told, asked, urgent, lazy, after a timer, about something else: nothing that comes between may change that.
    """
    run(lambda stage: talk(stage, 25))


@on_loops
def test_01_fifo_pair_holds_over_a_long_run(run: Run) -> None:
    """The same where turns are long and thousands of messages are queued."""
    run(lambda stage: talk(stage, 1000))


class Counter(Actor):
    """Sends 1, 2, 3, ... to somebody, a few hundred in each turn."""

    def __init__(self, target: Ref, last: int, chunk: int) -> None:
        self.target = target
        self.last = last
        self.chunk = chunk
        self.sent = 0

    def on_go(self, message: Go, ctx: Context) -> None:
        for _ in range(min(self.chunk, self.last - self.sent)):
            self.sent += 1
            ctx.tell(self.target, Number(number=self.sent))
        if self.sent < self.last:
            ctx.tell(ctx.self, message)


def count(last: int, changes_min: int) -> Callable[[Stage], Any]:
    """Two count to ``last`` at the same time, in steps of different length."""

    async def scenario(stage: Stage) -> None:
        heard: list[Heard] = []
        helper = stage.spawn("helper", Helper)
        ear = stage.spawn("ear", lambda: Listener(heard, helper), mailbox_messages_max=ROOM)
        for name, chunk in (("a", 7), ("c", 3)):
            stage.tell(stage.spawn(name, lambda chunk=chunk: Counter(ear, last, chunk)), Go())  # type: ignore[misc]
        for name in "ac":
            await until(
                stage, lambda name=name: sum(one.sender == name for one in heard) == last  # type: ignore[misc]
            )  # fmt: skip
            assert [one.number for one in heard if one.sender == name] == list(range(1, last + 1))
        changes = sum(one.sender != other.sender for one, other in itertools.pairwise(heard))
        assert changes >= changes_min, "they really spoke at the same time"

    return scenario


@every_way
def test_01_fifo_pair_of_two_who_count_at_the_same_time(run: Run) -> None:
    """Each sender's numbers arrive in sequence, none is lost or repeated, while the other one counts too."""
    run(count(200, changes_min=1))


@on_loops
def test_01_fifo_pair_of_two_who_count_to_ten_thousand(run: Run) -> None:
    """The same for ten thousand each."""
    run(count(10_000, changes_min=10))


def test_01_fifo_pair_takes_the_fast_path_where_nobody_observes() -> None:
    """The runs of this file called plain do travel bare and do get answers at once, the others do not."""

    async def scenario(stage: Stage) -> bool:
        a, b, fast = stage.spawn("a"), stage.spawn("b"), []

        def act(puppet: Puppet, ctx: Context) -> None:
            fast.append(ctx.ask(b, Do(act=lambda p, c: None)).done)
            messages = [Say(text=str(number)) for number in range(3)]
            for message in messages:
                ctx.tell(b, message)
            fast.append([entry for entry in b.mailbox.queue if isinstance(entry, Message)] != [])

        await until(stage, lambda: stage.notes("b"))
        await stage.do(a, act)
        assert fast[0] == fast[1]
        return bool(fast[0])

    assert (on_a_plain_loop(scenario), on_a_loop(scenario)) == (True, False)


@on_loops
def test_01_fifo_pair_of_an_actor_asked_at_once_that_was_never_told_anything(run: Run) -> None:
    """What an actor tells itself while it answers its very first ask is handled."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await until(stage, lambda: stage.notes("b"))
        ask = Do(act=lambda p, ctx: ctx.tell(ctx.self, Say(text="later")))
        await stage.do(a, lambda p, ctx: ctx.ask(b, ask).done)
        await until(stage, lambda: stage.notes("b") == ["start", "later"])

    run(scenario)


# 2


@every_way
def test_02_down_after_messages(run: Run) -> None:
    """The news of a death comes behind everything that the dead actor had said to the watcher."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn("a", lambda: Mourner(stage))
        b = stage.spawn("b", restart=Restart.TEMPORARY)
        held = stage.system.random.below(2)
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        if held:
            stage.system.suspend(a)

        def speak_and_fail(puppet: Puppet, ctx: Context) -> None:
            for number in range(100):
                ctx.tell(a, Say(text=str(number)))
            fail(puppet, ctx)

        stage.tell(b, Do(act=speak_and_fail))
        await until(stage, lambda: stage.log.stops)
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) > 101)
        assert stage.notes("a") == ["start", *map(str, range(100)), "b is gone: failed: Boom"]

    run(scenario)


@every_way
def test_02_down_after_messages_of_every_lane(run: Run) -> None:
    """It waits for those in the lower lanes too, and lets pass what others say more urgently."""

    async def scenario(stage: Stage) -> None:
        heard: list[str] = []
        speaker = stage.spawn("speaker", restart=Restart.TEMPORARY)
        ear = stage.spawn("ear", lambda: Ear(heard, speaker))
        await until(stage, lambda: ear.cell.status is Status.RUNNING)
        stage.system.suspend(ear)

        def speak(puppet: Puppet, ctx: Context) -> None:
            for number, kind in enumerate((LazyNumber, Number, UrgentNumber, LazyNumber, Number)):
                ctx.tell(ear, kind(number=number))
            ctx.stop()

        await stage.do(speaker, speak)
        await until(stage, lambda: stage.log.stops)
        stage.tell(ear, UrgentNumber(number=9))
        stage.tell(ear, LazyNumber(number=8))
        stage.system.resume(ear)
        await until(stage, lambda: len(heard) == 8)
        assert heard == ["2", "9", "1", "4", "0", "3", "the end", "8"]

    run(scenario)


class Ear(Actor):
    """Watches somebody, and writes down what it hears."""

    def __init__(self, heard: list[str], speaker: Ref) -> None:
        self.heard = heard
        self.speaker = speaker

    @override
    def on_start(self, ctx: Context) -> None:
        ctx.watch(self.speaker)

    def on_number(self, message: Number | UrgentNumber | LazyNumber, ctx: Context) -> None:
        self.heard.append(str(message.number))

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        assert ctx.sender == message.ref
        self.heard.append("the end")


@every_way
def test_02_down_after_messages_can_be_called_off_in_the_middle_of_a_run(run: Run) -> None:
    """Who does not want the news any more, although they are queued right behind, is not harmed by that."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a", lambda: Mourner(stage)), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        stage.system.suspend(a)
        stage.tell(a, Do(act=lambda p, ctx: ctx.unwatch(b)))
        await stage.system.stop(b)
        stage.system.resume(a)
        assert await stage.do(a, lambda p, ctx: "well") == "well"
        assert (stage.notes("a"), stage.log.failures) == (["start"], [])

    run(scenario)


@every_way
def test_02_down_after_messages_makes_room_when_it_is_called_off(run: Run) -> None:
    """A sender that waits for room gets it when news that filled the mailbox are called off while a handler waits."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(
            "a", lambda: Mourner(stage), mailbox_messages_max=1, overflow=Overflow.SUSPEND
        )
        b, going_on = stage.spawn("b"), stage.system.sleep(10.0)
        await stage.do(a, lambda p, ctx: ctx.watch(b))

        async def wait(puppet: Puppet, ctx: Context) -> None:
            await going_on
            ctx.unwatch(b)

        waiting = stage.do(a, wait)
        await stage.system.stop(b)
        await until(stage, lambda: a.mailbox.count == 1)
        await stage.system.send(a, Say(text="in"))
        await waiting
        await until(stage, lambda: stage.notes("a") == ["start", "in"])

    run(scenario)
