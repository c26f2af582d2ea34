"""Requests to governance on behalf of somebody who waits for the answer, matched by request id and by nothing else.

The contract while governance is away: **a request is buffered, not refused**. Whoever asks is answered once, by the first of

- ``answered``: governance answered, and this is the answer;
- ``delivered``: a kind that governance does not answer was sent on a registered stream;
- ``dropped``: the buffer was full and this was the oldest, for every governance node it was meant for;
- ``refused`` or ``busy``: the buffer was full and its policy is ``reject_new`` or ``back_pressure`` (come again later);
- ``timeout``: none of these within ``call_seconds`` of node time, or an answer to what was sent did not come within
  ``request_seconds``; what still waits is then not sent.

Asking again under an id that is open joins the call that is under way: nothing is sent twice.
"""

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

import msgspec

from alys.actors.message import Message, Request
from alys.actors.promise import Promise
from alys.node.stream_figures import FIGURES

CALLS_MAX = 4_000
"""Open at once; one more is refused."""

CLOSED_MAX = 4_000
"""Ids remembered after their end, to tell a late answer from one that nobody asked for."""


class GovernanceReply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request."""

    outcome: str
    """See the module's docstring; or ``refused``: too many are open."""
    endpoint: int | None = None
    """The node that answered or was told."""
    response: bytes = b""
    """A serialised StreamResponse, for ``answered``."""
    at: float
    """Node time."""


class AskGovernance(Request[GovernanceReply], frozen=True, kw_only=True):
    """Send a request to one governance node, or to all, the first answer counting."""

    timeout_seconds: ClassVar[float] = FIGURES.call_seconds + 30.0
    """Wall time: the reply says earlier that it took too long, and this is for a Stream that is gone."""

    request_id: str
    payload: bytes
    """A serialised StreamRequest; its metadata, but for the priority, is the Stream actor's."""
    endpoint: int | None = None


class CallDeadline(Message, frozen=True, kw_only=True):
    """A call has had its time."""

    request_id: str


class _Call(msgspec.Struct, kw_only=True):
    promises: list[Promise]
    waiting: set[int]
    """Endpoints that have not answered, nor dropped it."""


class Calls:
    """The open calls by request id."""

    def __init__(self) -> None:
        self._open: dict[str, _Call] = {}
        self._closed: deque[str] = deque(maxlen=CLOSED_MAX)
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def knows(self, request_id: str) -> bool:
        """Whether this id was ever asked under, as far as is remembered."""
        return request_id in self._open or request_id in self._known

    def join(self, request_id: str, promise: Promise) -> bool:
        """Wait for a call that is under way; False when there is none."""
        call = self._open.get(request_id)
        if call is None:
            return False
        call.promises.append(promise)
        return True

    def full(self) -> bool:
        """No room for one more."""
        return len(self._open) >= CALLS_MAX

    def begin(self, request_id: str, promise: Promise, endpoints: Iterable[int]) -> None:
        """A new call."""
        self._open[request_id] = _Call(promises=[promise], waiting=set(endpoints))

    def settle(self, request_id: str, endpoint: int, reply: GovernanceReply) -> None:
        """One node has answered or was told: callers are answered by the first; the call ends with the last."""
        call = self._open.get(request_id)
        if call is None:
            return
        _answer(call, reply)
        self._less(request_id, call, endpoint)

    def drop(self, request_id: str, endpoint: int, now: float, outcome: str = "dropped") -> None:
        """One node will never get it, or never answer; the last one ends the call."""
        call = self._open.get(request_id)
        if call is None:
            return
        if call.waiting == {endpoint}:
            _answer(call, GovernanceReply(outcome=outcome, endpoint=endpoint, at=now))
        self._less(request_id, call, endpoint)

    def expire(self, request_id: str, now: float) -> set[int]:
        """Time is up; the endpoints that need not send it any more."""
        call = self._open.get(request_id)
        if call is None:
            return set()
        _answer(call, GovernanceReply(outcome="timeout", at=now))
        self._close(request_id)
        return call.waiting

    def closed(self, request_id: str) -> None:
        """Remember an id that was asked under elsewhere."""
        if len(self._closed) == CLOSED_MAX:
            self._known.discard(self._closed[0])
        self._closed.append(request_id)
        self._known.add(request_id)

    def _less(self, request_id: str, call: _Call, endpoint: int) -> None:
        call.waiting.discard(endpoint)
        if not call.waiting:
            self._close(request_id)

    def _close(self, request_id: str) -> None:
        del self._open[request_id]
        self.closed(request_id)


def _answer(call: _Call, reply: GovernanceReply) -> None:
    for promise in call.promises:
        promise.complete(reply)
    call.promises.clear()
