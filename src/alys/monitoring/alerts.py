"""Alert rules: the thresholds of ``[alerts]``, and the ways to fail that matter. Data, with what to do about each.

Two habits. A rule over something that may vanish has its ``absent()`` beside it, because a dead exporter is not a healthy one.
And a rule looks at one target (it keeps ``instance``), so a second runner that is well hides nothing.
"""

import enum

import msgspec

PAGE = "docs/reference/alerts.md"
"""Where a reader finds what to do; the annotation ``runbook`` points into it."""


class Severity(enum.StrEnum):
    """How soon somebody must look."""

    CRITICAL = "critical"
    """Now: nothing that is tested until it is mended means anything."""
    WARNING = "warning"
    """Today."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """The section ``[alerts]`` of the configuration file, under its own names."""

    high_failure_rate_threshold: float = 0.1
    high_latency_threshold_ms: float = 100.0
    memory_usage_threshold_percent: float = 85.0
    cpu_usage_threshold_percent: float = 90.0


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One rule."""

    name: str
    expr: str
    hold: str
    """How long it must be so before the alert fires."""
    severity: Severity
    summary: str
    """One line; may hold Prometheus's templates."""
    remedy: str
    """What it means and where to look first."""


def alerts(thresholds: Thresholds | None = None) -> tuple[Alert, ...]:
    """All rules, under the given thresholds."""
    return (
        *_thresholds(thresholds if thresholds is not None else Thresholds()),
        *_ACTORS,
        *_CHAIN,
        *_RUNS,
    )


def groups(rules: tuple[Alert, ...]) -> dict[str, object]:
    """The rules as Prometheus reads them."""
    return {
        "groups": [
            {
                "name": "alys",
                "rules": [
                    {
                        "alert": rule.name,
                        "expr": rule.expr,
                        "for": rule.hold,
                        "labels": {"severity": rule.severity.value},
                        "annotations": {
                            "summary": rule.summary,
                            "runbook": f"{PAGE}#{rule.name.lower()}",
                        },
                    }
                    for rule in rules
                ],
            }
        ]
    }


def _thresholds(limits: Thresholds) -> tuple[Alert, ...]:
    return (
        Alert(
            name="AlysFailureRateHigh",
            expr="rate(alys_messages_failed_total[5m])"
            " / (rate(alys_messages_processed_total[5m]) + rate(alys_messages_failed_total[5m]))"
            f" > {limits.high_failure_rate_threshold:g}",
            hold="5m",
            severity=Severity.WARNING,
            summary="{{ $value | humanizePercentage }} of messages fail on {{ $labels.instance }}",
            remedy="More messages end in an exception than `alerts.high_failure_rate_threshold` allows. The dashboard Error Analysis"
            " shows which actor; the runner's log has the exception.",
        ),
        Alert(
            name="AlysLatencyHigh",
            expr="histogram_quantile(0.95, sum by (le, instance)"
            " (rate(alys_message_processing_duration_seconds_bucket[5m])))"
            f" > {limits.high_latency_threshold_ms / 1000:g}",
            hold="5m",
            severity=Severity.WARNING,
            summary="One message in twenty takes longer than {{ $value | humanizeDuration }}"
            " on {{ $labels.instance }}",
            remedy="Handlers are slower than `alerts.high_latency_threshold_ms`. Performance Monitoring shows the time per actor. A"
            " machine without a free core looks the same: see AlysCpuHigh.",
        ),
        Alert(
            name="AlysMemoryHigh",
            expr="process_resident_memory_bytes / alys_memory_limit_bytes"
            f" > {limits.memory_usage_threshold_percent / 100:g}",
            hold="5m",
            severity=Severity.WARNING,
            summary="{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory",
            remedy="Beyond the limit the process is killed and its run is lost. Resource Utilization shows the memory"
            " per actor; a mailbox that grows is the usual cause.",
        ),
        Alert(
            name="AlysCpuHigh",
            expr="rate(process_cpu_seconds_total[5m]) / alys_cpu_limit_cores"
            f" > {limits.cpu_usage_threshold_percent / 100:g}",
            hold="5m",
            severity=Severity.WARNING,
            summary="{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its cores",
            remedy="The process has no time left; deadlines will be missed for no other reason. Lower the load or"
            " raise the limit.",
        ),
    )


