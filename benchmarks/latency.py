"""Our latencies: one ask at a time, and from a raise to work again. Times are the clock's, nothing is subtracted."""

from time import perf_counter_ns

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import Intensity
from benchmarks.arithmetic import median, percentile
from benchmarks.messages import Boom, Break, Get, Go
from benchmarks.runtime import PATIENCE_SECONDS, expect, running_system, settle, spec
from benchmarks.throughput import Values

INTENSITY = Intensity(restarts=100_000, period_seconds=0.001)
"""Never exceeded, but counted at every crash. The period keeps the log as short as that of a real supervisor."""


class Answerer(Actor):
    """Answers at once."""

    def on_get(self, message: Get, ctx: Context) -> int:
        """The number that was asked for."""
        return message.n


class Asker(Actor):
    """Asks another actor so many times, one ask after the other, and keeps the times."""

    def __init__(self, target: Ref, nanoseconds: list[int]) -> None:
        self._target = target
        self._nanoseconds = nanoseconds

    async def on_go(self, message: Go, ctx: Context) -> int:
        """Ask."""
        target, keep = self._target, self._nanoseconds.append
        for n in range(message.count):
            started = perf_counter_ns()
            await ctx.ask(target, Get(n=n))
            keep(perf_counter_ns() - started)
        return message.count

    def on_get(self, message: Get, ctx: Context) -> int:
        """I am here."""
        return message.n


async def ask_task(count: int) -> Values:
    """An asyncio task asks an idle actor with a synchronous handler."""
    nanoseconds: list[int] = []
    keep = nanoseconds.append
    async with running_system() as system:
        answerer = system.spawn(spec("answerer", Answerer))
        await settle(system, answerer)
        for n in range(count):
            started = perf_counter_ns()
            await system.ask(answerer, Get(n=n))
            keep(perf_counter_ns() - started)
    return microseconds("ask_task", nanoseconds, 50, 99)


async def ask_actor(count: int) -> Values:
    """An actor asks an idle actor with a synchronous handler."""
    nanoseconds: list[int] = []
    async with running_system() as system:
        answerer = system.spawn(spec("answerer", Answerer))
        asker = system.spawn(spec("asker", lambda: Asker(answerer, nanoseconds)))
        await settle(system, answerer, asker)
        await system.ask(asker, Go(count=count), timeout=PATIENCE_SECONDS)
    expect("ask_actor", len(nanoseconds), count)
    return microseconds("ask_actor", nanoseconds, 50)


class Watch:
    """When an actor raised, and how long it took each time until it worked again."""

    def __init__(self) -> None:
        self.raised = 0
        self.nanoseconds: list[int] = []
        self.hooks = 0


class Fragile(Actor):
    """Raises when it is told to; has the hooks that a restart runs."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._ready = False

    @override
    def on_start(self, ctx: Context) -> None:
        """Get ready."""
        self._ready = True

    @override
    def pre_restart(self, error: BaseException, message: Message | None, ctx: Context) -> None:
        """Put things away."""
        self._ready = False

    @override
    def post_restart(self, error: BaseException, ctx: Context) -> None:
        """Get ready again."""
        self._ready = True
        self._watch.hooks += 1

    def on_break(self, message: Break, ctx: Context) -> None:
        """Raise."""
        self._watch.raised = perf_counter_ns()
        raise Boom

    def on_get(self, message: Get, ctx: Context) -> int:
        """The first message after the restart: it has waited in the mailbox meanwhile."""
        if self._ready and self._watch.raised:
            self._watch.nanoseconds.append(perf_counter_ns() - self._watch.raised)
        return message.n


async def crash(count: int) -> Values:
    """From the raise to the handler of the next message: decision, hooks and a new instance lie between."""
    watch = Watch()
    async with running_system(INTENSITY) as system:
        fragile = system.spawn(spec("fragile", lambda: Fragile(watch)))
        await settle(system, fragile)
        for n in range(count):
            system.tell(fragile, Break())
            await system.ask(fragile, Get(n=n))
    expect("crash", len(watch.nanoseconds), count)
    expect("crash, post_restart", watch.hooks, count)
    return microseconds("crash", watch.nanoseconds, 50, 99)


def microseconds(name: str, nanoseconds: list[int], *percents: int) -> Values:
    """The percentiles of a list of times, under ``<name>_p<percent>``."""
    return {f"{name}_p{percent}": percentile(nanoseconds, percent) / 1000 for percent in percents}


def clock_cost(readings: int = 10_000) -> float:
    """Nanoseconds between two readings of the clock with nothing between them: part of every time here."""
    pairs = [-(perf_counter_ns() - perf_counter_ns()) for _ in range(readings)]
    return median(pairs)
