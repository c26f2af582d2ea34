"""The figures of a scenario that have limits: one line each for a terminal, one table for the page."""

from collections.abc import Mapping
from html import escape

from alys.report import record

FACT = "thresholds"
"""Where a scenario's record has them."""

Row = Mapping[str, object]


def rows(case: record.CaseRecord) -> list[Row]:
    """The thresholds of a scenario; none where nothing was measured against a limit."""
    found = case.facts.get(FACT)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def lines(case: record.CaseRecord) -> list[str]:
    """Each figure beside its limit, the missed ones marked."""
    return [
        f"{'ok' if row.get('met') else 'MISSED':<6}  {row.get('what')}: {_figure(row.get('measured'))}"
        f" {row.get('unit')} ({row.get('bound')} {_figure(row.get('limit'))})"
        for row in rows(case)
    ]


def table(measured: list[Row]) -> str:
    """The same as HTML."""
    head = "<tr><th>Figure</th><th>Measured</th><th>Wanted</th><th></th></tr>"
    return f'<table class="figures rows">{head}{"".join(_row(row) for row in measured)}</table>'


def _row(row: Row) -> str:
    tone, word = ("good", "met") if row.get("met") else ("bad", "missed")
    measured = f"{_figure(row.get('measured'))} {row.get('unit')}"
    wanted = f"{row.get('bound')} {_figure(row.get('limit'))}"
    return (
        f"<tr><th>{escape(str(row.get('what')))}</th><td>{escape(measured)}</td>"
        f'<td>{escape(wanted)}</td><td class="{tone}">{word}</td></tr>'
    )


def _figure(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
