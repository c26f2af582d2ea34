"""No runtime at all: an actor is an ``asyncio.Queue`` and a task that takes from it. Neither supervised nor counted."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import perf_counter, perf_counter_ns
from typing import Any

from benchmarks.arithmetic import percentile, rate
from benchmarks.messages import Boom, Break, Get, Tick
from benchmarks.peers.kit import Kit, Values, Work, expect, resident_bytes

SENDERS = 8
BOUND = 1_000
RING = 1_000

Question = tuple[Get, "asyncio.Future[int]"]


class TaskActor:
    """A queue and the task that takes from it; the handler is called with each message."""

    def __init__(self, handle: Callable[[Any], None], bound: int = 0) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue(bound)
        self.task = asyncio.create_task(self._run(handle))

    async def _run(self, handle: Callable[[Any], None]) -> None:
        take = self.inbox.get
        while True:
            handle(await take())

    async def stop(self) -> None:
        """End the task."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


class AsyncTaskActor(TaskActor):
    """The same with a coroutine as handler."""

    def __init__(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        self.inbox = asyncio.Queue()
        self.task = asyncio.create_task(self._run_async(handle))

    async def _run_async(self, handle: Callable[[Any], Awaitable[None]]) -> None:
        take = self.inbox.get
        while True:
            await handle(await take())


class Count:
    """Counts, and knows when all are there."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.found = 0
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tick(self, _: Tick) -> None:
        """One more."""
        self.found += 1
        if self.found == self.wanted:
            self.complete.set_result(None)

    async def tick_async(self, _: Tick) -> None:
        """One more, in a coroutine."""
        self.tick(_)


def answer(question: Question) -> None:
    """Fill the future that came with the request."""
    get, future = question
    future.set_result(get.n)


def running(workload: Callable[[int], Coroutine[Any, Any, Values]]) -> Callable[[int], Values]:
    """The workload under a loop of its own."""

    def run(count: int) -> Values:
        return asyncio.run(workload(count))

    return run


async def tell(count: int) -> Values:
    """One task puts, the actor counts."""
    counted = Count(count)
    return {"tell": await _tell(TaskActor(counted.tick), counted)}


async def tell_outside(count: int) -> Values:
    """The same: whoever tells is a task here too."""
    counted = Count(count)
    return {"tell_outside": await _tell(TaskActor(counted.tick), counted)}


async def tell_async(count: int) -> Values:
    """The same with a coroutine as handler."""
    counted = Count(count)
    return {"tell_async": await _tell(AsyncTaskActor(counted.tick_async), counted)}


async def _tell(actor: TaskActor, counted: Count) -> float:
    put = actor.inbox.put
    started = perf_counter()
    for n in range(counted.wanted):
        await put(Tick(n=n))
    await counted.complete
    seconds = perf_counter() - started
    await actor.stop()
    expect(counted.found, counted.wanted)
    return rate(counted.wanted, seconds)


async def fan_in(count: int) -> Values:
    """Eight tasks put into one queue that holds a thousand."""
    counted = Count(count // SENDERS * SENDERS)
    actor = TaskActor(counted.tick, BOUND)

    async def send() -> None:
        for n in range(count // SENDERS):
            await actor.inbox.put(Tick(n=n))

    started = perf_counter()
    await asyncio.gather(*(send() for _ in range(SENDERS)))
    await counted.complete
    seconds = perf_counter() - started
    await actor.stop()
    return {"fan_in": rate(counted.wanted, seconds)}


async def ask_task(count: int) -> Values:
    """A task puts a request with a future, and waits for it."""
    times = await _ask(count)
    return {f"ask_task_p{percent}": percentile(times, percent) / 1000 for percent in (50, 99)}


async def ask_actor(count: int) -> Values:
    """The same: whoever asks is a task here too."""
    return {"ask_actor_p50": percentile(await _ask(count), 50) / 1000}


async def _ask(count: int) -> list[int]:
    loop = asyncio.get_running_loop()
    actor = TaskActor(answer)
    times = []
    for n in range(count):
        started = perf_counter_ns()
        future: asyncio.Future[int] = loop.create_future()
        actor.inbox.put_nowait((Get(n=n), future))
        await future
        times.append(perf_counter_ns() - started)
    await actor.stop()
    return times


async def ping_pong(count: int) -> Values:
    """Two actors, one ball; a round trip is two messages."""
    return {"ping_pong": await _circulate(2, 2 * count) / 2}


async def ring(count: int) -> Values:
    """A thousand actors, one ball."""
    return {"ring": await _circulate(RING, count)}


async def _circulate(size: int, hops: int) -> float:
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    actors: list[TaskActor] = []

    def player(place: int) -> Callable[[Tick], None]:
        def hit(ball: Tick) -> None:
            if ball.n == 0:
                finished.set_result(None)
            else:
                actors[place].inbox.put_nowait(Tick(n=ball.n - 1))

        return hit

    actors += [TaskActor(player((place + 1) % size)) for place in range(size)]
    await asyncio.sleep(0)
    started = perf_counter()
    actors[0].inbox.put_nowait(Tick(n=hops - 1))
    await finished
    seconds = perf_counter() - started
    for actor in actors:
        await actor.stop()
    return rate(hops, seconds)


async def spawn(count: int) -> Values:
    """So many queues with a task each, until the last has answered."""
    started = perf_counter()
    actors = [TaskActor(answer) for _ in range(count)]
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    actors[-1].inbox.put_nowait((Get(n=0), future))
    await future
    seconds = perf_counter() - started
    for actor in actors:
        actor.task.cancel()
    await asyncio.gather(*(actor.task for actor in actors), return_exceptions=True)
    return {"spawn": rate(count, seconds)}


async def idle_bytes(count: int) -> Values:
    """What a started queue and task weigh."""
    first = TaskActor(answer)
    actors = [first] * count
    await asyncio.sleep(0)
    before = resident_bytes()
    for place in range(count):
        actors[place] = TaskActor(answer)
    await asyncio.sleep(0)
    return {"idle_bytes": (resident_bytes() - before) / count}


async def crash(count: int) -> Values:
    """A task that awaits the actor's task, and starts another when it has failed; from the raise to the next message."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    raised = 0
    times: list[int] = []

    async def work() -> None:
        nonlocal raised
        while True:
            message = await inbox.get()
            if isinstance(message, Break):
                raised = perf_counter_ns()
                raise Boom
            times.append(perf_counter_ns() - raised)
            answer(message)

    async def supervise() -> None:
        while True:
            with suppress(Boom):
                await asyncio.create_task(work())

    supervisor = asyncio.create_task(supervise())
    loop = asyncio.get_running_loop()
    for n in range(count):
        future: asyncio.Future[int] = loop.create_future()
        inbox.put_nowait(Break())
        inbox.put_nowait((Get(n=n), future))
        await future
    supervisor.cancel()
    await asyncio.gather(supervisor, return_exceptions=True)
    return {f"crash_p{percent}": percentile(times, percent) / 1000 for percent in (50, 99)}


KIT = Kit(
    works={
        "tell": Work(running(tell), 50_000),
        "tell_outside": Work(running(tell_outside), 50_000),
        "fan_in": Work(running(fan_in), 50_000),
        "ask_task": Work(running(ask_task), 10_000),
        "ask_actor": Work(running(ask_actor), 10_000),
        "ping_pong": Work(running(ping_pong), 20_000),
        "ring": Work(running(ring), 50_000),
        "tell_async": Work(running(tell_async), 50_000),
        "spawn": Work(running(spawn), 20_000),
        "idle_bytes": Work(running(idle_bytes), 20_000),
        "crash": Work(running(crash), 2_000),
    },
    absent={"million_mb": "not tried"},
)
