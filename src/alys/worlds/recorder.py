"""The world's observer: it writes the trace, keeps what befell the actors, and lets ordered faults happen.

A fault is ordered for an actor; the next message that this actor begins to handle fails with ``InjectedFault``, raised from
``handling``, which the runtime treats as the handler's own error. What fails in consequence of it (a supervisor that
gives up over it) is provoked too; whatever else crashes in that time is not.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from typing_extensions import override

from alys.actors.errors import AskFailed, AskTimeout, ChildEscalated, IntensityExceeded
from alys.actors.ref import Ref
from alys.node.errors import CorruptRecord, EngineRefused, PortDown
from alys.sim.trace import TraceRecorder
from alys.wire.jsonrpc import RpcError
from alys.worlds.actor_troubles import InjectedFault
from alys.worlds.supervised import Counters, Fault, Happening

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope


_LETTERS = {"failed": "failed_messages", "old timer": "called_off", "not watched": "called_off"}
"""Where dead letters are counted, by reason."""


class Recorder(TraceRecorder):
    """See the module's docstring."""

    def __init__(self, now: Callable[[], float], sink: Callable[[str], object] | None) -> None:
        super().__init__(now, sink)
        #: Crashes that nobody ordered, as sentences.
        self.crashes: list[str] = []
        #: All that were ordered.
        self.faults: list[Fault] = []
        #: What befell the actors, in order.
        self.happenings: list[Happening] = []
        #: Who was started and is not gone.
        self.living: dict[int, Ref] = {}
        self._heard = super().handling
        self._armed: dict[str, Fault] = {}
        #: Says whether a fault that was struck here (``troubles``) excuses a failure.
        self.excuse: Callable[[Ref, BaseException], bool] | None = None
        #: Who failed because a stored record cannot be read.
        self.corrupt: list[str] = []
        self._services_fail = False
        self._counts: dict[str, dict[str, int]] = {}

    # Faults

    def arm(self, path: str, drags: tuple[str, ...] = ()) -> Fault:
        """The next message of the actor at the path fails."""
        fault = self.order(path, "crash")
        fault.drags = drags
        self._armed[path] = fault
        return fault

    def order(self, path: str, what: str) -> Fault:
        """Announce a fault that somebody else carries out."""
        fault = Fault(path=path, what=what, touched=[])
        self.faults.append(fault)
        self.record("fault", {"path": path, "what": what})
        return fault

    def disturb(self, service: str, kind: str) -> Fault:
        """Announce a fault of a service: from now on, actors that fail because a service failed them are provoked."""
        self._services_fail = True
        return self.order(service, kind)

    @property
    def disturbed(self) -> bool:
        """Whether any fault was ordered: then the node may be away for a moment."""
        return bool(self.faults)

    def require_faults(self) -> None:
        """Raise Inconclusive when one of the faults bit nothing."""
        for fault in self.faults:
            if not fault.optional:
                fault.require()

    def _provoked(self, actor: Ref, error: BaseException | None) -> bool:
        """Whether it is an ordered failure, a supervisor's giving up over one, or that of somebody it drags along."""
        if self.excuse is not None and error is not None and self.excuse(actor, error):
            return True
        while isinstance(error, IntensityExceeded | ChildEscalated):
            error = error.__cause__
        dragged = any(actor.path in fault.drags for fault in self.faults)
        while dragged and isinstance(error, AskFailed):  # of somebody who was dragged along himself
            error = error.__cause__
        if self._services_fail and isinstance(error, AskFailed):
            error = error.__cause__
        failed_by_service = isinstance(error, RpcError | PortDown | EngineRefused | AskTimeout)
        return isinstance(error, InjectedFault) or (self._services_fail and failed_by_service)

    # Questions

    def counters(self, path: str) -> Counters:
        """How often what befell the actors that had this path."""
        return Counters(**self._counts.get(path, {}))

    # What happens

    def note(self, kind: str, actor: Ref, detail: str = "") -> None:
        """Write down what befell an actor."""
        seen = Happening(time=self.now(), kind=kind, path=actor.path, uid=actor.uid, detail=detail)
        self.happenings.append(seen)

    @override
    def spawned(self, actor: Ref) -> None:
        super().spawned(actor)
        self.living[actor.uid] = actor
        self.note("spawned", actor)

    @override
    def handling(self, envelope: "Envelope", target: Ref) -> None:
        self._heard(envelope, target)
        if self._armed and (fault := self._armed.pop(target.path, None)) is not None:
            name = type(envelope.message).__name__
            fault.touched.append(f"{name} {envelope.id}")
            raise InjectedFault(f"ordered by the scenario: {target.path} fails on {name}")

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        super().failed(actor, error, envelope)
        self._count(actor, "failures")
        self.note("failed", actor, _words(error))
        if isinstance(error, CorruptRecord):
            self.corrupt.append(actor.path)
        if not self._provoked(actor, error):
            message = "" if envelope is None else f" on {type(envelope.message).__name__}"
            self.crashes.append(f"{actor.path} crashed{message}: {_words(error)}")

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        super().resumed(actor, error)
        self.note("resumed", actor, _words(error))

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        super().restarted(actor, incarnation, cause)
        self._count(actor, "restarts")
        self.note("restarted", actor, _words(cause))

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        super().escalated(actor, error)
        self._count(actor, "escalations")
        self.note("escalated", actor, _words(error))

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        super().stopped(actor, reason)
        self.living.pop(actor.uid, None)
        self._count(actor, "stops")
        self.note("stopped", actor, reason)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        super().dropped(envelope, target, reason)
        self._count(target, "dropped")

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        super().dead_letter(envelope, target, reason)
        self._count(target, _LETTERS.get(reason, "dead_letters"))

    def _count(self, actor: Ref, what: str) -> None:
        counts = self._counts.setdefault(actor.path, {})
        counts[what] = counts.get(what, 0) + 1


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
