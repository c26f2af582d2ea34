"""What waits for a governance node, and what may have been lost on the way."""

from alys.node.outbox import FRAMES_MAX, UNCONFIRMED_MAX, Frame, Outbox


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


def test_a_full_box_drops_the_oldest_of_the_lowest_lane_and_counts() -> None:
    box = Outbox()
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
    box.confirm_before(1)
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
    box.lost()
    assert (len(box), box.dropped) == (FRAMES_MAX, 1)
