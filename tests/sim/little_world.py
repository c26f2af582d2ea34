"""A little simulated run with a bit of everything, as a world puts it together; also a program that prints its trace.

Run as a program it takes the seed and the name of a schedule, and writes the hash of the trace and then its lines.
"""

import sys
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from alys.actors.actor import Actor, Terminated
from alys.actors.context import Context
from alys.actors.errors import ActorError
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, ChildSpec, Intensity
from alys.actors.supervisor import Supervisor
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim import schedules
from alys.sim.dispatch import SimDispatcher
from alys.sim.schedules import ScheduleMaker, Uniform
from alys.sim.trace import TraceRecorder
from alys.sim.trap import Trap
from alys.sim.waiting import reporter, run_to_end

EPOCH = 1_767_225_600.0


class Tick(Message, frozen=True, kw_only=True):
    """Comes every second."""


class Work(Request[frozenset[str]], frozen=True, kw_only=True):
    """Carries what depends on hash order if one is not careful."""

    words: frozenset[str]
    amounts: dict[str, float]
    raw: bytes = b"\x00\xff"


class Worker(Actor):
    """Works, fails at times, and watches its neighbour."""

    def __init__(self, neighbour: str) -> None:
        self.neighbour = neighbour

    @override
    def on_start(self, ctx: Context) -> None:
        """Begin to tick."""
        ctx.after(1.0, Tick())
        ctx.watch(ctx.whereis(self.neighbour))

    def on_tick(self, message: Tick, ctx: Context) -> None:
        """Ask nobody, tell the neighbour, fail at times."""
        ctx.after(1.0, Tick())
        if ctx.random.below(8) == 0:
            raise ValueError(f"an address that differs in every run: {object()!r}")
        ctx.tell(ctx.whereis(self.neighbour), Work(words=frozenset({"a"}), amounts={}))

    def on_work(self, message: Work, ctx: Context) -> frozenset[str]:
        """Answer with some words more."""
        return message.words | {ctx.self.name, "done"}

    def on_terminated(self, message: Terminated, ctx: Context) -> None:
        """Watch the next one."""
        ctx.watch(ctx.whereis(self.neighbour))


class World:
    """One run, up to where its scenario begins."""

    def __init__(
        self, seed: int, *, trap: Trap | None = None, schedule: ScheduleMaker = Uniform
    ) -> None:
        random = SeededRandom(seed)
        chance = random.fork("schedule")
        self.lines: list[str] = []
        self.schedule = schedule(chance)
        self.dispatcher = SimDispatcher(chance, EPOCH, trap=trap, schedule=self.schedule)
        self.recorder = TraceRecorder(self.dispatcher.now, self.lines.append)
        self.system = System(
            self.dispatcher,
            random.fork("actors"),
            observer=self.recorder,
            intensity=Intensity(restarts=100),
        )
        self.dispatcher.report = reporter(self.system)

    def spawn(self, name: str, factory: Callable[[], Actor]) -> Ref:
        """Start an actor below the root."""
        return self.system.spawn(ChildSpec(name=name, factory=factory))

    def run(self, coroutine: Any, limit_seconds: float = 1000.0) -> Any:
        """Run it to its end."""
        return run_to_end(self.dispatcher, self.system, coroutine, limit_seconds)


def play(seed: int, schedule: ScheduleMaker = Uniform) -> World:
    """The little run, to its end."""
    return play_in(World(seed, trap=Trap(), schedule=schedule))


def play_in(world: World) -> World:
    """The same in a world of one's own."""
    names = ("ada", "bob", "cyd")
    specs = [
        ChildSpec(
            name=name,
            factory=lambda n=names[i - 1]: Worker(n),  # type: ignore[misc]
            register=name,
            backoff=Backoff(min_seconds=0.1, max_seconds=1.0, jitter=0.5),
        )
        for i, name in enumerate(names)
    ]
    world.spawn("boss", lambda: Supervisor(specs, Intensity(restarts=1000)))

    async def scenario() -> None:
        system = world.system
        for number in range(30):
            await system.sleep(0.7)
            work = Work(words=frozenset({"x", "y", "z", str(number)}), amounts={"b": 0.1, "a": 2.0})
            try:
                await system.ask(system.whereis(names[number % 3]), work, about=f"work:{number}")
            except ActorError as error:
                world.recorder.record("scenario", {"error": type(error).__name__})
        await system.shutdown()

    world.run(scenario())
    world.recorder.flush()
    return world


if __name__ == "__main__":
    played = play(int(sys.argv[1]), lambda random: schedules.make(sys.argv[2], random, steps=30))
    sys.stdout.write("".join([played.recorder.trace_hash + "\n", *played.lines]))
