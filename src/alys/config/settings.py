"""The tree of settings: every key of the configuration file, its default and its bounds.

The keys are those of the document's ``test-config.toml``, and a few of our own. ``default.toml`` beside this file says the
same with comments, for copying; a test holds the two together. Nothing below the front door reads a file or the
environment: it is given a ``Settings``.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from alys.config.policies import ActorPolicies, Policies, SupervisorPolicies
from alys.config.scenarios import Seconds, TestScenarios

Port = Annotated[int, Meta(ge=0, le=65535)]
WorldKind = Literal["local", "sim", "remote"]
ReportFormat = Literal["text", "json"]
LogFormat = Literal["text", "json"]
BufferPolicy = Literal["drop_oldest", "drop_lowest_priority", "reject_new", "back_pressure"]
Placement = Literal["one", "split"]
Profile = Literal["full", "light"]
TimeScale = Annotated[float, Meta(ge=0.1, le=1000.0)]
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]
RealNode = Literal["bitcoin", "ethereum"]
Url = Annotated[str, Meta(extra={"form": "url"})]
Duration = Annotated[str, Meta(extra={"form": "duration"})]
Percent = Annotated[float, Meta(gt=0, le=100)]


class TestEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """``[test_environment]``: the run as a whole."""

    __test__ = False  # the name is the section's; pytest would take it for a test class

    name: str = "local"
    """A label for reports: where this run took place."""
    timeout_seconds: Seconds = 300
    """Wall time that all scenarios of a suite may take; a run of everything has so much for every suite (``runner.selection``)."""
    max_concurrent_tests: Annotated[int, Meta(ge=1, le=64)] = 10
    """How many scenarios overlap in the local world; simulation runs one after the other."""
    log_level: Annotated[str, Meta(extra={"form": "directives"})] = "info"
    """``error``, ``warn``, ``info``, ``debug`` or ``trace``, and per module: ``info,alys.node=debug``."""
    log_format: LogFormat = "text"
    """``json`` writes each log record as one JSON object on a line of its own."""
    report_format: ReportFormat = "text"
    """What is printed on standard output at the end."""
    results_dir: Annotated[str, Meta(min_length=1)] = "results"
    """Where each run makes a folder of its own."""
    image: str = ""
    """The container image that this runs from; goes into the report."""
    comprehensive: bool = False
    """Whether the suites run their extended scenarios as well."""
    job_name: str = ""
    """The Job that makes the run, for its record."""
    results_url: Url = ""
    """The service (``alys serve``) that the results are sent to when the run is over. Empty: they stay where they are."""
    results_upload_seconds: Seconds = 60
    """How long that is tried."""


class KubernetesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[kubernetes]``: how the environment lives in a cluster."""

    namespace: Annotated[str, Meta(extra={"form": "label"})] = "alys-v2-testing"
    """Where everything is put."""
    service_discovery: bool = True
    """Whether Prometheus finds its targets by asking the cluster."""
    resource_limits: bool = True
    """Whether workloads carry requests and limits."""
    cleanup_on_failure: bool = True
    """Whether what the worlds of a run that does not pass left on disk is removed; its results are kept in any case."""


class MockServices(msgspec.Struct, frozen=True, kw_only=True):
    """``[mock_services]``: services that run elsewhere, by URL. Empty: the world starts its own.

    World ``remote`` needs all four. World ``local`` can be given a Bitcoin node, an execution client or both: any that are real.
    """

    governance_nodes: tuple[Url, ...] = ()
    """One URL per governance node."""
    bitcoin_rpc_url: Url = ""
    """A Bitcoin node's JSON-RPC."""
    ethereum_rpc_url: Url = ""
    """An execution client's JSON-RPC."""
    engine_api_url: Url = ""
    """The same client's Engine API."""
    governance_admin_urls: tuple[Url, ...] = ()
    """Their admin ports, in the same order; empty: port 9101 of the same hosts, here and below."""
    bitcoin_admin_url: Url = ""
    """The Bitcoin node's."""
    ethereum_admin_url: Url = ""
    """The execution client's."""
    real: tuple[RealNode, ...] = ()
    """World ``remote``: which of them are real nodes, without an admin port. A run begins where their chains stand."""

    @property
    def elsewhere(self) -> bool:
        """Whether a node was started by somebody else."""
        return bool(self.bitcoin_rpc_url or self.engine_api_url)


class PrometheusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[prometheus]``: how metrics are offered and collected."""

    enabled: bool = True
    """Whether the runner offers metrics."""
    endpoint: Url = "http://prometheus:9090"
    """Where Prometheus answers."""
    metrics_port: Port = 9090
    """Where the runner offers its metrics; 0 takes a free port."""
    scrape_interval: Duration = "15s"
    """How often Prometheus collects."""


class MonitoringSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[monitoring]``: which parts of the monitoring stack there are."""

    prometheus_enabled: bool = True
    """Whether Prometheus is deployed."""
    grafana_enabled: bool = True
    """Whether Grafana is deployed; it needs Prometheus."""
    log_collection: bool = True
    """Whether the log of a run is written into its results."""
    metrics_retention: Duration = "1d"
    """How long Prometheus keeps its samples."""


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[alerts]``: from where on somebody is called."""

    high_failure_rate_threshold: Annotated[float, Meta(gt=0, le=1)] = 0.1
    """Failed messages by all messages."""
    high_latency_threshold_ms: Annotated[float, Meta(gt=0, le=600_000)] = 100
    """Handling one message, milliseconds."""
    memory_usage_threshold_percent: Percent = 85
    """Of the memory limit."""
    cpu_usage_threshold_percent: Percent = 90
    """Of the processor limit."""


class CleanupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[cleanup]``: what becomes of an environment after its run."""

    auto_cleanup: bool = True
    """Whether what worlds leave on disk is removed."""
    cleanup_timeout: Seconds = 60
    """How long the worlds of an interrupted run have to close."""
    preserve_logs: bool = True
    """Whether the log of a run that passed is kept."""
    preserve_metrics: bool = True
    """Whether the figures of its actors go into the report."""


class WorldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[world]``: what the scenarios run in."""

    kind: WorldKind = "local"
    """``local``: real sockets on this machine. ``sim``: virtual time in one process, replayable by seed. ``remote``:
    services by URL."""
    seed: Seed = 1
    """Decides every choice in simulation; in the local world, the choices that are ours. The front door draws one
    when none is given."""
    time_scale: TimeScale = 10.0
    """Node seconds per wall second outside simulation (slots, heartbeats, back-off). In the remote world 1 unless told."""
    placement: Placement = "one"
    """Local world: ``one`` process for everything, or ``split``: the services, the node and the runner each have their own.
    The performance suite is always split."""
    profile: Profile = "full"
    """World ``sim``: ``full`` executes opcodes and signs with BLS; ``light`` has fakes of both, for many runs."""
    nodes: Annotated[int, Meta(ge=1, le=3)] = 1
    """How many of the three authorities are whole nodes, which produce blocks and pay out; the others co-sign."""
    turn_timeout_seconds: Seconds = msgspec.field(default=3600, name="turn_timeout")
    """How long a run waits for its turn at services elsewhere, wall time; not part of the run's own time."""
    services_timeout_seconds: Seconds = msgspec.field(default=300, name="services_timeout")
    """How long it waits for services elsewhere to come up."""
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
    governance_gossip: bool = False
    """Whether governance nodes pass witnesses to each other, so that one can answer COMPLETE. Those elsewhere are told by
    their own ``GOVERNANCE_PEERS``."""

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
    """The least that a payout pays the Bitcoin miner, satoshi per virtual byte."""
    fee_rate_max_sat_vb: Annotated[int, Meta(ge=1, le=100_000)] = 500
    """The most, whatever Bitcoin estimates."""
    payout_confirmations: Annotated[int, Meta(ge=1, le=1000)] = 6
    """Bitcoin confirmations before a payout counts as settled."""
    old_address_blocks: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    """Blocks for which deposits to a former federation's address are still credited; governance believes them for 10,000."""
    actors: ActorPolicies = ActorPolicies()
    """How each actor is run."""
    supervisors: SupervisorPolicies = SupervisorPolicies()
    """How they are kept alive."""

    @property
    def policies(self) -> Policies:
        """Both tables."""
        return Policies(actors=self.actors, supervisors=self.supervisors)


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[stream]``: the node's streams to governance. Node time; every other figure of them is the protocol's."""

    heartbeat_interval: Seconds = 30
    """Between two heartbeats; three without an ack are a lost stream."""
    idle_timeout: Seconds = 300
    """A stream on which nothing came for so long is closed and opened anew."""
    request_timeout: Seconds = 60
    """An answer to what was sent is waited for so long."""
    signature_timeout: Seconds = 30
    """A collection of signatures that is still short then begins again."""
    pending_requests: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """On one stream without an answer; further ones wait."""
    retry_max: Seconds = 60
    """Between two attempts at a governance node that was reached and refused."""
    attempts_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    """Refusals in a row until a connection counts as failed, and is tried every five minutes."""
    breaker_timeout: Seconds = 60
    """How long a governance node is left alone after five refusals in a row."""
    unhealthy_after: Annotated[int, Meta(ge=0, le=86_400)] = 30
    """With fewer governance nodes than a signature needs for so long, production halts; 0: it never does for that."""
    buffer_messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    """That wait for one governance node."""
    buffer_messages_total: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """That wait for all of them together."""
    buffer_policy: BufferPolicy = "drop_oldest"
    """What a full buffer does with one more: ``drop_oldest`` of all, ``drop_lowest_priority`` (its oldest), ``reject_new``, or
    ``back_pressure``, which tells whoever asks to come again later."""
    message_ttl: Seconds = 300
    """How long a message may wait."""
    notice_ttl: Seconds = 3_600
    """How long peg-in notices and signature requests may, until they are said anew instead."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``[service]``: the long-running service, ``alys serve``."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """The address that it listens on, metrics included."""
    port: Port = 8080
    """The page, the probes and the runs; 0 takes a free port."""
    traffic_interval: Seconds = 30
    """Node time between two rounds of a deposit and a peg-out."""
    renew_after_blocks: Annotated[int, Meta(ge=10, le=1_000_000)] = 2000
    """An environment with so many blocks is built anew: all of its chains are kept in memory."""
    renew_after_hours: Annotated[float, Meta(gt=0, le=1000)] = 6.0
    """One of this age likewise."""
    queued_runs: Annotated[int, Meta(ge=1, le=1000)] = 8
    """Ordered runs that may wait; one more is refused."""
    keep_passed_runs: Annotated[int, Meta(ge=0, le=100_000)] = 50
    """Passed runs whose results are kept; the oldest beyond go."""
    keep_failed_runs: Annotated[int, Meta(ge=0, le=100_000)] = 200
    """All other runs likewise."""
    upload_megabytes_max: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Of an archive of results that is uploaded."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run can be told."""

    test_environment: TestEnvironment = TestEnvironment()
    """The run as a whole."""
    kubernetes: KubernetesSettings = KubernetesSettings()
    """The cluster."""
    mock_services: MockServices = MockServices()
    """Services elsewhere."""
    prometheus: PrometheusSettings = PrometheusSettings()
    """Metrics."""
    test_scenarios: TestScenarios = TestScenarios()
    """Per suite."""
    monitoring: MonitoringSettings = MonitoringSettings()
    """The monitoring stack."""
    alerts: AlertSettings = AlertSettings()
    """Thresholds of alerts."""
    cleanup: CleanupSettings = CleanupSettings()
    """Afterwards."""
    world: WorldSettings = WorldSettings()
    """The world."""
    node: NodeSettings = NodeSettings()
    """The chain."""
    stream: StreamSettings = StreamSettings()
    """Governance's streams."""
    service: ServiceSettings = ServiceSettings()
    """The service."""

    @property
    def concurrency(self) -> int:
        """How many local scenarios may run at once."""
        alone = self.world.fixed_ports or self.mock_services.elsewhere
        return 1 if alone else self.test_environment.max_concurrent_tests
