"""Both dispatchers keep what the core relies on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from alys.actors.dispatch import Dispatcher
from alys.actors.loop import LoopDispatcher
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher

Play = Callable[[Callable[[Dispatcher, Callable[[], None]], None]], float]


def simulated(play: Callable[[Dispatcher, Callable[[], None]], None]) -> float:
    dispatcher = SimDispatcher(SeededRandom(1), 0.0)
    ended: list[float] = []
    play(dispatcher, lambda: ended.append(dispatcher.now()))
    dispatcher.run_until(lambda: bool(ended), 1e6)
    return ended[0]


def looped(play: Callable[[Dispatcher, Callable[[], None]], None]) -> float:
    async def main() -> float:
        dispatcher = LoopDispatcher(asyncio.get_running_loop(), time_scale=100.0, epoch=0.0)
        ended = asyncio.Event()
        play(dispatcher, ended.set)
        await asyncio.wait_for(ended.wait(), 20)
        return dispatcher.now()

    return asyncio.run(main())


both = pytest.mark.parametrize("run", [simulated, looped])


@both
def test_a_call_soon_runs_in_a_later_turn(run: Play) -> None:
    done: list[str] = []

    def play(dispatcher: Dispatcher, end: Callable[[], None]) -> None:
        dispatcher.call_soon(done.append, "called")
        dispatcher.call_after(1.0, end)
        done.append("first")

    run(play)
    assert done == ["first", "called"]


@both
def test_calls_come_after_their_time_in_the_order_of_their_times(run: Play) -> None:
    done: list[Any] = []

    def play(dispatcher: Dispatcher, end: Callable[[], None]) -> None:
        dispatcher.call_after(3.0, end)
        for seconds in (2.0, 1.0, 0.0):
            dispatcher.call_after(seconds, done.append, seconds)

    assert run(play) >= 3.0
    assert done == [0.0, 1.0, 2.0]


@both
def test_a_cancelled_call_does_not_come(run: Play) -> None:
    done: list[str] = []

    def play(dispatcher: Dispatcher, end: Callable[[], None]) -> None:
        timer = dispatcher.call_after(1.0, done.append, "called")
        wall = dispatcher.call_after_wall(0.01, done.append, "called")
        dispatcher.call_after(2.0, end)
        timer.cancel()
        wall.cancel()
        timer.cancel()

    run(play)
    assert done == []


@both
def test_cancelling_what_has_happened_harms_nobody(run: Play) -> None:
    def play(dispatcher: Dispatcher, end: Callable[[], None]) -> None:
        timer = dispatcher.call_after(0.0, lambda: None)

        def later() -> None:
            timer.cancel()
            end()

        dispatcher.call_after(1.0, later)

    run(play)


@both
def test_wall_time_is_that_of_the_deadlines(run: Play) -> None:
    seen: list[float] = []

    def play(dispatcher: Dispatcher, end: Callable[[], None]) -> None:
        start = dispatcher.wall()

        def later() -> None:
            seen.append(dispatcher.wall() - start)
            end()

        dispatcher.call_after_wall(0.02, later)

    run(play)
    assert 0.0199 <= seen[0] < 5.0
