"""What a governance node may be told to do wrong by its own rules, as switches over the vocabulary that all services share.

A switch that is set is a fault of its kind without a limit; faults of the same kinds with limits are ordered of ``misbehaviour``. A
fault that touched nothing proves nothing, so each one counts. Faults outlive connections: they belong to the node, not to a stream.
"""

from collections.abc import Callable, Mapping

from typing_extensions import override

from alys.base.errors import UsageError
from alys.base.faults import GOVERNANCE, KINDS, Governed, read
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import Random
from alys.wire.generated import governance_pb2 as pb

FAULT_NAMES: tuple[str, ...] = tuple(
    name for name, kind in KINDS.items() if issubclass(kind, Governed)
)

CALLS = frozenset(
    {method.name for method in pb.DESCRIPTOR.services_by_name["GovernanceStream"].methods}
    | {field.name for field in pb.StreamRequest.DESCRIPTOR.oneofs_by_name["payload"].fields}
)
"""What faults can be about: the calls (``Stream`` is a stream's opening), and the kinds of message on a stream."""

STATUS_CODES = frozenset(
    [
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ]
)
"""gRPC's words for errors."""


class UnknownFault(UsageError):
    """No such fault, or a value that is not true or false; nothing was changed."""

    def __init__(self, name: str, value: object, known: tuple[str, ...]) -> None:
        super().__init__(f"no fault {name} = {value!r}: set true or false for {', '.join(known)}")
        self.name = name
        self.value = value
        self.known = known


class Faults:
    """Switches, all off at first, and beside them the number of messages each has touched."""

    def __init__(self, now: Callable[[], float], chance: Random) -> None:
        scope = Scope(service=GOVERNANCE, calls=CALLS, codes=STATUS_CODES)
        self.misbehaviour = Misbehaviour(now, chance, scope)

    def hits(self, name: str) -> bool:
        """Is this fault on? If so, count one message touched."""
        return self.misbehaviour.bites(name)

    def __getattr__(self, name: str) -> bool:
        """Whether the switch of this name is set; counts nothing."""
        if name in FAULT_NAMES:
            return self.misbehaviour.has(name)
        raise AttributeError(name)

    @override
    def __setattr__(self, name: str, value: object) -> None:
        """Set one switch."""
        if name in FAULT_NAMES:
            self.change({name: value})
        else:
            super().__setattr__(name, value)

    @property
    def touched(self) -> dict[str, int]:
        """Messages touched, by the fault's name; kept when a fault is switched off."""
        return dict(sorted(self.misbehaviour.touched().items()))

    def change(self, wanted: Mapping[str, object]) -> dict[str, object]:
        """Switch faults on and off; all or nothing, raises UnknownFault. What is on then is told as ``view`` does."""
        for name, value in wanted.items():
            if name not in FAULT_NAMES or not isinstance(value, bool):
                raise UnknownFault(name, value, FAULT_NAMES)
        for name, value in wanted.items():
            if not value:
                self._end(name)
        missing = [name for name, value in wanted.items() if value and not getattr(self, name)]
        self.misbehaviour.add(*(read({"kind": name}) for name in missing))
        return self.view()

    def view(self) -> dict[str, object]:
        """The switches and the counts as JSON values."""
        return {**{name: getattr(self, name) for name in FAULT_NAMES}, "touched": self.touched}

    def _end(self, name: str) -> None:
        for one in self.misbehaviour.view():
            if one.fault.kind == name and not one.ended:
                self.misbehaviour.remove(one.id)
