"""One authority of a federation alone in a process, on services and among peers that others started (``alys node --index``).

Its store lies in a folder that outlives it, and what it needs to know of the others is where they take connections. It is told the
chain's specification: all nodes of a federation begin at one block.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from typing_extensions import override

from alys.base.errors import UsageError
from alys.chain.spec import ChainSpec
from alys.config.keys import ServiceKeys
from alys.config.settings import Settings
from alys.worlds import network
from alys.worlds.attached import Endpoints
from alys.worlds.protocol import GovernanceSide, ScenarioInfo
from alys.worlds.standalone import StandaloneNode


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is among the others."""

    index: int
    """Its place in the specification's list of authorities."""
    peers: tuple[str, ...]
    """``host:port`` of every authority, in their order; its own is what it announces, an empty one is waited for."""
    listen: tuple[str, int]
    """Host and port where it takes connections of its peers."""
    data_dir: Path

    def __post_init__(self) -> None:
        if not 0 <= self.index < network.AUTHORITIES:
            last = network.AUTHORITIES - 1
            raise UsageError(f"--index {self.index} cannot stand; allowed: 0 to {last}")
        if len(self.peers) != network.AUTHORITIES:
            raise UsageError(
                f"--peers names {len(self.peers)} addresses; needed: one for each of the {network.AUTHORITIES} authorities, in "
                "their order, its own among them"
            )


class MemberNode(StandaloneNode):
    """See the module's docstring."""

    name = "node"
    keeps_stores = True

    def __init__(
        self,
        settings: Settings,
        me: Membership,
        keys: ServiceKeys,
        spec: ChainSpec,
        rpc_port: int,
        *,
        metrics_port: int | None = None,
    ) -> None:
        """With a ``metrics_port`` it serves /health, /ready and /metrics there."""
        info = ScenarioInfo(
            name="node", seed=settings.world.seed, scratch=me.data_dir, nodes=network.AUTHORITIES
        )
        super().__init__(settings, info, keys, spec, rpc_port, metrics_port=metrics_port)
        self._me = me
        self.wire_host, port = me.listen
        self.wire_ports = {me.index: port}
        self.wire_announced = {me.index: me.peers[me.index]}
        self.metrics_tree = network.tree_name(me.index, network.AUTHORITIES)

    @override
    def authorities_here(self) -> Sequence[int]:
        return (self._me.index,)

    @override
    def drives_foreign(self, index: int) -> bool:
        return True

    @override
    async def provide(self) -> tuple[network.Grounds, Endpoints, GovernanceSide]:
        grounds, endpoints, nobody = await super().provide()
        known = msgspec.structs.replace(
            endpoints,
            engine_urls=(self._chain.engine_url,) * network.AUTHORITIES,
            wire_addresses=self._me.peers,
        )
        return grounds, known, nobody

    @override
    def wire_addresses(self) -> Mapping[int, str]:
        return dict(enumerate(self._me.peers))
