"""The actor storm: scenes of test actors that fail, wait, time out, fill up and end, in the same system as the node; and scenes of
the node's clients with services that say whatever a scene wants.

It is part of every run. The node's own actors come to few of the situations that the runtime makes promises about; the
storm comes to all of them within some seconds of node time, with figures that the seed chooses, under the same schedule, and knows
what must come of each by the contract alone. Beside that, whoever listens to all actors hears it too.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from alys.actors.reply import Reply
from alys.base.prng import Random
from alys.campaigns.acts import asks, engine, families, mail, stream
from alys.campaigns.acts.cast import Diary
from alys.campaigns.acts.stage import MOMENT, Ground, Stage
from alys.oracles.broken import Broken

RUNTIME = (*families.SCENES, *mail.SCENES, *asks.SCENES)
CLIENTS = (*engine.SCENES, *stream.SCENES)
SCENES = (*RUNTIME, *CLIENTS)
PATIENCE_S = 60.0
"""Node seconds that all scenes together may take: they take about 7."""


class Storm:
    """Of one run. ``begin`` once the world is open, ``settle`` and ``verify`` before it closes."""

    def __init__(
        self, world: Ground, random: Random, found: Callable[[Broken], object] | None = None
    ) -> None:
        """``found`` is told of each finding when it is made; ``verify`` raises it all the same."""
        self._world = world
        self._found = found
        self._random = random
        self._diary = Diary()
        self._stages: list[Stage] = []
        self._ends: dict[str, Reply[None]] = {}
        self._begun_at = 0.0

    @property
    def samples(self) -> dict[str, int]:
        """How often each expectation was looked at, by its name: ``storm/…`` of the runtime, ``clients/…`` of the clients."""
        total: dict[str, int] = {}
        for stage in self._stages:
            for name, count in stage.samples.items():
                total[name] = total.get(name, 0) + count
        return total

    def looked(self) -> dict[str, int]:
        """How often each scene looked at something, by its name."""
        return {stage.name: sum(stage.samples.values()) for stage in self._stages}

    def begin(self) -> None:
        """All scenes at once, each driven beside everything else."""
        system = self._world.system
        self._begun_at = system.dispatcher.now()
        for scene in SCENES:
            name = scene.__name__.replace("_", "-")
            family = "clients" if scene in CLIENTS else "storm"
            stage = Stage(system, self._random.fork(name), name, self._diary, family)
            self._stages.append(stage)
            end = self._ends[name] = system.drive(_played(scene, stage))
            end.subscribe(partial(self._over, end))

    def _over(self, end: Reply[None]) -> None:
        sound = self._world.system.failure is None
        if self._found is not None and sound and isinstance(end.error, Broken):
            self._found(end.error)

    async def settle(self) -> None:
        """Wait until all scenes are over, and their actors gone. Raises Broken (``storm/settled``) when that takes too long."""
        system = self._world.system
        until = self._begun_at + PATIENCE_S
        await self._wait(list(self._ends.values()), until, "is not over")
        ends = [end for stage in self._stages for end in stage.clear()]
        await self._wait(ends, system.dispatcher.now() + PATIENCE_S, "has actors that do not end")

    def verify(self) -> None:
        """Raises what a scene found, of those that are over; the first in the order of the scenes.

        Says nothing over a system that has failed as a whole: its end took the test actors with it.
        """
        if self._world.system.failure is not None:
            return
        for end in self._ends.values():
            if end.done:
                end.result()

    async def _wait(
        self, ends: list[Reply[None]] | list[Reply[str]], until: float, what: str
    ) -> None:
        system = self._world.system
        while not all(end.done for end in ends):
            if system.dispatcher.now() >= until:
                names = [name for name, end in self._ends.items() if not end.done]
                raise Broken("storm/settled", f"the storm {what}", scenes=names)
            await system.sleep(100 * MOMENT)


async def _played(scene: Callable[[Stage], Awaitable[None]], stage: Stage) -> None:
    """To its end, and off the stage: whoever stays goes on with heartbeats."""
    try:
        await scene(stage)
    finally:
        stage.clear()
