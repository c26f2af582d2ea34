"""The bounds are those of the protocol, where it states one."""

from alys.models.governance.limits import Limits


def test_the_protocols_own_bounds_are_the_defaults() -> None:
    limits = Limits()
    assert limits.message_bytes == 16 * 1024 * 1024
    assert (limits.streams, limits.waiting_requests) == (10, 100)
    assert (limits.registration_seconds, limits.idle_seconds) == (10.0, 300.0)


def test_one_node_cannot_take_all_streams() -> None:
    assert 1 < Limits().streams_of_one < Limits().streams
