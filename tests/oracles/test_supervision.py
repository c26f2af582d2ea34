"""The oracle of supervision, fed with truths and with lies."""

from typing import Any

import pytest

from alys.oracles.broken import Broken
from alys.oracles.supervision import PATIENCE_S, Rule, Supervision, Team

BOSS = 1
ONE = Team(restarts=1, period_s=5.0)
ALL = Team(strategy="one_for_all", restarts=1, period_s=5.0)
REST = Team(strategy="rest_for_one", restarts=1, period_s=5.0)


def team(*rules: Rule) -> Supervision:
    """Children 2, 3, ... of the boss, started one after the other."""
    judge = Supervision()
    for uid, rule in enumerate(rules, 2):
        judge.spawned(uid, BOSS, rule, 0.0, unasked=False)
    return judge


def rule(key: str = "a", **more: Any) -> Rule:
    return Rule(key=key, kept=True, **more)


def fails(judge: Supervision, child: int, how: Team, now: float, **more: Any) -> str:
    judge.failed(child, now)
    return judge.judged(child, how, "failed", more.pop("error", ValueError()), now, **more)


def test_one_restart_more_than_the_intensity_within_the_period_is_too_many() -> None:
    judge = team(rule())
    assert fails(judge, 2, ONE, 0.0) == "restart"
    judge.restarted(2, 0.0)
    assert fails(judge, 2, ONE, 5.0) == "give up"  # one exactly as old as the period counts
    judge.stopped(2, "shutdown: parent", 5.0, closing=True)
    judge.escalated(BOSS, "intensity", 5.0)
    assert judge.decisions == {"restart": 1, "give up": 1}


def test_older_restarts_fall_out() -> None:
    judge = team(rule())
    for now in (0.0, 5.1, 10.2):
        assert fails(judge, 2, ONE, now) == "restart"
        judge.restarted(2, now)


def test_a_restart_too_many_and_giving_up_too_soon_are_found() -> None:
    judge = team(rule())
    fails(judge, 2, Team(restarts=0), 0.0)
    with pytest.raises(Broken, match="that has to give up") as found:
        judge.restarted(2, 0.0)
    assert found.value.oracle == "supervision"
    judge = team(rule())
    fails(judge, 2, ONE, 0.0)
    with pytest.raises(Broken, match="before its intensity was exceeded"):
        judge.escalated(BOSS, "intensity", 0.0)


def test_who_gives_up_stops_the_children_first_and_starts_nobody() -> None:
    judge = team(rule("a"), rule("b"))
    fails(judge, 3, Team(restarts=0), 0.0)
    judge.stopped(3, "shutdown: parent", 0.0, closing=True)
    with pytest.raises(Broken, match="by a supervisor that has to give up"):
        judge.spawned(9, BOSS, rule("b"), 0.0, unasked=True)
    with pytest.raises(Broken, match=r"before its children were gone.*left \['a'"):
        judge.escalated(BOSS, "intensity", 0.0)


@pytest.mark.parametrize(
    ("restart", "end", "decision"),
    [
        ("permanent", "normal", "restart"),
        ("permanent", "killed", "restart"),
        ("transient", "normal", "stop"),
        ("transient", "shutdown", "stop"),
        ("transient", "failed", "restart"),
        ("temporary", "failed", "stop"),
    ],
)
def test_the_restart_type_decides(restart: str, end: str, decision: str) -> None:
    judge = team(rule(restart=restart))
    assert judge.judged(2, ONE, end, None, 1.0) == decision


def test_the_first_directive_that_an_error_is_of_decides() -> None:
    directives = ((KeyError, "stop"), (LookupError, "resume"), (Exception, "escalate"))
    judge = team(rule(directives=directives))
    assert fails(judge, 2, ONE, 0.0, error=IndexError()) == "resume"
    judge.resumed(2, 0.0)
    assert fails(judge, 2, ONE, 0.0, error=ValueError()) == "escalate"
    judge.escalated(BOSS, "child", 0.0)
    assert fails(judge, 2, ONE, 0.0, error=KeyError()) == "stop"
    with pytest.raises(Broken, match=r"restarted against the rules.*rules stop"):
        judge.restarted(2, 0.0)


def test_what_never_started_cannot_be_resumed() -> None:
    judge = team(rule(directives=((ValueError, "resume"),)))
    assert fails(judge, 2, ONE, 0.0, resumable=False) == "escalate"


def test_a_failure_that_is_not_escalated_is_found() -> None:
    judge = team(rule(directives=((ValueError, "escalate"),)), rule("b"))
    fails(judge, 2, ONE, 1.0)
    with pytest.raises(Broken, match="nobody heard of it"):
        fails(judge, 3, ONE, 2.0)
    judge = team(rule())
    fails(judge, 2, ONE, 1.0)
    with pytest.raises(Broken, match="the supervisor's own"):
        judge.escalated(BOSS, "child", 1.0)


def test_resuming_restarting_and_stopping_need_a_reason() -> None:
    judge = team(rule())
    for act in (judge.resumed, judge.restarted):
        with pytest.raises(Broken, match="nothing was to be decided"):
            act(2, 0.0)
    fails(judge, 2, ONE, 0.0)
    with pytest.raises(Broken, match="that has to be restarted"):
        judge.stopped(2, "failed: ValueError", 0.0, closing=False)


