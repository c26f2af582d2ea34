"""The table of figures is the protocol's, and what it promises follows from it."""

from alys.node.stream_figures import FIGURES, StreamFigures


def test_the_figures_are_those_of_the_domain() -> None:
    assert (FIGURES.heartbeat_seconds, FIGURES.idle_seconds) == (30.0, 300.0)
    assert (FIGURES.buffer_messages, FIGURES.buffer_messages_total) == (1_000, 10_000)
    assert (FIGURES.message_ttl_seconds, FIGURES.notice_ttl_seconds) == (300.0, 3_600.0)
    assert (FIGURES.request_seconds, FIGURES.pending_max, FIGURES.sweep_seconds) == (
        60.0,
        100,
        10.0,
    )
    assert (FIGURES.breaker_refusals, FIGURES.breaker_seconds, FIGURES.breaker_tests) == (
        5,
        60.0,
        3,
    )
    assert (FIGURES.retry_min_seconds, FIGURES.retry_factor, FIGURES.jitter) == (1.0, 2.0, 0.1)
    assert (FIGURES.stable_seconds, FIGURES.renewal_seconds, FIGURES.connections_max) == (
        60,
        300,
        10,
    )


def test_a_node_that_is_back_is_found_within_two_seconds() -> None:
    assert FIGURES.probe_max_seconds * (1 + FIGURES.jitter) < 2.0


def test_priorities_that_are_not_given_are_zero() -> None:
    figures = StreamFigures(priorities=(0, 7))
    assert [figures.priority(n) for n in range(3)] == [0, 7, 0]
