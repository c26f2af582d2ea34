"""Checks 3, 4, 7 and 8: one thing at a time, a fair share for everybody, and the runtime's own word before all messages."""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from typing_extensions import override

from alys.actors import loop as loop_module
from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import ActorStopped
from alys.actors.loop import SLICE_SECONDS, THROUGHPUT_MESSAGES, LoopDispatcher
from alys.actors.message import Message
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.state import Status
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom
from tests.actors.conformance.ways import Run, every_way, on_loops, until
from tests.actors.stage import Do, Log, Mourner, PlainLog, Puppet, Say, Shout, Stage, fail

ROOM = 1_000_000

# 3


class Room:
    """Where one may be at a time; everybody who enters is counted."""

    def __init__(self) -> None:
        self.inside = ""
        self.visits = 0

    @contextmanager
    def entered(self, who: str) -> Iterator[None]:
        """While somebody is inside."""
        assert not self.inside, f"{who} came in while {self.inside} was inside"
        self.inside = who
        self.visits += 1
        try:
            yield
        finally:
            self.inside = ""


class Careful(Actor):
    """Enters the room in every handler and hook, and waits or asks inside."""

    def __init__(self, room: Room, friend: Ref) -> None:
        self.room = room
        self.friend = friend

    async def take_time(self, what: str, ctx: Context) -> None:
        with self.room.entered(what):
            for _ in range(ctx.random.below(3)):
                await ctx.ask(self.friend, Do(act=lambda p, c: None))

    @override
    async def on_start(self, ctx: Context) -> None:
        await self.take_time("start", ctx)
        ctx.every(0.001, Say(text="tick"))

    @override
    async def pre_restart(
        self, error: BaseException, message: Message | None, ctx: Context
    ) -> None:
        await self.take_time("pre_restart", ctx)

    @override
    async def post_stop(self, ctx: Context) -> None:
        await self.take_time("post_stop", ctx)

    async def on_say(self, message: Say, ctx: Context) -> None:
        await self.take_time(message.text, ctx)

    def on_shout(self, message: Shout, ctx: Context) -> None:
        myself = ctx.self
        with self.room.entered(message.text):
            ctx.ask(self.friend, Do(act=lambda p, c: c.ask(myself, Do(act=look)).done))
            ctx.ask(self.friend, Do(act=lambda p, c: c.tell(myself, Say(text="told back"))))

    def on_do(self, message: Do, ctx: Context) -> Any:
        with self.room.entered("an ask"):
            if message.act is fail:
                raise ZeroDivisionError
        return "seen"


def look(puppet: Any, ctx: Context) -> None:
    """To be asked of somebody who is careful."""


@every_way
def test_03_one_at_a_time(run: Run) -> None:
    """No handler or hook of an actor begins before the one before it has ended, waiting included.

    Not for what was queued meanwhile, urgent or asked, not for timers, nor for a failure, a restart or the stop; and not
    for somebody who is asked at once and asks back.
    """

    async def scenario(stage: Stage) -> None:
        room, friend = Room(), stage.spawn("friend", mailbox_messages_max=ROOM)
        a = stage.spawn(
            factory=lambda: Careful(room, friend), mailbox_messages_max=ROOM, shutdown_seconds=1e6
        )
        for number in range(100):
            stage.say(a, f"message {number}")
            if stage.system.random.below(10) == 0:
                stage.crash(a)
            if stage.system.random.below(10) == 0:
                stage.tell(a, Shout(text="shout"))
            if stage.system.random.below(10) == 0:
                await stage.system.sleep(0.001)
        await until(stage, lambda: room.visits > 100)
        assert await stage.do(a, look, timeout=1e6) == "seen"
        assert all(isinstance(error, ZeroDivisionError) for _, error in stage.log.failures)
        await stage.system.stop(a, seconds=1e6)
        assert not room.inside

    run(scenario)


