"""Alert rules ask only for what is exported, and carry what a reader needs. Their life is in tests/interop/test_promtool.py."""

import re
from pathlib import Path
from typing import Any

import pytest

from alys.monitoring import alerts, catalogue, queries
from alys.monitoring.alerts import Alert, Thresholds

RULES = alerts.alerts()
PAGE = Path(__file__).parents[2] / alerts.PAGE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_asks_only_for_series_and_labels_that_are_exported(rule: Alert) -> None:
    assert queries.complaints(rule.expr, catalogue.series()) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_runbook_of_a_rule_is_a_section_of_the_page(rule: Alert) -> None:
    sections = re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rule.name in sections


def test_names_are_unique_and_severities_are_labels() -> None:
    tree: Any = alerts.groups(RULES)
    (group,) = tree["groups"]
    told = {rule["alert"]: rule["labels"]["severity"] for rule in group["rules"]}
    assert len(told) == len(RULES)
    assert set(told.values()) == {"critical", "warning"}
    assert all("runbook" in rule["annotations"] for rule in group["rules"])


@pytest.mark.parametrize(
    ("name", "thresholds", "limit"),
    [
        ("AlysFailureRateHigh", Thresholds(high_failure_rate_threshold=0.25), "> 0.25"),
        ("AlysLatencyHigh", Thresholds(high_latency_threshold_ms=250), "> 0.25"),
        ("AlysMemoryHigh", Thresholds(memory_usage_threshold_percent=50), "> 0.5"),
        ("AlysCpuHigh", Thresholds(cpu_usage_threshold_percent=75), "> 0.75"),
    ],
)
def test_the_thresholds_of_the_configuration_reach_the_rules(
    name: str, thresholds: Thresholds, limit: str
) -> None:
    (rule,) = [rule for rule in alerts.alerts(thresholds) if rule.name == name]
    assert rule.expr.endswith(limit)


def test_by_default_they_are_those_of_the_document() -> None:
    assert Thresholds() == Thresholds(
        high_failure_rate_threshold=0.1,
        high_latency_threshold_ms=100,
        memory_usage_threshold_percent=85,
        cpu_usage_threshold_percent=90,
    )


def test_what_can_vanish_is_watched_with_absent() -> None:
    watched = " ".join(rule.expr for rule in RULES)
    assert "absent(alys_active_actors" in watched
    assert "absent(alys_chain_block_height" in watched
