"""The health score: right at its ends, and never good over nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.monitoring import health
from alys.monitoring.health import Judged

count = st.integers(0, 10_000)
lines = st.lists(st.builds(Judged, active=st.integers(0, 5), processed=count, failed=count))


def line(active: int, processed: int, failed: int = 0) -> Judged:
    return Judged(active=active, processed=processed, failed=failed)


@pytest.mark.parametrize(
    ("given_lines", "expected"),
    [
        pytest.param([], 0.0, id="nothing there"),
        pytest.param([line(0, 1000)], 0.0, id="a dead tree that did much"),
        pytest.param([line(3, 0)], 0.0, id="living actors that nobody asked"),
        pytest.param([line(1, 10), line(1, 10)], 1.0, id="all is well"),
        pytest.param([line(1, 10), line(1, 0)], 1.0, id="an idle actor is no sick one"),
        pytest.param([line(1, 0, 10)], 0.0, id="every message fails"),
        pytest.param([line(1, 95, 5)], 0.475, id="exactly 95 in 100 is not healthy"),
        pytest.param([line(1, 96, 4)], 0.98, id="96 in 100 is"),
        pytest.param([line(3, 80), line(1, 0, 20)], 0.775, id="one of four is sick"),
    ],
)
def test_the_score_is_half_success_and_half_healthy_actors(
    given_lines: list[Judged], expected: float
) -> None:
    assert health.score(given_lines) == pytest.approx(expected)


@given(lines)
def test_the_score_stays_between_0_and_1(some: list[Judged]) -> None:
    assert 0.0 <= health.score(some) <= 1.0


@given(lines)
def test_it_is_0_without_a_living_actor(some: list[Judged]) -> None:
    assert health.score([line(0, one.processed, one.failed) for one in some]) == 0.0


@given(lines)
def test_another_failure_never_improves_it(some: list[Judged]) -> None:
    worse = [line(one.active, one.processed, one.failed + 1) for one in some]
    if any(one.processed for one in some):  # before that the first failure is the first sample
        assert health.score(worse) <= health.score(some)


def test_there_are_never_more_healthy_actors_than_living_ones() -> None:
    assert health.healthy_actors([line(2, 1), line(1, 0, 1), line(0, 5)]) == 2
