"""A simulated world whose node can be killed at an act of its own and started again on the same store and services."""

from typing import Any

from typing_extensions import override

from alys.actors.supervision import ChildSpec
from alys.config.settings import Settings
from alys.node.tree import node_tree
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
        self._ports: list[ChildSpec] = []
        self.started_again = False

    @override
    def _port(self, tree: str, name: str, factory: Any) -> None:
        super()._port(tree, name, factory)
        if tree == NODE_TREE:
            self._ports.append(
                ChildSpec(
                    name=f"{tree}-{name}",
                    factory=factory,
                    register=f"{tree}/ports/{name}",
                    mailbox_messages_max=5_000,
                )
            )

    def _kill(self) -> None:
        """The process is gone: its actors, its connections, and what was on its way to it."""
        for link in self.links:
            link.break_off()
        self.system.drive(self._die_and_live())

    async def _die_and_live(self) -> None:
        """The gate is shut, so the ports do nothing any more; they go last, or they would fail those who wait for them."""
        fault = self.recorder.order(NODE_TREE, "kill")
        names = (NODE_TREE, *(port.name for port in self._ports))
        tops = {cell.spec.name: cell for cell in self.system.cells() if cell.path.count("/") == 2}
        for name in names:
            fault.touched.append(name)
            await self.system.stop(tops[name], seconds=0)
        await self.system.sleep(DOWN_SECONDS)
        self.gate.live()
        for port in self._ports:
            self.system.spawn(port)
        me, nodes = self.network.authority(PRODUCER), self.network.governance_nodes
        token = self.governance_token
        self.system.spawn(node_tree(self.network.spec, me, governance_nodes=nodes, token=token))
        self.started_again = True
