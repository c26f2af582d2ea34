"""What the doctor prints: a line per check, the fix below it, counts, and one object for programs."""

import json

import pytest

from alys.report import doctor
from alys.report.doctor import Finding, State

OK = Finding(check="a door", state=State.OK, what="answers")
WRONG = Finding(check="another", state=State.WRONG, what="refused", fix="start it")
SKIPPED = Finding(check="a third", state=State.NOT_LOOKED_AT, what="nobody asked")


@pytest.mark.parametrize(
    ("findings", "code"), [([], 0), ([OK, SKIPPED], 0), ([OK, WRONG, SKIPPED], 3)]
)
def test_only_what_is_wrong_makes_the_exit_code(findings: list[Finding], code: int) -> None:
    assert doctor.exit_code(findings) == code


def test_the_text_has_a_line_for_each_check_and_one_for_its_fix() -> None:
    assert doctor.text([OK, WRONG, SKIPPED]).splitlines() == [
        "ok             a door: answers",
        "wrong          another: refused",
        "                 fix: start it",
        "not looked at  a third: nobody asked",
        "1 ok, 1 wrong, 1 not looked at",
    ]


def test_the_object_has_every_check() -> None:
    assert json.loads(doctor.render([OK, WRONG])) == {
        "verdict": "environment",
        "exit_code": 3,
        "counts": {"ok": 1, "wrong": 1, "not looked at": 0},
        "checks": [
            {"check": "a door", "state": "ok", "what": "answers", "fix": ""},
            {"check": "another", "state": "wrong", "what": "refused", "fix": "start it"},
        ],
    }
