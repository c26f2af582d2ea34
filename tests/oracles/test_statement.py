"""What a violation says to people and to machines, and that a check without samples proves nothing."""

import msgspec
import pytest

from alys.base.errors import ExitCode, Inconclusive
from alys.oracles.causes import MEANING, Cause, Equation
from alys.oracles.statement import BrokenFeed, Violation
from tests.oracles.builders import COIN, Town, funded_town

VIOLATION = Violation(
    Cause.DOUBLE_MINT,
    Equation.PEG,
    expected="one mint",
    actual="a second",
    culprit="ab:0",
    items={"first": "0xb1"},
)


def test_a_violation_is_one_line_with_cause_words_equation_both_sides_and_culprit() -> None:
    assert str(VIOLATION) == (
        "double_mint: a deposit was credited a second time (peg equation), "
        "culprit ab:0: expected one mint, found a second, first 0xb1"
    )
    assert VIOLATION.exit_code is ExitCode.FAIL


def test_a_finding_is_the_violation_as_data() -> None:
    finding = VIOLATION.finding
    assert msgspec.to_builtins(finding) == {
        "cause": "double_mint",
        "equation": "peg",
        "meaning": MEANING[Cause.DOUBLE_MINT],
        "expected": "one mint",
        "actual": "a second",
        "culprit": "ab:0",
        "items": {"first": "0xb1"},
    }


def test_a_statement_goes_into_a_report_with_all_that_is_wrong() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key, key])
    told = msgspec.json.decode(msgspec.json.encode(town.ledger.judge()))
    assert told["violations"][0]["cause"] == "double_mint"
    assert told["violations"][0]["culprit"] == key
    assert msgspec.json.decode(msgspec.json.encode(funded_town().check()))["violations"] == []


def test_samples_that_are_zero_or_unknown_are_inconclusive() -> None:
    statement = funded_town().check()
    statement.require_samples("mints", "deposits", "supply")
    for name in ("payouts", "refunds", "no such check"):
        with pytest.raises(Inconclusive, match=name):
            statement.require_samples("mints", name)


def test_a_broken_feed_names_the_chain() -> None:
    assert str(BrokenFeed("evm", "a gap")) == "ledger feed of evm: a gap"
