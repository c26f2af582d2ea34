"""The record on a terminal."""

from alys.report import record, text
from alys.report.record import Outcome
from tests.report import records

REPORT = "; report: results/20260101T000000Z-integration-abc123/report.html"


def test_one_line_for_a_scenario() -> None:
    assert text.case_line(records.case()) == "PASS  peg_in  3 samples, 1.25 s"
    assert (
        text.case_line(records.failed(samples=1))
        == 'FAIL  peg_out  1 sample, 1.25 s: paid <once> & "only" once'
    )


def test_every_outcome_has_its_word() -> None:
    words = {text.case_line(records.case(outcome=o)).split("  ")[0].strip() for o in Outcome}
    assert words == {"PASS", "FAIL", "THRESHOLD", "INCONCLUSIVE", "ERROR", "SKIP", "NOT RUN"}


def test_the_closing_lines_of_a_pass() -> None:
    assert text.render(records.run(records.case())).splitlines() == [
        "trace:  " + "ab" * 32,
        "replay: alys test integration --world sim --seed 7",
        "PASS  integration in world sim, seed 7: 1 passed, 3 samples, 2.5 s for 125 simulated seconds"
        f"{REPORT}",
    ]


def test_the_closing_lines_of_a_failure_name_every_cause() -> None:
    run = records.run(
        records.case(), records.failed(), verdict="fail", causes=("one", "two"), trace_hash=None
    )
    lines = text.render(run).splitlines()
    assert lines[:2] == ["cause:  one", "cause:  two"]
    assert lines[-1].startswith(
        "FAIL  integration in world sim, seed 7: 1 passed, 1 failed, 6 samples"
    )


def test_a_run_of_nothing() -> None:
    run = records.run(verdict="inconclusive", simulated_s=None, causes=("nothing collected",))
    assert text.render(run).splitlines()[-1] == (
        f"INCONCLUSIVE  integration in world sim, seed 7: nothing ran, 0 samples, 2.5 s{REPORT}"
    )


def test_the_verdict_of_replays_stands_with_its_scenario() -> None:
    flake = record.Flake(kind="environmental", sentence="by the moon", replays=())
    run = records.run(records.failed(flake=flake), verdict="fail", exit_code=1)
    assert "flake:  peg_out: environmental: by the moon" in text.render(run).splitlines()
