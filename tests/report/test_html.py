"""The record as a page."""

import re
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from alys.report import html, record
from tests.report import records

_VOID = {"meta", "br", "hr", "link", "img", "input"}


class Page(HTMLParser):
    """Reads a page and insists that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data + "\n"


def test_the_page_stands_alone() -> None:
    text = html.render(records.failed_run())
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert not {"src", "href", "onclick"} & {name for name, _ in page.attributes}
    assert not re.search(r"url\(|@import|https?:", text)
    assert "prefers-color-scheme: dark" in text


def test_it_says_verdict_cause_scenarios_replay_and_versions() -> None:
    words = Page(html.render(records.failed_run())).words
    for expected in (
        "FAIL",
        'peg_out: paid <once> & "only" once',
        "1 of 2",
        "peg_in",
        "peg_out",
        "1.25 s",
        "12.5 s",
        "125 s",
        "alys test integration --world sim --seed 7",
        "c0ffee",
        "ab" * 32,
        "credited wei",
    ):
        assert expected in words, expected


def test_several_causes_are_all_listed() -> None:
    page = html.render(records.run(records.failed(), verdict="fail", causes=("one", "two")))
    assert "<li>one</li><li>two</li>" in page


def test_a_run_of_nothing_says_so() -> None:
    run = records.run(verdict="inconclusive", exit_code=4, cause="c", causes=("nothing collected",))
    words = Page(html.render(run)).words
    assert "No scenario was collected." in words
    assert "nothing collected" in words


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [
        ("pass", "good"),
        ("fail", "bad"),
        ("environment", "bad"),
        ("inconclusive", "warn"),
        ("interrupted", "warn"),
    ],
)
def test_the_badge_has_the_colour_of_the_verdict(verdict: str, tone: str) -> None:
    page = html.render(records.run(verdict=verdict))
    assert f'<span class="badge {tone}">{verdict.upper()}</span></h1>' in page


def test_figures_are_folded_away_only_where_all_is_well() -> None:
    assert "<details><summary>Figures" in html.render(records.run(records.case()))
    assert "<details open><summary>Figures" in html.render(records.run(records.failed()))


def test_nothing_from_a_scenario_becomes_markup() -> None:
    evil = "<script>alert(1)</script>"
    case = records.failed(name=evil, cause=evil, detail=evil, facts={evil: evil})
    run = records.run(case, cause=evil, causes=(evil,), replay=evil, suite=evil)
    assert "<script" not in html.render(run)


def test_every_outcome_has_a_tone() -> None:
    for outcome in record.Outcome:
        assert outcome.value in html.render(records.run(records.case(outcome=outcome)))
