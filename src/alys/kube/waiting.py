"""Who waits for the Lease: a queue in one annotation of it, and what can be said about anybody's being alive.

The annotation is JSON, ``{"next": 8, "queue": [{"ticket": 7, "who": "run-7", "since": "2026-...Z", "beat": 3}]}``. Every change
to it goes through the Lease's ``resourceVersion``, so no two get the same ticket. A waiter raises its ``beat`` every few
seconds; one whose beat stood still for ``WAITER_SECONDS`` is taken to be gone. That is judged by the reader's own clock from the
moment it saw the last change, as client-go judges a holder: the clocks of two machines are never compared.
"""

import json
from collections.abc import Hashable
from typing import Any

import msgspec

from alys.kube import client

ANNOTATION = "alys/waiting"
WAITER_SECONDS = 20.0
"""A waiter that was not heard of for so long is passed over."""
BEAT_SECONDS = 5.0
"""A waiter says so often that it is still there; three in a row may be lost."""


class Waiter(msgspec.Struct, frozen=True, kw_only=True):
    """One in the queue."""

    ticket: int
    who: str
    since: str
    """When it joined, by its own clock: to be read by people, and to tell its ticket from one of an earlier Lease."""
    beat: int = 0

    def same(self, other: "Waiter | None") -> bool:
        """Whether this is the other, some beats earlier or later."""
        mine = (self.ticket, self.who, self.since)
        return other is not None and mine == (other.ticket, other.who, other.since)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The queue as the annotation holds it, first come first."""

    next: int = 1
    queue: tuple[Waiter, ...] = ()


def read(lease: "client.Document") -> Line:
    """The queue of a Lease; an empty one where the annotation is missing or was spoilt by hand."""
    text = (lease["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    try:
        return msgspec.json.decode(text, type=Line)
    except (msgspec.MsgspecError, TypeError):
        return Line()


def write(lease: "client.Document", line: Line) -> None:
    """Put the queue into a Lease that is about to be written back."""
    annotations = dict(lease["metadata"].get("annotations") or {})
    annotations[ANNOTATION] = json.dumps(msgspec.to_builtins(line))
    lease["metadata"]["annotations"] = annotations


class Watch:
    """Remembers since when, by our own clock, things have looked the way they look."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[Any, float]] = {}

    def note(self, lease: "client.Document", now: float) -> None:
        """Look at a Lease that was just read."""
        spec = lease.get("spec") or {}
        record = tuple(str(spec.get(key)) for key in ("holderIdentity", "acquireTime", "renewTime"))
        looks: dict[Hashable, Any] = {"holder": record}
        looks |= {(waiter.ticket, waiter.since): waiter.beat for waiter in read(lease).queue}
        before, self._seen = self._seen, {}
        for what, look in looks.items():
            known = before.get(what)
            since = known[1] if known is not None and known[0] == look else now
            self._seen[what] = (look, since)

    def unchanged_s(self, what: Hashable, now: float) -> float:
        """For how long it has looked the same; 0 for what was not there."""
        return now - self._seen[what][1] if what in self._seen else 0.0

    def living(self, line: Line, now: float) -> list[Waiter]:
        """The waiters that are still heard of, first come first."""
        return [
            waiter
            for waiter in line.queue
            if self.unchanged_s((waiter.ticket, waiter.since), now) < WAITER_SECONDS
        ]
