"""Topics: rates, and what was said already."""

from alys.node import gossip, topics
from tests.node.items import EVERY


def test_every_item_has_a_topic_with_a_rate() -> None:
    rates = {type(item).__name__: topics.RATES[topics.topic_of(item)] for item in EVERY}
    assert rates["ProposedBlock"] == rates["SealedBlock"] == 1000.0
    assert rates["Approval"] is rates["QueuedPow"] is rates["SignedPayout"] is None
    assert rates["Status"] == 10.0


def test_what_is_between_two_nodes_is_not_passed_on() -> None:
    kept = {type(item) for item in EVERY if not topics.flooded(item)}
    assert kept == {gossip.Status, gossip.BlocksRequest, gossip.BlocksResponse}


def test_a_rate_lets_a_burst_through_and_then_so_many_a_second() -> None:
    bucket = topics.Bucket(10.0, now=100.0, burst_seconds=2.0)
    assert [bucket.take(100.0) for _ in range(21)] == [True] * 20 + [False]
    assert not bucket.take(100.0625)
    assert bucket.take(100.125)
    assert [bucket.take(1000.0) for _ in range(21)] == [True] * 20 + [False]


def test_what_was_said_is_known_for_a_while_and_within_a_bound() -> None:
    seen = topics.Seen(size=3, seconds=5.0)
    assert [seen.first(key, 0.0) for key in (b"a", b"b", b"a")] == [True, True, False]
    assert not seen.first(b"a", 4.9)
    assert seen.first(b"a", 5.0)
    for number in range(100):
        assert seen.first(bytes((number,)), 6.0)
        assert len(seen) <= 3
    assert not seen.first(bytes((99,)), 6.0)
