"""What an exception means for the scenario that raised it: outcome, exit code, and one line that names the cause."""

from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.report import record

_CAUSE_CHARACTERS_MAX = 500  # a line in a table; the whole text stays in the details


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How one scenario ended, and why."""

    outcome: record.Outcome
    exit_code: errors.ExitCode
    cause: str = ""
    detail: str = ""


PASSED = Judgement(outcome=record.Outcome.PASSED, exit_code=errors.ExitCode.PASS)

NOTHING_CHECKED = Judgement(
    outcome=record.Outcome.INCONCLUSIVE,
    exit_code=errors.ExitCode.INCONCLUSIVE,
    cause="no samples: it ended without a single world.check or world.eventually, so nothing was proven",
)

NOT_RUN = Judgement(
    outcome=record.Outcome.NOT_RUN,
    exit_code=errors.ExitCode.INCONCLUSIVE,
    cause="the run ended before this scenario did",
)

_OUTCOMES = {
    errors.ExitCode.INCONCLUSIVE: record.Outcome.INCONCLUSIVE,
    errors.ExitCode.ENVIRONMENT: record.Outcome.ERROR,
    errors.ExitCode.USAGE: record.Outcome.ERROR,
}


def judge(raised: BaseException, detail: str, scenario_file: Path) -> Judgement:
    """The meaning of what a scenario raised.

    Errors of ours carry their exit code; anything else is a failure of what was tested, or of the scenario.
    """
    if isinstance(raised, pytest.skip.Exception):
        return Judgement(
            outcome=record.Outcome.SKIPPED, exit_code=errors.ExitCode.PASS, cause=_line(str(raised))
        )
    exit_code = raised.exit_code if isinstance(raised, errors.AlysError) else errors.ExitCode.FAIL
    outcome = _OUTCOMES.get(exit_code, record.Outcome.FAILED)
    return Judgement(
        outcome=outcome, exit_code=exit_code, cause=_cause(raised, scenario_file), detail=detail
    )


def _cause(raised: BaseException, scenario_file: Path) -> str:
    """The error in one line, with its place in the scenario unless the machine or the user is to blame."""
    if isinstance(raised, errors.UsageError | errors.EnvironmentFailure):
        return _line(str(raised))
    speaks_for_itself = isinstance(
        raised, errors.AlysError | AssertionError | pytest.fail.Exception
    ) and str(raised)
    said = str(raised) if speaks_for_itself else f"{type(raised).__name__}: {raised}"
    place = _place(raised, scenario_file)
    return f"{_line(said)} ({place})" if place else _line(said)


def _place(raised: BaseException, scenario_file: Path) -> str:
    """File and line of the innermost frame inside the scenario's file, or nothing."""
    place = ""
    step = raised.__traceback__
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename) == scenario_file:
            place = f"{scenario_file.name}:{step.tb_lineno}"
        step = step.tb_next
    return place


def _line(text: str) -> str:
    first = text.strip().split("\n", 1)[0].strip()
    if len(first) > _CAUSE_CHARACTERS_MAX:
        return first[: _CAUSE_CHARACTERS_MAX - 1] + "…"
    return first
