"""Prometheus's and Alertmanager's own tools judge our rules and configurations, and walk every alert through its life."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alys.monitoring import alerts, configuration
from tools import rule_cases
from tools.generate_monitoring import CLUSTER

pytestmark = [
    pytest.mark.skipif(
        shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is missing"
    ),
]
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None,
    reason="amtool (Debian package prometheus-alertmanager) is missing",
)


def promtool(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and all that was said."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_the_configuration_and_the_rules_are_valid() -> None:
    code, said = promtool("check", "config", CLUSTER / "prometheus.yml")
    assert code == 0, said
    assert f"{len(alerts.alerts())} rules found" in said


@pytest.mark.slow
def test_every_alert_walks_from_inactive_over_pending_to_firing_and_back_and_is_else_silent() -> (
    None
):
    code, said = promtool("test", "rules", CLUSTER / "rules_test.yml")
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression", ["vector(0) > 1", "vector(1)"], ids=["never fires", "always fires"]
)
def test_the_walk_notices_each_alert_that(expression: str, tmp_path: Path) -> None:
    """Otherwise its green would mean nothing."""
    rules: Any = alerts.groups(alerts.alerts())
    for rule in rules["groups"][0]["rules"]:
        rule["expr"] = expression
    (tmp_path / configuration.RULES_FILE).write_text(yaml.safe_dump(rules))
    shutil.copy(CLUSTER / "rules_test.yml", tmp_path)
    code, said = promtool("test", "rules", tmp_path / "rules_test.yml")
    assert code != 0
    noticed = {case.alert for case in rule_cases.CASES if f'alertname=\\"{case.alert}\\"' in said}
    assert noticed == {rule.name for rule in alerts.alerts()}


@needs_amtool
def test_alertmanager_accepts_its_configuration() -> None:
    done = subprocess.run(
        ["amtool", "check-config", str(CLUSTER / "alertmanager.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 receivers" in done.stdout


@needs_amtool
@pytest.mark.slow
@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "page"), ("warning", "board"), ("unheard-of", "board")]
)
def test_an_alert_reaches_the_receiver_of_its_severity(severity: str, receiver: str) -> None:
    file = f"--config.file={CLUSTER / 'alertmanager.yml'}"
    done = subprocess.run(
        ["amtool", "config", "routes", "test", file, f"severity={severity}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, receiver)
