"""The four dashboards of the document, as data. ``tools/generate_monitoring.py`` turns them into Grafana's JSON.

Every panel has data on a healthy run as well: a panel that is empty when all is well cannot be told from one that is broken.
"""

import enum

import msgspec


class Shape(enum.StrEnum):
    """How a panel looks."""

    STAT = "stat"
    GAUGE = "gauge"
    LINES = "lines"
    TABLE = "table"


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel, one query."""

    title: str
    shape: Shape
    expr: str
    unit: str = "short"
    legend: str = ""
    about: str
    """What a reader learns from it."""


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def _stat(title: str, expr: str, about: str, unit: str = "short") -> Panel:
    return Panel(title=title, shape=Shape.STAT, expr=expr, about=about, unit=unit)


def _gauge(title: str, expr: str, about: str) -> Panel:
    return Panel(title=title, shape=Shape.GAUGE, expr=expr, about=about, unit="percentunit")


def _lines(title: str, expr: str, legend: str, about: str, unit: str = "short") -> Panel:
    return Panel(title=title, shape=Shape.LINES, expr=expr, legend=legend, about=about, unit=unit)


def _table(title: str, expr: str, about: str, unit: str = "short") -> Panel:
    return Panel(title=title, shape=Shape.TABLE, expr=expr, about=about, unit=unit)


ACTOR = "{{actor_id}}"
INSTANCE = "{{instance}}"

_STEPS = ("production", "validation", "import")


def _by_step(expr: str) -> str:
    """The expression for each step of a block's way, told apart by the label ``step``."""
    return " or ".join(
        f'label_replace({expr.replace("STEP", step)}, "step", "{step}", "", "")' for step in _STEPS
    )


OVERVIEW = Dashboard(
    uid="alys-actor-system-overview",
    title="Actor System Overview",
    panels=(
        _stat("Active actors", "sum(alys_active_actors)", "0 is a dead tree."),
        _gauge(
            "System health score",
            "min(alys_system_health_score)",
            "1: every message succeeds and every actor is healthy. 0: nothing lives, or nothing was asked.",
        ),
        _stat("Healthy actors", "sum(alys_healthy_actors)", "Beside the active ones."),
        _stat("Uptime", "max(alys_system_uptime_seconds)", "Of the actor system.", "s"),
        _lines(
            "Message processing rate",
            "rate(alys_messages_processed_total[5m])",
            INSTANCE,
            "Messages a second, all actors.",
        ),
        _lines(
            "Block height",
            'label_replace(alys_chain_block_height, "block", "head", "", "")'
            ' or label_replace(alys_chain_finalised_height, "block", "final", "", "")',
            "{{block}}",
            "The head of the node, and what merged mining has made final.",
        ),
        _table(
            "Actor restarts",
            "sum by (actor_type, actor_id) (alys_actor_restarts_total)",
            "Since the start, by actor.",
        ),
        _table(
            "Memory usage by actor",
            "sum by (actor_type, actor_id) (alys_memory_usage_bytes)",
            "State and mailbox.",
            "bytes",
        ),
        _lines(
            "Governance connections",
            "alys_governance_connection_status",
            "node {{endpoint}}",
            "1 while registered.",
        ),
        _table(
            "Peg operations",
            "sum by (kind, state) (alys_bridge_operations)",
            "Deposits and payouts by what has become of them.",
        ),
        _table(
            "Peg incidents",
            "sum by (kind) (alys_bridge_incidents)",
            "Operations that somebody should look at: alys_incidents of the node's RPC names them.",
        ),
        _stat("Blocks may be produced", "min(alys_chain_active)", "0: halted or paused."),
        _stat("Deposits minted", "max(alys_chain_minted_deposits)", "At the head of the chain."),
        _stat("Targets up", "sum(up)", "Processes that Prometheus reaches."),
    ),
)

