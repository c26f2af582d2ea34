"""The simulation's dispatcher: virtual time, and a schedule that chooses what comes next.

Theory of operation. ``ready`` holds calls that may run now, ``timers`` those that may run later. A step takes one ready call,
chosen by the schedule (``schedules``; by default each is as likely as the others), and runs it to its end. When nothing is ready, time jumps to the next timer; all timers of one instant
become ready together, so their order too is the schedule's. Time is a count of nanoseconds and moves in no other way: a
handler takes no time, an hour of waiting costs nothing, and sums of delays are exact.

What the pick may not break: messages of one sender to one receiver keep their order. They do, because a sender puts them
into the mailbox in the moment of sending and a cell asks for one turn at a time; calls made soon after one another carry
no such promise. Whoever needs an order keeps a queue and asks for turns, as cells do.

Wall time does not exist here: the deadlines of asks run in the same virtual time.

A world puts the parts together like this, and so do the tests (``alys.sim.waiting.run_to_end`` runs a coroutine)::

    dispatcher = SimDispatcher(random.fork("schedule"), 1_767_225_600.0, trap=Trap())
    recorder = TraceRecorder(dispatcher.now, lines.append)
    system = System(dispatcher, random.fork("actors"), observer=recorder)
    dispatcher.report = reporter(system)
    result = run_to_end(dispatcher, system, scenario(system), limit_seconds=3600.0)
    recorder.trace_hash, dispatcher.steps, dispatcher.simulated_seconds
"""

import heapq
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import Any, TypeVar

from alys.actors.dispatch import Runnable
from alys.actors.reply import Reply
from alys.base.errors import AlysBug, AlysError
from alys.base.prng import Random
from alys.sim.schedules import Entry, Schedule, Uniform
from alys.sim.trap import Trap

R = TypeVar("R")

NANOSECONDS = 1_000_000_000

#: Steps in one instant of virtual time after which a run counts as a livelock; a real run needs a few thousand.
STEPS_PER_INSTANT_MAX = 1_000_000

#: Dead timers are swept out of the heap once there are this many and they are the majority.
CANCELLED_MIN = 256


class SimulationError(AlysError):
    """A simulated run that cannot reach its end. ``report`` says who waits for whom."""

    def __init__(self, what: str, report: str) -> None:
        super().__init__(f"{what}\n{report}" if report else what)
        self.report = report


class Stuck(SimulationError):
    """Nothing is ready and no timer is set, but the run is not over: a deadlock, or a lost wake-up."""


class OutOfTime(SimulationError):
    """The virtual time given to the run is over."""


class Livelock(SimulationError):
    """Calls follow each other without end while time stands still."""


class _TimeIsOver(Exception):
    """The next timer lies behind the limit of the run."""


class SimTimer:
    """A call that has not happened yet."""

    __slots__ = ("_args", "_call", "_dispatcher", "in_heap")

    def __init__(
        self, dispatcher: "SimDispatcher", call: Callable[..., Any], args: tuple[Any, ...]
    ) -> None:
        #: False once its instant has come; until then a cancelled one takes up room in the heap.
        self.in_heap = True
        self._dispatcher = dispatcher
        self._call: Callable[..., Any] | None = call
        self._args = args

    @property
    def held(self) -> Callable[..., Any] | None:
        """What it will call; None when that has been called off or has happened."""
        return self._call

    @property
    def cancelled(self) -> bool:
        """Whether it has been called off, or has happened."""
        return self._call is None

    def cancel(self) -> None:
        """Forget it; harmless when it has already happened."""
        if self._call is not None:
            self._call = None
            self._args = ()
            if self.in_heap:
                self._dispatcher.timer_cancelled()

    def fire(self) -> None:
        """Run it, unless it has been cancelled while it was ready."""
        call, args = self._call, self._args
        self._call = None
        self._args = ()
        if call is not None:
            call(*args)


