"""Figures of a campaign: what never happened is there too."""

import msgspec

from alys.base import trouble
from alys.campaigns import tally
from alys.campaigns.tally import Bites, Reached
from tests.campaigns import lives


def test_before_the_first_run_everything_stands_at_nought_by_name() -> None:
    figures = tally.start(("two_heads",), ("ledger",))
    assert list(figures.faults) == list(trouble.KINDS)
    assert (figures.never_reached, figures.never_looked) == (["two_heads"], ["ledger"])
    assert (figures.never_ordered, figures.never_bit) == (list(trouble.KINDS), [])


def test_faults_count_by_kind_what_was_ordered_what_bit_and_how_often() -> None:
    figures = tally.start()
    for seed in range(4):
        figures = tally.add(figures, lives.passed(lives.plan_of(seed)))
    assert figures.faults["kill"] == Bites(ordered=4, bit=2, times=4)
    assert figures.faults["cut"] == Bites(ordered=4)
    assert figures.never_bit == ["cut"]
    assert "kill" not in figures.never_ordered
    assert "reorg" in figures.never_ordered


def test_rare_states_count_by_the_seeds_that_came_to_them() -> None:
    figures = tally.start(lives.PROBES)
    for seed in (3, 4):
        figures = tally.add(figures, lives.passed(lives.plan_of(seed)))
    assert figures.probes["reorg_after_mint"] == Reached(seeds=1, times=3)
    assert figures.never_reached == ["two_heads"]


def test_runs_count_by_verdict_and_the_lost_apart() -> None:
    plan = lives.plan_of(0)
    nothing = msgspec.structs.replace(lives.passed(plan), verdict="inconclusive")
    figures = tally.start()
    for outcome in (lives.passed(plan), lives.failed(plan), nothing):
        figures = tally.add(figures, outcome)
    figures = tally.add_lost(figures)
    assert (figures.seeds, figures.passed, figures.failed) == (3, 1, 1)
    assert (figures.inconclusive, figures.lost) == (1, 1)


def test_a_sample_of_an_oracle_that_nobody_announced_counts() -> None:
    figures = tally.add(tally.start(oracles=("edges",)), lives.passed(lives.plan_of(1)))
    assert figures.samples == {"edges": 0, "ledger": 10, "order": 100}
    assert figures.never_looked == ["edges"]
