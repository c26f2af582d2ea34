"""What users hold a run to."""

import pytest

from alys.campaigns import users
from alys.campaigns.plan import Burn, Deposit, Plan
from alys.campaigns.run import run

CALM = Plan(
    seed=11,
    nodes=1,
    weather_s=10.0,
    work=(
        Deposit(number=1, at=0.5, sats=5_000_000, user=0, form="twin"),
        Burn(number=2, at=1.0, sats=2_000_000, user=0),
        Burn(number=3, at=2.0, sats=2_000_000, user=0, form="garbled"),
    ),
)


def test_due_is_compared_to_the_wei(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who expects a satoshi more than was deposited finds the run red, under the users' own name."""
    assert run(CALM).verdict == "pass"
    honest = users.Users._due_wei
    monkeypatch.setattr(
        users.Users,
        "_due_wei",
        lambda self: {user: wei - 1 for user, wei in honest(self).items()},
    )
    found = run(CALM)
    assert (found.verdict, found.oracle) == ("fail", "work/credited")


def test_payouts_are_held_against_what_was_burnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets more than the burn, or so much less that no fee explains it, is named."""
    monkeypatch.setattr(users, "PAYOUT_FEE_MAX_SATS", 0)
    found = run(CALM)
    assert found.oracle == "work/paid"
    assert "burn 2 of 2000000 sats" in found.sentence
