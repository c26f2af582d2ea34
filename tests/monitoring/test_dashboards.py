"""The four dashboards ask only for what is exported. That every query has data is in tests/interop/test_prometheus.py."""

import re

import pytest

from alys.monitoring import catalogue, queries
from alys.monitoring.dashboards import DASHBOARDS, Dashboard, Panel, Shape

PANELS = [(board, panel) for board in DASHBOARDS for panel in board.panels]


def test_they_are_the_four_of_the_document() -> None:
    assert [board.title for board in DASHBOARDS] == [
        "Actor System Overview",
        "Performance Monitoring",
        "Error Analysis",
        "Resource Utilization",
    ]
    assert len({board.uid for board in DASHBOARDS}) == 4
    assert all(re.fullmatch(r"[a-z-]{1,40}", board.uid) for board in DASHBOARDS)


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda part: part.title)
def test_a_panel_asks_only_for_series_and_labels_that_are_exported(
    board: Dashboard, panel: Panel
) -> None:
    assert queries.complaints(panel.expr, catalogue.series()) == []
    assert panel.about.endswith(".")
    assert bool(panel.legend) == (panel.shape is Shape.LINES)


def test_titles_are_unique_within_a_dashboard() -> None:
    for board in DASHBOARDS:
        assert len({panel.title for panel in board.panels}) == len(board.panels)


def test_every_metric_of_the_document_is_on_the_overview_and_every_other_somewhere() -> None:
    shown = {name for _, panel in PANELS for name, _ in queries.use_of(panel.expr).series}
    first = {
        name for panel in DASHBOARDS[0].panels for name, _ in queries.use_of(panel.expr).series
    }
    assert {family.name for family in catalogue.DOCUMENTED} <= first
    kept_for_alerts = {"alys_run_finished_timestamp_seconds", "alys_run_exit_code"}
    kept_for_queries = {"process_virtual_memory_bytes", "process_start_time_seconds"}
    kept_for_queries.add("alys_fault_touched_total")  # of what somebody ordered a moment ago
    assert set(catalogue.series()) - shown == kept_for_alerts | kept_for_queries
