"""Checks 5 and 6: mailboxes that are full, and lanes that overtake each other."""

from collections.abc import Callable
from typing import Any

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.ref import Ref
from alys.actors.state import Status
from tests.actors.conformance.numbered import (
    KINDS,
    ROOM,
    AlarmNumber,
    CriticalNumber,
    Heard,
    IdleNumber,
    LazyNumber,
    Number,
    UrgentNumber,
    seen,
)
from tests.actors.conformance.ways import Run, every_way, on_loops, until
from tests.actors.stage import (
    Do,
    Puppet,
    Say,
    Shout,
    Stage,
)

# 5


def play(rounds: int, balls: int) -> Callable[[Stage], Any]:
    """Two actors with room for one message each pass balls to each other, waiting where there is no room."""

    players: list[Ref] = []

    class Player(Puppet):
        async def on_number(self, message: Number, ctx: Context) -> None:
            assert ctx.self.mailbox.count <= 1
            if not message.number:
                self.note("over")
            elif ctx.sender is not None:
                other = next(player for player in players if player is not ctx.self)
                await ctx.send(other, Number(number=message.number - 1))

    async def scenario(stage: Stage) -> None:
        room: dict[str, Any] = {"mailbox_messages_max": 1, "overflow": Overflow.SUSPEND}
        players[:] = [stage.spawn(name, lambda: Player(stage), **room) for name in "ab"]
        for ball in range(balls):
            await stage.system.send(players[ball % 2], Number(number=rounds))
        await until(stage, lambda: [what for _, what in stage.journal].count("over") == balls)

    return scenario


@every_way
def test_05_pathological_pingpong_ends_with_some_seeds(run: Run) -> None:
    """Two full mailboxes of one place never hold each other up for good: as many balls as there can be without that."""
    run(play(100, balls=3))


@on_loops
def test_05_pathological_pingpong_ends_after_ten_thousand_rounds(run: Run) -> None:
    """Ten thousand rounds with one ball, then with three."""
    for balls in (1, 3):
        run(play(10_000, balls))


@on_loops
def test_05_pathological_pingpong_of_told_messages(run: Run) -> None:
    """With one ball there is always room, so ``tell`` never meets a full mailbox."""

    class Player(Puppet):
        def on_number(self, message: Number, ctx: Context) -> None:
            if message.number:
                ctx.tell(ctx.sender or ctx.self, Number(number=message.number - 1))
            else:
                self.note("over")

    async def scenario(stage: Stage) -> None:
        a, b = (
            stage.spawn(name, lambda: Player(stage), mailbox_messages_max=1, mailbox_reserve=0)
            for name in "ab"
        )
        await stage.do(a, lambda p, ctx: ctx.tell(b, Number(number=10_001)))
        await until(stage, lambda: ("a", "over") in stage.journal)

    run(scenario)


# 6


class Sorter(Actor):
    """Writes down what it hears, from whom."""

    def __init__(self, heard: list[Heard]) -> None:
        self.heard = heard

    def on_number(
        self,
        message: IdleNumber | LazyNumber | Number | UrgentNumber | CriticalNumber | AlarmNumber,
        ctx: Context,
    ) -> None:
        self.heard.append(seen(message, ctx))


def sort(each: int) -> Callable[[Stage], Any]:
    """Two senders fill all lanes of somebody who is kept from reading."""

    async def scenario(stage: Stage) -> None:
        heard: list[Heard] = []
        sorter = stage.spawn("sorter", lambda: Sorter(heard), mailbox_messages_max=ROOM)
        await until(stage, lambda: sorter.cell.status is Status.RUNNING)
        stage.system.suspend(sorter)
        await stage.system.sleep(0.01)
        meant: list[Heard] = []

        def speak(puppet: Puppet, ctx: Context) -> None:
            for _ in range(each):
                message = ctx.random.choice(KINDS)(number=len(meant))
                meant.append(Heard(ctx.self.name, message.priority, message.number, None))
                ctx.tell(sorter, message)

        for _ in range(3):
            for name in "ab":
                await stage.do(stage.spawn(name), speak)
                await stage.system.stop(stage.system.cells()[-1])
        assert heard == []
        stage.system.resume(sorter)
        await until(stage, lambda: len(heard) == len(meant))
        assert heard == sorted(meant, key=lambda one: -one.lane)

    return scenario


@every_way
def test_06_priority_stable(run: Run) -> None:
    """What was queued in several lanes is handled highest lane first, and in a lane in the order in which it came."""
    run(sort(5))


@on_loops
def test_06_priority_stable_over_many_turns(run: Run) -> None:
    """The same where every lane holds more than an actor may handle in one turn."""
    run(sort(1000))


@on_loops
def test_06_priority_stable_overtakes_in_the_middle_of_a_run(run: Run) -> None:
    """An urgent message that is sent while a run of ordinary ones is being handled comes next."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn()

        def speak(puppet: Puppet, ctx: Context) -> None:
            for text in ("1", "2"):
                ctx.tell(a, Say(text=text))
            ctx.tell(a, Do(act=lambda p, c: c.tell(a, Shout(text="now"))))
            for text in ("3", "4"):
                ctx.tell(a, Say(text=text))

        await stage.do(stage.spawn("b"), speak)
        await stage.do(a, lambda p, ctx: None)
        assert stage.notes("a") == ["start", "1", "2", "now", "3", "4"]

    run(scenario)
