"""The mailbox against a model made of plain lists, in which every entry knows its mark.

A machine plays senders and receiver: tells in all forms, news of deaths, waits for room, failures, a stash. After every step
mailbox and model hold the same, in the same order, sent by the same.
"""

from typing import Any

from hypothesis import settings
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
from alys.actors.mailbox import Mailbox, Overflow
from alys.actors.message import Message, Priority
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from tests.actors.stage import Mutter, Say, Shout
from tests.actors.test_mailbox import A, B, texts, turn

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
