"""Figures as HTML tables: a mapping becomes rows, a list of mappings a table with columns, and so on inward."""

from collections.abc import Mapping
from html import escape

_DEPTH_MAX = 6  # deeper than a ledger's statement; what lies below is told on one line


def table(facts: Mapping[str, object], depth: int = 0) -> str:
    """A table with a row for each name."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{_cell(value, depth)}</td></tr>"
        for name, value in facts.items()
    )
    return f'<table class="figures">{rows}</table>'


def _cell(value: object, depth: int) -> str:
    if depth < _DEPTH_MAX and isinstance(value, Mapping) and value:
        return table(value, depth + 1)
    if depth < _DEPTH_MAX and isinstance(value, list) and value:
        return _list(value, depth + 1)
    return _plain(value)


def _list(values: list[object], depth: int) -> str:
    """Columns where the entries are alike, rows where they are not, one line where they are plain."""
    if all(isinstance(value, Mapping) for value in values):
        return _columns([value for value in values if isinstance(value, Mapping)], depth)
    if any(isinstance(value, Mapping | list) for value in values):
        return table({str(number): value for number, value in enumerate(values)}, depth)
    return ", ".join(_plain(value) for value in values)


def _columns(rows: list[Mapping[str, object]], depth: int) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{_entries(row, names, depth)}</tr>" for row in rows)
    return f'<table class="figures rows"><tr>{head}</tr>{body}</table>'


def _entries(row: Mapping[str, object], names: list[str], depth: int) -> str:
    return "".join(f"<td>{_cell(row[name], depth) if name in row else ''}</td>" for name in names)


def _plain(value: object) -> str:
    words = {None: "none", True: "yes", False: "no"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, int):
        return _grouped(value)
    if isinstance(value, Mapping | list):
        return f"<code>{escape(str(value))}</code>" if value else "none"
    text = escape(str(value))
    return f"<code>{text}</code>" if isinstance(value, str) and " " not in value else text


def _grouped(number: int) -> str:
    """Digits in threes, for the eye alone: the gaps are style, so that what is copied is the number."""
    groups = f"{number:_}".split("_")
    return groups[0] if len(groups) == 1 else "".join(f"<i>{group}</i>" for group in groups)
