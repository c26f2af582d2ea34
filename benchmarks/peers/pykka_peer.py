"""Pykka: an actor is a thread with a queue. Whoever asks blocks its own thread."""

import threading
from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import Any

import pykka

from benchmarks.arithmetic import percentile, rate
from benchmarks.messages import Get, Go, Tick
from benchmarks.peers.kit import Kit, Values, Work, expect, resident_bytes

RING = 1_000


class Counter(pykka.ThreadingActor):
    """Counts ticks, and answers."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: Any) -> Any:
        """Count, or say how many."""
        if isinstance(message, Tick):
            self.count += 1
            return None
        return self.count


class Teller(pykka.ThreadingActor):
    """Tells another actor so many ticks."""

    def __init__(self, target: Any) -> None:
        super().__init__()
        self._target = target

    def on_receive(self, message: Any) -> Any:
        """Tell them."""
        for n in range(message.count):
            self._target.tell(Tick(n=n))
        return message.count


class Asker(pykka.ThreadingActor):
    """Asks another actor so many times; answers with the times."""

    def __init__(self, target: Any) -> None:
        super().__init__()
        self._target = target

    def on_receive(self, message: Any) -> Any:
        """Ask."""
        return ask_times(self._target, message.count)


class Player(pykka.ThreadingActor):
    """Hits the ball back as long as it has strokes left."""

    def __init__(self, finished: threading.Event) -> None:
        super().__init__()
        self._finished = finished
        self.other: Any = None

    def on_receive(self, message: Any) -> Any:
        """The ball; or, before the game, who plays on the other side."""
        if not isinstance(message, Tick):
            self.other = message
        elif message.n == 0:
            self._finished.set()
        else:
            self.other.tell(Tick(n=message.n - 1))


def ask_times(target: Any, count: int) -> list[int]:
    """Nanoseconds of each of so many asks, one after the other."""
    times = []
    for n in range(count):
        started = perf_counter_ns()
        target.ask(Get(n=n))
        times.append(perf_counter_ns() - started)
    return times


def stopping(workload: Callable[[int], Values]) -> Callable[[int], Values]:
    """The workload, and after it no thread is left."""

    def run(count: int) -> Values:
        try:
            return workload(count)
        finally:
            pykka.ActorRegistry.stop_all()

    return run


def tell(count: int) -> Values:
    """An actor tells an actor."""
    counter = Counter.start()
    teller = Teller.start(counter)
    started = perf_counter()
    teller.ask(Go(count=count))
    handled = counter.ask(Get(n=0))
    seconds = perf_counter() - started
    expect(handled, count)
    return {"tell": rate(count, seconds)}


def tell_outside(count: int) -> Values:
    """The main thread tells an actor."""
    counter = Counter.start()
    started = perf_counter()
    for n in range(count):
        counter.tell(Tick(n=n))
    handled = counter.ask(Get(n=0))
    seconds = perf_counter() - started
    expect(handled, count)
    return {"tell_outside": rate(count, seconds)}


def ask_task(count: int) -> Values:
    """The main thread asks an actor, and blocks."""
    times = ask_times(Counter.start(), count)
    return {f"ask_task_p{percent}": percentile(times, percent) / 1000 for percent in (50, 99)}


def ask_actor(count: int) -> Values:
    """An actor asks an actor, and blocks its thread."""
    times = Asker.start(Counter.start()).ask(Go(count=count))
    return {"ask_actor_p50": percentile(times, 50) / 1000}


def ping_pong(count: int) -> Values:
    """Two actors, one ball; a round trip is two messages."""
    return {"ping_pong": _circulate(2, 2 * count) / 2}


def ring(count: int) -> Values:
    """A thousand threads, one ball."""
    return {"ring": _circulate(RING, count)}


def _circulate(size: int, hops: int) -> float:
    finished = threading.Event()
    refs = [Player.start(finished) for _ in range(size)]
    for ref, other in zip(refs, [*refs[1:], refs[0]], strict=True):
        ref.ask(other)
    started = perf_counter()
    refs[0].tell(Tick(n=hops - 1))
    finished.wait()
    return rate(hops, perf_counter() - started)


def spawn(count: int) -> Values:
    """So many threads, until the last has answered."""
    started = perf_counter()
    refs = [Counter.start() for _ in range(count)]
    refs[-1].ask(Get(n=0))
    return {"spawn": rate(count, perf_counter() - started)}


def idle_bytes(count: int) -> Values:
    """What a started actor weighs: the part of its thread's stack that is in use is most of it."""
    Counter.start().ask(Get(n=0))
    before = resident_bytes()
    refs = [Counter.start() for _ in range(count)]
    for ref in refs:
        ref.ask(Get(n=0))
    return {"idle_bytes": (resident_bytes() - before) / count}


KIT = Kit(
    works={
        "tell": Work(stopping(tell), 20_000),
        "tell_outside": Work(stopping(tell_outside), 20_000),
        "ask_task": Work(stopping(ask_task), 5_000),
        "ask_actor": Work(stopping(ask_actor), 5_000),
        "ping_pong": Work(stopping(ping_pong), 5_000),
        "ring": Work(stopping(ring), 10_000),
        "spawn": Work(stopping(spawn), 1_000),
        "idle_bytes": Work(stopping(idle_bytes), 1_000),
    },
    absent={
        "fan_in": "no bounded mailbox",
        "tell_async": "no async handlers",
        "million_mb": "a thread each",
        "crash": "no restart",
    },
)
