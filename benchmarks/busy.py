"""Loads for the simulation alone, without a blockchain: bare calls, and actors that tell, ask, wait and fail."""

from functools import partial
from time import perf_counter

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message, Request
from alys.actors.supervision import Backoff, ChildSpec, Intensity
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from alys.sim.trap import Trap
from alys.worlds.recorder import Recorder
from alys.worlds.witnesses import Witnesses

EPOCH = 1_767_225_600.0
READY = 8
"""Calls that are ready at any time, and actors."""
FAULT_EACH = 1000
"""Steps after which one more actor is made to fail."""
WAIT_EACH = 16
"""Balls of which one waits for a timer before it goes on."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to."""

    steps: int
    messages: int
    seconds: float
    failures: int
    trace_hash: str


def bare(steps: int) -> int:
    """So many steps of calls that put themselves back; how many ran."""
    dispatcher = SimDispatcher(SeededRandom(1), EPOCH, trap=Trap())

    def call() -> None:
        dispatcher.call_soon(call)

    for _ in range(READY):
        dispatcher.call_soon(call)
    dispatcher.run_until(lambda: dispatcher.steps >= steps, 1.0)
    return dispatcher.steps


class Ball(Message, frozen=True, kw_only=True):
    """Thrown from one to the next."""

    number: int
    block: bytes
    said: str


class Riddle(Message, frozen=True, kw_only=True):
    """A ball about which somebody is asked first."""

    ball: Ball


class Price(Request[int], frozen=True, kw_only=True):
    """Asked of the next one."""

    number: int


class Later(Message, frozen=True, kw_only=True):
    """A timer's."""

    ball: Ball


class Player(Actor):
    """Throws every ball on, asks about some, holds some for a moment."""

    def __init__(self, number: int, ask_each: int) -> None:
        self.next = f"player-{(number + 1) % READY}"
        self.ask_each = ask_each
        self.seen = 0

    @override
    def on_start(self, ctx: Context) -> None:
        """With a ball, also who begins anew: its last one is lost."""
        ctx.tell(ctx.self, Ball(number=0, block=bytes(32), said="a ball"))

    def on_later(self, message: Later, ctx: Context) -> None:
        """The moment is over."""
        self._throw(message.ball, ctx)

    def on_ball(self, message: Ball, ctx: Context) -> None:
        """Throw it on, or hold it."""
        self.seen += 1
        if self.seen % WAIT_EACH == 0:
            ctx.after(0.001 * (1 + self.seen % 7), Later(ball=message))
        elif self.ask_each and self.seen % self.ask_each == 0:
            ctx.tell(ctx.whereis(self.next), Riddle(ball=message))
        else:
            self._throw(message, ctx)

    async def on_riddle(self, message: Riddle, ctx: Context) -> None:
        """Ask, then throw on."""
        await ctx.ask(ctx.whereis("clerk"), Price(number=message.ball.number))
        self._throw(message.ball, ctx)

    def _throw(self, ball: Ball, ctx: Context) -> None:
        ctx.tell(
            ctx.whereis(self.next), Ball(number=ball.number + 1, block=ball.block, said=ball.said)
        )


class Clerk(Actor):
    """Knows the price."""

    def on_price(self, message: Price, ctx: Context) -> int:
        """Any number."""
        return message.number + 1


class _Watched:
    """What witnesses want to see of a world."""

    def __init__(self, system: System) -> None:
        self.system = system


def actors(messages: int, *, seed: int, trace: bool, oracles: bool, ask_each: int = 0) -> Done:
    """At least so many messages among eight players; about one ball in ``ask_each`` a clerk is asked (0: none). Raises what the oracles find, and AssertionError when somebody crashed whom nobody made to."""
    random = SeededRandom(seed)
    dispatcher = SimDispatcher(random.fork("schedule"), EPOCH, trap=Trap())
    recorder = Recorder(dispatcher.now, None)
    system = System(
        dispatcher,
        random.fork("actors"),
        observer=recorder if trace else None,
        intensity=Intensity(restarts=messages),
    )
    witnesses = Witnesses(_Watched(system)) if oracles else None
    system.spawn(ChildSpec(name="clerk", factory=Clerk, register="clerk"))
    players = [
        system.spawn(
            ChildSpec(
                name=f"player-{number}",
                factory=partial(Player, number, ask_each),
                register=f"player-{number}",
                backoff=Backoff(min_seconds=0.001, max_seconds=0.002),
            )
        )
        for number in range(READY)
    ]
    cells = [player.cell for player in players]
    begun = perf_counter()
    handled = 0
    while handled < messages:
        if trace:
            recorder.arm(players[dispatcher.steps % READY].path)
        goal = dispatcher.steps + FAULT_EACH
        dispatcher.run_until(lambda goal=goal: dispatcher.steps >= goal, 60.0)  # type: ignore[misc]  # a default makes its type unknown
        handled = sum(cell.handled for cell in cells)
    seconds = perf_counter() - begun
    if witnesses is not None:
        witnesses.close()
    failures = len(recorder.faults)
    assert not recorder.crashes, recorder.crashes
    return Done(
        steps=dispatcher.steps,
        messages=handled,
        seconds=seconds,
        failures=failures,
        trace_hash=recorder.trace_hash,
    )
