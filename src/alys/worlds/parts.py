"""What the parts of a split world tell each other: the orders to the children, and what they say when they are ready."""

from pathlib import Path

import msgspec

from alys.config.settings import Settings
from alys.worlds.attached import Endpoints
from alys.worlds.network import Grounds
from alys.worlds.protocol import ScenarioInfo


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """``protocol.ScenarioInfo`` on its way."""

    name: str
    seed: int
    scratch: str
    nodes: int | None

    @classmethod
    def of(cls, info: ScenarioInfo) -> "Scenario":
        """For the order."""
        return cls(name=info.name, seed=info.seed, scratch=str(info.scratch), nodes=info.nodes)

    def info(self) -> ScenarioInfo:
        """In the child."""
        return ScenarioInfo(
            name=self.name, seed=self.seed, scratch=Path(self.scratch), nodes=self.nodes
        )


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A moment: node time, and the monotonic clock that all processes of a machine share (``time.monotonic`` on Linux)."""

    node: float
    monotonic: float

    def epoch(self, monotonic: float, time_scale: float) -> float:
        """Node time at another reading of the monotonic clock."""
        return self.node + (monotonic - self.monotonic) * time_scale


class StartServices(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Serve fresh chains and governance nodes."""

    settings: Settings
    scenario: Scenario


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """They are served."""

    endpoints: Endpoints
    grounds: Grounds
    governance_admin_urls: tuple[str, ...]
    clock: Clock


class StartNode(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Run these authorities on these services: one whole node, and co-signers beside it."""

    settings: Settings
    scenario: Scenario
    services: Services
    authorities: tuple[int, ...]
    wire_addresses: tuple[str, ...]
    """Where the others take connections, by authority; empty: not known yet, or its own."""
    rpc_port: int = 0
    """To be taken again by a node that is started again; 0: a free one, here and below."""
    wire_ports: dict[int, int] = {}
    """By authority."""


class NodeUp(msgspec.Struct, frozen=True, kw_only=True):
    """All of them answer."""

    url: str
    wire_addresses: dict[int, str]
    """Where they take connections, by authority."""


class Part(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Told to it later: be cut off from these peers and from no others, by authority of that process and names of trees."""

    number: int
    """Of the order; the answer bears it."""
    isolated: dict[int, tuple[str, ...]]


class Parted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Said then: it is done."""

    number: int


class Broke(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Said after that: an actor crashed, or a tree gave up. One sentence."""

    sentence: str


Order = StartServices | StartNode
Said = Parted | Broke
