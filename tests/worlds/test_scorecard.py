"""What a scenario has proved."""

from typing import Any

import msgspec
import pytest

from alys.base import errors
from alys.base.errors import Inconclusive
from alys.oracles.causes import Cause, Equation
from alys.oracles.statement import Violation
from alys.worlds.scorecard import CheckFailed, NeverHappened, Scorecard


def test_every_check_is_a_sample_also_one_that_fails() -> None:
    card = Scorecard()
    card.check(True, "x")
    with pytest.raises(CheckFailed):
        card.check(False, "x")
    assert card.samples == 2


def test_a_failed_check_says_what_and_the_figures() -> None:
    with pytest.raises(CheckFailed, match=r"^minted as paid \(minted=2, paid='1'\)$") as caught:
        Scorecard().check(False, "minted as paid", minted=2, paid="1")
    assert caught.value.facts == {"minted": 2, "paid": "1"}
    assert caught.value.exit_code == errors.ExitCode.FAIL


def test_what_never_happened_says_how_long_and_what_was_seen_last() -> None:
    error = NeverHappened("the mint", timeout_s=60.0, last=[])
    assert str(error) == "never happened within 60 s of node time: the mint (last=[])"
    assert (error.waited_for, error.exit_code) == ("the mint", errors.ExitCode.FAIL)


def test_samples_of_oracles_are_added_and_never_taken_away() -> None:
    card = Scorecard()
    card.sample(5)
    card.sample(0)
    card.sample()
    assert card.samples == 6
    with pytest.raises(errors.AlysBug):
        card.sample(-1)


def test_notes_are_kept_in_order_and_replaced_by_name() -> None:
    card = Scorecard()
    card.note(b=1, a=2)
    card.note(b=3)
    assert list(card.facts.items()) == [("b", 3), ("a", 2)]
    assert card.samples == 0


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    sentence: str
    met: bool


def test_every_missed_threshold_is_named_and_all_are_shown() -> None:
    card = Scorecard()
    rows = [
        Limit(sentence="a 1, wanted 2", met=False),
        Limit(sentence="b", met=True),
        Limit(sentence="c 3, wanted 4", met=False),
    ]
    with pytest.raises(errors.ThresholdMissed, match=r"^a 1, wanted 2; c 3, wanted 4$") as caught:
        card.hold(rows)
    assert caught.value.exit_code == errors.ExitCode.THRESHOLD
    assert (card.samples, card.facts) == (3, {"thresholds": rows})
    card.hold(rows[1:2])


def test_no_threshold_is_no_proof() -> None:
    with pytest.raises(errors.Inconclusive, match="no figure was measured"):
        Scorecard().hold([])


def found(card: Scorecard, key: str) -> tuple[str, str]:
    told: Any = card.facts["requirements"]
    return told[key]["verdict"], told[key]["evidence"]


def test_what_ends_well_proves_a_requirement() -> None:
    card = Scorecard()
    with card.proving("pegin.exact") as proof:
        proof.evidence = "seen"
    assert found(card, "pegin.exact") == ("pass", "seen")


def test_a_failed_check_refutes_it_and_what_is_not_its_fault_decides_nothing() -> None:
    card = Scorecard()
    with pytest.raises(CheckFailed), card.proving("pegin.exact"):
        card.check(False, "it holds")
    assert found(card, "pegin.exact") == ("fail", "it holds")
    with pytest.raises(Inconclusive), card.proving("pegin.once"):
        raise Inconclusive("nothing seen")
    assert found(card, "pegin.once") == ("inconclusive", "nothing seen")


def test_a_finding_of_the_ledger_is_told_where_it_belongs() -> None:
    card = Scorecard()
    error = Violation(Cause.DOUBLE_MINT, Equation.PEG, expected=1, actual=2, culprit="x")
    with pytest.raises(Violation), card.proving("pegout.paid"):
        raise error
    assert found(card, "pegout.paid")[0] == "inconclusive"
    assert found(card, "pegin.once") == found(card, "ledger.balanced") == ("fail", str(error))
