"""A world of actors alone: a system in virtual time with the worlds' recorder, and the way of a scenario to it."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from alys.actors.reply import Reply
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from alys.sim.waiting import run_to_end
from alys.worlds.actors import Actors
from alys.worlds.recorder import Recorder

T = TypeVar("T")

LIMIT_SECONDS = 1_000.0


class Ground:
    """See ``worlds.actors.Ground``."""

    def __init__(self, seed: int = 1) -> None:
        random = SeededRandom(seed)
        self.lines: list[str] = []
        self.dispatcher = SimDispatcher(random.fork("schedule"), 1_767_225_600.0)
        self.recorder = Recorder(self.dispatcher.now, self.lines.append)
        self.system = System(self.dispatcher, random.fork("actors"), observer=self.recorder)
        self.actors = Actors(self)

    def now(self) -> float:
        """Virtual time."""
        return self.dispatcher.now()

    async def sleep(self, seconds: float) -> None:
        """Virtual time passes."""
        await self.system.sleep(seconds)

    async def await_reply(self, reply: Reply[T]) -> T:
        """Wait for it."""
        return await reply

    async def settle(self) -> None:
        """All that is under way happens."""
        await self.system.sleep(0.01)


def play(scenario: Callable[[Ground], Coroutine[Any, Any, T]]) -> T:
    """Run it in a fresh world of actors."""
    ground = Ground()
    return run_to_end(ground.dispatcher, ground.system, scenario(ground), LIMIT_SECONDS)
