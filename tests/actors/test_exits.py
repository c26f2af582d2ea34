"""An end is read as text, and tells a transient child's parent whether it was a failure."""

import pytest

from alys.actors.exits import BY_PARENT, NOPROC, NORMAL, SHUTDOWN, Exit, Kind
from tests.actors.stage import Boom


@pytest.mark.parametrize(
    ("end", "text", "normal"),
    [
        (NORMAL, "normal", True),
        (SHUTDOWN, "shutdown", True),
        (BY_PARENT, "shutdown: parent", True),
        (Exit(kind=Kind.SHUTDOWN, detail="intensity", error=Boom()), "shutdown: intensity", True),
        (Exit(kind=Kind.FAILED, error=Boom()), "failed: Boom", False),
        (Exit(kind=Kind.KILLED), "killed", False),
        (Exit(kind=Kind.KILLED, detail="system"), "killed: system", False),
        (NOPROC, "noproc", False),
    ],
)
def test_an_end_says_its_kind_and_why_and_whether_it_was_as_it_should_be(
    end: Exit, text: str, normal: bool
) -> None:
    assert (str(end), end.is_normal) == (text, normal)
