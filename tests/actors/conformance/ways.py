"""The ways in which a check of the contract is run, and what several of them share.

A check about order or conservation is run over many seeds and on the real loop, and each of the two twice: with an
observer that hears of every message (each travels in an envelope), and with one that does not. Only in the second case
messages travel bare, and only on the loop an idle actor answers an ask at once; so ``loop-plain`` is where the fast
paths run, and the other three say what they must not be told from.
"""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.errors import Ignore
from alys.actors.exits import Exit, Kind
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity, Restart
from alys.actors.supervisor import ChildInfo, CountChildren, Supervisor, WhichChildren
from alys.sim.waiting import describe
from tests.actors.stage import (
    Boom,
    Log,
    PlainLog,
    Puppet,
    Scenario,
    Stage,
    on_a_loop,
    on_a_plain_loop,
    simulate,
)

MANY_SEEDS = 50
LOOKS_MAX = 20_000

Run = Callable[[Scenario[Any]], None]


def seeds(kind: Callable[[], Log], count: int = MANY_SEEDS) -> Run:
    """A run for every seed; what fails says with which."""

    def run(scenario: Scenario[Any]) -> None:
        for seed in range(count):
            try:
                simulate(scenario, seed, kind=kind)
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise

    return run


_simulated = {"seeds": seeds(Log), "seeds-plain": seeds(PlainLog)}
_looped = {"loop": on_a_loop, "loop-plain": on_a_plain_loop}
_few = {"seeds": seeds(Log, 5), "seeds-plain": seeds(PlainLog, 5)}

every_way = pytest.mark.parametrize(
    "run", [*_simulated.values(), *_looped.values()], ids=[*_simulated, *_looped]
)
"""About order, and about what is not lost."""
in_time = pytest.mark.parametrize("run", _few.values(), ids=_few)
"""About time: exact, since time moves only in jumps; a few schedules each."""
on_loops = pytest.mark.parametrize("run", _looped.values(), ids=_looped)
"""About what only asyncio's dispatcher does, and about numbers too large for many seeds."""


async def until(stage: Stage, holds: Callable[[], Any]) -> None:
    """Wait for a condition that nobody announces."""
    for _ in range(LOOKS_MAX):
        if holds():
            return
        await stage.system.sleep(0.01)
    raise AssertionError(f"waited in vain; {describe(stage.system)}")


def clock(stage: Stage) -> float:
    """Seconds since the start, exact to the nanosecond; only in simulation."""
    seconds: float = stage.system.dispatcher.simulated_seconds  # type: ignore[attr-defined]
    return seconds


class Sluggish(Puppet):
    """A puppet whose hooks take node time, each as long as the test says."""

    def __init__(self, stage: Stage, name: str = "", *, start: float = 0.0, stop: float = 0.0):
        super().__init__(stage, name)
        self.start_seconds = start
        self.stop_seconds = stop

    @override
    async def on_start(self, ctx: Context) -> None:
        """Take the time, then note it."""
        if self.start_seconds:
            await self.stage.system.sleep(self.start_seconds)
        super().on_start(ctx)

    @override
    async def post_stop(self, ctx: Context) -> None:
        """The same."""
        if self.stop_seconds:
            await self.stage.system.sleep(self.stop_seconds)
        self.note("post_stop")


# Supervisors

OFTEN = Intensity(restarts=1000, period_seconds=1.0)
"""For tests in which the number of restarts is not the point."""

ENDS: dict[str, Exit | None] = {
    "normal": Exit(),
    "shutdown": Exit(kind=Kind.SHUTDOWN),
    "shutdown with a reason": Exit(kind=Kind.SHUTDOWN, detail="enough"),
    "failure": Exit(kind=Kind.FAILED, detail="broken"),
    "killed": Exit(kind=Kind.KILLED),
    "exception": None,
}
"""Ways in which a child may end by itself; None for one that raises."""
NORMAL_ENDS = ("normal", "shutdown", "shutdown with a reason")
ABNORMAL_ENDS = ("failure", "killed", "exception")


def supervise(
    stage: Stage, *children: ChildSpec, restart: Restart = Restart.TEMPORARY, **more: Any
) -> Ref:
    """Start a supervisor of these children below the root; when it ends it stays away, unless the test says otherwise."""
    return stage.spawn(
        "boss", lambda: Supervisor(children, **more), restart=restart, supervisor=True
    )


async def children_of(stage: Stage, boss: Ref) -> dict[str, ChildInfo]:
    """What the supervisor says of its children, by name."""
    return {child.name: child for child in await stage.system.ask(boss, WhichChildren())}


async def status_of(stage: Stage, boss: Ref) -> dict[str, str]:
    """The states of its children, by name."""
    return {name: info.status for name, info in (await children_of(stage, boss)).items()}


async def counts_of(stage: Stage, boss: Ref) -> tuple[int, int, int, int]:
    """Specs, active, supervisors, workers."""
    counts = await stage.system.ask(boss, CountChildren())
    return counts.specs, counts.active, counts.supervisors, counts.workers


def broken() -> Actor:
    """A factory that never works."""
    raise Boom("never")


def unwanted(stage: Stage, times: Callable[[int], bool]) -> Callable[[], Actor]:
    """A factory that declines at the calls for which that holds."""
    calls: list[int] = []

    def make() -> Actor:
        calls.append(1)
        if times(len(calls)):
            raise Ignore
        return Puppet(stage)

    return make
