"""Our throughput: told, fanned in under a bound, bounced, and passed round a ring. Every workload checks its count."""

import asyncio
from functools import partial
from time import perf_counter

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.ref import Ref
from alys.actors.system import System
from benchmarks.arithmetic import rate
from benchmarks.messages import Get, Go, Tick
from benchmarks.runtime import (
    PATIENCE_SECONDS,
    ROOM,
    Broken,
    expect,
    mailbox_length,
    running_system,
    settle,
    spec,
    suspending,
    turns_until,
)

SENDERS = 8
BOUND = 1_000
RING = 1_000

Values = dict[str, float]


class Counter(Actor):
    """Counts ticks, and says how many."""

    def __init__(self) -> None:
        self.count = 0

    def on_tick(self, message: Tick, ctx: Context) -> None:
        """One more."""
        self.count += 1

    def on_get(self, message: Get, ctx: Context) -> int:
        """How many so far."""
        return self.count


class AsyncCounter(Actor):
    """The same with a coroutine as handler, which never waits."""

    def __init__(self) -> None:
        self.count = 0

    async def on_tick(self, message: Tick, ctx: Context) -> None:
        """One more."""
        self.count += 1

    def on_get(self, message: Get, ctx: Context) -> int:
        """How many so far."""
        return self.count


class Teller(Actor):
    """Tells another actor so many ticks, all in one handler."""

    def __init__(self, target: Ref) -> None:
        self._target = target

    def on_go(self, message: Go, ctx: Context) -> int:
        """Tell them."""
        target = self._target
        for n in range(message.count):
            ctx.tell(target, Tick(n=n))
        return message.count

    def on_get(self, message: Get, ctx: Context) -> int:
        """I am here."""
        return message.n


async def tell(count: int) -> Values:
    """An actor tells an actor. The mailbox has room for all, as the queue of Q has."""
    return {"tell": await _tell_from_actor(Counter, count)}


async def tell_async(count: int) -> Values:
    """The same, and the handler is a coroutine."""
    return {"tell_async": await _tell_from_actor(AsyncCounter, count)}


async def _tell_from_actor(counting: type[Counter | AsyncCounter], count: int) -> float:
    async with running_system() as system:
        counter = system.spawn(spec("counter", counting, count + ROOM))
        teller = system.spawn(spec("teller", partial(Teller, counter)))
        await settle(system, counter, teller)
        started = perf_counter()
        await system.ask(teller, Go(count=count), timeout=PATIENCE_SECONDS)
        handled = await system.ask(counter, Get(n=0), timeout=PATIENCE_SECONDS)
        seconds = perf_counter() - started
    expect("tell", handled, count)
    return rate(count, seconds)


async def tell_outside(count: int) -> Values:
    """Code outside the tree tells an actor."""
    async with running_system() as system:
        counter = system.spawn(spec("counter", Counter, count + ROOM))
        await settle(system, counter)
        started = perf_counter()
        for n in range(count):
            system.tell(counter, Tick(n=n))
        handled = await system.ask(counter, Get(n=0), timeout=PATIENCE_SECONDS)
        seconds = perf_counter() - started
    expect("tell_outside", handled, count)
    return {"tell_outside": rate(count, seconds)}


class Sender(Actor):
    """Sends so many ticks, and waits whenever the other side's mailbox is full."""

    def __init__(self, target: Ref) -> None:
        self._target = target

    async def on_go(self, message: Go, ctx: Context) -> int:
        """Send them."""
        target = self._target
        for n in range(message.count):
            await ctx.send(target, Tick(n=n))
        return message.count

    def on_get(self, message: Get, ctx: Context) -> int:
        """I am here."""
        return message.n


async def fan_in(count: int) -> Values:
    """Eight actors send to one whose mailbox holds a thousand; they wait whenever it is full."""
    counter = Counter()
    async with running_system() as system:
        sink = system.spawn(suspending("counter", lambda: counter, BOUND))
        senders = [system.spawn(spec(f"sender-{n}", partial(Sender, sink))) for n in range(SENDERS)]
        await settle(system, sink, *senders)
        started = perf_counter()
        sent = await _all_sent(system, senders, count)
        await turns_until(lambda: counter.count >= sent)
        seconds = perf_counter() - started
    expect("fan_in", counter.count, sent)
    return {"fan_in": rate(sent, seconds)}


