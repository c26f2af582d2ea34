"""Messages are frozen, keyword-only data with a lane and, for requests, a deadline."""

import msgspec
import pytest

from alys.actors.message import ASK_TIMEOUT_SECONDS, Message, Priority, Request


class Plain(Message, frozen=True, kw_only=True):
    """A message."""

    value: int


class Slow(Request[int], frozen=True, kw_only=True):
    """A request with a deadline of its own."""

    priority = Priority.LOW
    timeout_seconds = 60.0


def test_a_message_cannot_be_changed() -> None:
    message = Plain(value=1)
    with pytest.raises(AttributeError):
        message.value = 2  # type: ignore[misc]


def test_fields_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        Plain(1)  # type: ignore[call-arg]


def test_equal_content_is_equal() -> None:
    assert Plain(value=1) == Plain(value=1) != Plain(value=2)


def test_lane_and_deadline_belong_to_the_type_and_not_to_the_data() -> None:
    assert (Plain(value=1).priority, Slow().priority) == (Priority.NORMAL, Priority.LOW)
    assert (Slow.timeout_seconds, Request.timeout_seconds) == (60.0, ASK_TIMEOUT_SECONDS)
    assert msgspec.to_builtins(Slow()) == {}


def test_there_are_six_lanes_in_order() -> None:
    assert [p.name for p in sorted(Priority)] == [
        "BACKGROUND", "LOW", "NORMAL", "HIGH", "CRITICAL", "EMERGENCY",
    ]  # fmt: skip
