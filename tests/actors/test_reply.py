"""The slot of an ask is filled once: by a reply, a failure or the deadline."""

import pytest

from alys.actors.errors import AskTimeout
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import Boom


@pytest.fixture
def clock() -> SimDispatcher:
    return SimDispatcher(SeededRandom(0), 0.0)


def test_the_first_value_counts_and_later_ones_are_refused(clock: SimDispatcher) -> None:
    slot: Reply[int] = Reply(clock)
    assert slot.complete(1)
    assert not slot.complete(2)
    assert not slot.fail(Boom())
    assert (slot.done, slot.result()) == (True, 1)


def test_a_failure_is_raised(clock: SimDispatcher) -> None:
    slot: Reply[int] = Reply(clock)
    slot.fail(Boom())
    with pytest.raises(Boom):
        slot.result()


def test_whoever_subscribes_is_called_once_also_when_it_is_full_already(
    clock: SimDispatcher,
) -> None:
    slot: Reply[int] = Reply(clock)
    calls: list[str] = []
    slot.subscribe(lambda: calls.append("early"))
    slot.complete(1)
    slot.subscribe(lambda: calls.append("late"))
    slot.complete(2)
    assert calls == ["early", "late"]


def test_the_deadline_fails_it_with_who_what_and_how_long(clock: SimDispatcher) -> None:
    slot: Reply[int] = Reply(clock, 2.0, clock.wall() + 2.0, Ref("/engine", 1), "GetPayload")
    slot.subscribe(lambda: None)
    clock.run_for(1.999)
    assert not slot.done
    clock.run_for(0.001)
    with pytest.raises(AskTimeout, match="no reply from /engine to GetPayload within 2 s"):
        slot.result()


def test_the_deadline_counts_from_the_ask_and_not_from_the_await(clock: SimDispatcher) -> None:
    slot: Reply[int] = Reply(clock, 2.0, clock.wall() + 2.0, Ref("/engine", 1), "GetPayload")
    clock.run_for(1.5)
    slot.subscribe(lambda: None)
    clock.run_for(0.5)
    assert slot.done


def test_no_timer_is_armed_until_somebody_waits_nor_left_when_the_reply_came(
    clock: SimDispatcher,
) -> None:
    slot: Reply[int] = Reply(clock, 2.0)
    assert not clock.step()
    slot.subscribe(lambda: None)
    slot.complete(1)
    assert not clock.step()


def test_an_abandoned_slot_calls_nobody_and_counts_its_reply_as_late(clock: SimDispatcher) -> None:
    slot: Reply[int] = Reply(clock, 2.0)
    calls: list[str] = []
    slot.subscribe(lambda: calls.append("woken"))
    slot.abandon()
    assert not slot.complete(1)
    assert calls == []
    assert not clock.step()
