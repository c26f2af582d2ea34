"""The oracle of order, fed with truths and with lies."""

import pytest

from alys.oracles.broken import Broken
from alys.oracles.order import Order

ADA, BOB, EVE = 1, 2, 3
NORMAL, HIGH = 2, 3


def test_what_is_handled_as_it_was_sent_is_in_order_gaps_included() -> None:
    order = Order()
    for number in (1, 2, 5, 9):
        order.handled(ADA, BOB, NORMAL, number)
    assert order.samples == 4


def test_nothing_is_promised_between_senders_receivers_and_lanes() -> None:
    order = Order()
    order.handled(ADA, BOB, NORMAL, 7)
    order.handled(EVE, BOB, NORMAL, 3)
    order.handled(ADA, EVE, NORMAL, 4)
    order.handled(ADA, BOB, HIGH, 2)


@pytest.mark.parametrize("number", [6, 7])
def test_a_message_after_a_later_one_and_one_for_the_second_time_are_found(number: int) -> None:
    order = Order()
    order.handled(ADA, BOB, NORMAL, 7)
    with pytest.raises(Broken, match="after one that its sender had sent later") as found:
        order.handled(ADA, BOB, NORMAL, number)
    assert found.value.oracle == "order"
    assert found.value.facts == {"sender": 1, "receiver": 2, "lane": 2, "number": number, "last": 7}


def test_news_of_a_death_come_after_all_that_the_dead_actor_sent() -> None:
    order = Order()
    order.handled(ADA, BOB, NORMAL, 1)
    order.told_of_death(ADA, BOB, (NORMAL, HIGH), waiting=0)
    assert order.samples == 2
    with pytest.raises(Broken, match="after its sender's death was told of"):
        order.handled(ADA, BOB, HIGH, 2)


def test_news_that_come_too_early_are_found() -> None:
    with pytest.raises(Broken, match="before messages that the dead actor had sent"):
        Order().told_of_death(ADA, BOB, (NORMAL,), waiting=1)


def test_urgent_messages_are_handled_first() -> None:
    order = Order()
    order.urgent(BOB, HIGH)
    order.urgent(BOB, HIGH)
    order.urgent_gone(BOB, HIGH)
    order.handled(ADA, EVE, NORMAL, 1)
    with pytest.raises(Broken, match="while a more urgent one waited"):
        order.handled(ADA, BOB, NORMAL, 2)
    order.urgent_gone(BOB, HIGH)
    order.handled(ADA, BOB, HIGH, 3)
    order.handled(ADA, BOB, NORMAL, 4)


def test_handlers_run_one_at_a_time_and_in_running_actors_only() -> None:
    order = Order()
    order.begins(BOB, "running", busy=False)
    with pytest.raises(Broken, match="another one was under way"):
        order.begins(BOB, "running", busy=True)
    with pytest.raises(Broken, match=r"not running.*status failed"):
        order.begins(BOB, "failed", busy=False)