@every_way
def test_03_one_at_a_time_even_when_it_is_asked_back_at_once(run: Run) -> None:
    """Whoever is asked in the middle of a handler and asks or tells the asker something finds it occupied."""

    async def scenario(stage: Stage) -> None:
        trace: list[str] = []
        a, b = stage.spawn("a"), stage.spawn("b")
        await until(stage, lambda: len(stage.journal) == 2)

        def outer(puppet: Puppet, ctx: Context) -> None:
            trace.append("begin")
            ctx.ask(b, Do(act=ask_back))
            ctx.tell(a, Do(act=lambda p, c: trace.append("told")))
            trace.append("end")

        def ask_back(puppet: Puppet, ctx: Context) -> None:
            ctx.ask(a, Do(act=lambda p, c: trace.append("asked")))

        await stage.do(a, outer)
        await until(stage, lambda: len(trace) == 4)
        assert trace[:2] == ["begin", "end"]

    run(scenario)


# 4


class Hot(Puppet):
    """Always has something to do: tells itself the same again, until it is stopped."""

    count = 0

    @override
    def on_say(self, message: Say, ctx: Context) -> None:
        type(self).count += 1
        ctx.tell(ctx.self, message)


@on_loops
@pytest.mark.parametrize("balls", [1, 1000], ids=["one message", "a thousand"])
@pytest.mark.parametrize("told", [True, False], ids=["tell", "ask"])
def test_04_fair_share_of_an_idle_actor(run: Run, balls: int, told: bool) -> None:
    """Beside one that always has something to do, an idle actor's message is handled within two of its turns."""

    async def scenario(stage: Stage) -> None:
        seen: list[int] = []
        Hot.count = 0
        hot, idle = stage.spawn("hot", lambda: Hot(stage)), stage.spawn("idle")
        stage.say(hot, *["again"] * balls)
        for _ in range(10):
            before = Hot.count
            ask = Do(act=lambda p, ctx: seen.append(Hot.count))
            if told:
                stage.tell(idle, ask)
                await until(stage, lambda: seen)
            else:
                await stage.system.ask(idle, ask)
            assert seen.pop() - before <= 2 * THROUGHPUT_MESSAGES
        stage.system.stop(hot)

    run(scenario)


class FakeClock:
    """Time that passes with the messages that are handled, and in no other way."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeLoop(asyncio.SelectorEventLoop):
    """A loop that lives in such a time; when it has nothing to do, time jumps to its next timer."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        super().__init__(_Jumping(clock))

    @override
    def time(self) -> float:
        return self.clock.now


