"""The storm alone: a system in virtual time with nothing else in it."""

from alys.actors.supervision import Intensity
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.campaigns.storm import Storm
from alys.sim.dispatch import SimDispatcher
from alys.sim.trap import Trap
from alys.sim.waiting import run_to_end
from alys.worlds.recorder import Recorder

EPOCH = 1_767_225_600.0


class Alone:
    """A world with a storm and nothing else."""

    def __init__(self, seed: int) -> None:
        random = SeededRandom(seed)
        self.lines: list[str] = []
        self.dispatcher = SimDispatcher(random.fork("schedule"), EPOCH, trap=Trap())
        self.recorder = Recorder(self.dispatcher.now, self.lines.append)
        self.system = System(
            self.dispatcher,
            random.fork("actors"),
            observer=self.recorder,
            intensity=Intensity(restarts=1, period_seconds=5.0),
        )
        self.storm = Storm(self, random.fork("storm"))

    def run(self) -> None:
        """To its end; raises what a scene found."""

        async def life() -> None:
            self.storm.begin()
            await self.storm.settle()
            self.storm.verify()

        run_to_end(self.dispatcher, self.system, life(), limit_seconds=300.0)
