"""Supervision as a pure decision: restart types, directives, the sliding window, back-off, and specs that cannot be obeyed."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.actors.errors import BadSpec
from alys.actors.exits import BY_PARENT, NORMAL, SHUTDOWN, Exit, Kind
from alys.actors.supervision import (
    Backoff,
    ChildSpec,
    Decision,
    Directive,
    Intensity,
    Restart,
    check_intensity,
    check_spec,
    check_specs,
    count_restart,
    decide,
)
from tests.actors.stage import Boom, Puppet

TWO_IN_TEN = Intensity(restarts=2, period_seconds=10.0)
FAILED = Exit(kind=Kind.FAILED, error=Boom())
KILLED = Exit(kind=Kind.KILLED, detail="system")


def spec(**more: object) -> ChildSpec:
    return ChildSpec(**{"name": "a", "factory": Puppet, **more})  # type: ignore[arg-type]


def failure(error: Exception) -> Exit:
    return Exit(kind=Kind.FAILED, error=error)


@pytest.mark.parametrize(
    ("restart", "ends", "decision"),
    [
        (Restart.PERMANENT, (NORMAL, SHUTDOWN, BY_PARENT, FAILED, KILLED), Decision.RESTART),
        (Restart.TRANSIENT, (NORMAL, SHUTDOWN, BY_PARENT), Decision.STOP),
        (Restart.TRANSIENT, (FAILED, KILLED), Decision.RESTART),
        (Restart.TEMPORARY, (NORMAL, SHUTDOWN, BY_PARENT, FAILED, KILLED), Decision.STOP),
    ],
)
def test_the_restart_type_decides(
    restart: Restart, ends: tuple[Exit, ...], decision: Decision
) -> None:
    for end in ends:
        assert decide(spec(restart=restart), TWO_IN_TEN, (), end, 0.0)[0] is decision


def crash_at(*times: float, intensity: Intensity = TWO_IN_TEN) -> list[str]:
    decisions: list[str] = []
    log: tuple[float, ...] = ()
    for now in times:
        decision, log = decide(spec(), intensity, log, FAILED, now)
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


def test_without_a_limit_no_failure_is_too_many_and_nothing_is_remembered() -> None:
    limitless = Intensity(restarts=None)
    assert crash_at(*[0.0] * 100, intensity=limitless) == ["restart"] * 100
    assert count_restart(limitless, (1.0, 2.0), 3.0) == (Decision.RESTART, ())


def test_the_default_is_one_restart_in_five_seconds() -> None:
    assert crash_at(0, 5, intensity=Intensity()) == ["restart", "give_up"]
    assert crash_at(0, 5.1, intensity=Intensity()) == ["restart", "restart"]


@given(
    st.lists(st.integers(0, 12), max_size=40),
    st.integers(0, 4),
    st.integers(1, 20),
)
def test_a_restart_is_refused_when_the_period_before_it_holds_more_than_allowed(
    gaps: list[int], most: int, period: int
) -> None:
    now, log, times = 0.0, tuple[float, ...](), list[float]()
    for gap in gaps:
        now += gap
        times.append(now)
        decision, log = count_restart(
            Intensity(restarts=most, period_seconds=float(period)), log, now
        )
        within = [time for time in times if now - time <= period]
        assert (decision is Decision.GIVE_UP) == (len(within) > most)
        assert list(log) == within


def test_a_child_that_is_not_restarted_does_not_count() -> None:
    for child in (
        spec(restart=Restart.TEMPORARY),
        spec(directives=((Boom, Directive.RESUME),)),
        spec(directives=((Boom, Directive.STOP),)),
        spec(directives=((Boom, Directive.ESCALATE),)),
    ):
        assert decide(child, TWO_IN_TEN, (1.0,), FAILED, 2.0)[1] == (1.0,)


@pytest.mark.parametrize(
    ("directive", "decision"),
    [
        (Directive.RESUME, Decision.RESUME),
        (Directive.STOP, Decision.STOP),
        (Directive.ESCALATE, Decision.ESCALATE),
    ],
)
def test_a_directive_for_the_failure_goes_before_the_restart_type(
    directive: Directive, decision: Decision
) -> None:
    for restart in Restart:
        child = spec(restart=restart, directives=((LookupError, directive),))
        assert decide(child, TWO_IN_TEN, (), failure(KeyError("k")), 0.0)[0] is decision
        other = decide(child, TWO_IN_TEN, (), FAILED, 0.0)
        assert other == decide(spec(restart=restart), TWO_IN_TEN, (), FAILED, 0.0)


def test_to_restart_as_directed_is_to_restart_as_the_type_says() -> None:
    rules = ((Boom, Directive.RESTART),)
    decisions = [
        decide(spec(restart=restart, directives=rules), TWO_IN_TEN, (), FAILED, 0.0)[0]
        for restart in (Restart.PERMANENT, Restart.TEMPORARY)
    ]
    assert decisions == [Decision.RESTART, Decision.STOP]


def test_of_several_rules_the_first_that_matches_wins() -> None:
    child = spec(
        directives=(
            (KeyError, Directive.RESUME),
            (LookupError, Directive.STOP),
            (Exception, Directive.ESCALATE),
        )
    )
    decisions = [
        decide(child, TWO_IN_TEN, (), failure(error), 0.0)[0]
        for error in (KeyError("k"), IndexError(), Boom())
    ]
    assert decisions == [Decision.RESUME, Decision.STOP, Decision.ESCALATE]


def test_directives_are_for_failures_and_not_for_other_ends() -> None:
    child = spec(directives=((Exception, Directive.ESCALATE),))
    gave_up = Exit(kind=Kind.SHUTDOWN, detail="intensity", error=Boom())
    for end in (NORMAL, KILLED, gave_up):
        assert decide(child, TWO_IN_TEN, (), end, 0.0)[0] is Decision.RESTART


def test_the_delay_doubles_up_to_the_maximum() -> None:
    backoff = Backoff(min_seconds=1.0, max_seconds=8.0)
    assert [backoff.delay(n, 0.99) for n in range(5)] == [1, 2, 4, 8, 8]


def test_jitter_stretches_the_delay_and_never_shortens_it() -> None:
    backoff = Backoff(min_seconds=1.0, max_seconds=8.0, jitter=0.5)
    assert backoff.delay(0, 0.0) == 1.0
    assert backoff.delay(3, 0.5) == 10.0


def test_a_child_that_fails_ten_thousand_times_still_has_a_delay() -> None:
    assert Backoff(min_seconds=1e-6, max_seconds=3600.0).delay(10_000, 0.0) == 3600.0


def test_a_wait_grows_by_its_factor() -> None:
    backoff = Backoff(min_seconds=1.0, max_seconds=4.0, factor=1.5)
    assert [backoff.delay(n, 0.0) for n in range(5)] == [1, 1.5, 2.25, 3.375, 4]
    assert Backoff(min_seconds=1.0, max_seconds=9.0, factor=1.0).delay(100, 0.0) == 1.0
    assert Backoff(min_seconds=1.0, max_seconds=3600.0, factor=1000.0).delay(10_000, 0.0) == 3600.0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "a/b"}, "child 'a/b': .*no slash"),
        ({"name": "a" * 129}, "128"),
        ({"factory": 5}, "factory must be callable"),
        ({"restart": "always"}, "restart must be a Restart"),
        ({"directives": ((5, Directive.STOP),)}, "types of Exception"),
        ({"directives": ((KeyboardInterrupt, Directive.STOP),)}, "types of Exception"),
        ({"directives": ((Boom, "stop"),)}, "'stop' is no Directive"),
        ({"mailbox_messages_max": 0}, "mailbox_messages_max"),
        ({"mailbox_reserve": -1}, "mailbox_reserve"),
        ({"stash_messages_max": -1}, "stash_messages_max"),
        ({"restart_messages_max": -1}, "restart_messages_max"),
        ({"overflow": "drop"}, "overflow must be an Overflow"),
        ({"significant": True}, "permanent child cannot be significant"),
        ({"shutdown_seconds": -1.0}, "shutdown_seconds"),
        ({"shutdown_seconds": math.nan}, "shutdown_seconds"),
        ({"backoff": Backoff(min_seconds=2.0, max_seconds=1.0)}, "backoff"),
        ({"backoff": Backoff(min_seconds=-1.0, max_seconds=1.0)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=math.inf)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=1.0, jitter=-0.1)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=1.0, factor=0.5)}, "backoff"),
        ({"backoff": Backoff(min_seconds=1.0, max_seconds=1.0, factor=1e9)}, "backoff"),
    ],
)
def test_a_spec_that_cannot_be_obeyed_is_refused_by_name(
    fields: dict[str, object], named: str
) -> None:
    with pytest.raises(BadSpec, match=named):
        check_spec(spec(**fields))


def test_a_sound_spec_passes() -> None:
    check_spec(spec(name="a" * 128, shutdown_seconds=math.inf, mailbox_messages_max=1))
    check_spec(spec(significant=True, restart=Restart.TRANSIENT, mailbox_reserve=0))
    check_spec(spec(name="", backoff=Backoff(min_seconds=0.0, max_seconds=0.0)))


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(BadSpec, match="two children are named 'a'"):
        check_specs([spec(), spec(name="b"), spec()])


def test_a_list_holds_named_specs_and_nothing_else() -> None:
    with pytest.raises(BadSpec, match="needs a name"):
        check_specs([spec(), spec(name="")])
    nobody: Any = "a name and no spec"
    with pytest.raises(BadSpec, match="a list of children holds ChildSpecs, not 'a name"):
        check_specs([spec(), nobody])
    check_specs([spec(), spec(name="b")])


@pytest.mark.parametrize(
    "intensity",
    [Intensity(restarts=-1), Intensity(period_seconds=0.0), Intensity(period_seconds=math.nan)],
)
def test_an_intensity_that_cannot_be_obeyed_is_refused(intensity: Intensity) -> None:
    with pytest.raises(BadSpec, match="intensity"):
        check_intensity(intensity)


def test_an_intensity_without_a_limit_is_sound() -> None:
    check_intensity(Intensity(restarts=None))
