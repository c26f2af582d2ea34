"""A server that does what faults say: late answers, silence, connections that end too soon. What is to be done is decided elsewhere."""

import asyncio
import contextlib
from collections.abc import Callable

from aiohttp import web

from alys.base.faults import Drop, Hang, Refuse
from alys.base.misbehaviour import Misbehaviour
from alys.wire.jsonrpc_faults import Outcome

WITNESS = "X-Alys-Witness"
"""A request with this header is answered as if there were no faults: it comes from who watches, not from who is tested."""

Faults = Callable[[], Misbehaviour]
"""The faults that are on now; another session has others."""


def suffered(request: web.Request, faults: Faults | None) -> Misbehaviour | None:
    """The faults that a request gets to feel; None where it is spared them."""
    return None if faults is None or WITNESS in request.headers else faults()


class Silence:
    """The calls that hang: each until its fault is taken back or the server closes; who hung up is not waited for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def over(self, faults: Misbehaviour | None, number: int) -> None:
        """Return when this fault is taken back, or everything ends."""
        assert faults is not None, "nobody hangs without a fault"
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def taken_back(which: int) -> None:
            if which == number and not waits.done():
                waits.set_result(None)

        self._waiting.add(waits)
        faults.listeners.append(taken_back)
        try:
            await waits
        finally:
            self._waiting.discard(waits)
            faults.listeners.remove(taken_back)

    async def end(self, _: web.Application) -> None:
        """The server closes."""
        for waits in self._waiting:
            if not waits.done():
                waits.set_result(None)


async def respond(
    request: web.Request, outcome: Outcome, faults: Misbehaviour | None, silence: Silence
) -> web.StreamResponse:
    """Answer a request over HTTP as the outcome says."""
    if outcome.delay_s:
        await asyncio.sleep(outcome.delay_s)
    match outcome.ending:
        case Hang():
            await silence.over(faults, outcome.id)
            return _hung_up(request)
        case Refuse():
            return _hung_up(request)
        case Drop():
            return await _half(request, outcome)
        case None:
            return web.Response(
                status=outcome.status, body=outcome.body, content_type="application/json"
            )


class Talk:
    """The answers on one WebSocket that do not leave at once; the others go past them."""

    def __init__(
        self, request: web.Request, socket: web.WebSocketResponse, silence: Silence
    ) -> None:
        self._request = request
        self._socket = socket
        self._silence = silence
        self._under_way: set[asyncio.Task[None]] = set()

    async def answer(self, outcome: Outcome, faults: Misbehaviour | None) -> None:
        """Send the answer as the outcome says; returns at once where that takes time."""
        if outcome.ending is None and not outcome.delay_s:
            await self._send(outcome.body)
            return
        task = asyncio.get_running_loop().create_task(self._later(outcome, faults))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _later(self, outcome: Outcome, faults: Misbehaviour | None) -> None:
        if outcome.delay_s:
            await asyncio.sleep(outcome.delay_s)
        match outcome.ending:
            case Hang():
                await self._silence.over(faults, outcome.id)
                _hung_up(self._request)
            case Refuse():
                _hung_up(self._request)
            case Drop():
                self._cut(outcome)
            case None:
                with contextlib.suppress(ConnectionError):
                    await self._send(outcome.body)

    async def _send(self, body: bytes) -> None:
        if body:
            await self._socket.send_str(body.decode(errors="replace"))

    def _cut(self, outcome: Outcome) -> None:
        """The head of a frame for the whole, a part of it, and the end of the connection."""
        if self._request.transport is not None:
            head = b"\x81\x7f" + len(outcome.body).to_bytes(8, "big")
            self._request.transport.write(head + outcome.sent)
            self._request.transport.close()

    async def end(self) -> None:
        """What has not left never will."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _hung_up(request: web.Request) -> web.Response:
    """The connection is gone at once; the response that is returned is not sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, outcome: Outcome) -> web.StreamResponse:
    """The head, with the length of the whole, then a part of the body, then the end of the connection."""
    response = web.StreamResponse(status=outcome.status)
    response.content_type = "application/json"
    response.content_length = len(outcome.body)
    await response.prepare(request)
    await response.write(outcome.sent)
    if request.transport is not None:
        request.transport.close()  # after what was written
    return response
