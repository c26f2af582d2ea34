"""Thespian on its simpleSystemBase: every actor in the caller's thread, run to rest within each tell or ask.

That is its fastest base by far; the others carry every message between processes.
"""

from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorSystem

from benchmarks.arithmetic import percentile, rate
from benchmarks.messages import Get, Go, Tick
from benchmarks.peers.kit import Kit, Values, Work, expect, resident_bytes

BASE = "simpleSystemBase"
RING = 1_000
PATIENCE_SECONDS = 60


class Counter(Actor):
    """Counts ticks, and answers."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:
        """Count, or say how many."""
        if isinstance(message, Tick):
            self.count += 1
        elif isinstance(message, Get):
            self.send(sender, self.count)


class Teller(Actor):
    """Tells another actor so many ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.target: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        """Tell them; or, before that, learn whom."""
        if isinstance(message, Go):
            for n in range(message.count):
                self.send(self.target, Tick(n=n))
        elif isinstance(message, ActorAddress):
            self.target = message


class Player(Actor):
    """Hits the ball back as long as it has strokes left; whoever has it then tells the outside."""

    def __init__(self) -> None:
        super().__init__()
        self.other: Any = None
        self.outside: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        """The ball, or who plays on the other side, or the word to begin."""
        if isinstance(message, Tick):
            if message.n == 0:
                self.send(self.outside, 0)
            else:
                self.send(self.other, Tick(n=message.n - 1))
        elif isinstance(message, Go):
            self.outside = sender
            self.send(self.other, Tick(n=message.count - 1))
        elif isinstance(message, ActorAddress):
            self.other = message


def in_system(workload: Callable[[Any, int], Values]) -> Callable[[int], Values]:
    """The workload in an actor system of its own."""

    def run(count: int) -> Values:
        system = ActorSystem(BASE)
        try:
            return workload(system, count)
        finally:
            system.shutdown()

    return run


def tell(system: Any, count: int) -> Values:
    """An actor tells an actor."""
    counter, teller = system.createActor(Counter), system.createActor(Teller)
    system.tell(teller, counter)
    started = perf_counter()
    system.tell(teller, Go(count=count))
    handled = system.ask(counter, Get(n=0), PATIENCE_SECONDS)
    seconds = perf_counter() - started
    expect(handled, count)
    return {"tell": rate(count, seconds)}


def tell_outside(system: Any, count: int) -> Values:
    """The outside tells an actor, which handles each message within the call."""
    counter = system.createActor(Counter)
    started = perf_counter()
    for n in range(count):
        system.tell(counter, Tick(n=n))
    handled = system.ask(counter, Get(n=0), PATIENCE_SECONDS)
    seconds = perf_counter() - started
    expect(handled, count)
    return {"tell_outside": rate(count, seconds)}


def ask_task(system: Any, count: int) -> Values:
    """The outside asks an actor."""
    counter = system.createActor(Counter)
    times = []
    for n in range(count):
        started = perf_counter_ns()
        system.ask(counter, Get(n=n), PATIENCE_SECONDS)
        times.append(perf_counter_ns() - started)
    return {f"ask_task_p{percent}": percentile(times, percent) / 1000 for percent in (50, 99)}


def ping_pong(system: Any, count: int) -> Values:
    """Two actors, one ball; a round trip is two messages."""
    return {"ping_pong": _circulate(system, 2, 2 * count) / 2}


def ring(system: Any, count: int) -> Values:
    """A thousand actors, one ball. The strokes are whole rounds, so that it ends where it began."""
    return {"ring": _circulate(system, RING, max(1, count // RING) * RING)}


def _circulate(system: Any, size: int, hops: int) -> float:
    players = [system.createActor(Player) for _ in range(size)]
    for player, other in zip(players, [*players[1:], players[0]], strict=True):
        system.tell(player, other)
    started = perf_counter()
    system.ask(players[0], Go(count=hops), PATIENCE_SECONDS)
    return rate(hops, perf_counter() - started)


def spawn(system: Any, count: int) -> Values:
    """So many actors, until the last has answered."""
    started = perf_counter()
    last = [system.createActor(Counter) for _ in range(count)][-1]
    system.ask(last, Get(n=0), PATIENCE_SECONDS)
    return {"spawn": rate(count, perf_counter() - started)}


def idle_bytes(system: Any, count: int) -> Values:
    """What a started actor weighs."""
    addresses = [system.createActor(Counter)] * count
    before = resident_bytes()
    for place in range(count):
        addresses[place] = system.createActor(Counter)
    return {"idle_bytes": (resident_bytes() - before) / count}


KIT = Kit(
    works={
        "tell": Work(in_system(tell), 20_000),
        "tell_outside": Work(in_system(tell_outside), 20_000),
        "ask_task": Work(in_system(ask_task), 5_000),
        "ping_pong": Work(in_system(ping_pong), 10_000),
        "ring": Work(in_system(ring), 20_000),
        "spawn": Work(in_system(spawn), 5_000),
        "idle_bytes": Work(in_system(idle_bytes), 10_000),
    },
    absent={
        "fan_in": "no bounded mailbox",
        "ask_actor": "no ask between actors",
        "tell_async": "no async handlers",
        "million_mb": "not tried",
        "crash": "no restart",
    },
)
