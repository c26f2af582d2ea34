"""A long row of malformed requests to one handler in this process, each answer judged, what stays behind measured."""

import collections
from collections.abc import Callable
from time import process_time

import msgspec

from alys.wire.jsonrpc import Dialect, Handle, answer
from tests.fuzz import growth
from tests.fuzz.bodies import Bodies
from tests.fuzz.judge import refused_all

REPLAYED = 3_000
"""Refused requests that are sent twice more to see what stays behind."""

SECONDS_MAX = 10.0
"""Of this process's own time, for one request; more is a hang."""

OBJECTS_LEFT_MAX = 500
BYTES_LEFT_MAX = 500_000
"""What three thousand refusals may leave: caches of a bounded size that are not yet full, and no more."""

BAD_ATTRIBUTES = b'"code":-38003'
"""The one refusal that leaves something behind: attributes are bad, and the forkchoice before them holds (Engine API, Shanghai)."""


class Outcome(msgspec.Struct, kw_only=True):
    """What a row came to."""

    requests: int = 0
    refused: int = 0
    slowest_seconds: float = 0.0
    slowest: bytes = b""
    replay: collections.deque[bytes]


def fuzz(
    handle: Handle,
    dialect: Dialect,
    bodies: Bodies,
    count: int,
    state: Callable[[], object],
) -> Outcome:
    """Send so many; raises AssertionError, with the request, for an answer that is none or a refusal that changed something."""
    outcome = Outcome(replay=collections.deque(maxlen=REPLAYED))
    for body in bodies.take(count):
        before = state()
        started = process_time()
        try:
            status, reply = answer(body, handle, dialect)
            refused = refused_all(body, status, reply, dialect)
            changed = state() != before
            assert not (refused and changed) or BAD_ATTRIBUTES in reply, (
                "it was refused and changed something"
            )
        except Exception as error:
            raise AssertionError(f"request {outcome.requests}, {shown(body)}") from error
        seconds = process_time() - started
        outcome.requests += 1
        if seconds > outcome.slowest_seconds:
            outcome.slowest_seconds, outcome.slowest = seconds, body
        if refused:
            outcome.refused += 1
            if len(body) < 10_000:
                outcome.replay.append(body)
    return outcome


def nothing_stays(outcome: Outcome, handle: Handle, dialect: Dialect) -> growth.Held:
    """What the last refused requests leave when they come again; raises AssertionError when it grows with their number."""

    def again() -> None:
        for body in outcome.replay:
            answer(body, handle, dialect)

    left = growth.growth_of(again)
    assert left.objects <= OBJECTS_LEFT_MAX, left
    assert left.allocated <= BYTES_LEFT_MAX, left
    return left


def well(outcome: Outcome, bodies: Bodies, count: int) -> None:
    """That the row was as long as it should be, reached every method, was refused for the most part, and never stood still."""
    assert outcome.requests == sum(bodies.made.values()) == count
    assert outcome.refused > count // 2, outcome.refused
    unreached = [name for name, times in bodies.called.items() if times < count // 2_000]
    assert not unreached, unreached
    assert outcome.slowest_seconds < SECONDS_MAX, shown(outcome.slowest)


def shown(body: bytes) -> str:
    """A request for a message."""
    return f"{len(body)} bytes: {body[:3000]!r}"
