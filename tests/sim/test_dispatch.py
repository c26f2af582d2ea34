"""Virtual time and the seeded schedule."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from alys.base.errors import AlysBug
from alys.base.prng import SeededRandom
from alys.sim import dispatch
from alys.sim.dispatch import Livelock, OutOfTime, SimDispatcher, SimTimer, Stuck

START = 1_767_225_600.0


def make(seed: int = 0) -> SimDispatcher:
    return SimDispatcher(SeededRandom(seed), START)


def drain(dispatcher: SimDispatcher) -> None:
    while dispatcher.step():
        pass


def order(seed: int, arm: Callable[[SimDispatcher, Callable[[str], None]], None]) -> str:
    dispatcher, done = make(seed), list[str]()
    arm(dispatcher, done.append)
    drain(dispatcher)
    return "".join(done)


def soon(dispatcher: SimDispatcher, note: Callable[[str], None]) -> None:
    for name in "abc":
        dispatcher.call_soon(note, name)


def at_once(dispatcher: SimDispatcher, note: Callable[[str], None]) -> None:
    for name in "abc":
        dispatcher.call_after(1.0, note, name)


@pytest.mark.parametrize("arm", [soon, at_once])
def test_every_order_of_what_is_ready_at_one_moment_comes_with_some_seed(arm: Any) -> None:
    orders = {order(seed, arm) for seed in range(100)}
    assert orders == {"".join(p) for p in permutations("abc")}
    assert order(5, arm) == order(5, arm)


def test_timers_come_in_the_order_of_time_whatever_the_seed() -> None:
    def arm(dispatcher: SimDispatcher, note: Callable[[str], None]) -> None:
        for seconds, name in ((3, "c"), (1, "a"), (2, "b")):
            dispatcher.call_after(seconds, note, name)

    assert {order(seed, arm) for seed in range(20)} == {"abc"}


def test_time_jumps_to_the_next_timer_and_is_exact() -> None:
    dispatcher, seen = make(), list[float]()

    def tick(left: int) -> None:
        seen.append(dispatcher.simulated_seconds)
        if left:
            dispatcher.call_after(0.1, tick, left - 1)

    dispatcher.call_after(0.1, tick, 36_000)
    drain(dispatcher)
    assert seen[-1] == 3600.1
    assert dispatcher.now() == START + 3600.1
    assert dispatcher.steps == 36_001


def test_time_stands_still_while_anything_is_ready() -> None:
    dispatcher, seen = make(), list[float]()
    dispatcher.call_after(1.0, lambda: None)

    def again(left: int) -> None:
        seen.append(dispatcher.simulated_seconds)
        if left:
            dispatcher.call_soon(again, left - 1)

    dispatcher.call_soon(again, 100)
    drain(dispatcher)
    assert set(seen) == {0.0}


def test_a_timer_of_the_past_is_due_now() -> None:
    dispatcher, seen = make(), list[float]()
    dispatcher.call_after(-5.0, lambda: seen.append(dispatcher.simulated_seconds))
    drain(dispatcher)
    assert seen == [0.0]


def test_wall_time_is_the_same_time() -> None:
    dispatcher, seen = make(), list[str]()
    dispatcher.call_after_wall(2.0, seen.append, "wall")
    dispatcher.call_after(1.0, seen.append, "node")
    drain(dispatcher)
    assert seen == ["node", "wall"]
    assert dispatcher.wall() == dispatcher.now() == START + 2


def test_ten_thousand_cancelled_timers_take_up_no_room_and_no_time() -> None:
    dispatcher, seen = make(), list[str]()
    dispatcher.call_after(1.0, seen.append, "kept")
    for _ in range(10_000):
        dispatcher.call_after(2.0, seen.append, "dropped").cancel()
    assert len(dispatcher._timers) < 2 * dispatch.CANCELLED_MIN
    drain(dispatcher)
    assert (seen, dispatcher.simulated_seconds) == (["kept"], 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_timer_that_is_cancelled_in_the_moment_it_is_due_does_not_come(seed: int) -> None:
    dispatcher, seen, timers = make(seed), list[str](), list[SimTimer]()

    def only_one() -> None:
        seen.append("one")
        for timer in timers:
            timer.cancel()

    for _ in range(2):
        timers.append(dispatcher.call_after(1.0, only_one))
    drain(dispatcher)
    assert seen == ["one"]


def test_running_for_a_time_ends_exactly_there_and_takes_the_end_in() -> None:
    dispatcher, seen = make(), list[float]()
    for seconds in (1.0, 2.0, 2.000000001):
        dispatcher.call_after(seconds, seen.append, seconds)
    dispatcher.run_for(2.0)
    assert (seen, dispatcher.simulated_seconds) == ([1.0, 2.0], 2.0)
    dispatcher.run_for(10.0)
    assert dispatcher.simulated_seconds == 12.0


def test_running_until_idle_does_not_move_time() -> None:
    dispatcher, seen = make(), list[str]()
    dispatcher.call_soon(seen.append, "now")
    dispatcher.call_after(1.0, seen.append, "later")
    dispatcher.run_until_idle()
    assert (seen, dispatcher.simulated_seconds) == (["now"], 0.0)


def test_when_nothing_can_happen_any_more_it_is_a_deadlock() -> None:
    dispatcher = make()
    dispatcher.report = lambda: "who waits for whom"
    dispatcher.call_after(1.0, lambda: None)
    with pytest.raises(Stuck, match="deadlock: nothing is ready") as caught:
        dispatcher.run_until(lambda: False, 10.0)
    assert caught.value.report == "who waits for whom"
    assert str(caught.value).endswith("\nwho waits for whom")
    assert dispatcher.simulated_seconds == 1.0


def test_when_the_time_is_over_it_is_a_timeout_and_time_stands_at_the_limit() -> None:
    dispatcher, seen = make(), list[float]()
    dispatcher.call_after(10.0, seen.append, 10.0)
    dispatcher.call_after(10.1, seen.append, 10.1)
    with pytest.raises(OutOfTime, match="timeout: 10 virtual seconds are over"):
        dispatcher.run_until(lambda: False, 10.0)
    assert (seen, dispatcher.simulated_seconds) == ([10.0], 10.0)


def test_calls_that_follow_each_other_without_end_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "STEPS_PER_INSTANT_MAX", 100)
    dispatcher = make()

    def again() -> None:
        dispatcher.call_soon(again)

    again()
    with pytest.raises(Livelock, match="100 steps in one instant"):
        dispatcher.run_until(lambda: False, 10.0)


def test_a_step_cannot_run_the_simulation() -> None:
    dispatcher = make()

    def rude() -> None:
        dispatcher.call_soon(print)
        dispatcher.step()

    dispatcher.call_soon(rude)
    with pytest.raises(AlysBug, match="cannot run the simulation"):
        drain(dispatcher)


def test_what_a_call_raises_comes_out_and_the_run_can_go_on() -> None:
    dispatcher, seen = make(), list[str]()
    dispatcher.call_soon(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        dispatcher.step()
    dispatcher.call_soon(seen.append, "on")
    drain(dispatcher)
    assert seen == ["on"]
