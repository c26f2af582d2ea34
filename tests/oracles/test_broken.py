"""What an oracle says when something that must hold does not."""

from alys.base.errors import AlysError, ExitCode
from alys.oracles.broken import Broken


def test_names_the_oracle_the_sentence_and_the_figures() -> None:
    broken = Broken("order", "one came late", sender=3, number=7)
    assert str(broken) == "order: one came late (sender 3, number 7)"
    assert (broken.oracle, broken.sentence) == ("order", "one came late")
    assert broken.facts == {"sender": 3, "number": 7}


def test_fails_a_run_and_needs_no_figures() -> None:
    broken: AlysError = Broken("leaks", "an actor lives")
    assert str(broken) == "leaks: an actor lives"
    assert broken.exit_code is ExitCode.FAIL
