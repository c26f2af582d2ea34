"""A fault for every alert, as series of samples a minute apart, and when the alert must be in which state.

``unit_tests`` turns them into ``k8s/monitoring/rules_test.yml``, which ``promtool test rules`` runs. Most cases are 20 healthy
minutes, 40 under the fault, and 60 healthy ones again.
"""

from typing import Any

import msgspec

from alys.monitoring import alerts, configuration

TARGET = {"instance": "runner:9090", "job": configuration.RUNNER_JOB}
ACTOR = {**TARGET, "actor_id": "/alys/node/chain", "actor_type": "chain"}
OTHER = {**TARGET, "actor_id": "/alys/node/bridge", "actor_type": "bridge"}
ENDPOINT = {**TARGET, "endpoint": "0"}
NIGHTLY = {**TARGET, "suite": "regression"}
BEFORE, FAULT, AFTER = 20, 40, 60
MINUTE = 60
NIGHT = 26 * 3600
"""After so many seconds without a regression run a night was missed. promtool's clock begins at 0."""
RAN_AGAIN = MINUTE * (BEFORE + FAULT)
NIGHTLY_EXIT_CODE = 1


class Stretch(msgspec.Struct, frozen=True):
    """Samples in a row: the first value (None: go on from the last one) and what each adds. ``gap``: no samples."""

    minutes: int
    start: float | None = None
    step: float = 0.0
    gap: bool = False


class Line(msgspec.Struct, frozen=True):
    """One series."""

    name: str
    labels: dict[str, str]
    stretches: tuple[Stretch, ...]

    def values(self) -> str:
        """In promtool's notation, ``start+step x further samples``."""
        told, last = [], 0.0
        for stretch in self.stretches:
            if stretch.gap:
                told += ["_"] * stretch.minutes
                continue
            start = last + stretch.step if stretch.start is None else stretch.start
            told.append(f"{start:g}{stretch.step:+g}x{stretch.minutes - 1}")
            last = start + stretch.step * (stretch.minutes - 1)
        return " ".join(told)


class Case(msgspec.Struct, frozen=True):
    """One alert under one fault; the minutes at which it is looked at."""

    alert: str
    about: str
    labels: dict[str, str]
    """Of the alert, besides its name and severity."""
    lines: tuple[Line, ...]
    pending: int
    inactive: int = BEFORE - 1
    firing: int = BEFORE + FAULT - 1
    resolved: int = BEFORE + FAULT + AFTER - 1


def gauge(name: str, labels: dict[str, str], well: float, ill: float) -> Line:
    """A value that changes under the fault."""
    return Line(name, labels, (Stretch(BEFORE, well), Stretch(FAULT, ill), Stretch(AFTER, well)))


def counter(name: str, labels: dict[str, str], well: float, ill: float) -> Line:
    """A count that grows by so much a minute, and by another figure under the fault."""
    steps = (Stretch(BEFORE, 0, well), Stretch(FAULT, None, ill), Stretch(AFTER, None, well))
    return Line(name, labels, steps)


def missing(name: str, labels: dict[str, str], well: float) -> Line:
    """A series that is gone under the fault."""
    return Line(
        name, labels, (Stretch(BEFORE, well), Stretch(FAULT, gap=True), Stretch(AFTER, well))
    )


def steady(name: str, labels: dict[str, str], value: float, minutes: int = 120) -> Line:
    """A value that stays."""
    return Line(name, labels, (Stretch(minutes, value),))


def _buckets(within: float, beyond: float) -> tuple[Line, ...]:
    """All messages are fast; under the fault ``beyond`` a minute take longer than a tenth of a second."""
    name = "alys_message_processing_duration_seconds_bucket"
    fast = {**TARGET, "le": "0.1"}
    return (
        counter(name, fast, within + beyond, within),
        counter(name, {**TARGET, "le": "0.5"}, within + beyond, within + beyond),
        counter(name, {**TARGET, "le": "+Inf"}, within + beyond, within + beyond),
    )


