"""Timers of an incarnation: keys, periods, and ticks that are called off although they were queued."""

from typing import Any

import pytest

from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.timers import Timer, Timers
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import Do, Puppet, Run, Say, Stage, in_simulation, pause

TICK = Say(text="tick")


def arm(*args: Any, every: bool = False, **more: Any) -> Any:
    """To be done by a puppet."""

    def act(puppet: Puppet, ctx: Context) -> Timer:
        return (ctx.every if every else ctx.after)(*args, **more)

    return act


async def ticks(stage: Stage, seconds: float) -> list[str]:
    await stage.settle(seconds)
    return stage.notes("a")[1:]


@pytest.fixture
def clock() -> SimDispatcher:
    return SimDispatcher(SeededRandom(0), 0.0)


def test_one_that_ticks_once_is_over_when_its_tick_is_taken(clock: SimDispatcher) -> None:
    fired: list[Timer] = []
    timers = Timers(clock, fired.append)
    timer = timers.start(1.0, TICK, None, None, "about")
    assert (timer.active, timers.count, timer.key, timer.about) == (True, 1, timer, "about")
    clock.run_for(1.0)
    assert (fired, timer.active) == ([timer], True)
    assert timers.taken(timer)
    assert (timer.active, timers.count) == (False, 0)
    assert not timers.taken(timer)


def test_a_periodic_one_is_armed_anew_only_when_its_tick_is_taken(clock: SimDispatcher) -> None:
    fired: list[Timer] = []
    timers = Timers(clock, fired.append)
    timer = timers.start(1.0, TICK, 1.0, None, None)
    clock.run_for(10.0)
    assert fired == [timer]
    assert timers.taken(timer)
    clock.run_for(1.0)
    assert fired == [timer, timer]


def test_one_that_was_cancelled_or_replaced_is_not_wanted_though_it_fired(
    clock: SimDispatcher,
) -> None:
    fired: list[Timer] = []
    timers = Timers(clock, fired.append)
    old = timers.start(1.0, TICK, None, "key", None)
    clock.run_for(1.0)
    new = timers.start(1.0, TICK, None, "key", None)
    assert (timers.taken(old), old.active, new.active) == (False, False, True)
    new.cancel()
    new.cancel()
    assert (timers.taken(new), timers.count) == (False, 0)


def test_when_all_are_cancelled_nothing_is_armed_any_more(clock: SimDispatcher) -> None:
    timers = Timers(clock, lambda timer: None)
    timers.start(1.0, TICK, None, None, None)
    timers.start(1.0, TICK, 1.0, "key", None)
    timers.silence(1.0, lambda: None)
    timers.cancel_all()
    assert (timers.count, clock.step()) == (0, False)


@in_simulation
def test_a_timer_of_the_same_key_takes_the_place_of_the_one_before(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        first = await stage.do(a, arm(1.0, Say(text="first"), key="k"))
        second = await stage.do(a, arm(2.0, Say(text="second"), key="k"))
        await stage.do(a, arm(3.0, Say(text="third"), key="other"))
        assert (first.active, second.active) == (False, True)
        assert await ticks(stage, 5.0) == ["second", "third"]
        assert not second.active

    run(scenario)


@in_simulation
def test_a_periodic_timer_ticks_until_it_is_cancelled(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        timer = await stage.do(a, arm(1.0, TICK, every=True))
        assert await ticks(stage, 3.5) == ["tick"] * 3
        timer.cancel()
        assert await ticks(stage, 5.0) == ["tick"] * 3

    run(scenario)


@in_simulation
def test_a_slow_actor_is_not_flooded_and_missed_ticks_are_not_made_up_for(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=3)
        await stage.do(a, arm(1.0, TICK, every=True))
        await stage.do(a, lambda p, ctx: pause(p, ctx, 10.0), timeout=60.0)
        assert await ticks(stage, 1.5) == ["waited", "tick", "tick"]
        assert stage.log.dead == []

    run(scenario)


@in_simulation
def test_a_tick_that_is_queued_when_its_timer_is_cancelled_does_not_arrive(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        timer = await stage.do(a, arm(1.0, TICK))

        async def wait_then_cancel(puppet: Puppet, ctx: Context) -> None:
            await pause(puppet, ctx, 2.0)
            timer.cancel()

        await stage.do(a, wait_then_cancel)
        assert await ticks(stage, 5.0) == ["waited"]
        assert stage.log.dead == [("a", "tick", "old timer")]

    run(scenario)


@in_simulation
@pytest.mark.parametrize("overflow", [Overflow.FAIL, Overflow.DROP_NEW])
def test_a_periodic_timer_whose_tick_found_no_room_ticks_again(
    run: Run, overflow: Overflow
) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1, overflow=overflow)
        await stage.do(a, arm(1.0, TICK, every=True))
        waiting = stage.do(a, lambda p, ctx: pause(p, ctx, 1.5))
        await stage.settle()
        stage.say(a, "fills it")
        await waiting
        assert await ticks(stage, 1.0) == ["waited", "fills it", "tick"]
        lost = stage.log.dead if overflow is Overflow.FAIL else stage.log.drops
        assert lost == [("a", "tick", "mailbox full")]

    run(scenario)


@in_simulation
def test_a_timer_that_ticks_once_tries_again_when_it_found_no_room(run: Run) -> None:
    """Or an actor that lives on its own ticks would stand still for ever."""

    async def scenario(stage: Stage) -> None:
        a = stage.spawn(mailbox_messages_max=1)
        await stage.do(a, arm(1.0, TICK))
        waiting = stage.do(a, lambda p, ctx: pause(p, ctx, 1.5))
        await stage.settle()
        stage.say(a, "fills it")
        await waiting
        assert stage.log.dead == [("a", "tick", "mailbox full")]
        assert await ticks(stage, 3.0) == ["waited", "fills it", "tick"]

    run(scenario)


@in_simulation
def test_a_tick_is_about_what_the_message_was_that_armed_it_unless_told(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a, seen = stage.spawn(), list[Any]()
        note = Do(act=lambda p, ctx: seen.append((ctx.correlation, ctx.sender)))
        await stage.do(a, arm(1.0, note), about="pegin:1")
        await stage.do(a, arm(2.0, note, about="own"), about="pegin:1")
        await stage.settle(3.0)
        assert seen == [("pegin:1", a), ("own", a)]

    run(scenario)


@in_simulation
def test_a_timer_that_fires_while_its_actor_stops_tells_nobody(run: Run) -> None:
    async def scenario(stage: Stage) -> None:
        a = stage.spawn()
        await stage.do(a, arm(1.0, TICK))
        stage.tell(a, Do(act=lambda p, ctx: pause(p, ctx, 3.0)))
        await stage.settle(0.5)
        assert await stage.system.stop(a) == "shutdown: system"
        assert (await ticks(stage, 5.0), stage.log.dead) == (["waited", "post_stop"], [])

    run(scenario)
