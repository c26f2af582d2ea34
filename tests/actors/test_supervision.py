"""Supervision as a pure decision: restart types, the sliding window, back-off, and specs that cannot be obeyed."""

import math

import pytest

from alys.actors.errors import BadSpec
from alys.actors.supervision import (
    Backoff,
    ChildSpec,
    Decision,
    Intensity,
    Restart,
    check_intensity,
    check_spec,
    check_specs,
    decide,
)
from tests.actors.stage import Boom, Puppet

TWO_IN_TEN = Intensity(restarts=2, period_seconds=10.0)


def spec(**more: object) -> ChildSpec:
    return ChildSpec(**{"name": "a", "factory": Puppet, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("restart", "error", "decision"),
    [
        (Restart.PERMANENT, None, Decision.RESTART),
        (Restart.PERMANENT, Boom(), Decision.RESTART),
        (Restart.TRANSIENT, None, Decision.STOP),
        (Restart.TRANSIENT, Boom(), Decision.RESTART),
        (Restart.TEMPORARY, None, Decision.STOP),
        (Restart.TEMPORARY, Boom(), Decision.STOP),
    ],
)
def test_the_restart_type_decides(
    restart: Restart, error: Exception | None, decision: Decision
) -> None:
    assert decide(spec(restart=restart), TWO_IN_TEN, (), error, 0.0)[0] is decision


def crash_at(*times: float, intensity: Intensity = TWO_IN_TEN) -> list[str]:
    decisions: list[str] = []
    log: tuple[float, ...] = ()
    for now in times:
        decision, log = decide(spec(), intensity, log, Boom(), now)
        decisions.append(decision.value)
    return decisions


def test_one_restart_more_than_allowed_in_the_period_is_too_many() -> None:
    assert crash_at(0, 1, 2) == ["restart", "restart", "give_up"]


def test_the_window_slides() -> None:
    assert crash_at(0, 9, 11) == ["restart"] * 3
    assert crash_at(0, 9, 11, 12) == ["restart"] * 3 + ["give_up"]


def test_a_restart_exactly_as_old_as_the_period_still_counts() -> None:
    assert crash_at(0, 5, 10) == ["restart", "restart", "give_up"]
    assert crash_at(0, 5, 10.001) == ["restart"] * 3


def test_with_an_intensity_of_none_the_first_failure_is_too_many() -> None:
    assert crash_at(0, intensity=Intensity(restarts=0, period_seconds=1.0)) == ["give_up"]


def test_the_default_is_one_restart_in_five_seconds() -> None:
    assert crash_at(0, 5, intensity=Intensity()) == ["restart", "give_up"]
    assert crash_at(0, 5.1, intensity=Intensity()) == ["restart", "restart"]


def test_a_child_that_is_not_restarted_does_not_count() -> None:
    _, log = decide(spec(restart=Restart.TEMPORARY), TWO_IN_TEN, (1.0,), Boom(), 2.0)
    assert log == (1.0,)


def test_listed_failures_are_passed_on_whatever_the_restart_type() -> None:
    for restart in Restart:
        child = spec(restart=restart, escalate=(LookupError,))
        assert decide(child, TWO_IN_TEN, (), KeyError("k"), 0.0)[0] is Decision.ESCALATE
        assert decide(child, TWO_IN_TEN, (), Boom(), 0.0)[0] is not Decision.ESCALATE


def test_the_delay_doubles_up_to_the_maximum() -> None:
    backoff = Backoff(min_seconds=1.0, max_seconds=8.0)
    assert [backoff.delay(n, 0.99) for n in range(5)] == [1, 2, 4, 8, 8]


def test_jitter_stretches_the_delay_and_never_shortens_it() -> None:
    backoff = Backoff(min_seconds=1.0, max_seconds=8.0, jitter=0.5)
    assert backoff.delay(0, 0.0) == 1.0
    assert backoff.delay(3, 0.5) == 10.0


def test_a_child_that_fails_ten_thousand_times_still_has_a_delay() -> None:
    assert Backoff(min_seconds=1e-6, max_seconds=3600.0).delay(10_000, 0.0) == 3600.0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "child name ''"),
        ({"name": "a/b"}, "no slash"),
        ({"name": "a" * 129}, "128"),
        ({"factory": 5}, "factory must be callable"),
        ({"mailbox_messages_max": 0}, "mailbox_messages_max"),
        ({"shutdown_seconds": -1.0}, "shutdown_seconds"),
        ({"shutdown_seconds": math.nan}, "shutdown_seconds"),
        ({"backoff": Backoff(min_seconds=2.0, max_seconds=1.0)}, "backoff"),
        ({"backoff": Backoff(min_seconds=-1.0, max_seconds=1.0)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=math.inf)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=1.0, jitter=-0.1)}, "backoff"),
    ],
)
def test_a_spec_that_cannot_be_obeyed_is_refused_by_name(
    fields: dict[str, object], named: str
) -> None:
    with pytest.raises(BadSpec, match=named):
        check_spec(spec(**fields))


def test_a_sound_spec_passes() -> None:
    check_spec(spec(name="a" * 128, shutdown_seconds=math.inf, mailbox_messages_max=1))


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(BadSpec, match="two children are named 'a'"):
        check_specs([spec(), spec(name="b"), spec()])


@pytest.mark.parametrize("intensity", [Intensity(restarts=-1), Intensity(period_seconds=0.0)])
def test_an_intensity_that_cannot_be_obeyed_is_refused(intensity: Intensity) -> None:
    with pytest.raises(BadSpec, match="intensity"):
        check_intensity(intensity)
