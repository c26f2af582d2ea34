"""What waits to be said to one governance node, and what was said and is not known to have been heard.

Two sides of one queue. *Waiting* frames are in lanes by priority, first in first out within a lane: facts and the requests
that rest on them share a lane, so a node never has to sign what spends a deposit it has not heard of. *Unconfirmed* frames
went out on a stream; an answer confirms its request, and the ack of a heartbeat all notices before it, for a stream keeps
its order. When the stream is lost they go back to the head of the queue, so a frame may arrive twice but is not lost;
whoever receives it tells by the request id.

Bounded three ways: what waits here, what waits in all boxes together (``Room``), and the requests that go unanswered on the
stream: when ``pending_max`` are, the next one and all behind it wait for an answer. A full box drops something or refuses the
newcomer, as its policy says, and either is counted and handed back to be reported. What waits too long is not said any more.
"""

import math
from collections import deque
from collections.abc import Iterator

import msgspec

from alys.node.stream_figures import FIGURES, StreamFigures


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One serialised request."""

    request_id: str
    lane: int
    """The request's priority on the wire; a higher one goes first."""
    answered: bool
    """Whether governance answers this kind."""
    data: bytes
    expires_at: float = math.inf
    """Node time after which nobody wants it any more."""


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    frame: Frame
    order: int
    """Of its coming; what came back from a lost stream was there before all others."""


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    frame: Frame
    beats: int
    at: float


class Room:
    """How many frames wait in all boxes together."""

    def __init__(self) -> None:
        self.taken = 0


class Outbox:
    """See the module's docstring; changed in place by the actor that owns it."""

    def __init__(self, figures: StreamFigures = FIGURES, room: Room | None = None) -> None:
        self.dropped = 0
        """Frames that had to make room, or found none."""
        self.expired = 0
        self._figures = figures
        self._room = room or Room()
        self._lanes: dict[int, deque[_Waiting]] = {}
        self._ids: set[str] = set()
        self._sent: dict[str, _Sent] = {}
        self.pending = 0
        """Requests that went out and are not answered."""
        self._beats = 0
        #: Nothing that waits expires before this.
        self._soonest = math.inf
        self._last = 0
        self._first = 0

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def unconfirmed(self) -> int:
        """Frames that went out and may be lost."""
        return len(self._sent)

    def put(self, frame: Frame) -> Frame | None:
        """Let a frame wait its turn; the frame that had to go for it, or itself where the policy lets nobody go.

        One that waits already, or is on its way, is not taken twice.
        """
        if frame.request_id in self._ids or frame.request_id in self._sent:
            return None
        full = not self._fits(1)
        if full and self._figures.buffer_policy in ("reject_new", "back_pressure"):
            self.dropped += 1
            return frame
        self._last += 1
        self._add(_Waiting(frame=frame, order=self._last))
        return self._drop() if full else None

    def take(self) -> Iterator[Frame]:
        """What may be sent now, in the order of sending; whoever takes one sends it before the next."""
        while (frame := self._next()) is not None:
            yield frame

    def discard(self, request_id: str) -> None:
        """Nobody wants an answer any more: do not send it, or not again."""
        self.confirm(request_id)
        if request_id in self._ids:
            for frames in self._lanes.values():
                for one in [one for one in frames if one.frame.request_id == request_id]:
                    frames.remove(one)
                    self._forget(one)

    def expire(self, now: float) -> list[Frame]:
        """What waited too long; it is gone."""
        gone: list[Frame] = []
        if now < self._soonest:
            return gone
        for frames in self._lanes.values():
            for one in [one for one in frames if one.frame.expires_at <= now]:
                frames.remove(one)
                self._forget(one)
                gone.append(one.frame)
        self.expired += len(gone)
        left = (one.frame.expires_at for frames in self._lanes.values() for one in frames)
        self._soonest = min(left, default=math.inf)
        return gone

    # On the stream

    def sent(self, frame: Frame, now: float = 0.0) -> bool:
        """A frame went out; True when it is time for a heartbeat."""
        self.confirm(frame.request_id)
        self._sent[frame.request_id] = _Sent(frame=frame, beats=self._beats, at=now)
        self.pending += frame.answered
        full = len(self._sent) > self._figures.unconfirmed_max
        return full and self._beats == self._oldest_beat()

    def _oldest_beat(self) -> int:
        return next(iter(self._sent.values())).beats

    def beat(self, sequence: int) -> None:
        """A heartbeat went out."""
        self._beats = sequence

    def confirm(self, request_id: str) -> None:
        """An answer came."""
        one = self._sent.pop(request_id, None)
        if one is not None:
            self.pending -= one.frame.answered

    def confirm_before(self, sequence: int) -> list[str]:
        """A heartbeat was acked: notices sent before it were heard; their ids."""
        heard = [
            name
            for name, one in self._sent.items()
            if not one.frame.answered and one.beats < sequence
        ]
        for name in heard:
            del self._sent[name]
        return heard

    def overdue(self, now: float) -> list[str]:
        """Requests whose answer did not come in time; they are not waited for any more."""
        late = []
        for name, one in self._sent.items():  # in the order of their sending
            if now - one.at < self._figures.request_seconds:
                break
            if one.frame.answered:
                late.append(name)
        for name in late:
            self.confirm(name)
        return late

    def lost(self) -> list[Frame]:
        """The stream is gone: what is unconfirmed waits again, before all that came later. What finds no room is handed back."""
        again = [one.frame for one in self._sent.values()]
        self._sent.clear()
        self.pending = 0
        for frame in reversed(again):
            if frame.request_id not in self._ids:
                self._first -= 1
                self._add(_Waiting(frame=frame, order=self._first), first=True)
        gone = []
        while not self._fits(0) and self._ids:
            gone.append(self._drop())
        return gone

    # Inside

    def _next(self) -> Frame | None:
        for lane in sorted(self._lanes, reverse=True):
            frames = self._lanes[lane]
            while frames:
                head = frames[0]
                if head.frame.answered and self.pending >= self._figures.pending_max:
                    return None
                frames.popleft()
                self._forget(head)
                return head.frame
        return None

    def _fits(self, more: int) -> bool:
        figures = self._figures
        return (
            len(self._ids) + more <= figures.buffer_messages
            and self._room.taken + more <= figures.buffer_messages_total
        )

    def _add(self, one: _Waiting, *, first: bool = False) -> None:
        lane = self._lanes.setdefault(one.frame.lane, deque())
        if first:
            lane.appendleft(one)
        else:
            lane.append(one)
        self._ids.add(one.frame.request_id)
        self._soonest = min(self._soonest, one.frame.expires_at)
        self._room.taken += 1

    def _forget(self, one: _Waiting) -> None:
        self._ids.discard(one.frame.request_id)
        self._room.taken -= 1

    def _drop(self) -> Frame:
        """The oldest of all, or of the lowest lane."""
        heads = [(lane, frames[0].order) for lane, frames in self._lanes.items() if frames]
        if self._figures.buffer_policy == "drop_lowest_priority":
            lane = min(heads)[0]
        else:
            lane = min(heads, key=lambda head: head[1])[0]
        oldest = self._lanes[lane].popleft()
        self._forget(oldest)
        self.dropped += 1
        return oldest.frame
