"""The mailbox: lanes, the bound and what gives way to it, the line of those who wait, and who sent which message.

The promises are said one by one first; then a machine plays senders and receiver against a model made of plain lists, in
which every entry knows its mark.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

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
        if not isinstance(entry, Message):
            origin = (entry.sender, None) if isinstance(entry, Envelope) else entry[1]
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


# Against a model

KINDS = {Priority.HIGH: Shout, Priority.NORMAL: Say, Priority.BACKGROUND: Mutter}
MARKS: list[Mark] = [(A, None), (A, "pegin:1"), (B, None)]

POLICIES = [Overflow.SUSPEND, Overflow.DROP_OLD, Overflow.FAIL]
"""The others do to a mailbox what FAIL does."""

priorities = st.sampled_from(list(KINDS))
marks = st.sampled_from(MARKS)
Known = tuple[str, Mark, bool]
"""What the model knows of an entry: its text, its mark, and whether it is news of a death."""


class Played(RuleBasedStateMachine):
    """Senders and a receiver do to a mailbox what the runtime does; the lists of the model say what must come of it."""

    @initialize(
        capacity=st.integers(1, 6), reserve=st.integers(0, 2), overflow=st.sampled_from(POLICIES)
    )
    def begin(self, capacity: int, reserve: int, overflow: Overflow) -> None:
        self.box = Mailbox(capacity, overflow, reserve)
        self.lanes: dict[Priority, list[Known]] = {priority: [] for priority in Priority}
        self.line: list[tuple[str, Mark, Priority, Reply[None]]] = []
        self.stash: list[Any] = []
        #: The mark of what was taken last, as the receiver knows it and as it is in truth.
        self.origin: Mark | None = None
        self.number = 0

    # The model

    @property
    def count(self) -> int:
        return sum(len(lane) for lane in self.lanes.values())

    def is_full(self, priority: Priority) -> bool:
        if priority > Priority.NORMAL:
            return self.count >= self.box.capacity + self.box.reserve
        return self.count >= self.box.capacity or bool(self.line)

    def lowest(self, priority_max: Priority) -> Known | None:
        for priority in Priority:
            for known in self.lanes[priority]:
                if priority <= priority_max and not known[2]:
                    self.lanes[priority].remove(known)
                    return known
        return None

    def known(self, entry: Entry, before: Mark | None) -> Known:
        """What the mailbox says about an entry; a bare one inherits the mark before it."""
        [text] = texts([entry])
        if isinstance(entry, Envelope):
            mark: Any = (entry.sender, entry.correlation)
            return text, mark, entry.sequence == NOTICE
        inherited = entry[1] if isinstance(entry, tuple) else before
        assert inherited is not None, f"nobody knows who sent {entry!r}"
        return text, inherited, False

    def text(self) -> str:
        self.number += 1
        return str(self.number)

    def put(self, entry: Entry, mark: Mark, priority: Priority) -> None:
        """Through the gate, and the model's answer to it."""
        new = self.known(entry, None)
        gave_way: Known | None = None
        if self.is_full(priority):
            drops_old = self.box.overflow is Overflow.DROP_OLD
            gave_way = (self.lowest(priority) if drops_old else None) or new
        if gave_way != new:
            self.lanes[priority].append(new)
        victim = self.box.put(entry, priority, self.origin)
        assert (victim is entry) == (gave_way == new)
        assert (None if victim is None else self.known(victim, None)) == gave_way

    # Senders

    @rule(
        mark=marks,
        priorities=st.lists(priorities | st.just(Priority.NORMAL), min_size=1, max_size=3),
        coming=st.booleans(),
    )
    def tell(self, mark: Mark, priorities: list[Priority], coming: bool) -> None:
        """As ``Context.tell`` and ``Cell.accept`` do it: bare if that may be, else with its mark."""
        box = self.box
        if coming:  # somebody is about to read
            box.open()
        for priority in priorities:
            message = KINDS[priority](text=self.text())
            if priority is Priority.NORMAL and len(box.queue) < box.room:
                assert not self.is_full(priority)
                box.queue.append(message if box.last is mark else (message, mark, None))
                box.last = mark
                self.lanes[priority].append((message.text, mark, False))
            else:
                self.put((message, mark, None), mark, priority)

    @rule(mark=marks, priority=priorities)
    def tell_observed(self, mark: Mark, priority: Priority) -> None:
        """In an envelope, like a timer's message."""
        message = KINDS[priority](text=self.text())
        self.put(Envelope(message, mark[0], self.number, None, mark[1]), mark, priority)

    @rule(dead=st.sampled_from([A, B]))
    def die(self, dead: Ref) -> None:
        """The news come behind all that the dead had sent."""
        text = self.text()
        notice = Envelope(Say(text=text), dead, NOTICE)
        sent = (p for p in Priority for _, mark, _ in self.lanes[p] if mark[0] is dead)
        lane = next(sent, Priority.NORMAL)
        self.lanes[lane].append((text, (dead, None), True))
        assert self.box.put_behind(notice, dead, self.origin) is lane

    @rule(mark=marks, priority=priorities)
    def wait_for_room(self, mark: Mark, priority: Priority) -> None:
        if self.box.overflow is Overflow.SUSPEND and self.is_full(priority):
            waited, message = turn(), KINDS[priority](text=self.text())
            self.box.stand_in_line((message, mark, None), priority, waited)
            self.line.append((message.text, mark, priority, waited))

    @precondition(lambda self: self.line)
    @rule(which=st.integers(0, 100))
    def give_up_waiting(self, which: int) -> None:
        self.line[which % len(self.line)][3].abandon()

    # The receiver

    @rule()
    def take(self) -> None:
        """As a cell does: what is not next in the NORMAL lane is announced with a cut."""
        box = self.box
        if box.others and (box.urgent or not box.queue):
            box.cut(self.origin)
        entry = box.take()
        lane = next((self.lanes[p] for p in reversed(Priority) if self.lanes[p]), None)
        assert (entry is None) == (lane is None)
        if entry is not None and lane is not None:
            taken = self.known(entry, self.origin)
            assert taken == lane.pop(0)
            self.origin = taken[1]

    @rule()
    def pause(self) -> None:
        """Nobody knows any more what was taken last: a failure, a restart."""
        self.box.settle(self.origin)
        self.origin = None
        assert not any(isinstance(entry, Message) for entry in self.box.entries())

    @rule()
    def put_aside(self) -> None:
        self.take()
        if self.origin is not None and self.number % 2:
            text = self.text()
            self.stash.append((text, self.origin))

    @rule()
    def put_back(self) -> None:
        entries = [(Say(text=text), mark, None) for text, mark in self.stash]
        self.box.put_back(entries, self.origin)
        normal = [(text, mark, False) for text, mark in self.stash]
        self.lanes[Priority.NORMAL][:0] = normal
        self.stash.clear()

    @rule(rest=st.integers(0, 2))
    def call_off(self, rest: int) -> None:
        """Some, by their texts."""

        def unwanted(text: str) -> bool:
            return int(text) % 3 == rest

        taken = self.box.discard(lambda entry: unwanted(message_of(entry).text), self.origin)  # type: ignore[attr-defined]
        gone = [known for p in Priority for known in self.lanes[p] if unwanted(known[0])]
        assert [self.known(entry, None) for entry in taken] == gone
        for lane in self.lanes.values():
            lane[:] = [known for known in lane if not unwanted(known[0])]

    @rule()
    def admit(self) -> None:
        came = [self.known(entry, None) for entry in self.box.admit()]
        expected: list[Known] = []
        if self.count <= self.box.capacity // 2:
            while self.line and self.count < self.box.capacity:
                text, mark, priority, waited = self.line.pop(0)
                assert waited.done
                if waited.error is None:
                    expected.append((text, mark, False))
                    self.lanes[priority].append(expected[-1])
        assert came == expected

    @rule()
    def send_the_line_home(self) -> None:
        told = [waited for _, waited in self.box.dismiss()]
        assert told == [waited for *_, waited in self.line if not waited.done]
        self.line.clear()

    @rule()
    def drain(self) -> None:
        drained = [self.known(entry, None) for entry in self.box.drain(self.origin)]
        assert drained == [known for p in reversed(Priority) for known in self.lanes[p]]
        for lane in self.lanes.values():
            lane.clear()

    # What holds at every moment

    @invariant()
    def it_holds_what_the_model_holds_in_its_order_with_its_marks(self) -> None:
        before: dict[bool, Mark | None] = {True: self.origin, False: None}
        held = []
        for entry in self.box.entries():
            normal = message_of(entry).priority is Priority.NORMAL and entry in self.box.queue
            known = self.known(entry, before[normal])
            before[normal] = known[1]
            held.append(known)
        assert held == [known for p in reversed(Priority) for known in self.lanes[p]]

    @invariant()
    def its_counts_are_right_and_it_is_never_open_beyond_its_bound(self) -> None:
        box, normal = self.box, len(self.lanes[Priority.NORMAL])
        assert (box.count, len(box.queue), box.waiting) == (self.count, normal, len(self.line))
        assert box.urgent == len(self.lanes[Priority.HIGH])
        assert box.room <= max(0, box.capacity - box.others)
        assert not (box.room and self.line)
        for priority in KINDS:
            assert box.is_full(priority) == self.is_full(priority)


def test_whatever_senders_and_receiver_do_it_keeps_order_bound_count_and_marks() -> None:
    run_state_machine_as_test(Played, settings=settings(max_examples=150, stateful_step_count=50))
