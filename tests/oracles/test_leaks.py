"""The oracle of leaks, fed with truths and with lies."""

import pytest

from alys.oracles.broken import Broken
from alys.oracles.leaks import QUESTIONS_MAX, TIMERS_MAX, Leaks


def test_what_leaves_nothing_behind_is_sound() -> None:
    leaks = Leaks()
    leaks.ended("/a", 0)
    leaks.renewed("/a", 0)
    leaks.tick("/a", 1, 1)
    leaks.open_now(QUESTIONS_MAX, TIMERS_MAX)
    leaks.close({"actors": []})
    assert leaks.samples == 5


def test_timers_that_outlive_an_actor_or_an_incarnation_are_found() -> None:
    with pytest.raises(Broken, match=r"for an actor that is gone.*actor /a, timers 1") as found:
        Leaks().ended("/a", 1)
    assert found.value.oracle == "leaks"
    with pytest.raises(Broken, match="of an earlier incarnation is armed"):
        Leaks().renewed("/a", 2)
    with pytest.raises(Broken, match="a tick of an earlier incarnation was handled"):
        Leaks().tick("/a", 1, 2)


@pytest.mark.parametrize(
    ("questions", "timers", "what"),
    [(QUESTIONS_MAX + 1, 0, "questions"), (0, TIMERS_MAX + 1, "timers")],
)
def test_what_grows_without_end_is_found(questions: int, timers: int, what: str) -> None:
    with pytest.raises(Broken, match=f"more {what} are open"):
        Leaks().open_now(questions, timers)


def test_what_outlives_the_system_is_found_and_named() -> None:
    with pytest.raises(Broken, match=r"actors outlived the system \(count 4, such_as a; b; c\)"):
        Leaks().close({"questions": [], "actors": ["a", "b", "c", "d"]})
