"""What waits to be said to one governance node, and what was said and is not known to have been heard.

Two sides of one queue. *Waiting* frames are in lanes by priority, first in first out within a lane: facts and the requests
that rest on them share a lane, so a node never has to sign what spends a deposit it has not heard of. *Unconfirmed* frames
went out on a stream; an answer confirms its request, and the ack of a heartbeat all notices before it, for a stream keeps
its order. When the stream is lost they go back to the head of the queue, so a frame may arrive twice but is not lost;
whoever receives it tells by the request id.

Bounded: beyond ``FRAMES_MAX`` the oldest frame of the lowest lane makes room, is counted, and is handed back to be reported.
"""

from collections import deque
from collections.abc import Iterator

import msgspec

FRAMES_MAX = 1_000
"""Waiting frames per governance node."""

UNCONFIRMED_MAX = 250
"""Notices out without a heartbeat after them; one more is reason for a heartbeat now."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One serialised request."""

    request_id: str
    lane: int
    """The request's priority on the wire; a higher one goes first."""
    answered: bool
    """Whether governance answers this kind."""
    data: bytes


class Outbox:
    """See the module's docstring; changed in place by the actor that owns it."""

    def __init__(self) -> None:
        self.dropped = 0
        self._lanes: dict[int, deque[Frame]] = {}
        self._ids: set[str] = set()
        self._sent: dict[str, tuple[Frame, int]] = {}
        self._beats = 0

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def unconfirmed(self) -> int:
        """Frames that went out and may be lost."""
        return len(self._sent)

    def put(self, frame: Frame) -> Frame | None:
        """Let a frame wait its turn; the frame that had to go for it, if any. One that waits already is not taken twice."""
        if frame.request_id in self._ids:
            return None
        self._lanes.setdefault(frame.lane, deque()).append(frame)
        self._ids.add(frame.request_id)
        if len(self._ids) <= FRAMES_MAX:
            return None
        return self._drop_oldest()

    def _drop_oldest(self) -> Frame:
        lane = min(lane for lane, frames in self._lanes.items() if frames)
        oldest = self._lanes[lane].popleft()
        self._ids.discard(oldest.request_id)
        self.dropped += 1
        return oldest

    def take(self) -> Iterator[Frame]:
        """Empty it, in the order of sending."""
        for lane in sorted(self._lanes, reverse=True):
            frames = self._lanes[lane]
            while frames:
                frame = frames.popleft()
                self._ids.discard(frame.request_id)
                yield frame

    def discard(self, request_id: str) -> None:
        """Nobody wants an answer any more: do not send it, or not again."""
        self._sent.pop(request_id, None)
        if request_id in self._ids:
            self._ids.discard(request_id)
            for frames in self._lanes.values():
                for frame in [one for one in frames if one.request_id == request_id]:
                    frames.remove(frame)

    # On the stream

    def sent(self, frame: Frame) -> bool:
        """A frame went out; True when it is time for a heartbeat."""
        self._sent[frame.request_id] = (frame, self._beats)
        return len(self._sent) > UNCONFIRMED_MAX and self._beats == self._oldest_beat()

    def _oldest_beat(self) -> int:
        return next(iter(self._sent.values()))[1]

    def beat(self, sequence: int) -> None:
        """A heartbeat went out."""
        self._beats = sequence

    def confirm(self, request_id: str) -> None:
        """An answer came."""
        self._sent.pop(request_id, None)

    def confirm_before(self, sequence: int) -> None:
        """A heartbeat was acked: notices sent before it were heard."""
        heard = [
            name
            for name, (frame, beats) in self._sent.items()
            if not frame.answered and beats < sequence
        ]
        for name in heard:
            del self._sent[name]

    def lost(self) -> None:
        """The stream is gone: what is unconfirmed waits again, before all that came later."""
        again = [frame for frame, _ in self._sent.values()]
        self._sent.clear()
        for frame in reversed(again):
            if frame.request_id not in self._ids:
                self._lanes.setdefault(frame.lane, deque()).appendleft(frame)
                self._ids.add(frame.request_id)
        while len(self._ids) > FRAMES_MAX:
            self._drop_oldest()
