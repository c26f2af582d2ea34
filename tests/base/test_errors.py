"""The class of an error decides the exit code; the numbers are documented and never change."""

from alys.base.errors import (
    AlysBug,
    AlysError,
    EnvironmentFailure,
    ExitCode,
    Inconclusive,
    UsageError,
)


def test_the_exit_codes_are_those_of_the_documents() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "PASS": 0,
        "FAIL": 1,
        "USAGE": 2,
        "ENVIRONMENT": 3,
        "INCONCLUSIVE": 4,
        "THRESHOLD": 5,
        "INTERRUPTED": 130,
    }


def test_each_kind_of_error_has_its_code() -> None:
    kinds = (AlysError, UsageError, EnvironmentFailure, Inconclusive, AlysBug)
    assert [int(kind.exit_code) for kind in kinds] == [1, 2, 3, 4, 1]