CASES = (
    Case(
        "AlysFailureRateHigh",
        "every fifth message fails",
        TARGET,
        (
            counter("alys_messages_failed_total", TARGET, 0, 20),
            counter("alys_messages_processed_total", TARGET, 100, 80),
        ),
        pending=24,
    ),
    Case(
        "AlysLatencyHigh",
        "one message in ten takes longer than 100 ms",
        {"instance": TARGET["instance"]},
        _buckets(90, 10),
        pending=24,
    ),
    Case(
        "AlysMemoryHigh",
        "nine tenths of the memory are used",
        TARGET,
        (
            gauge("process_resident_memory_bytes", TARGET, 1e9, 1.8e9),
            steady("alys_memory_limit_bytes", TARGET, 2e9),
        ),
        pending=22,
    ),
    Case(
        "AlysCpuHigh",
        "two cores are busy for 57 seconds of each minute",
        TARGET,
        (
            counter("process_cpu_seconds_total", TARGET, 12, 114),
            steady("alys_cpu_limit_cores", TARGET, 2),
        ),
        pending=26,
    ),
    Case(
        "AlysActorTreeDead",
        "the tree is dead and its exporter is not",
        TARGET,
        (gauge("alys_active_actors", TARGET, 30, 0),),
        pending=20,
    ),
    Case(
        "AlysActorTreeDead",
        "nothing is exported at all",
        {"job": TARGET["job"]},
        (missing("alys_active_actors", TARGET, 30),),
        pending=25,
    ),
    Case(
        "AlysHealthLow",
        "most messages fail",
        TARGET,
        (gauge("alys_system_health_score", TARGET, 1, 0.3),),
        pending=22,
    ),
    Case(
        "AlysActorRestarts",
        "an actor is restarted every other minute, its sibling never",
        ACTOR,
        (
            counter("alys_actor_restarts_total", ACTOR, 0, 0.5),
            counter("alys_actor_restarts_total", OTHER, 0, 0),
        ),
        pending=26,
    ),
    Case(
        "AlysMailboxGrowing",
        "a hundred more messages wait every minute",
        ACTOR,
        (
            Line(
                "alys_actor_mailbox_size",
                ACTOR,
                (Stretch(BEFORE, 0), Stretch(FAULT, None, 100), Stretch(AFTER, 0)),
            ),
        ),
        pending=31,
    ),
    Case(
        "AlysActorStuck",
        "messages wait and none is handled",
        ACTOR,
        (
            gauge("alys_actor_mailbox_size", ACTOR, 0, 5),
            counter("alys_actor_messages_processed_total", ACTOR, 60, 0),
        ),
        pending=26,
    ),
    Case(
        "AlysDeadLetters",
        "two dead letters a second",
        {"instance": TARGET["instance"]},
        (counter("alys_actor_dead_letters_total", ACTOR, 0, 120),),
        pending=24,
    ),
    Case(
        "AlysMessagesDropped",
        "a mailbox overflows",
        ACTOR,
        (counter("alys_actor_messages_dropped_total", ACTOR, 0, 10),),
        pending=20,
    ),
    Case(
        "AlysTargetDown",
        "a target does not answer",
        TARGET,
        (gauge("up", TARGET, 1, 0),),
        pending=20,
    ),
    Case(
        "AlysChainSilent",
        "the chain actor does not answer",
        {},
        (missing("alys_chain_block_height", TARGET, 7), steady("alys_active_actors", TARGET, 30)),
        pending=25,
    ),
    Case(
        "AlysBlocksStopped",
        "the head stays where it is",
        TARGET,
        (counter("alys_chain_block_height", TARGET, 30, 0),),
        pending=26,
    ),
    Case(
        "AlysGovernanceDisconnected",
        "a governance node is away",
        ENDPOINT,
        (gauge("alys_governance_connection_status", ENDPOINT, 1, 0),),
        pending=21,
    ),
    Case(
        "AlysGovernanceDropped",
        "its buffer overflows",
        ENDPOINT,
        (counter("alys_governance_messages_dropped_total", ENDPOINT, 0, 5),),
        pending=20,
    ),
    Case(
        "AlysNightlyMissed",
        "the last regression run becomes 26 hours old, then another ends",
        NIGHTLY,
        (
            Line(
                "alys_run_finished_timestamp_seconds",
                NIGHTLY,
                (Stretch(BEFORE + FAULT, MINUTE * BEFORE - NIGHT), Stretch(AFTER, RAN_AGAIN)),
            ),
        ),
        pending=25,
    ),
    Case(
        "AlysNightlyMissed",
        "a runner has been up for 26 hours and has seen none, then one",
        TARGET,
        (
            Line(
                "alys_system_uptime_seconds",
                TARGET,
                (Stretch(120, NIGHT - MINUTE * BEFORE, MINUTE),),
            ),
            Line(
                "alys_run_finished_timestamp_seconds",
                NIGHTLY,
                (Stretch(BEFORE + FAULT, gap=True), Stretch(AFTER, RAN_AGAIN)),
            ),
        ),
        pending=25,
    ),
    Case(
        "AlysNightlyFailed",
        "the night was red",
        NIGHTLY,
        (gauge("alys_run_exit_code", NIGHTLY, 0, NIGHTLY_EXIT_CODE),),
        pending=20,
    ),
)

