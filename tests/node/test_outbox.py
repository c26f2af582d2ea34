"""What waits for a governance node, and what may have been lost on the way."""

import msgspec
import pytest

from alys.node.outbox import Frame, Outbox, Room
from alys.node.stream_figures import FIGURES

FRAMES_MAX = FIGURES.buffer_messages
UNCONFIRMED_MAX = FIGURES.unconfirmed_max


def frame(name: str, lane: int = 2, answered: bool = False) -> Frame:
    return Frame(request_id=name, lane=lane, answered=answered, data=name.encode())


def names(box: Outbox) -> list[str]:
    return [one.request_id for one in box.take()]


def test_a_higher_lane_goes_first_and_order_holds_within_a_lane() -> None:
    box = Outbox()
    for name, lane in (("low 1", 1), ("high 1", 3), ("low 2", 1), ("high 2", 3)):
        box.put(frame(name, lane))
    assert names(box) == ["high 1", "high 2", "low 1", "low 2"]
    assert len(box) == 0


def test_one_id_waits_once() -> None:
    box = Outbox()
    assert [box.put(frame("a")), box.put(frame("a"))] == [None, None]
    assert names(box) == ["a"]
    box.put(frame("a"))
    assert names(box) == ["a"]  # once it went out the id may wait again


def box_with(**figures: object) -> Outbox:
    return Outbox(msgspec.structs.replace(FIGURES, **figures))


def test_a_full_box_drops_the_oldest_whatever_its_lane_and_counts() -> None:
    box = box_with(buffer_messages=2)
    assert [box.put(frame("dear", lane=3)), box.put(frame("a"))] == [None, None]
    dropped = box.put(frame("b"))
    assert dropped is not None
    assert (dropped.request_id, box.dropped, names(box)) == ("dear", 1, ["a", "b"])


@pytest.mark.parametrize("policy", ["reject_new", "back_pressure"])
def test_a_policy_may_let_nobody_go(policy: str) -> None:
    box = box_with(buffer_messages=2, buffer_policy=policy)
    assert [box.put(frame("a")), box.put(frame("b"))] == [None, None]
    newcomer = frame("c", lane=3)
    assert box.put(newcomer) is newcomer
    assert (box.dropped, names(box)) == (1, ["a", "b"])


def test_all_boxes_together_have_a_bound_too() -> None:
    room, figures = Room(), msgspec.structs.replace(FIGURES, buffer_messages_total=3)
    one, other = Outbox(figures, room), Outbox(figures, room)
    assert [one.put(frame("a")), one.put(frame("b")), other.put(frame("c"))] == [None] * 3
    dropped = other.put(frame("d"))
    assert dropped is not None
    assert (dropped.request_id, room.taken) == ("c", 3)
    assert names(one) == ["a", "b"]
    assert room.taken == 1
    assert other.put(frame("e")) is None


def test_only_so_many_requests_go_unanswered_and_what_is_behind_them_waits() -> None:
    box = box_with(pending_max=2)
    for name in ("a", "b", "c"):
        box.put(frame(name, lane=3, answered=True))
    box.put(frame("notice", lane=3))
    sent = []
    for one in box.take():
        box.sent(one)
        sent.append(one.request_id)
    assert (sent, box.pending, len(box)) == (["a", "b"], 2, 2)
    box.confirm("a")
    for one in box.take():
        box.sent(one)
        sent.append(one.request_id)
    assert (sent, box.pending) == (["a", "b", "c", "notice"], 2)


def test_an_answer_that_does_not_come_in_time_is_not_waited_for() -> None:
    box = Outbox()
    box.sent(frame("asked", answered=True), now=10.0)
    box.sent(frame("told"), now=10.0)
    assert box.overdue(10.0 + FIGURES.request_seconds - 0.1) == []
    assert box.overdue(10.0 + FIGURES.request_seconds) == ["asked"]
    assert (box.pending, box.unconfirmed) == (0, 1)


def test_what_waited_too_long_is_gone_and_counted() -> None:
    box = Outbox()
    box.put(msgspec.structs.replace(frame("old"), expires_at=10.0))
    box.put(msgspec.structs.replace(frame("young"), expires_at=11.0))
    assert box.expire(9.9) == []
    assert [one.request_id for one in box.expire(10.0)] == ["old"]
    assert box.expired == 1
    box.put(msgspec.structs.replace(frame("short"), expires_at=10.5))
    assert [one.request_id for one in box.expire(11.0)] == ["young", "short"]
    assert (box.expired, len(box)) == (3, 0)


def test_what_is_on_its_way_is_not_said_twice_on_one_stream() -> None:
    box = Outbox()
    box.sent(frame("a"))
    assert box.put(frame("a")) is None
    assert len(box) == 0
    box.lost()
    assert names(box) == ["a"]


def test_a_box_may_drop_the_oldest_of_the_lowest_lane() -> None:
    box = box_with(buffer_policy="drop_lowest_priority")
    box.put(frame("dear", lane=3))
    for number in range(FRAMES_MAX - 1):
        assert box.put(frame(f"n{number}")) is None
    dropped = box.put(frame("last"))
    assert dropped is not None
    assert (dropped.request_id, box.dropped, len(box)) == ("n0", 1, FRAMES_MAX)
    assert names(box)[:2] == ["dear", "n1"]


def test_what_is_not_known_to_be_heard_waits_again_before_what_came_later() -> None:
    box = Outbox()
    for name in ("a", "b", "c"):
        box.sent(frame(name, answered=name == "b"))
    box.confirm("b")
    box.put(frame("d"))
    box.lost()
    assert box.unconfirmed == 0
    assert names(box) == ["a", "c", "d"]


def test_the_ack_of_a_heartbeat_confirms_the_notices_before_it_and_no_request() -> None:
    box = Outbox()
    box.sent(frame("before"))
    box.sent(frame("asked", answered=True))
    box.beat(1)
    box.sent(frame("after"))
    assert box.confirm_before(1) == ["before"]
    box.lost()
    assert names(box) == ["asked", "after"]


def test_many_notices_without_a_heartbeat_ask_for_one_once() -> None:
    box = Outbox()
    asked = [box.sent(frame(f"n{number}")) for number in range(UNCONFIRMED_MAX + 1)]
    assert asked == [False] * UNCONFIRMED_MAX + [True]
    box.beat(1)
    assert not box.sent(frame("one more"))


def test_what_nobody_wants_any_more_is_not_sent() -> None:
    box = Outbox()
    box.put(frame("waiting"))
    box.sent(frame("on its way"))
    for name in ("waiting", "on its way", "never there"):
        box.discard(name)
    box.lost()
    assert (len(box), names(box)) == (0, [])


def test_frames_that_come_back_respect_the_bound_too() -> None:
    box = Outbox()
    for number in range(FRAMES_MAX):
        box.put(frame(f"n{number}"))
    box.sent(frame("back"))
    assert [one.request_id for one in box.lost()] == ["back"], "it was there before all others"
    assert (len(box), box.dropped) == (FRAMES_MAX, 1)
