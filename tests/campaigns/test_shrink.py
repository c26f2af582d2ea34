"""Plans get small, and fail all the while. What is asked here answers at once."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.trouble import Kill
from alys.campaigns import shrink
from alys.campaigns.plan import At, Deposit, Order, Plan, Schedule
from alys.campaigns.shrink import DoesNotFail, Step, ddmin


def plan(orders: int = 40, work: int = 12, **changes: object) -> Plan:
    """A plan with so many orders and pieces of work."""
    made = Plan(
        seed=1,
        orders=tuple(
            Order(
                number=n,
                target="node-1",
                fault=Kill(down_s=7.5, disk="torn"),
                when=At(seconds=n / 3),
            )
            for n in range(orders)
        ),
        work=tuple(Deposit(number=n, at=n * 1.7, sats=1000, user=n) for n in range(work)),
    )
    return msgspec.structs.replace(made, **changes)


def numbers(made: Plan) -> tuple[set[int], set[int]]:
    """Of its orders and of its work."""
    return {one.number for one in made.orders}, {one.number for one in made.work}


def needs(orders: set[int], work: set[int]) -> shrink.Fails:
    """Fails where these are there."""

    def fails(made: Plan) -> bool:
        have = numbers(made)
        return orders <= have[0] and work <= have[1]

    return fails


@given(st.sets(st.integers(0, 39), max_size=4), st.sets(st.integers(0, 11), max_size=2))
def test_what_is_needed_stays_and_nothing_else(orders: set[int], work: set[int]) -> None:
    done = shrink.shrink(plan(), needs(orders, work))
    assert numbers(done.plan) == (orders, work)
    assert done.minimal


def test_forty_faults_become_three_in_a_hundred_runs() -> None:
    done = shrink.shrink(plan(), needs({3, 17, 38}, {2}))
    assert len(done.before.orders) == 40
    assert len(done.plan.orders) == 3
    assert done.runs <= 120


@given(st.sets(st.sets(st.integers(0, 9), min_size=1).map(frozenset), min_size=1, max_size=8))
def test_nothing_can_be_left_out_of_what_remains(enough: set[frozenset[int]]) -> None:
    """Also where more may heal what less broke: only exactly these sets fail, and the whole."""

    def fails(kept: Sequence[int]) -> bool:
        return frozenset(kept) in enough or len(kept) == 10

    rest = ddmin(range(10), fails)
    assert fails(rest)
    assert not any(fails([one for one in rest if one != gone]) for gone in rest)


def test_no_plan_is_asked_about_twice_and_equal_questions_end_equal() -> None:
    asked: list[Plan] = []

    def fails(made: Plan) -> bool:
        asked.append(made)
        return needs({5, 30}, {1})(made)

    first = shrink.shrink(plan(), fails)
    assert len(asked) == first.runs == len({repr(one) for one in asked})
    assert shrink.shrink(plan(), needs({5, 30}, {1})) == first


def test_faults_get_milder_and_times_round() -> None:
    done = shrink.shrink(plan(), needs({5}, {1}))
    assert done.plan.orders == (
        Order(number=5, target="node-1", fault=Kill(down_s=1.0), when=At(seconds=1.0)),
    )
    assert done.plan.work == (Deposit(number=1, at=1.0, sats=1000, user=1),)


def test_a_fault_stays_as_bad_as_it_must_be() -> None:
    def fails(made: Plan) -> bool:
        return any(
            isinstance(one.fault, Kill) and one.fault.disk == "torn" and one.fault.down_s >= 4
            for one in made.orders
        )

    done = shrink.shrink(plan(), fails)
    assert [one.fault for one in done.plan.orders] == [Kill(down_s=5.0, disk="torn")]


def test_the_world_gets_smaller() -> None:
    done = shrink.shrink(plan(), lambda _: True)
    assert (done.plan.orders, done.plan.work) == ((), ())
    assert (done.plan.nodes, done.plan.weather_s) == (1, 1.0)
    assert done.plan.schedule == Schedule(kind="round_robin")


def test_orders_that_never_came_to_their_moment_go_at_once() -> None:
    seen: list[Step] = []
    done = shrink.shrink(plan(), needs({5}, set()), bitten={4, 5}, progress=seen.append)
    assert numbers(done.plan)[0] == {5}
    assert [step.orders for step in seen][1:3] == [40, 2]
    assert seen[-1].runs == done.runs


def test_they_come_back_where_they_mattered_all_the_same() -> None:
    done = shrink.shrink(plan(), needs({5}, set()), bitten={4})
    assert numbers(done.plan)[0] == {5}


def test_the_budget_is_kept_and_what_there_is_fails() -> None:
    fails = needs({3, 17, 38}, {2})
    done = shrink.shrink(plan(), fails, budget_runs=20)
    assert done.runs == 20
    assert not done.minimal
    assert fails(done.plan)
    assert 3 < len(done.plan.orders) < 40


def test_a_plan_that_does_not_fail_is_refused() -> None:
    with pytest.raises(DoesNotFail, match="does not fail"):
        shrink.shrink(plan(), lambda _: False)


PICKS = (0, 3, 1, 0, 2, 2, 0, 1) * 50


def on_schedule(made: Plan) -> bool:
    """Fails by chance, and where the recorded schedule takes the third at its twelfth choice."""
    schedule = made.schedule
    return schedule.kind == "uniform" or schedule.picks[12:13] == (2,)


def test_of_a_recorded_schedule_the_pick_that_matters_remains() -> None:
    done = shrink.shrink(plan(2, 2), on_schedule, picks_of=lambda _: PICKS)
    assert done.plan.schedule == Schedule(kind="replay", picks=(0,) * 12 + (2,))
    assert done.minimal


def test_a_schedule_that_would_fill_pages_stays_a_seed() -> None:
    def fails(made: Plan) -> bool:
        return made.schedule.kind == "uniform" or made.schedule.picks[300:301] == PICKS[300:301]

    done = shrink.shrink(plan(2, 2), fails, picks_of=lambda _: PICKS)
    assert done.plan.schedule == Schedule()
    assert done.minimal


def test_a_plan_that_replays_gets_fewer_picks() -> None:
    replayed = plan(2, 2, schedule=Schedule(kind="replay", picks=PICKS))
    done = shrink.shrink(replayed, on_schedule)
    assert done.plan.schedule.picks == (0,) * 12 + (2,)
