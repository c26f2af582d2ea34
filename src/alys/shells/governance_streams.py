"""One stream of a governance node on its socket: answers leave late, in order and in no greater number than the peer reads.

A peer that asks and does not read is not read either. What it did not ask for (announcements, answers that became possible later)
cannot be held back that way: beyond a bound the stream ends.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable

import grpc

from alys.base.misbehaviour import Misbehaviour
from alys.models.governance.node import GovernanceNode
from alys.wire import governance_faults
from alys.wire.generated import governance_pb2 as pb
from alys.wire.governance_faults import Cut

HELD_UP_SECONDS = 1.0
"""How long the handler of a stream that is to end may be busy with one message."""

Context = grpc.aio.ServicerContext[pb.StreamRequest, pb.StreamResponse]


class Answers:
    """One stream: its answers on their way, each leaving when its delay is over, whatever comes in meanwhile."""

    def __init__(
        self,
        node: GovernanceNode,
        connection_id: str,
        delay_seconds: float,
        context: Context,
        faults: Misbehaviour | None,
    ) -> None:
        """``faults``: those that the messages of this stream meet."""
        self.node = node
        self.connection_id = connection_id
        self._delay_seconds = delay_seconds
        self._context = context
        self._faults = faults
        self._clock = asyncio.get_running_loop().time
        self._opened_at = self._heard_at = self._clock()
        self._room = asyncio.Semaphore(node.limits.answers_under_way)
        self._pushed = 0
        #: With the time each is due, and whether it takes room; None is the end.
        self._queue: asyncio.Queue[tuple[float, bytes | Cut, bool] | None] = asyncio.Queue()
        self._handler = asyncio.current_task()
        self._over = asyncio.Event()
        self._forcing: asyncio.Task[None] | None = None
        self._last: tuple[grpc.StatusCode, str] | None = None

    def read(
        self, requests: AsyncIterator[pb.StreamRequest], heard: Callable[[], None]
    ) -> asyncio.Task[None]:
        """Hand the requests to the node, in a task; cancelling it ends the stream. ``heard`` is called after each."""
        reader = asyncio.create_task(self._read(requests, heard))
        reader.add_done_callback(lambda _: self._queue.put_nowait(None))
        return reader

    async def _read(
        self, requests: AsyncIterator[pb.StreamRequest], heard: Callable[[], None]
    ) -> None:
        async for request in requests:
            self._heard_at = self._clock()
            carry_out = functools.partial(self.node.receive, self.connection_id, request)
            outcome = governance_faults.message(request, carry_out, self._faults)
            due = self._clock() + self._delay_seconds + outcome.delay_s
            told: list[bytes | Cut] = [*outcome.frames]
            if outcome.cut is not None:
                told.append(outcome.cut)
            for one in told:
                await self._room.acquire()
                self._queue.put_nowait((due, one, True))
            heard()

    def push(self, response: pb.StreamResponse) -> None:
        """Send what is no answer to what just came in; a peer that reads none of it loses the stream."""
        self._pushed += 1
        if self._pushed > self.node.limits.pushes_under_way:
            self.end(grpc.StatusCode.RESOURCE_EXHAUSTED, "what is sent here is not read")
            return
        frame = response.SerializeToString(deterministic=True)
        self._queue.put_nowait((self._clock() + self._delay_seconds, frame, False))

    async def due(self) -> AsyncIterator[bytes | Cut]:
        """The answers in order, serialised, until the reader has ended; a Cut is the end of the stream."""
        while (waiting := await self._queue.get()) is not None:
            moment, response, takes_room = waiting
            if moment > self._clock():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(moment):
                        await self._over.wait()
            if self._over.is_set():
                return
            yield response
            if takes_room:
                self._room.release()
            else:
                self._pushed -= 1

    def overdue(self) -> str | None:
        """Why the stream has been open, or silent, for too long."""
        limits, now = self.node.limits, self._clock()
        registered = self.connection_id in self.node.registry.registered
        if not registered and now - self._opened_at >= limits.registration_seconds:
            return f"no registration within {limits.registration_seconds:g} s"
        silent = min(now - self._heard_at, self.node.silent_seconds(self.connection_id))
        return f"silent for {limits.idle_seconds:g} s" if silent >= limits.idle_seconds else None

    def finish(self, code: grpc.StatusCode, reason: str) -> None:
        """End the stream after the answers that are on their way."""
        self._last = self._last or (code, reason)
        self._queue.put_nowait(None)

    def end(self, code: grpc.StatusCode, reason: str) -> None:
        """End the stream now; if the peer does not read, the handler does not wait for it."""
        if self._forcing is None:
            self._over.set()
            self.finish(code, reason)
            self._forcing = asyncio.create_task(self._force(code, reason))

    async def finished(self) -> None:
        """Give the status of ``finish`` or ``end``, if it was asked for."""
        if self._last is not None:
            await self._context.abort(*self._last)

    def left(self) -> None:
        """The handler has ended."""
        if self._forcing is not None:
            self._forcing.cancel()

    async def _force(self, code: grpc.StatusCode, reason: str) -> None:
        """What the handler is held up with is a message that nobody reads: put the status behind it, and let the handler go."""
        await asyncio.sleep(HELD_UP_SECONDS)
        aborting = asyncio.create_task(self._abort(code, reason))
        if self._handler is not None:
            self._handler.cancel()
        await asyncio.shield(aborting)

    async def _abort(self, code: grpc.StatusCode, reason: str) -> None:
        with contextlib.suppress(
            Exception
        ):  # AbortError always; and the peer may have gone meanwhile
            await self._context.abort(code, reason)
