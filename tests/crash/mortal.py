"""A simulated world whose node can be killed at an act of its own and started again on the same store and services."""

from alys.config.settings import Settings
from alys.sim.dispatch import SimDispatcher
from alys.worlds.network import NODE_TREE, PRODUCER
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimWorld
from tests.crash.lethal import Lethal, Moment

DOWN_SECONDS = 1.5
"""Node time between the kill and the start."""


class MortalWorld(SimWorld):
    """See the module's docstring."""

    def __init__(
        self, settings: Settings, info: ScenarioInfo, target: tuple[int, Moment] | None
    ) -> None:
        super().__init__(settings, info)
        dispatcher = self.dispatcher
        assert isinstance(dispatcher, SimDispatcher)
        self.gate = Lethal(self._kill, lambda s, call: dispatcher.call_after(s, call), target)
        self.gates[NODE_TREE] = self.gate
        self.started_again = False

    def _kill(self) -> None:
        """The process is gone: its connections, and with the gate shut what was on its way, before its actors are."""
        self.buried(PRODUCER)
        self.system.drive(self._die_and_live())

    async def _die_and_live(self) -> None:
        await self.nodes.kill(PRODUCER)
        await self.system.sleep(DOWN_SECONDS)
        self.gate.live()
        await self.nodes.start(PRODUCER)
        self.started_again = True
