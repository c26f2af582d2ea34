"""Medians, percentiles and ratios, against numbers worked out by hand."""

import pytest

from benchmarks.arithmetic import beside, median, percentile, rate, ratios, spread


@pytest.mark.parametrize(
    ("values", "middle"),
    [([3.0], 3.0), ([9.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 100.0], 3.0), ([5.0, 5.0], 5.0)],
)
def test_the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle(
    values: list[float], middle: float
) -> None:
    assert median(values) == middle


def test_one_spoilt_round_does_not_move_the_median_of_five() -> None:
    assert median([1.0, 1.1, 1.2, 1.3, 900.0]) == median([1.0, 1.1, 1.2, 1.3, 1.4])


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 1.0), (50, 50.0), (99, 99.0), (99.5, 100.0), (100, 100.0)]
)
def test_a_percentile_of_a_hundred_values_is_the_one_of_that_rank(
    percent: float, value: float
) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_a_percentile_is_always_a_value_that_occurred() -> None:
    assert percentile([1.0, 10.0], 50) == 1.0
    assert percentile([1.0, 10.0], 51) == 10.0
    assert percentile([7.0], 99) == 7.0


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_percentile_outside_the_scale_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percent must be"):
        percentile([1.0], percent)


def test_nothing_has_no_median_and_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_rate_is_how_many_in_one_second() -> None:
    assert rate(500, 0.25) == 2000.0
    with pytest.raises(ValueError, match="too coarse"):
        rate(1, 0.0)


def test_the_rate_of_two_equal_passes_is_that_of_both_together() -> None:
    # 600 in 1 s and 600 in 3 s: 1200 in 4 s.
    assert beside(600.0, 200.0) == pytest.approx(300.0)
    assert beside(5.0, 5.0) == pytest.approx(5.0)


def test_ratios_are_formed_round_by_round_so_that_a_slow_machine_cancels_out() -> None:
    assert ratios([300.0, 150.0], [100.0, 50.0]) == [3.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


def test_the_spread_is_the_range_over_the_median() -> None:
    assert spread([90.0, 100.0, 115.0]) == pytest.approx(0.25)
    assert spread([7.0]) == 0.0