PERFORMANCE = Dashboard(
    uid="alys-performance-monitoring",
    title="Performance Monitoring",
    panels=(
        _stat("Throughput", "sum(rate(alys_messages_processed_total[5m]))", "Messages a second."),
        _stat(
            "Latency p95",
            "histogram_quantile(0.95, sum by (le)"
            " (rate(alys_message_processing_duration_seconds_bucket[5m])))",
            "Time to handle a message; the alert is at 100 ms.",
            "s",
        ),
        _lines(
            "Latency p50",
            "histogram_quantile(0.5, sum by (le, instance)"
            " (rate(alys_message_processing_duration_seconds_bucket[5m])))",
            INSTANCE,
            "Half of the messages are faster.",
            "s",
        ),
        _lines(
            "Latency p99",
            "histogram_quantile(0.99, sum by (le, instance)"
            " (rate(alys_message_processing_duration_seconds_bucket[5m])))",
            INSTANCE,
            "One in a hundred is slower.",
            "s",
        ),
        _lines(
            "Mean latency",
            "rate(alys_message_processing_duration_seconds_sum[5m])"
            " / rate(alys_message_processing_duration_seconds_count[5m])",
            INSTANCE,
            "Pulled up by few slow ones.",
            "s",
        ),
        _lines(
            "Messages by actor",
            "topk(10, sum by (actor_id) (rate(alys_actor_messages_processed_total[5m])))",
            ACTOR,
            "The ten busiest, a second.",
        ),
        _lines(
            "Time by actor",
            "topk(10, sum by (actor_id) (rate(alys_actor_processing_seconds_total[5m])))",
            ACTOR,
            "Share of a core that each takes, the ten hungriest.",
            "percentunit",
        ),
        _lines(
            "Waiting messages",
            "topk(10, sum by (actor_id) (alys_actor_mailbox_size))",
            ACTOR,
            "The ten longest mailboxes.",
        ),
        _lines(
            "Blocks a minute",
            "60 * deriv(alys_chain_block_height[5m])",
            INSTANCE,
            "In wall time; node time may run faster.",
        ),
        _lines(
            "Blocks: production, validation, import, p95",
            _by_step(
                "histogram_quantile(0.95, sum by (le, instance)"
                " (rate(alys_block_STEP_seconds_bucket[5m])))"
            ),
            "{{step}} {{instance}}",
            "Wall time. Targets: 500 ms to make a block, 50 ms to judge one, 50 ms to import one.",
            "s",
        ),
        _lines(
            "Blocks: production, validation, import, mean",
            _by_step(
                "rate(alys_block_STEP_seconds_sum[5m]) / rate(alys_block_STEP_seconds_count[5m])"
            ),
            "{{step}} {{instance}}",
            "Wall time, waits for the execution client included.",
            "s",
        ),
    ),
)

ERRORS = Dashboard(
    uid="alys-error-analysis",
    title="Error Analysis",
    panels=(
        _gauge(
            "Failure rate",
            "sum(rate(alys_messages_failed_total[5m])) / (sum(rate(alys_messages_processed_total[5m]))"
            " + sum(rate(alys_messages_failed_total[5m])))",
            "Share of messages that end in an exception; the alert is at 10 %.",
        ),
        _stat("Restarts", "sum(alys_actor_restarts_total)", "All actors, since the start."),
        _lines(
            "Failures by actor",
            "topk(10, sum by (actor_id) (increase(alys_actor_messages_failed_total[5m])))",
            ACTOR,
            "In five minutes.",
        ),
        _lines(
            "Restarts by actor",
            "topk(10, sum by (actor_id) (increase(alys_actor_restarts_total[5m])))",
            ACTOR,
            "In five minutes.",
        ),
        _lines(
            "Dead letters",
            "topk(10, sum by (actor_id) (rate(alys_actor_dead_letters_total[5m])))",
            ACTOR,
            "A second, by the actor that they were meant for.",
        ),
        _lines(
            "Dropped messages",
            "topk(10, sum by (actor_id) (rate(alys_actor_messages_dropped_total[5m])))",
            ACTOR,
            "A second; thrown away by full mailboxes.",
        ),
        _lines(
            "Governance: failed connections in a row",
            "alys_governance_failed_connections",
            "node {{endpoint}}",
            "0 while registered.",
        ),
        _lines(
            "Governance: messages that wait",
            "alys_governance_message_buffer_size",
            "node {{endpoint}}",
            "For a node that is away.",
        ),
        _lines(
            "Governance: messages lost",
            "increase(alys_governance_messages_dropped_total[5m])",
            "node {{endpoint}}",
            "In five minutes; the buffer overflowed.",
        ),
    ),
)

RESOURCES = Dashboard(
    uid="alys-resource-utilization",
    title="Resource Utilization",
    panels=(
        _gauge(
            "Memory",
            "max(process_resident_memory_bytes / alys_memory_limit_bytes)",
            "Of what the process may use; the alert is at 85 %.",
        ),
        _gauge(
            "CPU",
            "max(rate(process_cpu_seconds_total[5m]) / alys_cpu_limit_cores)",
            "Of what the process may use; the alert is at 90 %.",
        ),
        _gauge("Open files", "max(process_open_fds / process_max_fds)", "Of what is allowed."),
        _lines(
            "Resident memory", "process_resident_memory_bytes", INSTANCE, "By process.", "bytes"
        ),
        _lines("Cores", "rate(process_cpu_seconds_total[5m])", INSTANCE, "Cores in use."),
        _lines(
            "Memory of actors",
            "topk(10, sum by (actor_id) (alys_memory_usage_bytes))",
            ACTOR,
            "The ten largest: state and mailbox.",
            "bytes",
        ),
        _lines(
            "Memory by type of actor",
            "sum by (actor_type) (alys_memory_usage_bytes)",
            "{{actor_type}}",
            "All actors of a type.",
            "bytes",
        ),
        _stat(
            "Memory of all actors",
            "sum(alys_memory_usage_bytes)",
            "The rest of the process is code, libraries and the stand-ins.",
            "bytes",
        ),
    ),
)

DASHBOARDS = (OVERVIEW, PERFORMANCE, ERRORS, RESOURCES)
