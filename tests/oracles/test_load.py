"""The arithmetic of a load, exactly: when messages are due, what is charged to whom, and which limits hold."""

import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.errors import Inconclusive
from alys.oracles import load
from alys.oracles.load import Figures, Limits, Plan, Tally, UsageFigures, UsageSample

PLAN = Plan(rate_per_s=10, warmup_s=1, measured_s=2)
LIMITS = Limits(rate_per_s=10, p99_ms=100, failure_share=0.1, memory_mb=512, cpu_percent=80)


def answered(plan: Plan, *, after: float = 0.05) -> Tally:
    """Every message answered so long after it was due."""
    tally = Tally(plan)
    tally.went_out(range(plan.total))
    for number in range(plan.total):
        tally.answered(number, plan.due(number) + after)
    return tally


def test_a_plan_is_so_many_messages_of_which_the_warm_up_does_not_count() -> None:
    assert (PLAN.total, PLAN.first_measured, PLAN.measured, PLAN.end_s) == (30, 10, 20, 3)
    assert [PLAN.due(n) for n in (0, 1, 10, 29)] == [0.0, 0.1, 1.0, 2.9]


@given(st.integers(1, 50_000), st.integers(0, 3), st.integers(1, 3))
def test_every_message_goes_out_once_in_order_at_most_a_tick_after_it_is_due(
    rate: int, warmup: int, measured: int
) -> None:
    plan = Plan(rate_per_s=rate, warmup_s=warmup, measured_s=measured)
    expected = 0
    before = -1.0
    for at, numbers in plan.ticks():
        assert at > before
        assert numbers.start == expected < numbers.stop
        # In whole numbers: no message before it is due, none later than the tick after that.
        tick = round(at * 1000)
        assert (numbers.stop - 1) * 1000 <= tick * rate
        assert numbers.start * 1000 > (tick - load.TICK_MS) * rate
        expected, before = numbers.stop, at
    assert expected == plan.total


def test_a_thousand_a_second_is_ten_every_tick() -> None:
    plan = Plan(rate_per_s=1000, warmup_s=0, measured_s=1)
    ticks = list(plan.ticks())
    assert ticks[:3] == [(0.0, range(1)), (0.01, range(1, 11)), (0.02, range(11, 21))]
    assert ticks[-1] == (1.0, range(991, 1000))


def test_a_tick_without_a_message_is_left_out() -> None:
    plan = Plan(rate_per_s=2, warmup_s=0, measured_s=1)
    assert list(plan.ticks()) == [(0.0, range(1)), (0.5, range(1, 2))]


def test_latency_runs_from_when_a_message_was_due() -> None:
    figures = answered(PLAN).figures(grace_s=0.1)
    assert (figures.wanted, figures.offered, figures.answered) == (20, 20, 20)
    assert (figures.refused, figures.lost, figures.rate_per_s) == (0, 0, 10.0)
    assert [figures.p50_ms, figures.max_ms] == pytest.approx([50, 50])


def test_a_pause_is_charged_for_everything_that_came_due_in_it() -> None:
    """The node stands still from 1.0 to 2.0 and answers all at once then; a generator that waited would report one latency."""
    tally = Tally(PLAN)
    tally.went_out(range(30))
    for number in range(30):
        due = PLAN.due(number)
        tally.answered(number, 2.0 if 1.0 <= due < 2.0 else due)
    figures = tally.figures(grace_s=0.1)
    assert figures.max_ms == pytest.approx(1000)
    late = [1000.0, 900.0, 800.0, 700.0, 600.0, 500.0, 400.0, 300.0, 200.0, 100.0]
    expected = statistics.quantiles([*late, *[0.0] * 10], n=100, method="inclusive")
    assert figures.p95_ms == pytest.approx(expected[94])
    assert figures.p50_ms == pytest.approx(50)


def test_the_warm_up_does_not_count() -> None:
    tally = Tally(PLAN)
    tally.went_out(range(30))
    for number in range(30):
        slow = number < PLAN.first_measured
        tally.answered(number, PLAN.due(number) + (9.0 if slow else 0.0), refused=slow)
    figures = tally.figures(grace_s=0.0)
    assert (round(figures.max_ms), figures.refused, figures.answered) == (0, 0, 20)


def test_an_answer_after_the_end_and_its_grace_is_not_in_time() -> None:
    tally = Tally(PLAN)
    tally.went_out(range(30))
    for number in range(30):
        tally.answered(number, 3.2 if number == 29 else PLAN.due(number))
    assert tally.figures(grace_s=0.2).rate_per_s == 10.0
    assert tally.figures(grace_s=0.1).rate_per_s == 9.5


