"""A run as a function of its plan."""

import msgspec

from alys.campaigns.draw import plan_of
from alys.campaigns.outcome import Outcome
from alys.campaigns.run import run


def timeless(outcome: Outcome) -> Outcome:
    """Without what the wall says."""
    return msgspec.structs.replace(outcome, real_seconds=0.0)


def test_equal_plans_give_equal_outcomes_and_another_seed_another_trace() -> None:
    """Also in one process, one after the other: nothing leaks from a run into the next."""
    first, other, again = run(plan_of(3)), run(plan_of(4)), run(plan_of(3))
    assert timeless(first) == timeless(again)
    assert first.verdict == other.verdict == "pass", (first.sentence, other.sentence)
    assert first.trace_hash != other.trace_hash
    assert all(first.samples[name] for name in ("work", "ledger", "agreement"))
    assert first.simulated_seconds > plan_of(3).weather_s
