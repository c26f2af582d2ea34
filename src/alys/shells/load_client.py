"""Offers a load to the node's JSON-RPC: batches go out when they are due, whether or not earlier ones were answered."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from alys.node.errors import PortDown
from alys.shells import process_limits, process_usage
from alys.shells.jsonrpc_client import JsonRpcClient
from alys.shells.process_usage import Usage

ANSWER_SECONDS = 60.0
"""Wall time after which a batch counts as lost; an overloaded node answers late, which is another finding."""

Call = tuple[str, list[Any]]
Answered = Callable[[float, list[Any]], None]


class LoadClient:
    """A connection pool of its own to the node at ``url``, whose process is ``pid``. Times are the event loop's, in seconds."""

    measures_process = True

    def __init__(self, url: str, pid: int) -> None:
        self._client = JsonRpcClient(url, timeout_seconds=ANSWER_SECONDS)
        self._pid = pid
        self._loop = asyncio.get_running_loop()
        self._under_way: set[asyncio.Task[None]] = set()

    def clock(self) -> float:
        """Wall seconds since some moment."""
        return self._loop.time()

    async def until(self, at: float) -> None:
        """Wait until then; at once when it is past. Others get their turn either way."""
        await asyncio.sleep(max(0.0, at - self._loop.time()))

    def send(self, calls: Sequence[Call], answered: Answered) -> None:
        """Begin a batch. ``answered`` is told when, and the results in order; it is not called when there was no answer."""
        task = self._loop.create_task(self._carry_out(calls, answered))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _carry_out(self, calls: Sequence[Call], answered: Answered) -> None:
        try:
            results = await self._client.batch(calls)
        except PortDown:
            return
        answered(self._loop.time(), results)

    async def drain(self) -> None:
        """Wait until everything that was sent is answered or lost."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def usage(self) -> Usage | None:
        """What the node's process takes; None when it is gone."""
        return process_usage.usage(self._pid)

    def cores(self) -> float:
        """The processors that the node can use: its event loop runs on one, of which the control group may leave it less."""
        return min(1.0, process_limits.cpu_cores())

    async def close(self) -> None:
        """Give up what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._client.close()
