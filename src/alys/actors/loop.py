"""Asyncio's dispatcher: the only file of the core that knows asyncio."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from alys.actors.reply import Reply

R = TypeVar("R")

THROUGHPUT_MESSAGES = 64


class LoopDispatcher:
    """Turns and timers of the running loop, with node time that runs ``time_scale`` times as fast as the wall."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        time_scale: float = 1.0,
        epoch: float | None = None,
        throughput: int = THROUGHPUT_MESSAGES,
    ) -> None:
        self.throughput = throughput
        self._loop = loop
        self._scale = time_scale
        self._epoch = time.time() if epoch is None else epoch
        self._start = loop.time()

    def now(self) -> float:
        """Node time: the epoch of the world plus scaled time since then."""
        return self._epoch + (self._loop.time() - self._start) * self._scale

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run in a later turn."""
        self._loop.call_soon(call, *args)

    def call_after(
        self, seconds: float, call: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        """Run after so many node seconds."""
        return self._loop.call_later(seconds / self._scale, call, *args)

    def wall(self) -> float:
        """The loop's own clock."""
        return self._loop.time()

    def call_after_wall(
        self, seconds: float, call: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        """Run after so many wall seconds."""
        return self._loop.call_later(seconds, call, *args)


async def wait(reply: Reply[R]) -> R:
    """Await a reply from asyncio code; when the task is cancelled the slot is abandoned."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    reply.subscribe(wake)
    try:
        await future
    except asyncio.CancelledError:
        reply.abandon()
        raise
    return reply.result()
