"""Figures beside their limits, for a terminal and for the page."""

import msgspec

from alys.report import html, junit, record, text, thresholds
from tests.report import records

ROWS: list[object] = [
    {
        "what": "throughput", "measured": 950.0, "bound": "at least", "limit": 990.0,
        "unit": "messages/s", "met": False,
    },
    {
        "what": "memory", "measured": 88.25, "bound": "at most", "limit": 512, "unit": "MiB",
        "met": True,
    },
]  # fmt: skip
CASE = record.CaseRecord(
    name="load",
    outcome=record.Outcome.THRESHOLD,
    exit_code=5,
    duration_s=1.0,
    cause="throughput <950>",
    facts={"thresholds": ROWS},
)


def run_of(case: record.CaseRecord) -> record.RunRecord:
    cases = (case,)
    return msgspec.structs.replace(
        records.run(), cases=cases, counts=record.count(cases), verdict="threshold", exit_code=5
    )


def test_a_line_per_figure_with_the_missed_ones_marked() -> None:
    assert thresholds.lines(CASE) == [
        "MISSED  throughput: 950 messages/s (at least 990)",
        "ok      memory: 88.25 MiB (at most 512)",
    ]
    assert thresholds.lines(CASE)[0] in text.render(run_of(CASE))


def test_a_table_on_the_page() -> None:
    page = html.render(run_of(CASE))
    assert "<th>throughput</th><td>950 messages/s</td><td>at least 990</td>" in page
    assert '<td class="bad">missed</td>' in page
    assert '<td class="good">met</td>' in page


def test_a_case_without_figures_has_no_table() -> None:
    plain = msgspec.structs.replace(CASE, facts={"thresholds": "none"})
    assert (thresholds.rows(plain), thresholds.lines(plain)) == ([], [])
    assert "<th>Measured</th>" not in html.render(run_of(plain))


def test_a_missed_threshold_is_counted_and_is_a_failure_to_ci() -> None:
    done = run_of(CASE)
    assert (done.counts.threshold, done.counts.failed) == (1, 0)
    assert "1 missed a threshold" in text.render(done)
    assert 'failures="1"' in junit.render(done)
    assert '<failure message="throughput &lt;950&gt;"' in junit.render(done)


def test_what_was_left_out_is_said() -> None:
    done = msgspec.structs.replace(run_of(CASE), left_out=("supervision: it is <off>",))
    assert "left out: supervision: it is <off>\n" in text.render(done)
    assert "Left out: supervision: it is &lt;off&gt;" in html.render(done)
