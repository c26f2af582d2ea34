"""A governance connection's life: how long it waits, when it stops trying, what its heartbeats say."""

import pytest

from alys.base.prng import SeededRandom
from alys.node.peer import Peer, probe_seconds, retry_seconds
from alys.node.stream_figures import FIGURES

JITTER = FIGURES.jitter
STABLE_SECONDS = FIGURES.stable_seconds

RANDOM = SeededRandom(1)


def fail(peer: Peer, *, refused: bool, now: float = 0.0) -> float:
    peer.opening()
    return peer.lost("because", now, RANDOM, refused=refused)


def test_the_wait_doubles_up_to_a_cap_below_two_seconds() -> None:
    waits = [probe_seconds(failures) for failures in range(1, 8)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6])
    assert probe_seconds(10_000) * (1 + JITTER) < 2.0


def test_a_node_that_says_no_is_asked_after_a_second_and_doubled_up_to_a_minute() -> None:
    waits = [retry_seconds(refusals) for refusals in range(1, 9)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_the_wait_is_jittered_within_its_bounds() -> None:
    peer = Peer(0)
    waits = [fail(peer, refused=False) for _ in range(50)]
    assert all(abs(wait / probe_seconds(n) - 1) <= JITTER for n, wait in enumerate(waits, start=1))
    assert len(set(waits)) == 50


def test_a_node_that_cannot_be_reached_never_opens_the_breaker() -> None:
    peer = Peer(0)
    for _ in range(100):
        fail(peer, refused=False)
        assert peer.state == "down"


def test_a_node_that_says_no_opens_the_breaker_and_gets_test_attempts_after_it() -> None:
    peer = Peer(0)
    states = []
    waits = []
    for _ in range(11):
        waits.append(fail(peer, refused=True))
        states.append(peer.state)
    closed, tests = ["down"] * 4, ["down"] * 2
    assert states == [*closed, "suspended", *tests, "suspended", "down", "failed", "failed"]
    for wait, nominal in zip(waits, [1, 2, 4, 8, 60, 32, 60, 60, 60, 300, 300], strict=True):
        assert wait == pytest.approx(nominal, rel=JITTER)
    peer.ready(0.0)
    fail(peer, refused=True)
    assert peer.state == "down", "a connection that stood is no failed one"


def test_the_doubling_starts_anew_only_after_a_stable_time() -> None:
    peer = Peer(0)
    for now, attempts in ((1.0, 4), (STABLE_SECONDS, 1)):
        for _ in range(3 - peer.attempts):
            fail(peer, refused=False)
        peer.ready(0.0)
        assert peer.view().attempts == 0
        peer.lost("gone", now, RANDOM, refused=False)
        assert peer.attempts == attempts


def test_a_connection_that_stands_forgives_refusals() -> None:
    peer = Peer(0)
    for _ in range(FIGURES.breaker_refusals - 1):
        fail(peer, refused=True)
    peer.ready(0.0)
    fail(peer, refused=True)
    assert peer.state == "down"


def test_acks_count_only_for_heartbeats_that_were_sent() -> None:
    peer = Peer(0)
    assert peer.beat() == 1
    assert [peer.acked(sequence) for sequence in (0, 2, 1)] == [None, None, []]
    assert (peer.heartbeats_sent, peer.heartbeats_acked) == (1, 1)


def test_three_heartbeats_without_an_ack_are_a_lost_stream() -> None:
    peer = Peer(0)
    for sequence in range(1, FIGURES.heartbeat_misses_max + 1):
        assert peer.beat() == sequence
    assert peer.beat() is None


def test_the_view_has_the_last_stranger() -> None:
    peer = Peer(2)
    peer.unasked("who")
    view = peer.view()
    assert (view.endpoint, view.unmatched, view.last_unmatched) == (2, 1, "who")


def test_a_session_is_renewed_before_its_end_and_a_short_one_at_its_half() -> None:
    peer = Peer(0)
    peer.opening()
    assert not peer.session_wears_out(1e12), "a session without an end does not wear out"
    peer.session(100.0, 3_600.0)
    assert not peer.session_wears_out(3_399.9)
    assert peer.session_wears_out(3_400.0)
    peer.session(3_400.0, 10.0)
    assert [peer.session_wears_out(at) for at in (3_404.9, 3_405.0)] == [False, True]
    peer.lost("because", 3_405.0, RANDOM, refused=False)
    assert not peer.session_wears_out(1e12)


def test_a_stream_that_falls_silent_is_idle_after_five_minutes() -> None:
    peer = Peer(0)
    assert not peer.idle(1e9), "what does not stand is not idle"
    peer.ready(100.0)
    assert [peer.idle(at) for at in (399.9, 400.0)] == [False, True]
    peer.heard(300.0)
    assert [peer.idle(at) for at in (599.9, 600.0)] == [False, True]
