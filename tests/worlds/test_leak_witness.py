"""The oracle of leaks at the real runtime: silent while it is sound, and not when it is broken."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.cell import Cell
from alys.actors.context import Context
from alys.actors.errors import ActorStopped
from alys.actors.mailbox import Mailbox, Overflow
from alys.actors.message import Message, Request
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec
from alys.actors.timers import Timer, Timers
from alys.oracles.broken import Broken
from alys.sim.testkit import ActorKit
from alys.worlds.leak_witness import SWEEP_AT
from alys.worlds.witnesses import Witnesses

Lie = Callable[[pytest.MonkeyPatch], None]


class Tick(Message, frozen=True, kw_only=True):
    """Comes by itself."""


class Fail(Message, frozen=True, kw_only=True):
    """Fail."""


class Question(Request[int], frozen=True, kw_only=True):
    """Answered at once, or late, or never."""

    soon: bool = True
    timeout_seconds = 50.0


class Clock(Actor):
    """Ticks, and answers when it likes."""

    @override
    def on_start(self, ctx: Context) -> None:
        """Tick for ever."""
        ctx.every(1.0, Tick())

    def on_tick(self, message: Tick, ctx: Context) -> None:
        """Once more."""

    def on_fail(self, message: Fail, ctx: Context) -> None:
        """As told."""
        raise ValueError("as told")

    def on_question(self, message: Question, ctx: Context) -> int:
        """Now or never."""
        if not message.soon:
            ctx.defer()
        return 1


class Asker(Actor):
    """Waits for an answer, and for room."""

    async def on_tick(self, message: Tick, ctx: Context) -> None:
        """Ask; with a wait that is cut off."""
        clock = ctx.whereis("clock")
        await ctx.ask(clock, Question())
        ctx.ask(clock, Question(soon=False))  # and does not care
        for _ in range(4):
            await ctx.send(ctx.whereis("slow"), Tick())
        with contextlib.suppress(ActorStopped):
            await ctx.ask(clock, Question(soon=False))


class Slow(Actor):
    """Has a small mailbox, and is always busy."""

    async def on_tick(self, message: Tick, ctx: Context) -> None:
        """Wait for what never comes."""
        await ctx.ask(ctx.whereis("mute"), Question(soon=False))


def life(kit: ActorKit) -> None:
    """Restarts and ends in the middle of everything."""
    kit.allow_failures()
    clock = kit.spawn(ChildSpec(name="clock", factory=Clock, register="clock"))
    kit.spawn(ChildSpec(name="mute", factory=Clock, register="mute"))
    slow = ChildSpec(
        name="slow",
        factory=Slow,
        register="slow",
        mailbox_messages_max=1,
        overflow=Overflow.SUSPEND,
    )
    kit.spawn(slow)
    askers = [kit.spawn(Asker, f"asker {number}") for number in range(3)]
    kit.advance(2.0)
    for asker in askers:
        kit.tell(asker, Tick())
    kit.advance(3.0)
    for _ in range(SWEEP_AT + 1):
        kit.ask(clock, Question())
    kit.system.suspend(clock)
    kit.settle()
    kit.tell(clock, Fail())
    kit.advance(1.5)  # a tick waits behind it
    kit.system.resume(clock)
    kit.advance(1.7)
    kit.stop(askers[0])
    kit.stop(clock)
    kit.close()


def test_a_sound_runtime_is_found_sound() -> None:
    kit = ActorKit(seed=1)
    witnesses = Witnesses(kit)
    life(kit)
    assert witnesses.close()["leaks"] >= 10
    kit = ActorKit(seed=1)
    witnesses = Witnesses(kit)
    kit.spawn(Clock, "clock")
    kit.advance(3.0)
    assert witnesses.close()["leaks"] >= 2  # nothing has ended yet


def restarts_keep_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Cell, "_forget_timers", lambda self: None)


def cancelled_timers_fire(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Timer, "cancel", lambda self: self._owner.forget(self))


def ticks_outlive_restarts(patch: pytest.MonkeyPatch) -> None:
    true: Any = Timers.taken

    def taken(self: Timers, timer: Timer) -> bool:
        true(self, timer)
        return True

    patch.setattr(Timers, "taken", taken)


def promises_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forget(self: Any) -> None:
        self._forget_timers()

    patch.setattr(Cell, "_forget_incarnation", forget)


def waits_are_not_abandoned(patch: pytest.MonkeyPatch) -> None:
    def filled(self: Any) -> None:
        self.done = True
        callbacks, self.callbacks = self.callbacks, None
        for callback in callbacks or ():
            callback()

    patch.setattr(Reply, "_filled", filled)


def lines_are_not_dismissed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Mailbox, "dismiss", lambda self: [])
    patch.setattr(Reply, "abandon", lambda self: None)


@pytest.mark.parametrize(
    "lie",
    [
        restarts_keep_timers,
        cancelled_timers_fire,
        ticks_outlive_restarts,
        promises_are_forgotten,
        waits_are_not_abandoned,
        lines_are_not_dismissed,
    ],
)
def test_a_broken_runtime_is_found(lie: Lie, monkeypatch: pytest.MonkeyPatch) -> None:
    lie(monkeypatch)
    kit = ActorKit(seed=1)
    witnesses = Witnesses(kit)
    with contextlib.suppress(Exception):  # whatever else comes of it
        life(kit)
    with pytest.raises(Broken) as found:
        witnesses.close()
    assert found.value.oracle == "leaks"
