"""Checks 60 to 62 of the runtime's contract: bounded mailboxes, what overflow costs whom, and the pill."""

from typing import Any

import pytest
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.errors import ActorStopped, MailboxFull
from alys.actors.mailbox import Overflow
from alys.actors.message import PoisonPill
from alys.actors.ref import Ref
from tests.actors.conformance.paths import anywhere, tell_all, until
from tests.actors.stage import Do, Mourner, Mutter, Puppet, Run, Say, Shout, Stage

CAPACITY = 10
SENDERS = 8
EACH = 20
SMALL: dict[str, Any] = {"mailbox_messages_max": 1, "overflow": Overflow.SUSPEND}


class Consumer(Puppet):
    """Takes its time, and looks how long its mailbox gets."""

    most = 0
    seconds = 0.5

    @override
    def on_say(self, message: Say | Shout | Mutter, ctx: Context) -> Any:
        """Take one's time."""
        return self.consume(message, ctx)

    async def consume(self, message: Say | Shout | Mutter, ctx: Context) -> None:
        self.look(ctx)
        await self.stage.system.sleep(self.seconds)
        self.look(ctx)
        self.note(message.text)

    def look(self, ctx: Context) -> None:
        self.most = max(self.most, ctx.self.mailbox.count)


def send_all(target: Ref, calls: list[str]) -> Any:
    """To be done by a puppet: send so many, waiting for room; the order of the calls is written down."""

    async def act(puppet: Puppet, ctx: Context) -> None:
        for number in range(EACH):
            text = f"{puppet.name} {number}"
            calls.append(text)
            await ctx.send(target, Say(text=text))

    return act


async def stand_still(stage: Stage, ref: Ref) -> None:
    """From now on it handles nothing."""
    stage.system.suspend(ref)
    await until(stage, lambda: ref.cell.status.value == "running" and not ref.cell.able)


# 60


@anywhere
def test_60_bounded_backpressure_keeps_the_bound_and_the_order(run: Run) -> None:
    """Eight senders and a slow consumer: never more than ten queued, nothing lost, served in the order of their coming."""

    async def scenario(stage: Stage) -> None:
        made: list[Consumer] = []

        def make() -> Consumer:
            made.append(Consumer(stage))
            return made[0]

        a = stage.spawn(factory=make, mailbox_messages_max=CAPACITY, overflow=Overflow.SUSPEND)
        calls: list[str] = []
        for number in range(SENDERS):
            stage.tell(stage.spawn(f"s{number}"), Do(act=send_all(a, calls)))
        await until(stage, lambda: len(stage.notes("a")) == 1 + SENDERS * EACH)
        assert stage.notes("a")[1:] == calls
        assert made[0].most <= CAPACITY
        assert made[0].most == CAPACITY, "the bound was never reached: this proves nothing"
        assert (stage.log.dead, stage.log.drops) == ([], [])

    run(scenario)


@anywhere
def test_60_bounded_backpressure_lets_nobody_pass_those_who_wait(run: Run) -> None:
    """While somebody waits for room, a newcomer that could be served waits behind, or is refused if it cannot wait."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=2, overflow=Overflow.SUSPEND)
        await stand_still(stage, a)
        calls: list[str] = []
        senders = [stage.spawn(f"s{number}") for number in range(3)]

        async def send_one(puppet: Puppet, ctx: Context) -> None:
            calls.append(puppet.name)
            await ctx.send(a, Say(text=puppet.name))

        stage.say(a, "1", "2")
        for sender in senders:
            stage.tell(sender, Do(act=send_one))
        await until(stage, lambda: a.mailbox.waiting == 3)
        with pytest.raises(MailboxFull):
            stage.say(a, "barging")
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 6)
        assert stage.notes("a") == ["start", "1", "2", *calls]
        assert stage.log.dead == [("a", "barging", "mailbox full")]

    run(scenario)


@anywhere
@pytest.mark.parametrize("how", ["stopped", "killed", "restarted"])
def test_60_bounded_backpressure_a_cancelled_sender_loses_no_slot_and_sends_nothing(
    run: Run, how: str
) -> None:
    """Whoever ends while it waits for room sends nothing, and those behind it are served all the same."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=Overflow.SUSPEND)
        await stand_still(stage, a)
        senders = [stage.spawn(f"s{number}", shutdown_seconds=1.0) for number in range(3)]
        stage.say(a, "1")
        for number, sender in enumerate(senders):

            async def send_one(puppet: Puppet, ctx: Context) -> None:
                await ctx.send(a, Say(text=puppet.name))

            stage.tell(sender, Do(act=send_one))
            await until(stage, lambda n=number: a.mailbox.waiting == n + 1)  # type: ignore[misc]
        victim = senders[1]
        if how == "restarted":
            victim.cell.begin_restart(RuntimeError("as the test says"), None)
            await until(stage, lambda: victim.cell.incarnation == 1)
        else:
            await stage.system.stop(victim, seconds=0.0 if how == "killed" else None)
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 4)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "1", "s0", "s2"]
        assert a.mailbox.waiting == 0

    run(scenario)


