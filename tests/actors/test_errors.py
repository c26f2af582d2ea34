"""The runtime's errors name who, what and why, and carry it as fields."""

import pytest

from alys.actors import errors
from alys.base.errors import AlysError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.AskTimeout("/e", "Get", 2.0), "no reply from /e to Get within 2 s"),
        (errors.ActorStopped("/e", "Get"), "/e is stopped and cannot answer Get"),
        (errors.ActorStopped("/e"), "/e is stopped"),
        (errors.AskFailed("/e", "Get", KeyError("k")), "/e failed on Get: KeyError: 'k'"),
        (errors.AskCycle(("/a", "/b", "/a")), "ask cycle: /a -> /b -> /a"),
        (errors.MailboxFull("/e", 5), "the mailbox of /e holds its 5 messages and takes no more"),
        (errors.ForeignAwait("/e", 5), "/e awaited 5; an actor awaits only what its context gives"),
        (
            errors.IntensityExceeded("/e", 2, 10.0),
            "/e: more than 2 restarts of its children in 10 s",
        ),
        (errors.ChildEscalated("/e", "/e/c", KeyError("k")), "/e: /e/c failed with KeyError: 'k'"),
        (
            errors.DeathPact("/e", "/d"),
            "/e watched /d, which died, and has no handler for Terminated",
        ),
        (
            errors.ShutdownBegun("drain", "flush"),
            "the shutdown has begun; 'flush' cannot be added to its phase 'drain'",
        ),
        (
            errors.TaskTimeout("drain", "flush", 5.0),
            "'flush' was not done when the 5 s of phase 'drain' were over",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_text_names_who_and_why(error: Exception, text: str) -> None:
    assert str(error) == text
    assert isinstance(error, AlysError)


def test_what_an_ask_raises_is_one_family() -> None:
    for kind in (errors.AskTimeout, errors.ActorStopped, errors.AskFailed, errors.AskCycle):
        assert issubclass(kind, errors.AskError)
    assert not issubclass(errors.MailboxFull, errors.AskError)


def test_the_cause_of_a_failed_ask_is_chained() -> None:
    cause = KeyError("k")
    assert errors.AskFailed("/e", "Get", cause).__cause__ is cause
    assert errors.ChildEscalated("/e", "/c", cause).__cause__ is cause
