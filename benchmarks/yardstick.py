"""Q, the unit of every throughput goal: what asyncio's own queue does on this machine, at this moment.

One task puts N messages into an unbounded ``asyncio.Queue``, another gets them. Each message is built in the loop, as a
sender builds it. Nothing is supervised, prioritised or counted here: Q is the bare queue.
"""

import asyncio
import gc
from time import perf_counter

from benchmarks.arithmetic import rate
from benchmarks.messages import Tick

MESSAGES = 100_000
MESSAGES_QUICK = 20_000


def queue(messages: int) -> float:
    """Q: messages in a second."""
    gc.collect()
    return asyncio.run(_two_tasks(messages))


def queue_same_task(messages: int) -> float:
    """The same queue in one task that puts and gets in turn, so that it never holds more than one message."""
    gc.collect()
    return asyncio.run(_one_task(messages))


async def _two_tasks(messages: int) -> float:
    lane: asyncio.Queue[Tick] = asyncio.Queue()

    async def produce() -> None:
        for n in range(messages):
            await lane.put(Tick(n=n))

    async def consume() -> None:
        for _ in range(messages):
            await lane.get()

    started = perf_counter()
    await asyncio.gather(produce(), consume())
    return rate(messages, perf_counter() - started)


async def _one_task(messages: int) -> float:
    lane: asyncio.Queue[Tick] = asyncio.Queue()
    started = perf_counter()
    for n in range(messages):
        await lane.put(Tick(n=n))
        await lane.get()
    return rate(messages, perf_counter() - started)
