"""Our side of every workload: how a system is set up, and the few places where the runtime's insides are looked at.

All of it runs with what a user has: supervision, lanes of priority and the observer that counts.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from alys.actors.actor import Actor
from alys.actors.loop import LoopDispatcher
from alys.actors.mailbox import Overflow
from alys.actors.metrics import Metrics
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Intensity
from alys.actors.system import System
from alys.base.prng import SeededRandom
from benchmarks.messages import Get

PATIENCE_SECONDS = 120.0
"""Deadline of the asks that wait for a whole pass."""
TURNS_MAX = 1_000_000
ROOM = 16
"""Places in a mailbox beside those for the counted messages: for the questions of the harness."""


class Broken(Exception):
    """A workload did not do what it is measured for: lost messages, an exceeded bound, a failed system."""


def make_observer() -> Metrics:
    """The observer of every system here."""
    return Metrics()


def make_system(intensity: Intensity | None = None) -> System:
    """A system on the running loop, stock but for the intensity of its root."""
    return System(
        LoopDispatcher(asyncio.get_running_loop()),
        SeededRandom(0),
        observer=make_observer(),
        intensity=intensity,
    )


@asynccontextmanager
async def running_system(intensity: Intensity | None = None) -> AsyncIterator[System]:
    """A system that is shut down at the end, and must still be sound by then."""
    system = make_system(intensity)
    yield system
    failure = system.failure
    await system.shutdown()
    if failure is not None:
        raise Broken("the system failed during the workload") from failure


def spec(name: str, factory: Callable[[], Actor], messages_max: int = 1_000) -> ChildSpec:
    """A named actor; a mailbox that is full fails the sender, and that fails the workload."""
    return ChildSpec(name=name, factory=factory, mailbox_messages_max=messages_max)


def suspending(name: str, factory: Callable[[], Actor], messages_max: int) -> ChildSpec:
    """A named actor; whoever sends to its full mailbox waits."""
    return ChildSpec(
        name=name,
        factory=factory,
        mailbox_messages_max=messages_max,
        overflow=Overflow.SUSPEND,
    )


def anonymous(factory: Callable[[], Actor]) -> ChildSpec:
    """One spec for any number of children."""
    return ChildSpec(factory=factory)


def mailbox_length(ref: Ref) -> int:
    """Messages that wait in an actor's mailbox now."""
    length: int = ref.cell.mailbox.count
    return length


async def settle(system: System, *refs: Ref) -> None:
    """Wait until every actor has started and handled something, then clear away the garbage of before."""
    for ref in refs:
        await system.ask(ref, Get(n=0))
    gc.collect()


async def turns_until(reached: Callable[[], bool]) -> None:
    """Let the loop turn until something has happened; Broken when it never does."""
    for _ in range(TURNS_MAX):
        if reached():
            return
        await asyncio.sleep(0)
    raise Broken(f"nothing more happened in {TURNS_MAX} turns of the loop")


def expect(what: str, found: int, wanted: int) -> None:
    """Broken unless every message was handled, once."""
    if found != wanted:
        raise Broken(f"{what}: {found} handled of {wanted} sent")
