"""The Lease ``alys-chains``: which node of the namespace drives the chains (``base.turns`` says what for).

The Lease holds at any time what is true of it, and every write carries the ``resourceVersion`` of what was read before, so of two that
write at once one is refused (409) and looks again. From there the rules are client-go's leader election, plus a queue
(``kube.waiting``):

- Held means that ``holderIdentity`` is not empty and that the holder renewed: whoever sees no change of the record for
  ``leaseDurationSeconds`` of its *own* clock may take it. Clocks of different machines are never compared.
- Free is not enough: the first living waiter takes it, the others leave it to that one.
- A holder that renews at least every ten seconds, as ``base.turns`` asks, knows of its loss before anybody else may take over:
  ``renew`` raises when the server was silent for ``RENEW_SECONDS``, and no request of it goes on for longer than the Lease lasts.
- The name of a holder proves nothing (a restarted container has the same one): ours is the record that we wrote.
"""

import contextlib
import copy
from collections.abc import Callable
from datetime import UTC, datetime

from typing_extensions import override

from alys.base import errors, turns
from alys.kube import client, waiting

NAME = "alys-chains"
LEASE_SECONDS = 30
RENEW_SECONDS = 20.0
POLL_SECONDS = 1.0
REQUEST_SECONDS = 5.0
MARGIN_SECONDS = 2.0
"""Left between the end of the last attempt to renew and the moment at which another may take over."""
SILENCE_SECONDS = 60.0
"""A server that did not answer a waiter for so long ends the wait; a restarted one is back by then."""
WRITES_MAX = 5
"""Attempts at one change when others write as well; each of them succeeded meanwhile, so one of a few does."""

_Mark = tuple[str, str, int]
"""Holder, time of taking and number of the taking: one tenure, whatever its holder is called."""


