"""A system of actors on the running loop, for tests of gateways."""

from collections.abc import Awaitable, Callable
from typing import Any

from alys.actors.actor import Actor
from alys.actors.loop import LoopDispatcher, wait
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec
from alys.actors.system import System
from alys.base.prng import SeededRandom


async def with_actor(
    factory: Callable[[], Actor], run: Callable[[System, Ref], Awaitable[Any]]
) -> Any:
    """Start one actor, run, shut down; what ``run`` returns."""
    import asyncio

    dispatcher = LoopDispatcher(asyncio.get_running_loop())
    system = System(dispatcher, SeededRandom(1))
    ref = system.spawn(ChildSpec(name="under-test", factory=factory, register="under-test"))
    try:
        return await run(system, ref)
    finally:
        await wait(system.shutdown())