class _Jumping(selectors.DefaultSelector):
    """Selects without waiting."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    @override
    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self.clock.now += timeout
        return super().select(0)


def lateness(monkeypatch: pytest.MonkeyPatch, observer: Observer, cost: float) -> float:
    """How late a timer of the loop is, beside an actor that is never idle and takes so long for each message."""
    clock = FakeClock()
    monkeypatch.setattr(loop_module, "time", SimpleNamespace(perf_counter=clock, time=clock))

    class Costly(Actor):
        def on_say(self, message: Say, ctx: Context) -> None:
            clock.now += cost
            assert clock.now < 10.0, "the loop never got its turn"
            ctx.tell(ctx.self, message)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        system = System(LoopDispatcher(loop), SeededRandom(0), observer=observer)
        hot = [system.spawn(ChildSpec(name=f"hot{n}", factory=Costly)) for n in range(3)]
        for ref in hot:
            system.tell(ref, Say(text="again"))
        late: list[float] = []

        def fire(due: float) -> None:
            late.append(loop.time() - due)
            if len(late) < 10:
                loop.call_later(0.0005, fire, loop.time() + 0.0005)
            else:
                over.set_result(None)

        over: asyncio.Future[None] = loop.create_future()
        fire(loop.time())
        await over
        for ref in hot:
            system.stop(ref)
        await system.shutdown()
        return max(late)

    with asyncio.Runner(loop_factory=lambda: FakeLoop(clock)) as runner:
        return runner.run(main())


@pytest.mark.parametrize("observer", [Log, PlainLog])
def test_04_fair_share_of_the_loops_timers(
    monkeypatch: pytest.MonkeyPatch, observer: Callable[[], Log]
) -> None:
    """Timers and sockets of the loop wait for two slices at most: the one in which they are due, and the one after it.

    A slice ends when the clock is next looked at, so it lasts some turns longer than it should.
    """
    microsecond = 1e-6
    turns = max(loop_module.GAPS) + 1
    a_slice = SLICE_SECONDS + (turns + 1) * THROUGHPUT_MESSAGES * microsecond
    assert lateness(monkeypatch, observer(), microsecond) <= 2 * a_slice


@on_loops
def test_04_fair_share_of_tasks_that_never_stop_asking(run: Run) -> None:
    """Tasks that ask an idle actor again and again, and get their answers at once, still let the loop do its work."""

    async def scenario(stage: Stage) -> None:
        loop, a = asyncio.get_running_loop(), stage.spawn()
        answers: list[int] = []
        done = stage.system.sleep(0.0)
        fired: list[int] = []

        async def ask() -> None:
            loop.call_soon(lambda: fired.append(len(answers)))
            while not fired:
                answers.append(await stage.do(a, lambda p, ctx: 1))
                assert len(answers) <= 10 * loop_module.WAITS_MAX

        await done
        finished = stage.system.sleep(1e6)
        task = asyncio.ensure_future(ask())  # noqa: TID251  # like a gateway's
        task.add_done_callback(lambda over: finished.complete(over.result()))
        await finished

    run(scenario)


# 7


def overtake(waiting: bool, messages: int) -> Callable[[Stage], Any]:
    """An actor with so many messages is stopped: told so by somebody, or by itself in the middle of a run."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=ROOM)
        b = stage.spawn("b")
        await until(stage, lambda: len(stage.journal) == 2)
        going_on = stage.system.sleep(1000.0)

        async def wait(puppet: Puppet, ctx: Context) -> None:
            await going_on
            puppet.note("current")

        def stop(puppet: Puppet, ctx: Context) -> None:
            stage.system.stop(a)
            puppet.note("current")

        def speak(puppet: Puppet, ctx: Context) -> None:
            ctx.tell(a, Do(act=wait if waiting else stop))
            for number in range(messages):
                ctx.tell(a, Say(text=str(number)))

        await stage.do(b, speak)
        if waiting:
            await until(stage, lambda: a.mailbox.count == messages)
            stopped = stage.system.stop(a, seconds=1e6)
            stage.say(a, "too late")
            going_on.complete(None)
            await stopped
        else:
            await until(stage, lambda: a.cell.status is Status.STOPPED)
        assert stage.notes("a") == ["start", "current", "post_stop"]
        lost = [text for _, text, _ in stage.log.dead if text != "too late"]
        assert lost == [*map(str, range(messages))]
        assert stage.log.dead.count(("a", "too late", "stopped")) == waiting
        assert {reason for _, _, reason in stage.log.dead} == {"stopped"}

    return scenario


@every_way
@pytest.mark.parametrize("waiting", [True, False], ids=["while it waits", "while it runs"])
def test_07_system_overtakes(run: Run, waiting: bool) -> None:
    """The word to stop comes before all queued messages: the current one ends, the others are dead letters, in order."""
    run(overtake(waiting, 100))


@on_loops
@pytest.mark.parametrize("waiting", [True, False], ids=["while it waits", "while it runs"])
def test_07_system_overtakes_a_hundred_thousand(run: Run, waiting: bool) -> None:
    """The same for a hundred thousand."""
    run(overtake(waiting, 100_000))


# 8


