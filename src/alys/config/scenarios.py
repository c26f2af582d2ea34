"""``[test_scenarios]``: the part of the settings tree that says which scenarios run, how long and against which figures."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[int, Meta(ge=1, le=86_400, extra={"form": "seconds"})]
"""A number, or a text such as ``"300s"`` or ``"5m"``."""

TestCase = Literal[
    "connection_establishment", "message_routing", "failure_recovery", "load_testing"
]
FailureScenario = Literal[
    "single_actor_failure", "cascading_failures", "supervisor_failure", "resource_exhaustion"
]
TestFlow = Literal["block_production_flow", "bridge_operation_flow", "multi_actor_coordination"]
ActorType = Literal["StreamActor", "ChainActor", "BridgeActor", "EngineActor"]
_Listed = Meta(
    min_length=1
)  # a suite that runs nothing is turned off by ``enabled``, not by an empty list


class SuiteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every ``[test_scenarios.<suite>]`` has."""

    enabled: bool = True
    """Whether runs of everything include this suite."""
    timeout_seconds: Seconds = msgspec.field(default=180, name="timeout")
    """Wall time that one scenario may take, from its start; simulation allows the same node time."""


class StreamActorSettings(SuiteSettings, frozen=True, kw_only=True):
    """``[test_scenarios.stream_actor]``."""

    timeout_seconds: Seconds = msgspec.field(default=60, name="timeout")
    governance_connections: Annotated[int, Meta(ge=1, le=64)] = 3
    """Streams that are open at once."""
    message_rate: Annotated[int, Meta(ge=1, le=100_000)] = 100
    """Messages per second under load."""
    test_cases: Annotated[tuple[TestCase, ...], _Listed] = (
        "connection_establishment",
        "message_routing",
        "failure_recovery",
        "load_testing",
    )
    """Which scenarios run."""


class SupervisionSettings(SuiteSettings, frozen=True, kw_only=True):
    """``[test_scenarios.supervision]``."""

    timeout_seconds: Seconds = msgspec.field(default=120, name="timeout")
    max_actors: Annotated[int, Meta(ge=4, le=100_000)] = 50
    """Actors in the largest tree."""
    failure_scenarios: Annotated[tuple[FailureScenario, ...], _Listed] = (
        "single_actor_failure",
        "cascading_failures",
        "supervisor_failure",
        "resource_exhaustion",
    )
    """Which scenarios run."""


class IntegrationSettings(SuiteSettings, frozen=True, kw_only=True):
    """``[test_scenarios.integration]``: the cross-actor flows, and scenario files given by path."""

    timeout_seconds: Seconds = msgspec.field(default=180, name="timeout")
    actor_types: Annotated[tuple[ActorType, ...], _Listed] = (
        "StreamActor",
        "ChainActor",
        "BridgeActor",
        "EngineActor",
    )
    """The actors that take part; each flow names the ones it cannot do without."""
    test_flows: Annotated[tuple[TestFlow, ...], _Listed] = (
        "block_production_flow",
        "bridge_operation_flow",
        "multi_actor_coordination",
    )
    """Which scenarios run."""


class PerformanceSettings(SuiteSettings, frozen=True, kw_only=True):
    """``[test_scenarios.performance]``."""

    timeout_seconds: Seconds = msgspec.field(default=300, name="timeout")
    warmup_duration: Annotated[int, Meta(ge=0, le=86_400, extra={"form": "seconds"})] = 30
    """Load before anything is measured, seconds."""
    test_duration: Seconds = 240
    """How long is measured."""
    target_message_rate: Annotated[int, Meta(ge=1, le=10_000_000)] = 1000
    """Messages per second that are offered, and must be handled."""
    max_memory_usage_mb: Annotated[int, Meta(ge=1, le=1_048_576)] = 512
    """Resident memory that the node may use."""
    max_cpu_percent: Annotated[float, Meta(gt=0, le=100)] = 80
    """Of the processor that the node can use: its event loop runs on one, of which a quota may leave it less."""


class TestScenarios(msgspec.Struct, frozen=True, kw_only=True):
    """``[test_scenarios]``: one section per suite."""

    __test__ = False  # the name is the section's; pytest would take it for a test class

    stream_actor: StreamActorSettings = StreamActorSettings()
    """The governance streams."""
    supervision: SupervisionSettings = SupervisionSettings()
    """Failures of actors."""
    integration: IntegrationSettings = IntegrationSettings()
    """The cross-actor flows, and scenario files given by path."""
    performance: PerformanceSettings = PerformanceSettings()
    """Load and its thresholds."""
