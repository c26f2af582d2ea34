"""What ``alys doctor`` found, as text and as one JSON object."""

import enum
from collections import Counter
from collections.abc import Sequence

import msgspec

from alys.base.errors import ExitCode


class State(enum.StrEnum):
    """What came of one check."""

    OK = "ok"
    WRONG = "wrong"
    NOT_LOOKED_AT = "not looked at"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: what was looked at, what was seen, and what to do about it."""

    check: str
    state: State
    what: str
    fix: str = ""
    """Empty where there is nothing to do."""


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """ENVIRONMENT as soon as one thing is wrong. What was not looked at is neither."""
    wrong = any(finding.state is State.WRONG for finding in findings)
    return ExitCode.ENVIRONMENT if wrong else ExitCode.PASS


def text(findings: Sequence[Finding]) -> str:
    """A line per check, below it a line with the fix, and the counts at the end."""
    width = max(map(len, State)) + 2
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.state:<{width}}{finding.check}: {finding.what}")
        if finding.fix:
            lines.append(f"{'':<{width}}  fix: {finding.fix}")
    told = ", ".join(f"{count} {state}" for state, count in _counts(findings).items())
    return "\n".join([*lines, told]) + "\n"


def render(findings: Sequence[Finding]) -> str:
    """The same as one JSON object over several lines."""
    code = exit_code(findings)
    said = {
        "verdict": code.name.lower(),
        "exit_code": int(code),
        "counts": _counts(findings),
        "checks": findings,
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2).decode() + "\n"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(finding.state for finding in findings)
    return {state.value: counted[state] for state in State}
