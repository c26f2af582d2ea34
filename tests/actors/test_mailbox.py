"""The mailbox: lanes, the bound and what gives way to it."""

from hypothesis import given
from hypothesis import strategies as st

from alys.actors.mailbox import NOTICE, Envelope, Mailbox, Overflow
from alys.actors.message import Message, Priority
from alys.actors.ref import Ref
from tests.actors.stage import Mutter, Say, Shout

A, B = Ref("/a", 1), Ref("/b", 2)


def letter(message: Message, sequence: int = 1, sender: Ref = A) -> Envelope:
    return Envelope(message, sender, sequence)


def say(text: str) -> Envelope:
    return letter(Say(text=text))


def texts(envelopes: list[Envelope]) -> list[str]:
    return [e.message.text for e in envelopes if isinstance(e.message, Say)]


def test_one_lane_is_first_in_first_out() -> None:
    box = Mailbox()
    for text in "abc":
        assert box.put(say(text)) is None
    assert texts(box.drain()) == ["a", "b", "c"]
    assert box.take() is None


@given(st.lists(st.sampled_from([Say, Shout, Mutter])))
def test_higher_lanes_go_first_and_each_keeps_its_order(kinds: list[type[Say]]) -> None:
    box = Mailbox()
    for number, kind in enumerate(kinds):
        box.put(letter(kind(text=str(number))))
    ordered = sorted(enumerate(kinds), key=lambda item: (-item[1].priority, item[0]))
    assert texts(box.drain()) == [str(number) for number, _ in ordered]


def test_the_bound_counts_all_lanes_together() -> None:
    box = Mailbox(2)
    box.put(letter(Mutter(text="low")))
    box.put(say("normal"))
    urgent = letter(Shout(text="urgent"))
    assert box.put(urgent) is urgent
    assert box.count == 2


def test_with_fail_and_drop_new_the_newcomer_gives_way() -> None:
    for overflow in (Overflow.FAIL, Overflow.DROP_NEW):
        box = Mailbox(2, overflow)
        box.put(say("a"))
        box.put(say("b"))
        late = say("c")
        assert box.put(late) is late
        assert texts(box.drain()) == ["a", "b"]


def test_with_drop_old_the_oldest_of_the_lowest_lane_gives_way() -> None:
    box = Mailbox(3, Overflow.DROP_OLD)
    for message in (Shout(text="a"), Say(text="b"), Say(text="c")):
        box.put(letter(message))
    victim = box.put(say("d"))
    assert victim is not None
    assert texts([victim]) == ["b"]
    assert texts(box.drain()) == ["a", "c", "d"]


def test_with_drop_old_nothing_gives_way_to_a_lower_priority() -> None:
    box = Mailbox(1, Overflow.DROP_OLD)
    box.put(letter(Shout(text="urgent")))
    late = letter(Mutter(text="by the way"))
    assert box.put(late) is late
    assert texts(box.drain()) == ["urgent"]


def test_news_of_a_death_come_in_above_the_bound_and_are_never_dropped() -> None:
    box = Mailbox(1, Overflow.DROP_OLD)
    notice = letter(Say(text="gone"), NOTICE)
    box.put_behind(notice, A)
    late = say("late")
    assert box.put(late) is late
    box = Mailbox(1, Overflow.FAIL)
    box.put(say("first"))
    box.put_behind(notice, A)
    assert texts(box.drain()) == ["first", "gone"]


def test_news_of_a_death_join_the_lowest_lane_that_holds_a_message_of_the_dead() -> None:
    box = Mailbox()
    box.put(letter(Mutter(text="last words")))
    box.put(letter(Shout(text="other"), sender=B))
    box.put_behind(letter(Say(text="a is gone"), NOTICE), A)
    box.put(letter(Mutter(text="after"), sender=B))
    box.put_behind(letter(Say(text="b is gone"), NOTICE, B), Ref("/nobody", 9))
    assert texts(box.drain()) == ["other", "b is gone", "last words", "a is gone", "after"]


def test_what_is_called_off_is_taken_out_and_returned() -> None:
    box = Mailbox()
    for message in (Say(text="a"), Shout(text="b"), Say(text="c")):
        box.put(letter(message))
    dropped = box.discard(lambda e: e.message.priority is Priority.NORMAL)
    assert texts(dropped) == ["a", "c"]
    assert box.count == 1
    assert texts(box.drain()) == ["b"]


def test_the_id_of_a_message_is_its_senders_number_and_count() -> None:
    assert Envelope(Say(text="x"), B, 7).id == "2.7"
