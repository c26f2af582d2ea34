"""The exit code of a run, as the one table of it says."""

import itertools

import pytest

from alys.base.errors import ExitCode
from alys.report import record
from alys.runner import verdict
from tests.report import records

PRECEDENCE = [130, 3, 2, 1, 5, 4, 0]


def case(code: int) -> record.CaseRecord:
    outcome = record.Outcome.PASSED if code == 0 else record.Outcome.FAILED
    return record.CaseRecord(name="x", outcome=outcome, exit_code=code, duration_s=0.0)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(PRECEDENCE, PRECEDENCE)))
def test_of_two_reasons_the_one_further_left_decides(first: int, second: int) -> None:
    expected = PRECEDENCE[min(PRECEDENCE.index(first), PRECEDENCE.index(second))]
    assert verdict.worst([ExitCode(first), ExitCode(second)]) == expected
    assert verdict.decide([case(0), case(first), case(second)], []) == expected
    assert verdict.decide([case(0), case(first)], [ExitCode(second)]) == expected


def test_every_exit_code_has_its_place_and_its_word() -> None:
    assert set(verdict.PRECEDENCE) == set(verdict.WORDS) == set(ExitCode)
    assert [int(code) for code in verdict.PRECEDENCE] == PRECEDENCE


def test_no_scenario_is_no_pass() -> None:
    assert verdict.decide([], []) == ExitCode.INCONCLUSIVE


def test_a_run_of_skipped_scenarios_is_no_pass() -> None:
    skipped = record.CaseRecord(
        name="x", outcome=record.Outcome.SKIPPED, exit_code=0, duration_s=0.0
    )
    assert verdict.decide([skipped], []) == ExitCode.INCONCLUSIVE
    assert verdict.decide([skipped, case(0)], []) == ExitCode.PASS


def test_nothing_at_all_is_the_neutral_element() -> None:
    assert verdict.worst([]) == ExitCode.PASS


@pytest.mark.parametrize(
    ("code", "ours"), [(0, 0), (1, 0), (2, 130), (3, 1), (4, 2), (5, 4), (6, 1), (99, 1)]
)
def test_the_exit_codes_of_pytest_are_translated(code: int, ours: int) -> None:
    assert verdict.from_pytest(code) == ours


def test_what_befalls_a_finished_run_wins_only_by_precedence() -> None:
    failed = records.run(
        verdict="fail", exit_code=1, cause="minted twice", causes=("minted twice",)
    )
    away = verdict.befallen(failed, ExitCode.ENVIRONMENT, "not stored")
    assert (away.verdict, away.exit_code, away.causes) == (
        "environment",
        3,
        ("not stored", "minted twice"),
    )
    assert away.cause == "not stored (and 1 more)"
    cut = records.run(verdict="interrupted", exit_code=130, cause="cut", causes=("cut",))
    still = verdict.befallen(cut, ExitCode.ENVIRONMENT, "not stored")
    assert (still.verdict, still.exit_code, still.causes) == (
        "interrupted",
        130,
        ("cut", "not stored"),
    )
    passed = verdict.befallen(records.run(), ExitCode.ENVIRONMENT, "not stored")
    assert (passed.exit_code, passed.cause, passed.causes) == (3, "not stored", ("not stored",))
