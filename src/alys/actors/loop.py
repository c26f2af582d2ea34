"""Asyncio's dispatcher: the only file of the core that knows asyncio.

Theory of operation. Turns wait in a queue of our own; one call of the loop (``_pump``) runs many of them, until the queue is
empty or its slice of time is over, and then lets the loop do its timers and sockets. A task that awaits a reply does not
wait for that call: it runs the queue itself until its reply is there (``wait_outside``), so that an ask costs no turn of the
loop. That is done outside the task (asyncio's ``_leave_task`` and ``_enter_task``, documented for such uses): a handler
never finds itself running under the task of whoever happened to ask. Both the number of inline calls per turn and the
number of such waits per turn of the loop are limited, so nobody starves.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

from alys.actors.dispatch import Runnable
from alys.actors.ref import Ref
from alys.actors.reply import Reply

R = TypeVar("R")

THROUGHPUT_MESSAGES = 128
SLICE_SECONDS = 0.002
"""How long turns may keep the loop from its timers and sockets."""
INLINE_ASKS_MAX = 64
"""Asks that one turn may carry out at once; also bounds how deep they nest."""
GAPS = (6, 2, 10, 4, 12, 8)
"""Turns that are not timed between two that are, in turn: reading the clock costs as much as a turn may take."""
WAITS_MAX = 256
"""Replies that tasks may wait for by running the queue themselves, between two turns of the loop."""


class _Call:
    """A call that waits among the turns."""

    __slots__ = ("_args", "_call", "handled", "seconds")

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._call = call
        self._args = args
        self.seconds = 0.0
        self.handled = 0

    def run(self) -> None:
        """Call."""
        self._call(*self._args)

    def break_off(self) -> None:
        """A call is made once."""

    def report(self, handled: int, seconds: float) -> None:
        """Nobody counts calls."""


_NOBODY = _Call(tuple, ())


class LoopDispatcher:
    """Turns and timers of the running loop, with node time that runs ``time_scale`` times as fast as the wall."""

    __slots__ = (
        "_armed",
        "_epoch",
        "_gaps",
        "_loop",
        "_ready",
        "_reports",
        "_scale",
        "_share",
        "_start",
        "_unmeasured",
        "_waits_left",
        "inline_left",
        "schedule",
        "throughput",
        "turning",
        "wall",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        time_scale: float = 1.0,
        epoch: float | None = None,
        throughput: int = THROUGHPUT_MESSAGES,
    ) -> None:
        self.throughput = throughput
        self.turning = False
        self.inline_left = 0
        self._reports = False
        #: The loop's own clock.
        self.wall: Callable[[], float] = loop.time
        #: Queue a turn. While turns are being run nobody has to be woken for it.
        self.schedule: Callable[[Runnable], None] = self._schedule_and_wake
        self._loop = loop
        self._scale = time_scale
        self._epoch = time.time() if epoch is None else epoch
        self._start = loop.time()
        self._ready: deque[Runnable] = deque()
        self._armed = False
        self._waits_left = WAITS_MAX
        self._gaps: Iterator[int] = itertools.cycle(GAPS)
        #: How many turns the next one that is timed stands for.
        self._share = 1
        self._unmeasured = 0

    @property
    def reports(self) -> bool:
        """Whether turns are reported one by one; then every turn is timed."""
        return self._reports

    @reports.setter
    def reports(self, wanted: bool) -> None:
        self._reports = wanted
        if wanted:
            self._gaps = itertools.repeat(0)
            self._unmeasured = 0

    def now(self) -> float:
        """Node time: the epoch of the world plus scaled time since then."""
        return self._epoch + (self._loop.time() - self._start) * self._scale

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run in a later turn."""
        self.schedule(_Call(call, args))

    def call_after(
        self, seconds: float, call: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        """Run after so many node seconds."""
        return self._loop.call_later(seconds / self._scale, self._turn, call, args)

    def call_after_wall(
        self, seconds: float, call: Callable[..., Any], *args: Any
    ) -> asyncio.TimerHandle:
        """Run after so many wall seconds."""
        return self._loop.call_later(seconds, self._turn, call, args)

    def ask_outside(
        self, ref: Ref, request: Any, mark: Any, timeout: float | None
    ) -> Reply[Any] | None:
        """Let an idle actor answer at once, outside the task of whoever asks; None when it is time for others."""
        if self.turning or self._waits_left <= 0:
            return None
        self._waits_left -= 1
        task = asyncio.current_task(self._loop)
        if task is not None:
            asyncio._leave_task(self._loop, task)
        begun = time.perf_counter()
        self.turning = True
        self.inline_left = INLINE_ASKS_MAX
        self.schedule = self._ready.append
        try:
            return ref.answer_now(request, mark, self, timeout)  # type: ignore[no-any-return]
        finally:
            self._turns_over()
            ref.cell.seconds += time.perf_counter() - begun
            if task is not None:
                asyncio._enter_task(self._loop, task)

    def wait_outside(self, reply: Reply[Any]) -> Generator[Any, None, None]:
        """Run turns until the reply is full, or, when that takes too long, wait for it as for any future."""
        if self._waits_left > 0 and self._ready:
            self._waits_left -= 1
            loop = self._loop
            task = asyncio.current_task(loop)
            if task is None:
                self._run_turns(reply)
            else:
                asyncio._leave_task(loop, task)
                try:
                    self._run_turns(reply)
                finally:
                    asyncio._enter_task(loop, task)
        if not reply.done:
            yield from self._wait_for(reply)

    def _wait_for(self, reply: Reply[Any]) -> Generator[Any, None, None]:
        future: asyncio.Future[None] = self._loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        reply.subscribe(wake)
        try:
            yield from future
        except BaseException:
            reply.abandon()
            raise

    def _schedule_and_wake(self, runnable: Runnable) -> None:
        self._ready.append(runnable)
        if not self._armed:
            self._armed = True
            self._loop.call_soon(self._pump)

    def _turn(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """A timer's call: it is a turn like any other."""
        was_turning, self.turning = self.turning, True
        try:
            call(*args)
        finally:
            self.turning = was_turning

    def _pump(self) -> None:
        """The loop's call: run turns, and come again if some are left."""
        self._waits_left = WAITS_MAX
        try:
            self._run_turns(None)
        finally:
            self._armed = bool(self._ready)
            if self._armed:
                self._loop.call_soon(self._pump)

    def _run_turns(self, until: Reply[Any] | None) -> None:
        """Until the queue is empty, the slice is over, or the reply is there."""
        ready = self._ready
        take = ready.popleft
        clock = time.perf_counter
        end = clock() + SLICE_SECONDS
        unmeasured = self._unmeasured
        runnable: Runnable = _NOBODY
        self.turning = True
        self.schedule = ready.append
        try:
            while ready:
                runnable = take()
                self.inline_left = INLINE_ASKS_MAX
                if unmeasured:
                    unmeasured -= 1
                    runnable.run()
                else:
                    begun = clock()
                    handled = runnable.handled
                    runnable.run()
                    now = clock()
                    runnable.seconds += (now - begun) * self._share
                    if self.reports:
                        runnable.report(runnable.handled - handled, now - begun)
                    if now > end:
                        break
                    unmeasured = next(self._gaps)
                    self._share = unmeasured + 1
                if until is not None and until.done:
                    break
        except BaseException:
            runnable.break_off()
            raise
        finally:
            self._unmeasured = unmeasured
            self._turns_over()

    def _turns_over(self) -> None:
        self.turning = False
        self.inline_left = 0
        self.schedule = self._schedule_and_wake
        if self._ready and not self._armed:
            self._armed = True
            self._loop.call_soon(self._pump)


async def wait(reply: Reply[R]) -> R:
    """Await a reply from asyncio code; when the task is cancelled the slot is abandoned."""
    return await reply