@anywhere
def test_60_bounded_backpressure_ends_with_the_receiver(run: Run) -> None:
    """When the receiver ends, those who wait for room in its mailbox learn it at once."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=Overflow.SUSPEND)
        b = stage.spawn("b")
        await stand_still(stage, a)
        stage.say(a, "1")

        async def send_in_vain(puppet: Puppet, ctx: Context) -> str:
            with pytest.raises(ActorStopped):
                await ctx.send(a, Say(text="2"))
            return "told"

        told = stage.do(b, send_in_vain, timeout=1e6)
        await until(stage, lambda: a.mailbox.waiting == 1)
        await stage.system.stop(a)
        assert await told == "told"
        assert stage.log.dead == [("a", "1", "stopped")]

    run(scenario)


@anywhere
def test_60_bounded_backpressure_does_not_lock_an_actor_that_sends_to_itself(run: Run) -> None:
    """Telling oneself with a full mailbox is refused at once; the handler goes on."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=2, overflow=Overflow.SUSPEND)

        def act(puppet: Puppet, ctx: Context) -> str:
            ctx.tell(ctx.self, Say(text="1"))
            ctx.tell(ctx.self, Say(text="2"))
            with pytest.raises(MailboxFull):
                ctx.tell(ctx.self, Say(text="3"))
            return "fine"

        assert await stage.do(a, act) == "fine"
        await until(stage, lambda: stage.notes("a") == ["start", "1", "2"])

    run(scenario)


@anywhere
def test_60_bounded_backpressure_never_keeps_the_runtime_s_own_calls_out(run: Run) -> None:
    """News of a death reach a mailbox that is full and has a line before it; so does the word to stop."""

    async def scenario(stage: Stage) -> None:
        a, b, c = (stage.spawn(name, lambda: Mourner(stage), **SMALL) for name in "abc")
        await stage.do(a, lambda p, ctx: ctx.watch(b))
        await stand_still(stage, a)
        stage.say(a, "1")

        async def send_one(puppet: Puppet, ctx: Context) -> None:
            await ctx.send(a, Say(text="2"))

        stage.tell(c, Do(act=send_one))
        await until(stage, lambda: a.mailbox.waiting == 1)
        await stage.system.stop(b)
        assert (a.mailbox.count, a.mailbox.waiting) == (2, 1)
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 4)
        assert stage.notes("a") == ["start", "1", "b is gone: shutdown: system", "2"]
        await stand_still(stage, a)
        stage.say(a, "3")
        await stage.system.stop(a)
        assert stage.log.dead == [("a", "3", "stopped")]

    run(scenario)


# 61

SURVIVORS = {
    Overflow.FAIL: ["1", "2", "3"],
    Overflow.SUSPEND: ["1", "2", "3"],
    Overflow.DROP_NEW: ["1", "2", "3"],
    Overflow.DROP_OLD: ["4", "5", "6"],
    Overflow.DEAD_LETTERS: ["1", "2", "3"],
}
LOST = {policy: sorted(set("123456") - set(texts)) for policy, texts in SURVIVORS.items()}
DROPPING = (Overflow.DROP_NEW, Overflow.DROP_OLD)
REFUSING = (Overflow.FAIL, Overflow.SUSPEND)


@anywhere
@pytest.mark.parametrize("by", ["outside", "an_actor"])
@pytest.mark.parametrize("policy", Overflow)
def test_61_overflow_policies_have_exact_survivors_and_one_event_for_each_loss(
    run: Run, policy: Overflow, by: str
) -> None:
    """Of six messages to a mailbox of three the policy says which three live, who hears of the others, and how."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(mailbox_messages_max=3, overflow=policy), stage.spawn("b")
        await stand_still(stage, a)
        refused: list[str] = []

        def send(tell: Any) -> None:
            for text in "123456":
                try:
                    tell(a, Say(text=text))
                except MailboxFull as full:
                    refused.append(f"{text} {full.target} {full.capacity}")

        if by == "outside":
            send(stage.tell)
        else:
            await stage.do(b, lambda p, ctx: send(ctx.tell))
        assert a.mailbox.count == 3
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 4)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a")[1:] == SURVIVORS[policy]
        lost = [("a", text, "mailbox full") for text in LOST[policy]]
        assert stage.log.drops == (lost if policy in DROPPING else [])
        assert stage.log.dead == ([] if policy in DROPPING else lost)
        told = [f"{text} /alys/a 3" for text in LOST[policy]]
        assert refused == (told if policy in REFUSING else [])
        assert a.cell.handled == 3 + 1, "three survivors and the question"

    run(scenario)


@anywhere
@pytest.mark.parametrize("policy", Overflow)
def test_61_overflow_policies_hold_on_the_fast_path(run: Run, policy: Overflow) -> None:
    """The bound is exact for a burst of messages to an actor that runs, whatever way they travel."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(mailbox_messages_max=3, overflow=policy), stage.spawn("b")
        counts: list[int] = []

        def burst(puppet: Puppet, ctx: Context) -> int:
            refused = 0
            for number in range(20):
                try:
                    ctx.tell(a, Say(text=str(number)))
                except MailboxFull:
                    refused += 1
                counts.append(a.mailbox.count)
            return refused

        await stage.do(a, lambda p, ctx: None)
        refused = await stage.do(b, burst)
        assert counts == [1, 2, *[3] * 18]
        await until(stage, lambda: len(stage.notes("a")) == 4)
        await stage.do(a, lambda p, ctx: None)
        kept = range(17, 20) if policy is Overflow.DROP_OLD else range(3)
        assert stage.notes("a")[1:] == [str(number) for number in kept]
        assert refused == (17 if policy in REFUSING else 0)
        assert len(stage.log.drops) + len(stage.log.dead) == 17

    run(scenario)