@every_way
def test_08_suspended_no_user(run: Run) -> None:
    """A suspended actor handles no message, urgent, asked or its own timer's, until it is resumed; then all, in order."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        await stage.do(a, lambda p, ctx: ctx.after(0.5, Say(text="timer")))
        asked: list[Any] = []

        def speak(puppet: Puppet, ctx: Context) -> None:
            ctx.tell(a, Say(text="before"))
            ctx.suspend(a)
            asked.append(ctx.ask(a, Do(act=lambda p, c: p.note("asked")), timeout=1e6))
            for text in ("1", "2", "3"):
                ctx.tell(a, Say(text=text))
            ctx.tell(a, Shout(text="now"))

        await stage.do(b, speak)
        await stage.system.sleep(1.0)
        await until(stage, lambda: a.mailbox.count == 7)
        stage.do(a, lambda p, ctx: None, timeout=1e6)
        await stage.system.sleep(1.0)
        assert (stage.notes("a"), asked[0].done) == (["start"], False)
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 8)
        assert stage.notes("a")[1:] == ["now", "before", "asked", "1", "2", "3", "timer"]
        assert asked[0].done

    run(scenario)


@every_way
@pytest.mark.parametrize("when", ["before it starts", "idle", "while it waits", "in a run"])
def test_08_suspended_no_user_whatever_it_was_doing(run: Run, when: str) -> None:
    """The same if the word comes before the start, between two messages, or while a handler waits or runs."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn("a"), stage.spawn("b")
        going_on = stage.system.sleep(1e6)
        if when == "before it starts":
            stage.system.suspend(a)
        await until(stage, lambda: len(stage.journal) == 2)

        async def wait(puppet: Puppet, ctx: Context) -> None:
            await going_on

        def speak(puppet: Puppet, ctx: Context) -> None:
            if when == "while it waits":
                ctx.tell(a, Do(act=wait))
            if when == "in a run":
                ctx.tell(a, Do(act=lambda p, c: c.suspend(a)))
            for number in range(10):
                ctx.tell(a, Say(text=str(number)))

        if when == "idle":
            stage.system.suspend(a)
            await stage.system.sleep(0.1)
        await stage.do(b, speak)
        if when == "while it waits":
            await until(stage, lambda: a.cell.activity is not None)
            stage.system.suspend(a)
        await stage.system.sleep(0.1)
        going_on.complete(None)
        await stage.system.sleep(0.1)
        assert stage.notes("a") == ["start"]
        stage.system.resume(a)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", *map(str, range(10))]

    run(scenario)


@every_way
def test_08_suspended_no_user_but_the_runtimes_own_word(run: Run) -> None:
    """While it is suspended it can be stopped, restarted with its parent, watched; and stays suspended meanwhile."""

    async def scenario(stage: Stage) -> None:
        mother = stage.spawn("mother", keep_children=True)
        a = await stage.do(mother, lambda p, ctx: ctx.spawn(stage.spec("a")))
        mourner = stage.spawn("mourner", lambda: Mourner(stage))
        await stage.do(mourner, lambda p, ctx: ctx.watch(a))
        stage.tell(a, Do(act=lambda p, ctx: ctx.suspend(ctx.self)))
        stage.crash(a)
        await stage.system.sleep(0.1)
        assert (a.cell.incarnation, a.mailbox.count) == (0, 1), "it does not even fail"
        stage.system.resume(a)
        await until(stage, lambda: a.cell.incarnation == 1)
        await stage.do(a, lambda p, ctx: ctx.suspend(ctx.self))
        asked = stage.do(a, lambda p, ctx: None, timeout=1e6)
        assert await stage.system.stop(a) == "shutdown: system"
        with pytest.raises(ActorStopped):
            await asked
        await until(stage, lambda: len(stage.notes("mourner")) == 2)
        assert stage.notes("mourner")[1] == "a is gone: shutdown: system"
        assert stage.notes("a") == ["start", "pre_restart", "start", "post_stop"]

    run(scenario)
