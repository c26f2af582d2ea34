"""Figures as tables."""

from html.parser import HTMLParser

import pytest
from typing_extensions import override

from alys.report import figures
from tests.report import records


class Cells(HTMLParser):
    """The texts of a page's cells, a row per list; inner tables follow what holds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    @override
    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12, "12"),
        (10**20, "100000000000000000000"),
        (True, "yes"),
        (None, "none"),
        ([], "none"),
        ({}, "none"),
        ([1, "b", None], "1, b, none"),
        ("two words", "two words"),
        ("<b>&", "<b>&"),
        (0, "0"),
        (-1234567, "-1234567"),
    ],
)
def test_a_plain_figure_is_a_row(value: object, said: str) -> None:
    assert Cells(figures.table({"name": value})).rows == [["name", said]]


def test_a_mapping_is_a_table_in_its_cell() -> None:
    rows = Cells(figures.table({"peg": {"credited": 1, "pending": {"count": 2}}})).rows
    assert rows == [["peg", ""], ["credited", "1"], ["pending", ""], ["count", "2"]]


def test_alike_entries_share_columns_and_a_gap_stays_empty() -> None:
    rows = Cells(figures.table(records.LEDGER)).rows
    start = rows.index(["request", "output", "fee share", "note"])
    assert rows[start + 1 : start + 3] == [
        ["0xab:0", "49999000", "1000", ""],
        ["0xcd:1", "1", "", "<dust>"],
    ]


def test_unlike_entries_are_numbered() -> None:
    assert Cells(figures.table({"x": [1, {"a": 2}]})).rows == [
        ["x", ""],
        ["0", "1"],
        ["1", ""],
        ["a", "2"],
    ]


def test_depth_has_an_end() -> None:
    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"in": deep}
    assert figures.table(deep).count("<table") <= 10


def test_names_cannot_break_out() -> None:
    assert "<script>" not in figures.table({"<script>": {"<script>": [{"<script>": "<script>"}]}})


def test_long_numbers_are_grouped_for_the_eye() -> None:
    assert "<td><i>1</i><i>234</i><i>567</i></td>" in figures.table({"sats": 1_234_567})
