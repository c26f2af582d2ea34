"""The committed files are what the catalogue gives, and the dashboards are what Grafana loads from a folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from alys.monitoring import configuration
from alys.monitoring.dashboards import DASHBOARDS, Dashboard
from tools import generate_monitoring, rule_cases
from tools.generate_monitoring import CLUSTER, PACKAGE


def test_every_generated_file_is_current_and_nothing_else_lies_beside_them() -> None:
    assert generate_monitoring.stale() == []


def test_a_changed_and_a_forgotten_file_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_monitoring, "CLUSTER", tmp_path)
    for path, text in generate_monitoring.files().items():
        if path.is_relative_to(tmp_path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    assert generate_monitoring.stale() == []
    (tmp_path / "prometheus.yml").write_text("", encoding="utf-8")
    (tmp_path / "dashboards" / "old.json").write_text("{}", encoding="utf-8")
    names = {path.name for path in generate_monitoring.stale()}
    assert names == {"prometheus.yml", "old.json"}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_dashboard_file_is_a_bare_model_of_core_panels(board: Dashboard) -> None:
    model: Any = json.loads((CLUSTER / "dashboards" / f"{board.uid}.json").read_text())
    assert "dashboard" not in model  # the wrapper of the HTTP API, which provisioning refuses
    assert (model["uid"], model["title"]) == (board.uid, board.title)
    assert "__inputs" not in model
    shapes = {panel["type"] for panel in model["panels"]}
    assert shapes <= {"stat", "gauge", "timeseries", "table"}  # no plugin, no legacy graph
    told = [(panel["title"], panel["targets"][0]["expr"]) for panel in model["panels"]]
    assert told == [(panel.title, panel.expr) for panel in board.panels]
    sources = {
        target["datasource"]["uid"] for panel in model["panels"] for target in panel["targets"]
    }
    assert sources == {configuration.DATASOURCE_UID}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_grafanas_own_model_reads_a_dashboard_and_loses_nothing(board: Dashboard) -> None:
    text = (CLUSTER / "dashboards" / f"{board.uid}.json").read_text()
    model = models.Dashboard.from_json(json.loads(text))
    assert json.loads(JSONEncoder().encode(model)) == json.loads(text)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_no_two_panels_of_a_dashboard_overlap(board: Dashboard) -> None:
    model: Any = json.loads((CLUSTER / "dashboards" / f"{board.uid}.json").read_text())
    seen: set[tuple[int, int]] = set()
    for panel in model["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & seen
        assert max(column for column, _ in cells) < 24
        seen |= cells


def test_an_installed_package_has_the_files_that_a_cluster_needs() -> None:
    names = {path.relative_to(CLUSTER) for path in CLUSTER.rglob("*") if path.is_file()}
    packed = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file()}
    assert names - packed == {Path("rules_test.yml")}
    assert all((CLUSTER / name).read_bytes() == (PACKAGE / name).read_bytes() for name in packed)


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    rules = yaml.safe_load((CLUSTER / configuration.RULES_FILE).read_text())
    names = {rule["alert"] for rule in rules["groups"][0]["rules"]}
    assert {case.alert for case in rule_cases.CASES} == names


def test_a_stretch_is_written_in_the_notation_of_promtool() -> None:
    line = rule_cases.Line(
        "x",
        {},
        (
            rule_cases.Stretch(3, 1, 2),
            rule_cases.Stretch(2, gap=True),
            rule_cases.Stretch(2, None, 0.5),
        ),
    )
    assert line.values() == "1+2x2 _ _ 5.5+0.5x1"
