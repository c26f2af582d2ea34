"""Make the files of the monitoring again: ``python tools/generate_monitoring.py [--check]``.

Everything comes from ``alys.monitoring``: rules and their tests, Alertmanager, Prometheus and Grafana's provisioning, the four
dashboards, the pages on metrics and alerts. ``k8s/monitoring`` has them for people and clusters, ``alys.monitoring`` carries the
same as package data. ``--check`` writes nothing and exits 1 when a committed file is not what the catalogue gives.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    gauge,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from alys.monitoring import alerts, catalogue, configuration, dashboards  # noqa: E402
from alys.monitoring.dashboards import Shape  # noqa: E402
from tools import rule_cases  # noqa: E402

CLUSTER = ROOT / "k8s" / "monitoring"
PACKAGE = ROOT / "src" / "alys" / "monitoring" / "files"
PAGES = ROOT / "docs" / "reference"
HEADER = "# Made by tools/generate_monitoring.py from src/alys/monitoring; change it there.\n"
SIZES = {Shape.STAT: (4, 6), Shape.GAUGE: (4, 6), Shape.LINES: (8, 12), Shape.TABLE: (8, 12)}
"""Height and width of a panel."""
GRID_COLUMNS = 24
PROMETHEUS_URL = "http://prometheus:9090"
DASHBOARD_FOLDER = "/var/lib/grafana/dashboards"


def files() -> dict[Path, str]:
    """What every generated file must contain, by its path."""
    rules = alerts.alerts()
    shared = {
        configuration.RULES_FILE: as_yaml(alerts.groups(rules)),
        "alertmanager.yml": as_yaml(configuration.alertmanager()),
        "prometheus.yml": as_yaml(configuration.prometheus()),
        "targets/mock-services.yml": as_yaml(configuration.service_targets()),
        "grafana/datasource.yml": as_yaml(configuration.grafana_datasource(PROMETHEUS_URL)),
        "grafana/dashboards.yml": as_yaml(configuration.grafana_provider(DASHBOARD_FOLDER)),
    }
    for board in dashboards.DASHBOARDS:
        shared[f"dashboards/{board.uid}.json"] = as_json(board)
    made = {folder / name: text for folder in (CLUSTER, PACKAGE) for name, text in shared.items()}
    made[CLUSTER / "rules_test.yml"] = as_yaml(rule_cases.unit_tests(rules))
    made[PAGES / "alerts.md"] = alerts_page(rules)
    made[PAGES / "metrics.md"] = metrics_page()
    return made


def stale() -> list[Path]:
    """Generated files that are absent, differ, or are there although nothing makes them."""
    made = files()
    kept = [path for folder in (CLUSTER, PACKAGE) for path in folder.rglob("*") if path.is_file()]
    differ = [
        path
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    return differ + [path for path in kept if path not in made and path.name != "README.md"]


def as_yaml(tree: object) -> str:
    """The tree with a word on where it comes from."""
    return HEADER + yaml.safe_dump(tree, sort_keys=False, width=10_000, allow_unicode=True)


def as_json(board: dashboards.Dashboard) -> str:
    """A dashboard as Grafana provisions it: the model itself, without a wrapper."""
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["alys"])
        .refresh("5s")
        .time("now-15m", "now")
        .timezone("browser")
        .readonly()
    )
    for panel, place in zip(board.panels, laid_out(board), strict=True):
        builder.with_panel(built(panel).grid_pos(place))
    model = json.loads(JSONEncoder(sort_keys=True, indent=2).encode(builder.build()))
    return json.dumps(model, indent=2, sort_keys=True) + "\n"


def laid_out(board: dashboards.Dashboard) -> list[GridPos]:
    """A place for each panel: left to right, a new row where it does not fit or its height is another."""
    places: list[GridPos] = []
    left = top = row = 0
    for panel in board.panels:
        height, width = SIZES[panel.shape]
        if left + width > GRID_COLUMNS or (left and height != row):
            left, top = 0, top + row
        places.append(GridPos(h=height, w=width, x=left, y=top))
        left, row = left + width, height
    return places


def built(panel: dashboards.Panel) -> Any:
    """One panel with the SDK's builder of its shape."""
    source = DataSourceRef(type_val="prometheus", uid=configuration.DATASOURCE_UID)
    query = prometheus.Dataquery().expr(panel.expr).ref_id("A").datasource(source)
    if panel.legend:
        query.legend_format(panel.legend)
    made: Any
    match panel.shape:
        case Shape.STAT:
            made = stat.Panel()
        case Shape.GAUGE:
            made = gauge.Panel().min(0).max(1)
        case Shape.TABLE:
            made = table.Panel()
            query.instant().format(PromQueryFormat.TABLE)
        case Shape.LINES:
            legend = common.VizLegendOptions().show_legend(True)
            legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
            made = timeseries.Panel().legend(legend)
    made.title(panel.title).description(panel.about).unit(panel.unit).datasource(source)
    return made.with_target(query)


def alerts_page(rules: tuple[alerts.Alert, ...]) -> str:
    """What each alert means and what to do."""
    text = [
        "# Alerts",
        "",
        "<!-- Made by tools/generate_monitoring.py from src/alys/monitoring/alerts.py; change it there. -->",
        "",
        "The rules are in `k8s/monitoring/alys-rules.yml`; `k8s/monitoring/rules_test.yml` shows each of them go from inactive",
        "to pending, firing and back, and silent over a healthy system. An alert's annotation `runbook` points here.",
        "Critical: what is tested until it is mended means nothing. Warning: look today.",
    ]
    for rule in rules:
        text += ["", f"## {rule.name}", "", f"{rule.severity.value}, after {rule.hold}", ""]
        text += ["```promql", rule.expr, "```", "", rule.remedy]
    return "\n".join(text) + "\n"


def metrics_page() -> str:
    """The catalogue as a table."""
    text = [
        "# Metrics",
        "",
        "<!-- Made by tools/generate_monitoring.py from src/alys/monitoring/catalogue.py; change it there. -->",
        "",
        "Everything that `/metrics` exports, and nothing else. Each name has one set of labels. `actor_id` is an actor's path in",
        "the tree, `actor_type` the last name in it; nameless actors share the line of their siblings.",
        "",
        "Sources: *actors*, the runtime, exported as long as the process lives, with 0 over a dead tree; *node*, what the",
        "node's actors answer, absent while they do not; *process*, the operating system; *runs*, finished runs; *services*, one of",
        "our services as a process (`alys mock`).",
        "",
        "| metric | type | labels | source | meaning |",
        "|---|---|---|---|---|",
    ]
    text += [
        f"| `{family.name}` | {family.kind.value} | {', '.join(family.labels)} | {family.source.value} | {family.help} |"
        for family in catalogue.FAMILIES
    ]
    return "\n".join(text) + "\n"


def main() -> int:
    """Write the files, or with --check name those that are stale; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    if parser.parse_args().check:
        old = stale()
        sys.stderr.writelines(f"stale: {path.relative_to(ROOT)}\n" for path in old)
        return 1 if old else 0
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
