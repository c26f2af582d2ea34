"""The actor storm: scenes of test actors that fail, wait, time out, fill up and end, in the same system as the node.

It is part of every run. The node's own actors come to few of the situations that the runtime makes promises about; the
storm comes to all of them within some seconds of node time, with figures that the seed chooses, under the same schedule, and knows
what must come of each by the contract alone. Beside that, whoever listens to all actors hears it too.
"""

from alys.actors.reply import Reply
from alys.base.prng import Random
from alys.campaigns.acts import asks, families, mail
from alys.campaigns.acts.cast import Diary
from alys.campaigns.acts.stage import MOMENT, Ground, Stage
from alys.oracles.broken import Broken

SCENES = (*families.SCENES, *mail.SCENES, *asks.SCENES)
PATIENCE_S = 60.0
"""Node seconds that all scenes together may take: they take about 13."""


class Storm:
    """Of one run. ``begin`` once the world is open, ``settle`` and ``verify`` before it closes."""

    def __init__(self, world: Ground, random: Random) -> None:
        self._world = world
        self._random = random
        self._diary = Diary()
        self._stages: list[Stage] = []
        self._ends: dict[str, Reply[None]] = {}
        self._begun_at = 0.0

    @property
    def samples(self) -> dict[str, int]:
        """How often each expectation was looked at, by its name ``storm/…``."""
        total: dict[str, int] = {}
        for stage in self._stages:
            for name, count in stage.samples.items():
                total[name] = total.get(name, 0) + count
        return total

    def begin(self) -> None:
        """All scenes at once, each driven beside everything else."""
        system = self._world.system
        self._begun_at = system.dispatcher.now()
        for scene in SCENES:
            name = scene.__name__.replace("_", "-")
            stage = Stage(system, self._random.fork(name), name, self._diary)
            self._stages.append(stage)
            self._ends[name] = system.drive(scene(stage))

    async def settle(self) -> None:
        """Wait until all scenes are over, and their actors gone. Raises Broken (``storm/settled``) when that takes too long."""
        system = self._world.system
        until = self._begun_at + PATIENCE_S
        await self._wait(list(self._ends.values()), until, "is not over")
        ends = [end for stage in self._stages for end in stage.clear()]
        await self._wait(ends, system.dispatcher.now() + PATIENCE_S, "has actors that do not end")

    def verify(self) -> None:
        """Raises what a scene found; the first in the order of the scenes."""
        for end in self._ends.values():
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
