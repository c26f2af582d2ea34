"""The mailbox: lanes, the bound and what gives way to it, the line of those who wait, and who sent which message.

One promise at a time; ``test_mailbox_model`` plays senders and receiver against a model.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.actors.envelope import NOTICE, Entry, Envelope, Mark, message_of
from alys.actors.mailbox import NOWHERE, UNKNOWN, Mailbox, Overflow, describe
from alys.actors.message import Message, Priority
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.base.prng import SeededRandom
from alys.sim.dispatch import SimDispatcher
from tests.actors.stage import Do, Mutter, Say, Shout, fail

A, B = Ref("/a", 1), Ref("/b", 2)
FROM_A: Mark = (A, None)
FROM_B: Mark = (B, "pegin:1")
CLOCK = SimDispatcher(SeededRandom(0), 0.0)


def letter(message: Message, sequence: int = 1, sender: Ref = A) -> Envelope:
    return Envelope(message, sender, sequence)


def put(box: Mailbox, *messages: Message, mark: Mark = FROM_A) -> list[Entry | None]:
    """Queue them as somebody tells them; what gave way, one after the other."""
    return [box.put((message, mark, None), message.priority) for message in messages]


def texts(entries: list[Entry]) -> list[str]:
    return [message.text for entry in entries if isinstance(message := message_of(entry), Say)]


def emptied(box: Mailbox) -> list[str]:
    return texts(box.drain(None))


def turn() -> Reply[None]:
    return Reply(CLOCK)


# Order


def test_one_lane_is_first_in_first_out() -> None:
    box = Mailbox()
    assert put(box, *(Say(text=text) for text in "abc")) == [None] * 3
    assert emptied(box) == ["a", "b", "c"]
    assert box.take() is None


class Yell(Say, frozen=True, kw_only=True):
    priority = Priority.EMERGENCY


class Whisper(Say, frozen=True, kw_only=True):
    priority = Priority.LOW


@given(st.lists(st.sampled_from([Say, Shout, Mutter, Yell, Whisper])))
def test_higher_lanes_go_first_and_each_keeps_its_order(kinds: list[type[Say]]) -> None:
    box = Mailbox()
    put(box, *(kind(text=str(number)) for number, kind in enumerate(kinds)))
    ordered = sorted(enumerate(kinds), key=lambda item: (-item[1].priority, item[0]))
    assert texts(list(box.entries())) == [str(number) for number, _ in ordered]
    assert emptied(box) == [str(number) for number, _ in ordered]


def test_what_was_put_aside_comes_back_before_all_that_is_queued_in_its_order() -> None:
    box = Mailbox()
    put(box, Say(text="c"))
    box.put_back([(Say(text="a"), FROM_A, None), (Say(text="b"), FROM_A, None)], FROM_B)
    assert emptied(box) == ["a", "b", "c"]


# The bound


def test_the_bound_counts_all_lanes_together() -> None:
    box = Mailbox(2, reserve=0)
    put(box, Mutter(text="low"), Say(text="normal"))
    [refused] = put(box, Shout(text="urgent"))
    assert (texts([refused]), box.count) == (["urgent"], 2)


def test_a_full_mailbox_still_takes_so_many_messages_above_normal() -> None:
    box = Mailbox(1, reserve=2)
    assert put(box, Say(text="a"), Shout(text="b"), Shout(text="c")) == [None] * 3
    assert texts(put(box, Shout(text="d"), Say(text="e"))) == ["d", "e"]
    assert emptied(box) == ["b", "c", "a"]


def test_with_every_policy_but_drop_old_the_newcomer_gives_way() -> None:
    for overflow in set(Overflow) - {Overflow.DROP_OLD}:
        box = Mailbox(2, overflow)
        assert texts(put(box, *(Say(text=text) for text in "abc"))[2:]) == ["c"]
        assert emptied(box) == ["a", "b"]


def test_with_drop_old_the_oldest_of_the_lowest_lane_gives_way() -> None:
    box = Mailbox(3, Overflow.DROP_OLD)
    put(box, Shout(text="a"), Say(text="b"), Say(text="c"))
    assert texts(put(box, Say(text="d"))) == ["b"]
    assert emptied(box) == ["a", "c", "d"]


def test_with_drop_old_also_an_urgent_message_gives_way_to_an_urgent_one() -> None:
    box = Mailbox(1, Overflow.DROP_OLD, reserve=1)
    put(box, Shout(text="a"), Shout(text="b"))
    assert texts(put(box, Shout(text="c"))) == ["a"]
    assert (box.urgent, emptied(box)) == (2, ["b", "c"])


def test_with_drop_old_nothing_gives_way_to_a_lower_priority() -> None:
    box = Mailbox(1, Overflow.DROP_OLD)
    put(box, Shout(text="urgent"))
    assert texts(put(box, Mutter(text="by the way"))) == ["by the way"]
    assert emptied(box) == ["urgent"]


def test_a_mailbox_is_only_open_for_what_all_lanes_leave() -> None:
    box = Mailbox(3)
    assert box.room == 0
    box.open()
    assert box.room == 3
    put(box, Shout(text="a"))
    put(box, Mutter(text="b"))
    assert box.room == 1


# News of deaths


def test_news_of_a_death_come_in_above_the_bound_and_are_never_dropped() -> None:
    box = Mailbox(1, Overflow.DROP_OLD)
    box.put_behind(letter(Say(text="gone"), NOTICE), A, None)
    assert texts(put(box, Say(text="late"))) == ["late"]
    box = Mailbox(1, Overflow.FAIL)
    put(box, Say(text="first"))
    box.put_behind(letter(Say(text="gone"), NOTICE), A, None)
    assert emptied(box) == ["first", "gone"]


def test_news_of_a_death_join_the_lowest_lane_that_holds_a_message_of_the_dead() -> None:
    box = Mailbox()
    put(box, Mutter(text="last words"), Shout(text="loud"))
    put(box, Shout(text="other"), mark=FROM_B)
    lane = box.put_behind(letter(Say(text="a is gone"), NOTICE), A, None)
    assert lane is Priority.BACKGROUND
    put(box, Mutter(text="after"), mark=FROM_B)
    lane = box.put_behind(letter(Say(text="b is gone"), NOTICE, B), Ref("/nobody", 9), None)
    assert lane is Priority.NORMAL
    assert emptied(box) == ["loud", "other", "b is gone", "last words", "a is gone", "after"]


def test_news_of_a_death_follow_what_the_dead_sent_bare() -> None:
    box = Mailbox()
    put(box, Say(text="first"))
    box.take()
    box.queue.append(Say(text="last words"))  # as ``Context.tell`` does
    put(box, Say(text="other"), mark=FROM_B)
    assert box.put_behind(letter(Say(text="gone"), NOTICE), A, FROM_A) is Priority.NORMAL
    assert emptied(box) == ["last words", "other", "gone"]


def test_what_is_called_off_is_taken_out_and_returned() -> None:
    box = Mailbox()
    put(box, Say(text="a"), Shout(text="b"), Say(text="c"), Mutter(text="d"), Shout(text="e"))
    dropped = box.discard(lambda entry: texts([entry])[0] in "acde", None)
    assert sorted(texts(dropped)) == ["a", "c", "d", "e"]
    assert (box.count, box.urgent) == (1, 1)
    assert emptied(box) == ["b"]


# Those who wait for room


def test_while_somebody_stands_in_the_line_nobody_passes_but_the_urgent() -> None:
    box = Mailbox(4, Overflow.SUSPEND)
    box.open()
    box.stand_in_line((Say(text="waits"), FROM_A, None), Priority.NORMAL, turn())
    assert (box.waiting, box.room, box.is_full(Priority.NORMAL)) == (1, 0, True)
    box.open()
    assert box.room == 0
    assert not box.is_full(Priority.HIGH)


def test_the_line_moves_in_its_order_when_half_of_the_bound_is_free() -> None:
    box = Mailbox(4, Overflow.SUSPEND)
    put(box, *(Say(text=text) for text in "abcd"))
    turns = [turn() for _ in range(3)]
    for text, waited in zip("xyz", turns, strict=True):
        box.stand_in_line((Say(text=text), FROM_B, None), Priority.NORMAL, waited)
    box.take()
    assert list(box.admit()) == []
    box.take()
    assert texts(list(box.admit())) == ["x", "y"]
    assert [waited.done for waited in turns] == [True, True, False]
    assert box.waiting == 1
    assert emptied(box) == ["c", "d", "x", "y"]


def test_whoever_gave_up_waiting_sends_nothing_and_costs_no_place() -> None:
    box = Mailbox(2, Overflow.SUSPEND)
    gone, patient = turn(), turn()
    for text, waited in (("gone", gone), ("patient", patient)):
        box.stand_in_line((Say(text=text), FROM_A, None), Priority.NORMAL, waited)
    gone.abandon()
    assert texts(list(box.admit())) == ["patient"]
    assert (box.count, box.waiting, patient.done) == (1, 0, True)


def test_who_still_waits_when_the_line_is_sent_home_is_told_by_the_caller() -> None:
    box = Mailbox(1, Overflow.SUSPEND)
    assert box.dismiss() == []
    gone, patient = turn(), turn()
    for text, waited in (("gone", gone), ("patient", patient)):
        box.stand_in_line((Say(text=text), FROM_A, None), Priority.NORMAL, waited)
    gone.abandon()
    [(entry, waited)] = box.dismiss()
    assert (texts([entry]), waited, box.waiting) == (["patient"], patient, 0)


def test_an_urgent_message_that_was_let_in_from_the_line_goes_to_its_own_lane() -> None:
    box = Mailbox(2, Overflow.SUSPEND)
    for message in (Say(text="a"), Shout(text="urgent")):
        box.stand_in_line((message, FROM_A, None), message.priority, turn())
    assert texts(list(box.admit())) == ["a", "urgent"]
    assert emptied(box) == ["urgent", "a"]


# Who sent it: a bare message has the mark of the one before it


def opened(*first: Message) -> Mailbox:
    """A mailbox with these from A, the first with its mark, and somebody coming to read."""
    box = Mailbox()
    put(box, first[0])
    box.open()
    for message in first[1:]:
        assert box.last is FROM_A
        box.queue.append(message)
    return box


def senders(box: Mailbox, origin: Mark | None = None) -> list[tuple[str, Ref]]:
    """Who sent what, when all is taken as a cell takes it."""
    found = []
    while box.count:
        if box.others and (box.urgent or not box.queue):
            box.cut(origin)
        entry = box.take()
        if isinstance(entry, Envelope):
            origin = (entry.sender, None)
        elif isinstance(entry, tuple):
            origin = entry[1]
        assert origin is not None
        found.append((texts([entry])[0], origin[0]))
    return found


a, b, c, d = (Say(text=text) for text in "abcd")
OF_A = [("a", A), ("b", A), ("c", A)]


def test_a_bare_message_has_the_sender_of_the_one_before_it() -> None:
    assert senders(opened(a, b, c)) == OF_A


def test_an_urgent_message_between_two_of_a_run_changes_nothing() -> None:
    box = opened(a, b, c)
    box.take()
    put(box, Shout(text="!"), mark=FROM_B)
    assert senders(box, FROM_A) == [("!", B), ("b", A), ("c", A)]


def test_after_an_urgent_message_nothing_bare_may_join_an_empty_queue() -> None:
    box = opened(a)
    box.take()
    assert box.last is FROM_A
    put(box, Shout(text="!"), mark=FROM_B)
    box.cut(FROM_A)
    assert box.last is UNKNOWN


def test_after_another_senders_message_nothing_bare_of_the_first_may_follow() -> None:
    box = opened(a, b)
    put(box, c, mark=FROM_B)
    assert box.last is FROM_B
    box.put(letter(d), Priority.NORMAL)
    assert box.last is UNKNOWN


def test_what_is_put_back_does_not_become_the_sender_of_what_is_queued() -> None:
    box = opened(a, b, c)
    box.take()
    box.put_back([(d, FROM_B, None)], FROM_A)
    assert senders(box) == [("d", B), ("b", A), ("c", A)]


def test_news_of_a_death_are_not_the_sender_of_what_follows() -> None:
    box = opened(a, b)
    box.put_behind(letter(c, NOTICE, B), B, None)
    assert (box.last, box.room) == (UNKNOWN, 0)
    assert senders(box) == [("a", A), ("b", A), ("c", B)]


def test_what_is_taken_out_of_the_middle_leaves_its_sender_to_the_next() -> None:
    box = opened(a, b)
    put(box, c, mark=FROM_B)
    box.open()
    box.queue.append(d)
    box.discard(lambda entry: message_of(entry) in (a, c), None)
    assert senders(box) == [("b", A), ("d", B)]


def test_what_had_to_give_way_leaves_its_sender_to_the_next() -> None:
    box = Mailbox(2, Overflow.DROP_OLD)
    put(box, a)
    box.queue.append(b)
    put(box, c, mark=FROM_B)
    assert senders(box) == [("b", A), ("c", B)]


def test_when_all_is_settled_every_message_says_itself_who_sent_it() -> None:
    box = opened(a, b)
    put(box, c, mark=FROM_B)
    box.open()
    box.queue.append(d)
    box.take()
    box.settle(FROM_A)
    assert (box.last, box.room) == (UNKNOWN, 0)
    assert list(box.queue) == [(b, FROM_A, None), (c, FROM_B, None), (d, FROM_B, None)]


# Details


def test_nobodys_mailbox_has_no_room_and_no_last_sender() -> None:
    assert (NOWHERE.capacity, NOWHERE.room, NOWHERE.count) == (0, 0, 0)
    assert NOWHERE.last is UNKNOWN
    assert NOWHERE.take() is None


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Say(text="x"), "Say"),
        ((Say(text="x"), FROM_A, None), "Say"),
        ((Do(act=fail), FROM_A, turn()), "Do?"),
        (Envelope(Do(act=fail), A, 1, reply=turn()), "Do?"),
    ],
)
def test_an_entry_is_described_by_its_type_and_whether_an_answer_is_awaited(
    entry: Entry, text: str
) -> None:
    assert describe(entry) == text
