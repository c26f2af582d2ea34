"""What counts as met, and that every goal belongs to a workload."""

import pytest

from benchmarks.catalogue import WORKLOADS
from benchmarks.goals import BY_NAME, GOALS, Sense, headroom, is_above_floor, is_met


@pytest.mark.parametrize(("ratio", "met"), [(2.999, False), (3.0, True), (3.5, True)])
def test_a_goal_in_q_is_judged_by_the_ratio_and_reached_at_its_very_number(
    ratio: float, met: bool
) -> None:
    assert is_met(BY_NAME["tell"], 1e12 if not met else 1.0, ratio) is met


@pytest.mark.parametrize(("microseconds", "met"), [(1.29, True), (1.3, True), (1.31, False)])
def test_a_latency_is_judged_by_itself_and_less_is_better(microseconds: float, met: bool) -> None:
    assert is_met(BY_NAME["ask_task_p50"], microseconds, None) is met


def test_a_rate_with_an_absolute_goal_is_not_judged_by_its_ratio() -> None:
    assert is_met(BY_NAME["spawn"], 400_000.0, 0.01)
    assert not is_met(BY_NAME["spawn"], 399_999.0, 99.0)


def test_a_goal_in_q_without_a_ratio_is_an_error_and_no_verdict() -> None:
    with pytest.raises(ValueError, match="no ratio"):
        is_met(BY_NAME["tell"], 1.0, None)


@pytest.mark.parametrize(("ratio", "above"), [(2.4, False), (2.5, True), (3.1, True)])
def test_the_floor_lies_below_the_goal(ratio: float, above: bool) -> None:
    assert is_above_floor(BY_NAME["tell"], 1.0, ratio) is above


def test_without_a_floor_there_is_nothing_to_fall_back_on() -> None:
    assert not is_above_floor(BY_NAME["ring"], 1.0, 100.0)


def test_headroom_is_one_at_the_goal_and_above_it_when_better_either_way() -> None:
    assert headroom(BY_NAME["tell"], 0.0, 3.0) == 1.0
    assert headroom(BY_NAME["tell"], 0.0, 6.0) == 2.0
    assert headroom(BY_NAME["crash_p50"], 4.0, None) == 2.0
    assert headroom(BY_NAME["crash_p50"], 16.0, None) == 0.5


def test_every_goal_is_a_figure_of_exactly_one_workload() -> None:
    figures = [figure for workload in WORKLOADS for figure in workload.figures]
    assert sorted(figures) == sorted(BY_NAME)
    assert len(GOALS) == len(BY_NAME)


def test_goals_in_q_are_rates_and_every_floor_is_easier_than_its_goal() -> None:
    for goal in GOALS:
        assert not goal.in_queues or goal.unit.endswith("/s")
        if goal.floor is not None:
            assert (goal.floor < goal.target) is (goal.sense is Sense.AT_LEAST)