def test_a_backoff_is_waited_out_and_doubles_until_the_child_was_quiet() -> None:
    judge = team(rule(backoff=(1.0, 4.0, 2.0)))
    calm = Team(restarts=None)
    now = 0.0
    for wait in (1.0, 2.0, 4.0, 4.0):
        fails(judge, 2, calm, now)
        with pytest.raises(Broken, match="a back-off was cut short"):
            judge.restarted(2, now + wait - 0.1)
        now += wait
        judge.restarted(2, now)
    now += 2.5  # the mean of least and greatest
    fails(judge, 2, calm, now)
    judge.restarted(2, now + 1.0)


def goes_down(judge: Supervision, *children: int) -> None:
    for child in children:
        judge.torn_down(child, 0.0)


def test_a_group_goes_down_backwards_and_comes_up_forwards() -> None:
    judge = team(rule("a"), rule("b"), rule("c", restart="temporary"), rule("d"))
    fails(judge, 3, ALL, 0.0)
    goes_down(judge, 5, 3, 2)
    for child in (2, 3, 5):
        judge.restarted(child, 0.0)
    judge = team(rule("a"), rule("b"))
    fails(judge, 2, ALL, 0.0)
    with pytest.raises(Broken, match="not torn down in the reverse order"):
        goes_down(judge, 2, 3)
    judge = team(rule("a"), rule("b"))
    fails(judge, 2, ALL, 0.0)
    goes_down(judge, 3, 2)
    judge.restarted(3, 0.0)
    with pytest.raises(Broken, match="not started in order"):
        judge.restarted(2, 0.0)


def test_rest_for_one_leaves_those_before_alone() -> None:
    judge = team(rule("a"), rule("b"), rule("c"))
    fails(judge, 3, REST, 0.0)
    goes_down(judge, 4, 3)
    with pytest.raises(Broken, match="that the strategy leaves alone"):
        judge.restarted(2, 0.0)
    judge.restarted(3, 0.0)
    judge.restarted(4, 0.0)


def test_nobody_of_a_group_is_forgotten() -> None:
    judge = team(rule("a"), rule("b"))
    fails(judge, 2, ALL, 0.0)
    goes_down(judge, 3, 2)
    judge.restarted(2, 0.0)
    with pytest.raises(Broken, match="without one of it"):
        fails(judge, 2, ALL, 9.0)


def test_a_failed_attempt_counts_and_begins_the_group_anew() -> None:
    judge = team(rule("a"), rule("b"))
    twice = Team(strategy="one_for_all", restarts=2)
    fails(judge, 2, twice, 0.0)
    goes_down(judge, 3, 2)
    judge.restarted(2, 0.0)
    judge.restarted(3, 0.0)
    judge.failed(3, 0.0)
    goes_down(judge, 3, 2)
    assert judge.judged(3, twice, "failed", None, 0.0, again=True) == "restart"
    judge.restarted(2, 0.0)
    judge.restarted(3, 0.0)
    goes_down(judge, 3, 2)
    assert judge.judged(3, twice, "failed", None, 0.0, again=True) == "give up"


def test_one_that_is_gone_is_followed_by_another_in_its_place_or_by_nobody() -> None:
    judge = team(rule(backoff=(1.0, 1.0, 2.0)))
    judge.stopped(2, "normal", 0.0, closing=False)
    assert judge.judged(2, ONE, "normal", None, 0.0, standing=False) == "restart"
    with pytest.raises(Broken, match="cut short"):
        judge.spawned(3, BOSS, rule(), 0.5, unasked=True)
    judge = team(rule(restart="transient"))
    judge.stopped(2, "normal", 0.0, closing=False)
    judge.judged(2, ONE, "normal", None, 0.0, standing=False)
    with pytest.raises(Broken, match="that has to stay away"):
        judge.spawned(3, BOSS, rule(), 0.0, unasked=True)


def test_children_are_stopped_backwards() -> None:
    judge = team(rule("a"), rule("b"))
    judge.stopped(3, "shutdown: parent", 0.0, closing=True)
    judge.stopped(2, "shutdown: parent", 0.0, closing=True)
    assert judge.samples == 2
    judge = team(rule("a"), rule("b"))
    with pytest.raises(Broken, match="before one that was started later"):
        judge.stopped(2, "shutdown: parent", 0.0, closing=True)


def test_what_is_never_decided_or_never_done_is_found_in_the_end() -> None:
    judge = team(rule("a"), rule("b"))
    judge.failed(2, 0.0)
    judge.close(PATIENCE_S)
    with pytest.raises(Broken, match="nobody decided about it"):
        judge.close(PATIENCE_S + 1)
    judge = team(rule("a"))
    fails(judge, 2, ONE, 0.0)
    with pytest.raises(Broken, match="and never was"):
        judge.close(PATIENCE_S + 1)
    judge = team(rule(directives=((ValueError, "resume"),)))
    fails(judge, 2, ONE, 0.0)
    with pytest.raises(Broken, match="was to be resumed, and never was"):
        fails(judge, 2, ONE, 1.0)


def test_an_owner_that_goes_on_with_its_children_answers_for_them() -> None:
    judge = team(rule(directives=((ValueError, "escalate"),)))
    judge.spawned(BOSS, 0, rule("boss", directives=((ValueError, "resume"),)), 0.0, unasked=False)
    fails(judge, 2, ONE, 0.0)
    judge.escalated(BOSS, "child", 0.0)
    fails(judge, BOSS, ONE, 0.0)
    judge.resumed(BOSS, 0.0)
    judge.resumed(2, 0.0)
    judge.restarted(99, 0.0)  # of whom nobody has heard