def test_refused_lost_and_never_sent_are_told_apart() -> None:
    tally = Tally(PLAN)
    tally.went_out(range(28))
    for number in range(26):
        tally.answered(number, PLAN.due(number), refused=number == 25)
    figures = tally.figures(grace_s=1.0)
    assert (figures.wanted, figures.offered, figures.answered) == (20, 18, 16)
    assert (figures.refused, figures.lost, figures.rate_per_s) == (1, 2, 7.5)


def test_without_an_answer_there_is_nothing_to_say() -> None:
    tally = Tally(PLAN)
    tally.went_out(range(30))
    tally.answered(0, 0.0)  # of the warm-up
    with pytest.raises(Inconclusive, match="no samples: none of 20 measured messages"):
        tally.figures(grace_s=1.0)


def test_a_message_is_answered_once_and_not_before_it_was_sent() -> None:
    tally = Tally(PLAN)
    tally.went_out(range(2))
    tally.answered(1, 0.0)
    with pytest.raises(AssertionError, match="once"):
        tally.answered(1, 0.0)
    with pytest.raises(AssertionError, match="follows"):
        tally.answered(2, 0.0)
    with pytest.raises(AssertionError, match="in order"):
        tally.went_out(range(5, 6))


def test_a_node_is_hopeless_when_ten_seconds_of_messages_wait() -> None:
    plan = Plan(rate_per_s=10, warmup_s=0, measured_s=60)
    tally = Tally(plan)
    tally.went_out(range(100))
    seen = [tally.hopeless]
    tally.went_out(range(100, 101))
    seen.append(tally.hopeless)
    tally.answered(0, 10.0)
    assert [*seen, tally.hopeless] == [False, True, False]


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=300), st.integers(1, 99))
def test_percentiles_are_those_of_the_standard_library(values: list[float], percent: int) -> None:
    ordered = sorted(values)
    wanted = statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert load.percentile(ordered, percent) == wanted


def test_the_percentiles_of_one_value_are_that_value() -> None:
    assert load.percentile([7.0], 50) == load.percentile([7.0], 99) == 7.0


def sample(at: float, mib: int, cpu: float) -> UsageSample:
    return UsageSample(at=at, resident_bytes=mib * 2**20, cpu_seconds=cpu)


def test_memory_is_the_most_and_the_processor_the_mean_of_the_measured_time_alone() -> None:
    samples = [
        sample(0.5, 900, 0.0),  # warming up
        sample(1.0, 100, 5.0),
        sample(2.0, 130, 5.2),
        sample(3.0, 120, 5.8),
        sample(3.1, 900, 9.0),  # draining
    ]
    found = load.usage_figures(samples, PLAN, cores=0.5)
    assert (found.samples, found.resident_max_mb, round(found.cpu_percent, 9)) == (3, 130.0, 80.0)


@pytest.mark.parametrize("inside", [0, 1])
def test_less_than_two_looks_measure_nothing(inside: int) -> None:
    samples = [sample(0.5, 1, 0.0), *[sample(2.0, 1, 0.0)] * inside]
    with pytest.raises(Inconclusive, match=f"looked at {inside} times"):
        load.usage_figures(samples, PLAN, cores=1.0)


GOOD = Figures(
    wanted=100, offered=100, answered=100, refused=10, lost=0, rate_per_s=9.9,
    p50_ms=1, p95_ms=2, p99_ms=100, max_ms=500,
)  # fmt: skip
USED = UsageFigures(samples=9, resident_max_mb=512, cpu_percent=80)


def missed(figures: Figures, usage: UsageFigures | None = USED) -> list[str]:
    return [one.sentence for one in load.judge(figures, usage, LIMITS) if not one.met]


def test_figures_at_their_limits_are_within_them() -> None:
    assert missed(GOOD) == []
    assert len(load.judge(GOOD, USED, LIMITS)) == 5
    assert len(load.judge(GOOD, None, LIMITS)) == 3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rate_per_s": 9.8}, "throughput 9.8 messages/s, wanted at least 9.9"),
        ({"p99_ms": 100.5}, "p99 latency 100.5 ms, wanted at most 100"),
        ({"refused": 11}, "failures 0.11 of the answers, wanted at most 0.1"),
        ({"resident_max_mb": 512.5}, "memory 512.5 MiB, wanted at most 512"),
        ({"cpu_percent": 81}, "processor 81 % of what it can use, wanted at most 80"),
    ],
)
def test_each_figure_is_missed_alone(change: dict[str, float], sentence: str) -> None:
    of_load = set(change) <= set(Figures.__struct_fields__)
    figures = msgspec.structs.replace(GOOD, **(change if of_load else {}))
    usage = msgspec.structs.replace(USED, **({} if of_load else change))
    assert missed(figures, usage) == [sentence]
