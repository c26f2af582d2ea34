"""Xoscar: remote calls between actors on asyncio; here one pool, so that nothing leaves the process."""

import asyncio
from collections.abc import Callable, Coroutine
from time import perf_counter, perf_counter_ns
from typing import Any

import xoscar

from benchmarks.arithmetic import percentile, rate
from benchmarks.messages import Tick
from benchmarks.peers.kit import Kit, Values, Work, expect, resident_bytes

ADDRESS = "127.0.0.1:0"
RING = 1_000


class Counter(xoscar.Actor):
    """Counts ticks, and answers."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def tick(self, message: Tick) -> None:
        """One more."""
        self.count += 1

    async def tick_async(self, message: Tick) -> None:
        """One more, in a coroutine."""
        self.count += 1

    def get(self) -> int:
        """How many so far."""
        return self.count


class Teller(xoscar.Actor):
    """Tells another actor so many ticks, or asks it and keeps the times."""

    def __init__(self, target: Any) -> None:
        super().__init__()
        self._target = target

    async def tell_all(self, count: int) -> None:
        """Tell them."""
        await tell_all(self._target.tick, count)

    async def ask_all(self, count: int) -> list[int]:
        """Ask."""
        return await ask_times(self._target, count)


class Player(xoscar.Actor):
    """Hits the ball back as long as it has strokes left."""

    def __init__(self, finished: "list[asyncio.Event]") -> None:
        super().__init__()
        self._finished = finished
        self._other: Any = None

    def meet(self, other: Any) -> None:
        """Learn who plays on the other side; before the game."""
        self._other = other

    async def hit(self, ball: Tick) -> None:
        """The ball, with the strokes that are left."""
        if ball.n == 0:
            self._finished[0].set()
        else:
            await self._other.hit.tell(Tick(n=ball.n - 1))


async def tell_all(method: Any, count: int) -> None:
    """Tell a method so many ticks."""
    for n in range(count):
        await method.tell(Tick(n=n))


async def ask_times(target: Any, count: int) -> list[int]:
    """Nanoseconds of each of so many calls, one after the other."""
    times = []
    for _ in range(count):
        started = perf_counter_ns()
        await target.get()
        times.append(perf_counter_ns() - started)
    return times


def in_pool(workload: Callable[[str, int], Coroutine[Any, Any, Values]]) -> Callable[[int], Values]:
    """The workload in an actor pool of its own, on the stock loop."""

    async def with_pool(count: int) -> Values:
        pool = await xoscar.create_actor_pool(ADDRESS, n_process=0)
        async with pool:
            return await workload(pool.external_address, count)

    def run(count: int) -> Values:
        return asyncio.run(with_pool(count))

    return run


async def tell(address: str, count: int) -> Values:
    """An actor tells an actor."""
    counter = await xoscar.create_actor(Counter, address=address)
    teller = await xoscar.create_actor(Teller, counter, address=address)
    started = perf_counter()
    await teller.tell_all(count)
    return {"tell": await _counted(counter, count, started)}


async def tell_outside(address: str, count: int) -> Values:
    """A task outside the pool's actors tells an actor."""
    counter = await xoscar.create_actor(Counter, address=address)
    started = perf_counter()
    await tell_all(counter.tick, count)
    return {"tell_outside": await _counted(counter, count, started)}


async def tell_async(address: str, count: int) -> Values:
    """The same, and the method is a coroutine."""
    counter = await xoscar.create_actor(Counter, address=address)
    started = perf_counter()
    await tell_all(counter.tick_async, count)
    return {"tell_async": await _counted(counter, count, started)}


async def _counted(counter: Any, count: int, started: float) -> float:
    """Wait for the last tick; the rate."""
    while (found := await counter.get()) < count:
        pass
    seconds = perf_counter() - started
    expect(found, count)
    return rate(count, seconds)


async def ask_task(address: str, count: int) -> Values:
    """A task calls a method."""
    times = await ask_times(await xoscar.create_actor(Counter, address=address), count)
    return {f"ask_task_p{percent}": percentile(times, percent) / 1000 for percent in (50, 99)}


async def ask_actor(address: str, count: int) -> Values:
    """An actor calls another's method."""
    counter = await xoscar.create_actor(Counter, address=address)
    teller = await xoscar.create_actor(Teller, counter, address=address)
    return {"ask_actor_p50": percentile(await teller.ask_all(count), 50) / 1000}


async def ping_pong(address: str, count: int) -> Values:
    """Two actors, one ball; a round trip is two messages."""
    return {"ping_pong": await _circulate(address, 2, 2 * count) / 2}


async def ring(address: str, count: int) -> Values:
    """A thousand actors, one ball."""
    return {"ring": await _circulate(address, RING, count)}


async def _circulate(address: str, size: int, hops: int) -> float:
    finished = [asyncio.Event()]
    players = [await xoscar.create_actor(Player, finished, address=address) for _ in range(size)]
    for player, other in zip(players, [*players[1:], players[0]], strict=True):
        await player.meet(other)
    started = perf_counter()
    await players[0].hit.tell(Tick(n=hops - 1))
    await finished[0].wait()
    return rate(hops, perf_counter() - started)


async def spawn(address: str, count: int) -> Values:
    """So many actors, until the last has answered."""
    started = perf_counter()
    refs = [await xoscar.create_actor(Counter, address=address) for _ in range(count)]
    await refs[-1].get()
    return {"spawn": rate(count, perf_counter() - started)}


async def idle_bytes(address: str, count: int) -> Values:
    """What a started actor weighs."""
    refs = [await xoscar.create_actor(Counter, address=address)] * count
    before = resident_bytes()
    for place in range(count):
        refs[place] = await xoscar.create_actor(Counter, address=address)
    return {"idle_bytes": (resident_bytes() - before) / count}


KIT = Kit(
    works={
        "tell": Work(in_pool(tell), 10_000),
        "tell_outside": Work(in_pool(tell_outside), 10_000),
        "ask_task": Work(in_pool(ask_task), 3_000),
        "ask_actor": Work(in_pool(ask_actor), 3_000),
        "ping_pong": Work(in_pool(ping_pong), 3_000),
        "ring": Work(in_pool(ring), 5_000),
        "tell_async": Work(in_pool(tell_async), 10_000),
        "spawn": Work(in_pool(spawn), 2_000),
        "idle_bytes": Work(in_pool(idle_bytes), 5_000),
    },
    absent={
        "fan_in": "no bounded mailbox",
        "million_mb": "not tried",
        "crash": "no restart",
    },
)