class ClusterLease(turns.Turns):
    """Our view of the Lease."""

    def __init__(self, cluster: client.Cluster, name: str = NAME) -> None:
        self._cluster = cluster
        self._name = name
        self._watch = waiting.Watch()
        self._attempt: _Mark | None = (
            None  # what we tried to write last; it may be there though no answer came
        )
        self._mine: _Mark | None = None  # what we wrote, while nothing tells us that it is over
        self._renewed_at = 0.0  # before the request that last proved it ours was sent
        self._place: waiting.Waiter | None = None  # ours in the queue, as last written
        self._beaten_at = 0.0
        self._wanted = ""

    @override
    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        """Return when the Lease is ours. Raises ClusterFailure when the server is silent or refuses."""
        if self._held():
            raise errors.AlysBug("the Lease is held already")
        answered_at = self._cluster.clock.now()
        held_by = ""
        try:
            while True:
                try:
                    held_by = self._try(holder)
                    answered_at = self._cluster.clock.now()
                except client.Unreachable:
                    if self._cluster.clock.now() - answered_at >= SILENCE_SECONDS:
                        raise
                if self._held():
                    return
                waiting(held_by or "nobody yet; the API server does not answer")
                self._cluster.clock.wait(POLL_SECONDS)
        except BaseException:
            self._leave()
            raise

    @override
    def renew(self) -> None:
        """Write a new ``renewTime``. Raises TurnLost when the Lease is another's, or could not be renewed in time."""
        if self._mine is None:
            raise turns.TurnLost(f"Lease {self._name} is not held here")
        began = self._cluster.clock.now()
        if self._left_s() <= 0:
            self._lost("was not renewed in time", None)
        try:
            self._change(self._renewal)
        except client.NotFound as error:
            self._lost("was deleted", error)
        except client.ClusterFailure as error:
            # Nobody else can have it before LEASE_SECONDS; the next call may find the server answering again.
            if self._cluster.clock.now() - self._renewed_at >= RENEW_SECONDS:
                self._lost(f"could not be renewed for {RENEW_SECONDS:.0f} s ({error})", error)
            return
        self._renewed_at = began

    @override
    def release(self) -> None:
        """Let go. A server that cannot be told will see the Lease expire."""
        if self._mine is not None:
            with contextlib.suppress(client.ClusterFailure, turns.TurnLost):
                self._change(self._freed)
        self._mine = None

    @override
    def wanted(self) -> str:
        """The first living waiter; what was known before, where the server does not answer."""
        with contextlib.suppress(client.ClusterFailure):
            self._note(self._read())
        return self._wanted

    def _held(self) -> bool:
        return self._mine is not None

    def _try(self, holder: str) -> str:
        """Take the Lease if it is our turn (then ``_mine`` is set), else stay in the queue; who holds it."""
        try:
            lease = self._read()
        except client.NotFound:
            self._create(holder)
            return ""
        living = self._note(lease)
        ours = self._attempt is not None and _mark(lease) == self._attempt
        first = living[0] if living else None
        if ours or (self._free(lease) and (first is None or first.same(self._place))):
            self._take(lease, holder)
        else:
            self._wait_in_line(lease, living, holder)
        who = str((lease.get("spec") or {}).get("holderIdentity") or "")
        return who or (first.who if first is not None else "nobody")

    def _read(self) -> client.Document:
        return self._cluster.get(
            client.LEASES, self._name, timeout_s=self._patience_s(), attempts=1
        )

    def _left_s(self) -> float:
        """Until a holder's last attempt to renew must be over."""
        return self._renewed_at + LEASE_SECONDS - MARGIN_SECONDS - self._cluster.clock.now()

    def _patience_s(self) -> float:
        """How long one of the two requests of a change may take."""
        if self._mine is None:
            return REQUEST_SECONDS
        return max(0.1, min(REQUEST_SECONDS, self._left_s() / 2))

    def _note(self, lease: client.Document) -> list[waiting.Waiter]:
        """Remember what a Lease looked like; its living waiters."""
        now = self._cluster.clock.now()
        self._watch.note(lease, now)
        living = self._watch.living(waiting.read(lease), now)
        self._wanted = living[0].who if living else ""
        return living

    def _free(self, lease: client.Document) -> bool:
        spec = lease.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        silent_s = self._watch.unchanged_s("holder", self._cluster.clock.now())
        return silent_s >= float(spec.get("leaseDurationSeconds") or LEASE_SECONDS)

    def _create(self, holder: str) -> None:
        """Make the Lease and hold it; another may be quicker."""
        lease: client.Document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._cluster.namespace},
            "spec": {},
        }
        self._claim(lease, holder)
        self._settle(lambda: self._cluster.create(client.LEASES, lease))

    def _take(self, lease: client.Document, holder: str) -> None:
        """Write ourselves in as the holder and out of the queue; another may be quicker."""
        lease = copy.deepcopy(lease)
        line = waiting.read(lease)
        rest = tuple(waiter for waiter in line.queue if not waiter.same(self._place))
        waiting.write(lease, waiting.Line(next=line.next, queue=rest))
        self._claim(lease, holder)
        self._settle(lambda: self._replace(lease))

    def _claim(self, lease: client.Document, holder: str) -> None:
        spec = lease["spec"] = dict(lease.get("spec") or {})
        now = self._written_now()
        spec |= {"holderIdentity": holder, "leaseDurationSeconds": LEASE_SECONDS}
        spec |= {"acquireTime": now, "renewTime": now}
        spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        self._attempt = _mark(lease)

    def _settle(self, write: Callable[[], object]) -> None:
        """Write the claim. Without an answer it may have been written: ``_attempt`` stays, and the next look tells."""
        began = self._cluster.clock.now()
        with contextlib.suppress(client.Conflict):
            write()
            self._mine, self._attempt, self._place = self._attempt, None, None
            self._renewed_at = began

    def _wait_in_line(
        self, lease: client.Document, living: list[waiting.Waiter], holder: str
    ) -> None:
        """Join the queue, or say that we still wait; those who are gone leave it on the way."""
        now = self._cluster.clock.now()
        line = waiting.read(lease)
        standing = any(waiter.same(self._place) for waiter in line.queue)
        if standing and now - self._beaten_at < waiting.BEAT_SECONDS:
            return
        others = [waiter for waiter in living if not waiter.same(self._place)]
        if standing and self._place is not None:
            place = waiting.Waiter(
                ticket=self._place.ticket,
                who=self._place.who,
                since=self._place.since,
                beat=self._place.beat + 1,
            )
            following = line.next
        else:
            place = waiting.Waiter(ticket=line.next, who=holder, since=self._written_now())
            following = line.next + 1
        queue = tuple(sorted([*others, place], key=lambda waiter: waiter.ticket))
        lease = copy.deepcopy(lease)
        waiting.write(lease, waiting.Line(next=following, queue=queue))
        with contextlib.suppress(
            client.Conflict
        ):  # then the next look, a second later, tries again
            self._place = place  # before the request: it may be written though no answer comes
            self._replace(lease)
            self._beaten_at = now

    def _leave(self) -> None:
        """Out of the queue, where the server can be told; it passes over us a little later in any case."""
        place, self._place, self._attempt = self._place, None, None
        if place is None:
            return

        def without_us(lease: client.Document) -> None:
            line = waiting.read(lease)
            rest = tuple(waiter for waiter in line.queue if not waiter.same(place))
            waiting.write(lease, waiting.Line(next=line.next, queue=rest))

        with contextlib.suppress(client.ClusterFailure):
            self._change(without_us)

    def _change(self, change: Callable[[client.Document], None]) -> None:
        """Read, change and write back, again while others write in between."""
        for _ in range(WRITES_MAX - 1):
            with contextlib.suppress(client.Conflict):
                return self._change_once(change)
        return self._change_once(change)

    def _change_once(self, change: Callable[[client.Document], None]) -> None:
        lease = self._read()
        self._note(lease)
        change(lease)
        self._replace(lease)

    def _renewal(self, lease: client.Document) -> None:
        self._still_mine(lease)
        lease["spec"]["renewTime"] = self._written_now()

    def _freed(self, lease: client.Document) -> None:
        self._still_mine(lease)
        lease["spec"] |= {"holderIdentity": "", "renewTime": self._written_now()}

    def _still_mine(self, lease: client.Document) -> None:
        if _mark(lease) != self._mine:
            holder = (lease.get("spec") or {}).get("holderIdentity") or "nobody"
            self._lost(f"is held by {holder} now", None)

    def _lost(self, why: str, cause: Exception | None) -> None:
        self._mine = None
        raise turns.TurnLost(
            f"Lease {self._name} in namespace {self._cluster.namespace} {why}"
        ) from cause

    def _replace(self, lease: client.Document) -> None:
        self._cluster.replace(client.LEASES, lease, timeout_s=self._patience_s())

    def _written_now(self) -> str:
        """The wall's time in the one form that a MicroTime may have: six digits of microseconds, always."""
        now = datetime.fromtimestamp(self._cluster.clock.wall(), UTC)
        return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _mark(lease: client.Document) -> _Mark:
    spec = lease.get("spec") or {}
    return (
        str(spec.get("holderIdentity") or ""),
        str(spec.get("acquireTime") or ""),
        int(spec.get("leaseTransitions") or 0),
    )
