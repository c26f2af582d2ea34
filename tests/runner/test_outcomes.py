"""What an exception says about the scenario that raised it."""

from pathlib import Path

import pytest

from alys.base import errors
from alys.report.record import Outcome
from alys.runner import outcomes
from alys.worlds import protocol, scorecard

HERE = Path(__file__)


def judged(error: BaseException) -> outcomes.Judgement:
    """Judge it as raised from this file."""
    try:
        raise error
    except BaseException as raised:
        return outcomes.judge(raised, "the traceback", HERE)


RAISED = f"{HERE.name}:{judged.__code__.co_firstlineno + 3}"


@pytest.mark.parametrize(
    ("error", "outcome", "exit_code"),
    [
        (AssertionError("x"), Outcome.FAILED, 1),
        (ValueError("x"), Outcome.FAILED, 1),
        (scorecard.CheckFailed("x", {}), Outcome.FAILED, 1),
        (scorecard.NeverHappened("x", timeout_s=1, last=None), Outcome.FAILED, 1),
        (protocol.ScenarioTimeout(name="x", timeout_s=1), Outcome.FAILED, 1),
        (errors.AlysBug("x"), Outcome.FAILED, 1),
        (errors.UsageError("x"), Outcome.ERROR, 2),
        (errors.EnvironmentFailure("x"), Outcome.ERROR, 3),
        (errors.Inconclusive("x"), Outcome.INCONCLUSIVE, 4),
        (pytest.skip.Exception("x"), Outcome.SKIPPED, 0),
        (pytest.fail.Exception("x"), Outcome.FAILED, 1),
    ],
)
def test_the_error_decides_outcome_and_exit_code(
    error: BaseException, outcome: Outcome, exit_code: int
) -> None:
    judgement = judged(error)
    assert (judgement.outcome, judgement.exit_code) == (outcome, exit_code)
    assert "x" in judgement.cause


def test_a_failure_names_its_line_in_the_scenario() -> None:
    assert judged(ValueError("no")).cause == f"ValueError: no ({RAISED})"
    assert judged(AssertionError()).cause == f"AssertionError ({RAISED})"


def test_whose_fault_it_is_needs_no_line() -> None:
    assert judged(errors.EnvironmentFailure("port 1 is in use")).cause == "port 1 is in use"


def test_figures_of_a_failed_check_are_kept() -> None:
    judgement = judged(scorecard.CheckFailed("equal", {"paid": 1, "due": 2}))
    assert judgement.facts == {"failed check": {"paid": 1, "due": 2}}


def test_the_cause_is_one_line_of_bounded_length_and_the_detail_is_whole() -> None:
    judgement = judged(ValueError("a" * 1000 + "\nsecond"))
    assert "\n" not in judgement.cause
    assert len(judgement.cause) < 600
    assert judgement.detail == "the traceback"


def test_forgotten_calls_are_a_failure_that_names_them() -> None:
    judgement = outcomes.forgotten(["a (x.py:1)", "b (x.py:2)"])
    assert (judgement.outcome, judgement.exit_code) == (Outcome.FAILED, 1)
    assert "a (x.py:1), b (x.py:2)" in judgement.cause