_ACTORS = (
    Alert(
        name="AlysActorTreeDead",
        expr='alys_active_actors == 0 or absent(alys_active_actors{job="alys-v2-test-runner"})',
        hold="1m",
        severity=Severity.CRITICAL,
        summary="No actor is alive",
        remedy="The root supervisor gave up, or nothing exports metrics any more. The runner's log says which failure"
        " used up the restarts; `/ready` of the runner says whether it knows.",
    ),
    Alert(
        name="AlysHealthLow",
        expr="alys_system_health_score < 0.5",
        hold="5m",
        severity=Severity.WARNING,
        summary="The health score of {{ $labels.instance }} is {{ $value | humanize }}",
        remedy="Half of the score is the share of messages that succeed, half the share of healthy actors. It is 0 over"
        " a dead tree, and before the first message.",
    ),
    Alert(
        name="AlysActorRestarts",
        expr="increase(alys_actor_restarts_total[10m]) > 3",
        hold="1m",
        severity=Severity.WARNING,
        summary="{{ $labels.actor_id }} was restarted {{ $value | humanize }} times in ten minutes",
        remedy="A supervisor allows five restarts a minute before it gives up. One restart is its work well done;"
        " this many have one cause that comes back: look at the actor's failures in Error Analysis.",
    ),
    Alert(
        name="AlysMailboxGrowing",
        expr="alys_actor_mailbox_size > 1000 and deriv(alys_actor_mailbox_size[5m]) > 0",
        hold="5m",
        severity=Severity.WARNING,
        summary="{{ $value | humanize }} messages wait for {{ $labels.actor_id }}, and more come",
        remedy="The actor is slower than what it is sent. Mailboxes are bounded: next come refusals or drops. Look at"
        " its time per message, and at who sends.",
    ),
    Alert(
        name="AlysActorStuck",
        expr="alys_actor_mailbox_size > 0 and rate(alys_actor_messages_processed_total[5m]) == 0",
        hold="5m",
        severity=Severity.CRITICAL,
        summary="{{ $labels.actor_id }} has messages and handles none",
        remedy="It waits for an answer that does not come, or is suspended. The runner says on a timeout which actor"
        " still had work and what it waited for.",
    ),
    Alert(
        name="AlysDeadLetters",
        expr="sum by (instance) (rate(alys_actor_dead_letters_total[5m])) > 1",
        hold="5m",
        severity=Severity.WARNING,
        summary="{{ $value | humanize }} dead letters a second on {{ $labels.instance }}",
        remedy="Messages go to actors that are gone or do not know them. A few are normal round a restart.",
    ),
    Alert(
        name="AlysMessagesDropped",
        expr="increase(alys_actor_messages_dropped_total[5m]) > 0",
        hold="1m",
        severity=Severity.WARNING,
        summary="{{ $labels.actor_id }} lost {{ $value | humanize }} messages to a full mailbox",
        remedy="The mailbox was full and its policy throws away. What was lost is not sent again.",
    ),
    Alert(
        name="AlysTargetDown",
        expr="up == 0",
        hold="1m",
        severity=Severity.CRITICAL,
        summary="{{ $labels.job }} at {{ $labels.instance }} cannot be scraped",
        remedy="The process is gone, not listening on its metrics port, or a NetworkPolicy is in the way. Prometheus"
        " shows the error under Status, Targets.",
    ),
)

_CHAIN = (
    Alert(
        name="AlysChainSilent",
        expr="absent(alys_chain_block_height) and on () sum(alys_active_actors) > 0",
        hold="2m",
        severity=Severity.CRITICAL,
        summary="Actors live, but the chain actor does not answer",
        remedy="Look for its restarts; while it is down no block is made and no deposit minted.",
    ),
    Alert(
        name="AlysBlocksStopped",
        expr="changes(alys_chain_block_height[5m]) == 0",
        hold="5m",
        severity=Severity.CRITICAL,
        summary="No block for ten minutes on {{ $labels.instance }}",
        remedy="`alys_status` of the node's RPC names the reason: no AuxPoW for too long, the execution client does not"
        " answer, a co-signer refuses.",
    ),
    Alert(
        name="AlysGovernanceDisconnected",
        expr="alys_governance_connection_status == 0",
        hold="2m",
        severity=Severity.WARNING,
        summary="Governance node {{ $labels.endpoint }} is not connected",
        remedy="The node tries again every few seconds. With fewer nodes than the threshold no payout is signed.",
    ),
    Alert(
        name="AlysGovernanceDropped",
        expr="increase(alys_governance_messages_dropped_total[5m]) > 0",
        hold="1m",
        severity=Severity.WARNING,
        summary="The buffer of governance node {{ $labels.endpoint }} overflowed",
        remedy="It was away longer than the buffer lasts; the oldest messages are lost. It may refuse to sign what"
        " spends an output that it has not heard of.",
    ),
)

_RUNS = (
    Alert(
        name="AlysNightlyMissed",
        expr='time() - alys_run_finished_timestamp_seconds{suite="regression"} > 93600'
        " or (alys_system_uptime_seconds > 93600"
        ' unless on (instance) alys_run_finished_timestamp_seconds{suite="regression"})',
        hold="10m",
        severity=Severity.CRITICAL,
        summary="No regression run has ended for 26 hours",
        remedy="The CronJob `nightly-regression-tests` starts at 02:00 UTC. Suspended, no room for its pod, or the last"
        " one never ended: `kubectl get cronjob,job` tells.",
    ),
    Alert(
        name="AlysNightlyFailed",
        expr='alys_run_exit_code{suite="regression"} != 0',
        hold="1m",
        severity=Severity.WARNING,
        summary="The last regression run ended with exit code {{ $value | humanize }}",
        remedy="Read its report on the runner's page. The alert ends with the next run that passes.",
    ),
)
