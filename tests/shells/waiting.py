"""Waiting on a real loop for a condition, with a limit that says what never came about."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

LOOK_SECONDS = 0.005


async def turn() -> None:
    """Let the loop go round once."""
    await asyncio.sleep(0)  # noqa: TID251


async def until(probe: Callable[[], Any | Awaitable[Any]], seconds: float = 20.0) -> Any:
    """The first truthy answer of a probe, which may be a coroutine. Raises AssertionError when the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        found = probe()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert loop.time() < end, f"never happened within {seconds:g} s: {inspect.getsource(probe)}"
        await asyncio.wait({loop.create_future()}, timeout=LOOK_SECONDS)
