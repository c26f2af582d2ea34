"""A slice of the planted bugs, each found by an oracle that was declared for it, in a plan that is green without it."""

import functools

import pytest

from alys.campaigns.plan import Burn, Deposit, Forgery, Plan
from alys.campaigns.run import run
from alys.mutants import catalogue
from alys.mutants.patching import planted

PEGS = Plan(
    seed=5,
    nodes=1,
    weather_s=4.0,
    work=(
        Deposit(number=1, at=0.1, sats=3_000_000, user=0),
        Burn(number=2, at=0.5, sats=2_000_000, user=0, wei=7),
        Burn(number=3, at=0.5, sats=2_000_000, user=0, form="garbled"),
    ),
)


def forged(form: str, *, restart: bool = False) -> Plan:
    work = (
        Deposit(number=1, at=0.1, sats=3_000_000, user=0),
        Forgery(number=2, at=0.2, form=form, node=1, restart=restart),
    )
    return Plan(seed=5, nodes=3, weather_s=1.0, work=work)


FOUND = (
    ("sats-taken-for-gwei", PEGS),
    ("burn-rounded-up", PEGS),
    ("refunded-twice", PEGS),
    ("sent-before-saved", PEGS),
    ("extra-withdrawal-accepted", forged("extra withdrawal")),
    ("votes-forgotten-on-start", forged("second of its slot", restart=True)),
    ("minted-forgotten-on-start", forged("minted again", restart=True)),
)


@functools.cache
def green(plan: Plan) -> str:
    """What is wrong with a plan when nothing is planted; must be nothing."""
    outcome = run(plan)
    return f"{outcome.verdict} {outcome.oracle} {outcome.sentence}".strip()


@pytest.mark.parametrize(("name", "plan"), FOUND, ids=[name for name, _ in FOUND])
def test_it_is_found_by_whom_it_was_declared_for(name: str, plan: Plan) -> None:
    """And the changed line ran, and without it the same plan is green."""
    mutant = catalogue.named(name)
    with planted(mutant) as bug:
        outcome = run(plan)
    assert outcome.verdict == "fail", outcome.sentence
    assert mutant.expects(outcome.oracle), (outcome.oracle, outcome.sentence)
    assert bug.ran
    assert green(plan) == "pass"