async def _all_sent(system: System, senders: list[Ref], count: int) -> int:
    """Let every sender send its part; how many that makes."""
    each = Go(count=count // SENDERS)
    replies = [system.ask(ref, each, timeout=PATIENCE_SECONDS) for ref in senders]
    return sum([await reply for reply in replies])


class Peaks:
    """What the checked pass of the fan-in sees: the mailbox's own count, and a count that does not believe it."""

    def __init__(self) -> None:
        self.entered = 0
        self.handled = 0
        self.longest = 0
        self.outstanding = 0

    def look(self, length: int) -> None:
        """Before a message is handled: it has left the mailbox already."""
        self.longest = max(self.longest, length)
        self.outstanding = max(self.outstanding, self.entered - self.handled - 1)
        self.handled += 1


class WatchedCounter(Counter):
    """A counter that looks at its own mailbox at every tick."""

    def __init__(self, peaks: Peaks) -> None:
        super().__init__()
        self._peaks = peaks

    @override
    def on_tick(self, message: Tick, ctx: Context) -> None:
        """One more."""
        self._peaks.look(mailbox_length(ctx.self))
        self.count += 1


class WatchedSender(Sender):
    """A sender that writes down what got in."""

    def __init__(self, target: Ref, peaks: Peaks) -> None:
        super().__init__(target)
        self._peaks = peaks

    @override
    async def on_go(self, message: Go, ctx: Context) -> int:
        """Send them."""
        target = self._target
        for n in range(message.count):
            await ctx.send(target, Tick(n=n))
            self._peaks.entered += 1
        return message.count


async def check_bound(count: int) -> str:
    """The fan-in once more, untimed, looking at the length at every message; Broken if it is ever over the bound.

    Besides the mailbox's own count there is one that does not depend on how a mailbox is built: sends that have
    returned, less handlers that have begun. Messages taken out in advance would show in it.
    """
    peaks = Peaks()
    counter = WatchedCounter(peaks)
    async with running_system() as system:
        sink = system.spawn(suspending("counter", lambda: counter, BOUND))
        senders = [
            system.spawn(spec(f"sender-{n}", partial(WatchedSender, sink, peaks)))
            for n in range(SENDERS)
        ]
        await settle(system, sink, *senders)
        sent = await _all_sent(system, senders, count)
        await turns_until(lambda: counter.count >= sent)
    expect("fan_in, checked", counter.count, sent)
    highest = max(peaks.longest, peaks.outstanding)
    if highest > BOUND:
        raise Broken(f"fan_in: the mailbox held {highest} messages, bound {BOUND}")
    if highest < BOUND // 2:
        raise Broken(f"fan_in: the mailbox never held more than {highest}; nobody had to wait")
    return (
        f"fan-in, checked in a pass of its own over {sent} messages: at most {peaks.longest} in the mailbox, "
        f"at most {peaks.outstanding} sent and not yet begun, bound {BOUND}"
    )


class Player(Actor):
    """Hits the ball back as long as it has strokes left."""

    def __init__(self, finished: "asyncio.Future[None]") -> None:
        self._finished = finished
        self._other: Ref | None = None

    def meet(self, other: Ref) -> None:
        """Learn who plays on the other side; before the game."""
        self._other = other

    def on_tick(self, message: Tick, ctx: Context) -> None:
        """The ball, with the strokes that are left."""
        if message.n == 0:
            self._finished.set_result(None)
        elif self._other is not None:
            ctx.tell(self._other, Tick(n=message.n - 1))

    def on_get(self, message: Get, ctx: Context) -> int:
        """I am here."""
        return message.n


async def ping_pong(count: int) -> Values:
    """Two actors tell each other; a round trip is two messages."""
    return {"ping_pong": await _circulate(2, 2 * count) / 2}


async def ring(count: int) -> Values:
    """One message goes round a thousand actors."""
    return {"ring": await _circulate(RING, count)}


async def _circulate(size: int, hops: int) -> float:
    """One ball, ``hops`` messages, a circle of actors; hops in a second."""
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    players = [Player(finished) for _ in range(size)]
    async with running_system() as system:
        refs = [
            system.spawn(spec(f"player-{n}", partial(_itself, player)))
            for n, player in enumerate(players)
        ]
        for player, other in zip(players, [*refs[1:], refs[0]], strict=True):
            player.meet(other)
        await settle(system, *refs)
        started = perf_counter()
        system.tell(refs[0], Tick(n=hops - 1))
        await finished
        seconds = perf_counter() - started
    return rate(hops, seconds)


def _itself(player: Player) -> Player:
    """A factory that gives what there is already; nobody restarts here."""
    return player