@anywhere
def test_61_overflow_policies_leave_a_reserve_for_what_is_urgent(run: Run) -> None:
    """A full mailbox takes as many urgent messages more as its reserve says; all lanes share one bound."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=3, mailbox_reserve=2, overflow=Overflow.DEAD_LETTERS)
        await stand_still(stage, a)
        kinds = (Mutter, Say, Mutter, Say, Shout, Shout, Shout, Mutter)
        for number, kind in enumerate(kinds):
            stage.tell(a, kind(text=str(number)))
        assert a.mailbox.count == 5
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 6)
        assert stage.notes("a")[1:] == ["4", "5", "1", "0", "2"]
        assert [text for _, text, _ in stage.log.dead] == ["3", "6", "7"]

    run(scenario)


@anywhere
def test_61_overflow_policies_drop_the_oldest_of_the_lowest_lane(run: Run) -> None:
    """DROP_OLD takes from the lowest lane, and never a higher one for a lower newcomer."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=3, mailbox_reserve=0, overflow=Overflow.DROP_OLD)
        await stand_still(stage, a)
        kinds = (Shout, Say, Mutter, Say, Say, Mutter, Shout)
        for number, kind in enumerate(kinds):
            stage.tell(a, kind(text=str(number)))
        stage.system.resume(a)
        await until(stage, lambda: len(stage.notes("a")) == 4)
        assert stage.notes("a")[1:] == ["0", "6", "4"]
        assert [text for _, text, _ in stage.log.drops] == ["2", "1", "5", "3"]

    run(scenario)


def answer(number: int) -> Any:
    return lambda puppet, ctx: number


@anywhere
@pytest.mark.parametrize("policy", Overflow)
def test_61_overflow_policies_fail_an_ask_that_finds_no_room(run: Run, policy: Overflow) -> None:
    """An ask that is lost to a full mailbox fails at once with MailboxFull, whichever one is lost."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=policy)
        await stand_still(stage, a)
        outcomes: list[Any] = []
        replies = []
        for number in range(2):
            try:
                replies.append(stage.do(a, answer(number), timeout=1e6))
            except MailboxFull as full:
                outcomes.append(full)
        outcomes += [reply.error for reply in replies if reply.done]
        assert [type(error) for error in outcomes] == [MailboxFull]
        stage.system.resume(a)
        [left] = [reply for reply in replies if reply.error is None]
        assert await left == (1 if policy is Overflow.DROP_OLD else 0)

    run(scenario)


# 62


@anywhere
@pytest.mark.parametrize("waits", [False, True], ids=["at_once", "while_it_waits"])
def test_62_poison_pill_ends_the_actor_where_it_stands_in_the_queue(run: Run, waits: bool) -> None:
    """What was sent before the pill is handled, one post_stop, and what came behind it is dead."""

    async def scenario(stage: Stage) -> None:
        a, b = stage.spawn(), stage.spawn("b")
        if waits:
            stage.tell(a, Do(act=lambda p, ctx: stage.system.sleep(1.0)))
        before, after = [[Say(text=text) for text in texts] for texts in ("12345", "6789x")]
        await stage.do(b, tell_all(a, *before, PoisonPill(), *after))
        await until(stage, lambda: a.cell.is_stopped)
        await until(stage, lambda: ("a", "normal") in stage.log.stops or bool(stage.log.stops))
        assert stage.notes("a")[:7] == ["start", *"12345", "post_stop"]
        assert [text for who, text, reason in stage.log.dead if reason == "stopped"] == [*"6789x"]

    run(scenario)


@anywhere
def test_62_poison_pill_fails_the_asks_behind_it(run: Run) -> None:
    """An ask behind the pill fails at once; one before it is answered. The parent decides as after any normal end."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(register="a")
        await stand_still(stage, a)
        before = stage.do(a, lambda p, ctx: "answered", timeout=1e6)
        stage.tell(a, PoisonPill())
        behind = stage.do(a, lambda p, ctx: "never", timeout=1e6)
        stage.system.resume(a)
        assert await before == "answered"
        with pytest.raises(ActorStopped):
            await behind
        await until(stage, lambda: stage.system.whereis("a").cell is not None)
        assert stage.notes("a")[:2] == ["start", "post_stop"]
        assert stage.log.stops == [("a", "normal")]
        assert stage.system.whereis("a") != a, "it was permanent: another one has its place"

    run(scenario)
