"""Every metric that is exported, once: name, type, labels, meaning.

A family that is not here cannot be exported (``samples`` refuses it), and a dashboard or an alert cannot ask for it (a test
reads their expressions). A family that is here is exported by a running system (a test compares). Two traps are avoided on
purpose: a name has one label set everywhere, and no figure has two names.

The five names of the document are the first five. Messages are counted for the system as a whole under the document's name and
for each actor under ``alys_actor_messages_processed_total``; restarts and memory are given for each actor only, so that a sum
over the name is the truth.
"""

import enum

import msgspec


class Kind(enum.StrEnum):
    """Types of the Prometheus text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(enum.StrEnum):
    """Where the figure comes from; what is silent when that part is gone."""

    ACTORS = "actors"
    """The actor runtime. There as long as the exporter is, also over a dead tree."""
    NODE = "node"
    """What the node's own actors answer. Absent while they do not answer."""
    PROCESS = "process"
    """The operating system."""
    RUNS = "runs"
    """The reports of finished runs; no sample before the first."""
    SERVICES = "services"
    """What a service that is a process says of itself; no sample of a fault before it touches something."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One metric."""

    name: str
    kind: Kind
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    unit: str = "short"
    """How Grafana shows a value (its unit ids)."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, without the infinite one."""

    @property
    def series(self) -> tuple[str, ...]:
        """The names that Prometheus stores for it."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{suffix}" for suffix in ("bucket", "sum", "count"))
        return (self.name,)

    def labels_of(self, series: str) -> frozenset[str]:
        """The labels of one of its series."""
        return frozenset(self.labels) | ({"le"} if series.endswith("_bucket") else set())


ACTOR = ("actor_type", "actor_id")
"""``actor_id`` is the path in the tree; ``actor_type`` the last name in it (of a nameless actor: its parent's)."""

LATENCY_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
# fmt: off
BLOCK_BUCKETS_SECONDS = (
    0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05,
    0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0,
)
# fmt: on
"""So close that a percentile read between two of them is right to a tenth or so; the targets (50, 300, 500 ms) are bounds."""


def _actors(name: str, kind: Kind, help: str, *labels: str, unit: str = "short") -> Family:
    return Family(name=name, kind=kind, source=Source.ACTORS, help=help, labels=labels, unit=unit)


def _node(name: str, kind: Kind, help: str, *labels: str, unit: str = "short") -> Family:
    return Family(name=name, kind=kind, source=Source.NODE, help=help, labels=labels, unit=unit)


def _process(name: str, kind: Kind, help: str, unit: str = "short") -> Family:
    return Family(name=name, kind=kind, source=Source.PROCESS, help=help, unit=unit)


def _runs(name: str, help: str, unit: str = "short") -> Family:
    return Family(
        name=name, kind=Kind.GAUGE, source=Source.RUNS, help=help, labels=("suite",), unit=unit
    )


_COUNTER, _GAUGE = Kind.COUNTER, Kind.GAUGE

ACTIVE_ACTORS = _actors("alys_active_actors", _GAUGE, "Living actors; 0 when the tree is dead.")
MESSAGES_PROCESSED = _actors(
    "alys_messages_processed_total", _COUNTER, "Messages that actors handled to the end."
)
HEALTH_SCORE = _actors(
    "alys_system_health_score",
    _GAUGE,
    "Health from 0 to 1; 0 without actors or without a message to judge by.",
    unit="percentunit",
)
ACTOR_RESTARTS = _actors(
    "alys_actor_restarts_total", _COUNTER, "Restarts of an actor by its supervisor.", *ACTOR
)
MEMORY_USAGE = _actors(
    "alys_memory_usage_bytes",
    _GAUGE,
    "Memory that an actor holds: its state and its mailbox.",
    *ACTOR,
    unit="bytes",
)
DOCUMENTED = (ACTIVE_ACTORS, MESSAGES_PROCESSED, HEALTH_SCORE, ACTOR_RESTARTS, MEMORY_USAGE)
"""The five names that users know from the document."""

HEALTHY_ACTORS = _actors(
    "alys_healthy_actors", _GAUGE, "Living actors that fail less than one message in twenty."
)
MESSAGES_FAILED = _actors(
    "alys_messages_failed_total", _COUNTER, "Handlers and hooks of actors that raised."
)
UPTIME = _actors(
    "alys_system_uptime_seconds", _GAUGE, "Time since the actor system was started.", unit="s"
)
PROCESSING_DURATION = Family(
    name="alys_message_processing_duration_seconds",
    kind=Kind.HISTOGRAM,
    source=Source.ACTORS,
    help="Time to handle a message: the mean of a turn, once per message in it. Answers given in the asker's turn count there.",
    unit="s",
    buckets=LATENCY_BUCKETS_SECONDS,
)


def _block_times(name: str, help: str) -> Family:
    return Family(
        name=name,
        kind=Kind.HISTOGRAM,
        source=Source.ACTORS,
        help=help,
        unit="s",
        buckets=BLOCK_BUCKETS_SECONDS,
    )


BLOCK_PRODUCTION = _block_times(
    "alys_block_production_seconds",
    "Wall time from the begin of an own slot until the block is built, judged, approved by its author and on its way.",
)
BLOCK_VALIDATION = _block_times(
    "alys_block_validation_seconds",
    "Wall time from taking up somebody's block until it is approved, its execution included.",
)
BLOCK_IMPORT = _block_times(
    "alys_block_import_seconds",
    "Wall time from a block's quorum until it is saved, the client's head, and known to the bridge.",
)
ACTOR_PROCESSED = _actors(
    "alys_actor_messages_processed_total",
    _COUNTER,
    "Messages that an actor handled to the end.",
    *ACTOR,
)
ACTOR_FAILED = _actors(
    "alys_actor_messages_failed_total",
    _COUNTER,
    "Handlers and hooks of an actor that raised.",
    *ACTOR,
)
ACTOR_MAILBOX = _actors(
    "alys_actor_mailbox_size", _GAUGE, "Messages that wait in a mailbox.", *ACTOR
)
ACTOR_SECONDS = _actors(
    "alys_actor_processing_seconds_total",
    _COUNTER,
    "Time that the turns of an actor took.",
    *ACTOR,
    unit="s",
)
ACTOR_DROPPED = _actors(
    "alys_actor_messages_dropped_total",
    _COUNTER,
    "Messages that a full mailbox threw away.",
    *ACTOR,
)
ACTOR_DEAD_LETTERS = _actors(
    "alys_actor_dead_letters_total", _COUNTER, "Messages to an actor that nobody handles.", *ACTOR
)

BLOCK_HEIGHT = _node("alys_chain_block_height", _GAUGE, "Height of the node's head.")
FINALISED_HEIGHT = _node(
    "alys_chain_finalised_height", _GAUGE, "Highest block that merged mining made final."
)
CHAIN_ACTIVE = _node(
    "alys_chain_active", _GAUGE, "1 while blocks may be produced, 0 when halted or paused."
)
MINTED = _node(
    "alys_chain_minted_deposits", _GAUGE, "Deposits that the chain has minted, at its head."
)
CONNECTION = _node(
    "alys_governance_connection_status",
    _GAUGE,
    "1 while the stream to a governance node is registered, else 0.",
    "endpoint",
)
BUFFER = _node(
    "alys_governance_message_buffer_size",
    _GAUGE,
    "Messages that wait for a governance node to return.",
    "endpoint",
)
GOVERNANCE_DROPPED = _node(
    "alys_governance_messages_dropped_total",
    _COUNTER,
    "Messages that found no room in the buffer of a governance node.",
    "endpoint",
)
RECONNECTS = _node(
    "alys_governance_failed_connections",
    _GAUGE,
    "Attempts to reach a governance node that failed in a row; 0 once it is registered.",
    "endpoint",
)
OPERATIONS = _node(
    "alys_bridge_operations", _GAUGE, "Peg operations that the bridge knows.", "kind", "state"
)
INCIDENTS = _node("alys_bridge_incidents", _GAUGE, "Peg operations with an open incident.", "kind")

MEMORY_LIMIT = _process(
    "alys_memory_limit_bytes", _GAUGE, "Memory that the process may use.", unit="bytes"
)
CPU_LIMIT = _process("alys_cpu_limit_cores", _GAUGE, "Cores that the process may use.")
PROCESS_MEMORY = _process(
    "process_resident_memory_bytes", _GAUGE, "Resident memory size in bytes.", unit="bytes"
)
PROCESS_CPU = _process(
    "process_cpu_seconds_total", _COUNTER, "Total user and system CPU time spent in seconds.", "s"
)
OPEN_FILES = _process("process_open_fds", _GAUGE, "Number of open file descriptors.")
MAX_FILES = _process("process_max_fds", _GAUGE, "Maximum number of open file descriptors.")
_PROCESS_REST = (
    _process("process_virtual_memory_bytes", _GAUGE, "Virtual memory size in bytes.", unit="bytes"),
    _process(
        "process_start_time_seconds",
        _GAUGE,
        "Start time of the process since unix epoch in seconds.",
        unit="dateTimeFromNow",
    ),
)

RUN_FINISHED = _runs(
    "alys_run_finished_timestamp_seconds", "When the last run of a suite ended.", "dateTimeFromNow"
)
RUN_EXIT_CODE = _runs("alys_run_exit_code", "Exit code of the last run of a suite; 0 is a pass.")

FAULT_TOUCHED = Family(
    name="alys_fault_touched_total",
    kind=_COUNTER,
    source=Source.SERVICES,
    help="What the faults of a service touched in this session: calls, messages, blocks.",
    labels=("service", "kind"),
)

FAMILIES: tuple[Family, ...] = (
    *DOCUMENTED,
    HEALTHY_ACTORS,
    MESSAGES_FAILED,
    UPTIME,
    PROCESSING_DURATION,
    BLOCK_PRODUCTION,
    BLOCK_VALIDATION,
    BLOCK_IMPORT,
    ACTOR_PROCESSED,
    ACTOR_FAILED,
    ACTOR_MAILBOX,
    ACTOR_SECONDS,
    ACTOR_DROPPED,
    ACTOR_DEAD_LETTERS,
    BLOCK_HEIGHT,
    FINALISED_HEIGHT,
    CHAIN_ACTIVE,
    MINTED,
    CONNECTION,
    BUFFER,
    GOVERNANCE_DROPPED,
    RECONNECTS,
    OPERATIONS,
    INCIDENTS,
    MEMORY_LIMIT,
    CPU_LIMIT,
    PROCESS_MEMORY,
    PROCESS_CPU,
    OPEN_FILES,
    MAX_FILES,
    *_PROCESS_REST,
    RUN_FINISHED,
    RUN_EXIT_CODE,
    FAULT_TOUCHED,
)
"""The catalogue, in the order of export."""

SCRAPE_SERIES = {"up": frozenset({"job", "instance"})}
"""What Prometheus itself adds for every target, with its labels."""
TARGET_LABELS = frozenset({"job", "instance"})
"""What it adds to every series of a target."""


def series() -> dict[str, frozenset[str]]:
    """Every series that a query may name, with all labels that it has in Prometheus."""
    ours = {
        name: family.labels_of(name) | TARGET_LABELS
        for family in FAMILIES
        for name in family.series
    }
    return {**ours, **SCRAPE_SERIES}
