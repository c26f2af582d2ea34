"""What an exception means for the scenario that raised it: outcome, exit code, and one line that names the cause."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from alys.base import errors
from alys.config.errors import nearest_name
from alys.report import record
from alys.worlds import scorecard

_CAUSE_CHARACTERS_MAX = 500  # a line in a table; the whole text stays in the details


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How one scenario ended, and why."""

    outcome: record.Outcome
    exit_code: errors.ExitCode
    cause: str = ""
    detail: str = ""
    facts: dict[str, object] = {}
    """Figures that contradict what was checked."""


PASSED = Judgement(outcome=record.Outcome.PASSED, exit_code=errors.ExitCode.PASS)

NOTHING_CHECKED = Judgement(
    outcome=record.Outcome.INCONCLUSIVE,
    exit_code=errors.ExitCode.INCONCLUSIVE,
    cause="no samples: it ended without a single world.check or world.eventually, so nothing was proven",
)

CUT_OFF = Judgement(
    outcome=record.Outcome.NOT_RUN,
    exit_code=errors.ExitCode.INCONCLUSIVE,
    cause="interrupted while it ran",
)

NOT_RUN = Judgement(
    outcome=record.Outcome.NOT_RUN,
    exit_code=errors.ExitCode.INCONCLUSIVE,
    cause="the run ended before this scenario did",
)

_OUTCOMES = {
    errors.ExitCode.INCONCLUSIVE: record.Outcome.INCONCLUSIVE,
    errors.ExitCode.THRESHOLD: record.Outcome.THRESHOLD,
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
    if isinstance(raised, pytest.FixtureLookupError):
        raised = _no_such_fixture(raised)
    exit_code = raised.exit_code if isinstance(raised, errors.AlysError) else errors.ExitCode.FAIL
    outcome = _OUTCOMES.get(exit_code, record.Outcome.FAILED)
    figures = raised.facts if isinstance(raised, scorecard.CheckFailed) else {}
    return Judgement(
        outcome=outcome,
        exit_code=exit_code,
        cause=_cause(raised, scenario_file),
        detail=detail,
        facts={"failed check": figures} if figures else {},
    )


def _no_such_fixture(raised: pytest.FixtureLookupError) -> errors.UsageError:
    near = nearest_name(raised.argname or "", ["world"])
    hint = f"; did you mean {near!r}?" if near else ""
    return errors.UsageError(f"fixture {raised.argname!r} not found{hint}")


def forgotten(places: Sequence[str]) -> Judgement:
    """The meaning of calls without ``await``: what they were to prove was not proven."""
    return Judgement(
        outcome=record.Outcome.FAILED,
        exit_code=errors.ExitCode.FAIL,
        cause=f"never awaited: {', '.join(places)}; write `await` in front of it",
    )


def unloadable(raised: BaseException, scenario_file: Path) -> str:
    """Why a scenario's file could not be loaded: file, line, error."""
    first = raised.__cause__ or raised  # pytest wraps what it finds while importing
    if isinstance(first, SyntaxError) and first.filename:
        where = f"{Path(first.filename).name}:{first.lineno}"
    else:
        where = _place(first, scenario_file) or scenario_file.name
    said = first.msg if isinstance(first, SyntaxError) else str(first)
    return f"cannot load {where}: {_line(f'{type(first).__name__}: {said}')}"


def _cause(raised: BaseException, scenario_file: Path) -> str:
    """The error in one line, with its place in the scenario unless the machine or the user is to blame."""
    if isinstance(raised, errors.UsageError | errors.EnvironmentFailure):
        return _line(str(raised))
    speaks_for_itself = isinstance(
        raised, errors.AlysError | AssertionError | pytest.fail.Exception
    ) and str(raised)
    said = (
        str(raised)
        if speaks_for_itself
        else f"{type(raised).__name__}: {raised}".removesuffix(": ")
    )
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