class SimDispatcher:
    """Virtual time from ``start_time`` (seconds since the Unix epoch) on; without a ``schedule`` a uniform one from ``random``.

    ``report`` is asked for a few lines about the actors when a run cannot go on (see ``alys.sim.waiting``). ``trap`` is
    armed while steps run; a violation ends the run even if the code that committed it swallowed the error.
    """

    def __init__(
        self,
        random: Random,
        start_time: float,
        *,
        report: Callable[[], str] | None = None,
        trap: Trap | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        #: One message per turn: every message is a point where the schedule may choose.
        self.throughput = 1
        #: Nothing runs but steps, and nobody outside can wait.
        self.turning = True
        #: No shortcuts: every ask is a message that the schedule may delay.
        self.inline_left = 0
        self.reports = False
        self.report = report
        self.trap = trap
        #: Calls that have run so far.
        self.steps = 0
        self._schedule: Schedule = schedule if schedule is not None else Uniform(random)
        self._start = round(start_time * NANOSECONDS)
        self._now = self._start
        #: The same in seconds: what is asked for far more often than it changes.
        self._seconds = self._now / NANOSECONDS
        #: Calls with their arguments; None with a runnable that gets a turn.
        self._ready: list[Entry] = []
        #: (instant, number, timer); the number makes the heap's order total.
        self._timers: list[tuple[int, int, SimTimer]] = []
        self._armed = 0
        self._cancelled = 0
        #: The step after which this instant of virtual time counts as a livelock.
        self._steps_max = STEPS_PER_INSTANT_MAX
        self._running = False

    # What the core asks for

    def now(self) -> float:
        """Node time, seconds since the Unix epoch."""
        return self._seconds

    def schedule(self, runnable: Runnable) -> None:
        """Give it a turn in a later step."""
        self._ready.append((None, runnable))

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run in a later step; which of the ready calls comes first is the schedule's choice."""
        self._ready.append((call, args))

    def call_after(self, seconds: float, call: Callable[..., Any], *args: Any) -> SimTimer:
        """Run after so many virtual seconds, to the nanosecond."""
        timer = SimTimer(self, call, args)
        self._armed += 1
        instant = self._now + max(0, round(seconds * NANOSECONDS))
        heapq.heappush(self._timers, (instant, self._armed, timer))
        return timer

    def wall(self) -> float:
        """The same as node time: a simulation has no other."""
        return self._seconds

    def call_after_wall(self, seconds: float, call: Callable[..., Any], *args: Any) -> SimTimer:
        """The same as ``call_after``."""
        return self.call_after(seconds, call, *args)

    def ask_outside(self, ref: Any, request: Any, mark: Any, timeout: float | None) -> None:
        """Never at once: see ``inline_left``."""

    def wait_outside(self, reply: Reply[Any]) -> Generator[Any, None, None]:
        """There is no outside: a scenario is a coroutine under ``System.drive``."""
        raise AlysBug("a simulation awaits replies only in its own steps")

    def timer_cancelled(self) -> None:
        """A timer says that it was called off; the heap is swept when most of it is dead."""
        self._cancelled += 1
        if self._cancelled >= CANCELLED_MIN and self._cancelled * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if not entry[2].cancelled]
            heapq.heapify(self._timers)
            self._cancelled = 0

    # What the world asks for

    def armed(self) -> Iterator[Callable[..., Any]]:
        """What the timers would call that are neither called off nor due yet."""
        return (call for _, _, timer in self._timers if (call := timer.held) is not None)

    @property
    def simulated_seconds(self) -> float:
        """Virtual time since the start."""
        return (self._now - self._start) / NANOSECONDS

    def step(self) -> bool:
        """Run one call, after a jump in time if nothing is ready. False: there is nothing to run, ever again.

        Raises Livelock, Nondeterminism, and whatever the call raises.
        """
        if not self._fill():
            instant = self._next_instant()
            if instant is None:
                return False
            self._jump(instant)
        target = self.steps + 1
        self._run(lambda: self.steps >= target, None)
        return True

    def run_until(self, predicate: Callable[[], bool], limit_seconds: float) -> None:
        """Step until the predicate holds; raises Stuck, or OutOfTime after so many virtual seconds."""
        limit = self._now + round(limit_seconds * NANOSECONDS)
        try:
            self._run(predicate, limit)
        except _TimeIsOver:
            self._jump(limit)
            raise OutOfTime(
                f"timeout: {limit_seconds:g} virtual seconds are over", self._describe()
            ) from None

    def run_until_idle(self) -> None:
        """Run all that can run without waiting: time does not move."""
        self._run(lambda: not self._fill(), None)

    def run_for(self, seconds: float) -> None:
        """Run all that happens within so many virtual seconds, the end included; time ends exactly there."""
        end = self._now + round(seconds * NANOSECONDS)
        self.run_until_idle()
        while (instant := self._next_instant()) is not None and instant <= end:
            self._jump(instant)
            self.run_until_idle()
        self._jump(end)

    def result_of(self, reply: Reply[R], limit_seconds: float) -> R:
        """Step until the slot is full (its own deadline runs), and return or raise what it holds."""
        reply.subscribe(_nothing)
        self.run_until(lambda: reply.done, limit_seconds)
        return reply.result()

    # Details

    def _fill(self) -> bool:
        """Make the timers that are due ready; say whether anything is."""
        timers = self._timers
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            timer.in_heap = False
            if timer.cancelled:
                self._cancelled -= 1
            else:
                self._ready.append((timer.fire, ()))
        return bool(self._ready)

    def _next_instant(self) -> int | None:
        timers = self._timers
        while timers and timers[0][2].cancelled:
            heapq.heappop(timers)
            self._cancelled -= 1
        return timers[0][0] if timers else None

    def _jump_within(self, limit: int | None) -> None:
        """To the next timer, which must be there and not behind the limit."""
        instant = self._next_instant()
        if instant is None:
            raise Stuck("deadlock: nothing is ready and no timer is set", self._describe())
        if limit is not None and instant > limit:
            raise _TimeIsOver
        self._jump(instant)

    def _jump(self, instant: int) -> None:
        if instant != self._now:
            self._now = instant
            self._seconds = instant / NANOSECONDS
            self._steps_max = self.steps + STEPS_PER_INSTANT_MAX

    def _run(self, over: Callable[[], bool], limit: int | None) -> None:
        """The loop: one step after the other until ``over()``, with jumps in time up to the limit."""
        if self._running:
            raise AlysBug(
                "a simulated step cannot run the simulation: return to the driver, or await"
            )
        ready, timers, trap, take = self._ready, self._timers, self.trap, self._schedule.take
        with trap if trap is not None else nullcontext():
            self._running = True
            try:
                while not over():
                    if timers and timers[0][0] <= self._now:
                        self._fill()
                    while not ready:
                        self._jump_within(limit)
                        self._fill()
                    call, rest = take(ready)
                    self.steps += 1
                    if self.steps > self._steps_max:
                        self._livelock()
                    if call is not None:
                        call(*rest)
                    elif self.reports:
                        self._reported_turn(rest)
                    else:
                        try:
                            rest.run()
                        except BaseException:
                            rest.break_off()
                            raise
                    if trap is not None and trap.violation is not None:
                        trap.check()
            finally:
                self._running = False

    def _livelock(self) -> None:
        raise Livelock(
            f"{STEPS_PER_INSTANT_MAX} steps in one instant of virtual time", self._describe()
        )

    def _reported_turn(self, runnable: Runnable) -> None:
        before = runnable.handled
        try:
            runnable.run()
        except BaseException:
            runnable.break_off()
            raise
        if runnable.handled != before:
            runnable.report(runnable.handled - before, 0.0)

    def _describe(self) -> str:
        return self.report() if self.report is not None else ""


def _nothing() -> None:
    """Subscribed so that the deadline of a reply is armed."""