HEALTHY = (
    steady("up", TARGET, 1),
    steady("alys_active_actors", TARGET, 30),
    steady("alys_system_health_score", TARGET, 1),
    steady("alys_system_uptime_seconds", TARGET, 600),
    counter("alys_messages_processed_total", TARGET, 900, 900),
    counter("alys_messages_failed_total", TARGET, 1, 1),
    *_buckets(100, 0),
    steady("process_resident_memory_bytes", TARGET, 1e9),
    steady("alys_memory_limit_bytes", TARGET, 2e9),
    counter("process_cpu_seconds_total", TARGET, 30, 30),
    steady("alys_cpu_limit_cores", TARGET, 2),
    counter("alys_actor_restarts_total", ACTOR, 0, 0),
    steady("alys_actor_mailbox_size", ACTOR, 3),
    counter("alys_actor_messages_processed_total", ACTOR, 300, 300),
    counter("alys_actor_dead_letters_total", ACTOR, 1, 1),
    counter("alys_actor_messages_dropped_total", ACTOR, 0, 0),
    counter("alys_chain_block_height", TARGET, 30, 30),
    steady("alys_governance_connection_status", ENDPOINT, 1),
    counter("alys_governance_messages_dropped_total", ENDPOINT, 0, 0),
    steady("alys_run_finished_timestamp_seconds", NIGHTLY, 0),
    steady("alys_run_exit_code", NIGHTLY, 0),
)


def unit_tests(rules: tuple[alerts.Alert, ...]) -> dict[str, Any]:
    """The file that ``promtool test rules`` reads."""
    severity = {rule.name: rule.severity.value for rule in rules}
    healthy: dict[str, Any] = {
        "name": "a healthy system is silent",
        "interval": "1m",
        "input_series": [_series(line) for line in HEALTHY],
        "promql_expr_test": [
            {"expr": "ALERTS", "eval_time": f"{minute}m", "exp_samples": []}
            for minute in (1, 10, 30, 60, 119)
        ],
    }
    return {
        "rule_files": [configuration.RULES_FILE],
        "evaluation_interval": "1m",
        "tests": [healthy, *(_test(case, severity[case.alert]) for case in CASES)],
    }


def _test(case: Case, severity: str) -> dict[str, Any]:
    states = (
        (case.inactive, None),
        (case.pending, "pending"),
        (case.firing, "firing"),
        (case.resolved, None),
    )
    return {
        "name": f"{case.alert}: {case.about}",
        "interval": "1m",
        "input_series": [_series(line) for line in case.lines],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{case.alert}"}}',
                "eval_time": f"{minute}m",
                "exp_samples": [] if state is None else [_alert(case, severity, state)],
            }
            for minute, state in states
        ],
    }


def _alert(case: Case, severity: str, state: str) -> dict[str, object]:
    labels = {"alertname": case.alert, "alertstate": state, "severity": severity, **case.labels}
    return {"labels": _selector("ALERTS", labels), "value": 1}


def _series(line: Line) -> dict[str, str]:
    return {"series": _selector(line.name, line.labels), "values": line.values()}


def _selector(name: str, labels: dict[str, str]) -> str:
    inside = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"
