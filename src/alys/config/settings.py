"""The tree of settings: every key of the configuration file, its default and its bounds.

The keys follow ``test-config.toml``. ``default.toml`` beside this file says the same with comments, for copying; a test
holds the two together. Nothing below the front door reads a file or the environment: it is given a ``Settings``.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
WorldKind = Literal["local", "sim"]
ReportFormat = Literal["text", "json"]
TimeScale = Annotated[float, Meta(ge=0.1, le=1000.0)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class TestEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """``[test_environment]``: the run as a whole."""

    __test__ = False  # the name is the section's; pytest would take it for a test class

    name: str = "local"
    """A label for reports: where this run took place."""
    timeout_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 300
    """Wall time that all scenarios together may take."""
    max_concurrent_tests: Annotated[int, Meta(ge=1, le=64)] = 10
    """How many scenarios overlap in the local world; simulation runs one after the other."""
    log_level: str = "info"
    """``error``, ``warn``, ``info``, ``debug`` or ``trace``, and per module: ``info,alys.node=debug``."""
    report_format: ReportFormat = "text"
    """What is printed on standard output at the end."""
    results_dir: Annotated[str, Meta(min_length=1)] = "results"
    """Where each run makes a folder of its own."""


class MockServices(msgspec.Struct, frozen=True, kw_only=True):
    """``[mock_services]``: services that run elsewhere, by URL. Empty: the world starts its own."""

    governance_nodes: tuple[str, ...] = ()
    """One URL per governance node."""
    bitcoin_rpc_url: str = ""
    """A Bitcoin node's JSON-RPC."""
    ethereum_rpc_url: str = ""
    """An execution client's JSON-RPC."""
    engine_api_url: str = ""
    """The same client's Engine API."""


class SuiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[test_scenarios.<suite>]``."""

    timeout_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 180
    """Wall time that one scenario may take, from its start; simulation allows the same node time."""


class TestScenarios(msgspec.Struct, frozen=True, kw_only=True):
    """``[test_scenarios]``: one section per suite."""

    __test__ = False

    integration: SuiteSettings = SuiteSettings()
    """The cross-actor flows, and scenario files given by path."""


class WorldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[world]``: what the scenarios run in."""

    kind: WorldKind = "local"
    """``local``: real sockets on this machine. ``sim``: virtual time in one process, replayable by seed."""
    seed: Seed = 1
    """Decides every choice in simulation; in the local world, the choices that are ours. The front door draws one
    when none is given."""
    time_scale: TimeScale = 10.0
    """Node seconds per wall second in the local world (slots, heartbeats, back-off)."""
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """The address that the local world's services listen on."""
    bitcoin_rpc_port: Port = 0
    """0 takes a free port, here and below. A fixed port makes scenarios run one after the other."""
    ethereum_rpc_port: Port = 0
    """The producing node's execution client, JSON-RPC."""
    engine_api_port: Port = 0
    """The same client, Engine API."""
    governance_base_port: Port = 0
    """The first governance node; the others take the next ports."""

    @property
    def fixed_ports(self) -> bool:
        """Whether two worlds at once would want one port."""
        return bool(
            self.bitcoin_rpc_port
            or self.ethereum_rpc_port
            or self.engine_api_port
            or self.governance_base_port
        )


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[node]``: the figures of the test chain."""

    slot_duration_ms: Annotated[int, Meta(ge=1000, le=60_000, multiple_of=1000)] = 2000
    """Node time between slots. Whole seconds, because block timestamps are."""
    max_blocks_without_pow: Annotated[int, Meta(ge=1, le=100_000)] = 5
    """Blocks that may follow an AuxPoW before production stops."""
    required_confirmations: Annotated[int, Meta(ge=1, le=1000)] = 6
    """Bitcoin confirmations before a deposit is minted."""
    fee_rate_sat_vb: Annotated[int, Meta(ge=1, le=1000)] = 2
    """What a payout pays the Bitcoin miner, satoshi per virtual byte."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run can be told."""

    test_environment: TestEnvironment = TestEnvironment()
    """The run as a whole."""
    mock_services: MockServices = MockServices()
    """Services elsewhere."""
    test_scenarios: TestScenarios = TestScenarios()
    """Per suite."""
    world: WorldSettings = WorldSettings()
    """The world."""
    node: NodeSettings = NodeSettings()
    """The chain."""

    @property
    def concurrency(self) -> int:
        """How many local scenarios may run at once."""
        return 1 if self.world.fixed_ports else self.test_environment.max_concurrent_tests
