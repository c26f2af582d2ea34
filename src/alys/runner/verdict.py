"""The exit code of a run, decided in this one place."""

from collections.abc import Iterable

import msgspec
import pytest

from alys.base import errors
from alys.report import record

PRECEDENCE = (
    errors.ExitCode.INTERRUPTED,
    errors.ExitCode.ENVIRONMENT,
    errors.ExitCode.USAGE,
    errors.ExitCode.FAIL,
    errors.ExitCode.THRESHOLD,
    errors.ExitCode.INCONCLUSIVE,
    errors.ExitCode.PASS,
)
"""What wins when a run gives several reasons: who was interrupted knows nothing, a broken machine explains a failure."""

WORDS = {
    errors.ExitCode.PASS: "pass",
    errors.ExitCode.FAIL: "fail",
    errors.ExitCode.USAGE: "usage",
    errors.ExitCode.ENVIRONMENT: "environment",
    errors.ExitCode.INCONCLUSIVE: "inconclusive",
    errors.ExitCode.THRESHOLD: "threshold",
    errors.ExitCode.INTERRUPTED: "interrupted",
}

_PYTEST: dict[int, errors.ExitCode] = {
    pytest.ExitCode.OK: errors.ExitCode.PASS,
    # Each failed scenario has said by itself what it means for the run.
    pytest.ExitCode.TESTS_FAILED: errors.ExitCode.PASS,
    pytest.ExitCode.INTERRUPTED: errors.ExitCode.INTERRUPTED,
    pytest.ExitCode.INTERNAL_ERROR: errors.ExitCode.FAIL,
    pytest.ExitCode.USAGE_ERROR: errors.ExitCode.USAGE,
    pytest.ExitCode.NO_TESTS_COLLECTED: errors.ExitCode.INCONCLUSIVE,
}


def worst(exits: Iterable[errors.ExitCode]) -> errors.ExitCode:
    """The one that wins by precedence; PASS when there is none."""
    return min(exits, key=PRECEDENCE.index, default=errors.ExitCode.PASS)


def from_pytest(code: int) -> errors.ExitCode:
    """What pytest's own exit code says beyond the scenarios; any other code counts as FAIL."""
    return _PYTEST.get(code, errors.ExitCode.FAIL)


def decide(
    cases: Iterable[record.CaseRecord], run_exits: Iterable[errors.ExitCode]
) -> errors.ExitCode:
    """The verdict over all scenarios and what befell the run as a whole.

    A run in which no scenario passed is no pass, whatever else is true of it: nothing was proven.
    """
    listed = list(cases)
    exits = [errors.ExitCode(case.exit_code) for case in listed]
    exits += run_exits
    if not any(case.outcome is record.Outcome.PASSED for case in listed):
        exits.append(errors.ExitCode.INCONCLUSIVE)
    return worst(exits)


def befallen(run: record.RunRecord, exit_code: errors.ExitCode, cause: str) -> record.RunRecord:
    """The record of a finished run that something befell afterwards: what wins is its verdict, and its cause comes first."""
    own = errors.ExitCode(run.exit_code)
    wins = worst([own, exit_code])
    causes = (cause, *run.causes) if wins is not own or wins is exit_code else (*run.causes, cause)
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    return msgspec.structs.replace(
        run,
        verdict=WORDS[wins],
        exit_code=int(wins),
        cause=f"{causes[0]}{more}",
        causes=causes,
    )
