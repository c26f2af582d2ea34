"""RESULTS.md from a made-up run."""

import msgspec
import pytest

from benchmarks import page
from tests.benchmarks.made_up import MACHINE, ask, results, row


def line(text: str, title: str) -> list[str]:
    (found,) = [part for part in text.splitlines() if part.startswith(f"| {title} ")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_row_shows_goal_figure_ratio_verdict_and_each_peer() -> None:
    text = page.render(results(row(), ask()))
    assert line(text, "tell, one actor to one") == [
        "tell, one actor to one",
        "at least 3 Q (floor 2.5)",
        "6.40 M/s",
        "3.20 Q",
        "yes",
        "1.90 M/s",
        "not installed",
    ]
    assert line(text, "ask from an asyncio task, p50")[1:5] == [
        "at most 1.30 µs",
        "1.50 µs",
        "",
        "no",
    ]
    assert "1 of 2 goals are met." in text


def test_the_table_has_a_column_for_each_peer() -> None:
    text = page.render(results(row()))
    assert line(text, "workload")[-2:] == ["asyncio", "pykka"]
    widths = {part.count("|") for part in text.splitlines() if part.startswith("|")}
    assert widths == {8}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "yes"),
        ({"met": False}, "no, above its floor"),
        ({"met": False, "above_floor": False}, "no"),
        (
            {"met": False, "ours": None, "failure": "Broken: 1 | 2\nlost"},
            "no: Broken: 1 / 2 lost",
        ),
    ],
)
def test_the_verdict_is_never_kinder_than_the_row(changes: dict[str, object], words: str) -> None:
    assert page.verdict(row(**changes)) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (6_400_000.0, "messages/s", "6.40 M/s"),
        (43_210.0, "messages/s", "43 k/s"),
        (4_321.0, "hops/s", "4.3 k/s"),
        (0.5, "us", "0.50 µs"),
        (123.4, "us", "123 µs"),
        (1234.5, "B", "1,234 B"),
        (499.6, "MB", "500 MB"),
    ],
)
def test_figures_are_written_for_the_eye(value: float, unit: str, words: str) -> None:
    assert page.figure(value, unit) == words


def test_the_page_says_what_q_is_and_where_and_how_it_was_measured() -> None:
    text = page.render(results(row()))
    for said in (
        "asyncio.Queue",
        "100,000 messages",
        "2.00 M/s",
        "500 ns",
        "1.10 Q",
        "5 rounds",
        "observer `Metrics`",
        "Made-up CPU 9000, 4 cores; Linux x86_64; CPython 3.11.9.",
        "- the bound was kept",
        "- pykka: not installed.",
        "- asyncio 3.11.9: a queue and a task.",
        "Ray is left out",
    ):
        assert said in text


def test_only_workloads_of_the_run_are_explained() -> None:
    text = page.render(results(row()))
    assert "- tell, one actor to one: one handler" in text
    assert "- ping-pong" not in text


def test_a_quick_run_says_so_and_a_pinned_machine_too() -> None:
    assert "quick run" not in page.render(results(row()))
    assert "quick run" in page.render(results(row(), quick=True))
    pinned = msgspec.structs.replace(MACHINE, cores_usable=1)
    assert "4 cores, 1 of them for this run" in page.render(results(row(), machine=pinned))


def test_plots_are_linked_where_there_are_any_and_missed_aloud_where_not() -> None:
    assert "![goals.svg](plots/goals.svg)" in page.render(results(row()), ["goals.svg"])
    assert "matplotlib is not installed" in page.render(results(row()))
