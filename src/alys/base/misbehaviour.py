"""The faults that one service was told to commit: which are on, what becomes of one call under them, and what each touched.

Nothing is done here. Whoever carries a service's answers (a server, a port in memory) asks ``treat`` about each call and does as it
is told; a model asks ``bites`` at the point where it could break a rule, and reads its clock through ``now``. A fault that touched
nothing proves nothing, so each one counts, and its count outlives it.
"""

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from alys.base.faults import (
    SERVICES,
    AnyFault,
    BadFault,
    CallFault,
    ClockSkew,
    Drop,
    Error,
    Fault,
    Hang,
    Lasting,
    Latency,
    Malformed,
    Refuse,
    Reorg,
    Stale,
    plain,
    read,
)
from alys.base.prng import Random

FAULTS_MAX = 200
"""On at once."""
ENDED_MAX = 1_000
"""Ended ones that are remembered; the oldest are forgotten first."""
EARLIER_MAX = 5_000
"""Answers that one ``stale`` keeps; calls beyond are answered truly."""

Ending = Error | Refuse | Hang | Drop | Malformed | Stale
Deed = Callable[[Reorg], int]
"""What happens at once when it is ordered. Tells what it touched; raises BadFault when it cannot be, and has done nothing then."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose faults these are, and what they can be about."""

    service: str
    """One of ``faults.SERVICES``."""
    calls: frozenset[str] = frozenset()
    """The names of all calls; empty: unknown, any name will do."""
    codes: frozenset[str] = frozenset()
    """The words for errors; empty: they are numbers."""


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """One fault as it stands."""

    id: int
    fault: AnyFault
    touched: int
    """Calls, messages, blocks: what it bit."""
    left: int | None
    """How often it may still bite; None: no limit."""
    ended: str = ""
    """``times``, ``duration``, ``removed`` or ``done``; empty while it is on."""

    def shown(self) -> dict[str, Any]:
        """As JSON values, without what nobody set."""
        return {
            "id": self.id,
            "fault": plain(self.fault),
            "touched": self.touched,
            "left": self.left,
            "ended": self.ended,
        }


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one call. Without ``ending`` it is carried out and answered."""

    delay_s: float = 0.0
    """How much later than otherwise its answer leaves, or its ``ending`` comes."""
    ending: Ending | None = None
    id: int = 0
    """Of the fault that ends it."""
    earlier: Any = None
    """The answer, where the ending is Stale."""
    keep: tuple[int, ...] = ()
    """Faults that want to know the answer: see ``Misbehaviour.remember``."""


UNTOUCHED = Treatment()


class _Order(msgspec.Struct, kw_only=True):
    id: int
    fault: AnyFault
    ends_at: float | None
    touched: int = 0
    ended: str = ""
    earlier: dict[bytes, Any] = {}

    def noted(self) -> Noted:
        times = self.fault.times if isinstance(self.fault, Lasting) else None
        left = None if times is None else max(0, times - self.touched)
        return Noted(
            id=self.id, fault=self.fault, touched=self.touched, left=left, ended=self.ended
        )


class Misbehaviour:
    """See the module's docstring. ``now`` is the service's clock in seconds; chance is drawn only for a fault that leaves it any."""

    def __init__(
        self,
        clock: Callable[[], float],
        random: Random,
        scope: Scope,
        deeds: Mapping[str, Deed] | None = None,
    ) -> None:
        """``deeds``: by the kind of fault that happens at once."""
        self.scope = scope
        #: Told the id of each fault that is taken back; calls that hang on it are let go.
        self.listeners: list[Callable[[int], None]] = []
        self._clock = clock
        self._random = random
        self._deeds = dict(deeds or {})
        self._on: dict[int, _Order] = {}
        self._ended: dict[int, _Order] = {}
        self._ids = 0

    # Orders

    def add(self, *orders: AnyFault) -> tuple[int, ...]:
        """Take these on, all or none; their ids. Raises BadFault."""
        checked = [read(plain(fault)) for fault in orders]
        for fault in checked:
            self._check(fault)
        if len(self._on) + len(checked) > FAULTS_MAX:
            raise BadFault(f"more than {FAULTS_MAX} faults at once: remove some")
        instant = [fault for fault in checked if isinstance(fault, Reorg)]
        if len(instant) > 1:
            raise BadFault("more than one reorg in one order: give them one after the other")
        done = {id(fault): self._deeds[fault.kind](fault) for fault in instant}
        return tuple(self._take(fault, done.get(id(fault))) for fault in checked)

    def remove(self, number: int) -> Noted:
        """End a fault; what it touched is still known. Raises BadFault when there is none of this id."""
        if number in self._on:
            self._end(self._on[number], "removed")
            self._tell(number)
        if number not in self._ended:
            known = ", ".join(str(one) for one in self._on) or "none"
            raise BadFault(f"there is no fault {number} (on: {known})")
        return self._ended[number].noted()

    def clear(self) -> tuple[Noted, ...]:
        """End all and forget them; as they stood."""
        on = list(self._on)
        for number in on:
            self._end(self._on[number], "removed")
        last = self.view()
        self._ended.clear()
        for number in on:
            self._tell(number)
        return last

    def view(self) -> tuple[Noted, ...]:
        """All that are on or were, in the order of their coming."""
        self._expire()
        return tuple(order.noted() for _, order in sorted((self._on | self._ended).items()))

    def noted(self, number: int) -> Noted:
        """One of them; raises BadFault."""
        self._expire()
        order = self._on.get(number) or self._ended.get(number)
        if order is None:
            raise BadFault(f"there is no fault {number}")
        return order.noted()

    def is_on(self, number: int) -> bool:
        """Whether this fault is on."""
        self._expire()
        return number in self._on

    def touched(self) -> dict[str, int]:
        """What each kind touched, of those that are on or remembered and touched anything."""
        counts: dict[str, int] = {}
        for one in self.view():
            if one.touched:
                counts[one.fault.kind] = counts.get(one.fault.kind, 0) + one.touched
        return counts

    # Bites

    @property
    def idle(self) -> bool:
        """Whether nothing at all is on: then nobody needs to ask about calls."""
        return not self._on

    def treat(
        self, call: str, key: bytes = b"", without: tuple[type[Fault], ...] = ()
    ) -> Treatment:
        """What becomes of a call that has come in; faults that bite have then counted it.

        Latencies add up; of the faults that end a call the one ordered first takes it, and the others do not touch it. ``key``
        tells apart calls of the same name, for Stale. Kinds in ``without`` cannot befall this call.
        """
        if not self._on:
            return UNTOUCHED
        delay_s, keep, ending = 0.0, [], UNTOUCHED
        for order in self._live():
            fault = order.fault
            if isinstance(fault, without):
                continue
            if isinstance(fault, ClockSkew):
                order.touched += 1
            elif isinstance(fault, Latency):
                if self._bites(order, call):
                    delay_s += self._lateness(fault)
            elif isinstance(fault, Ending) and ending.ending is None:
                place = _place(fault, call, key)
                taken = Treatment(ending=fault, id=order.id, earlier=order.earlier.get(place))
                if isinstance(fault, Stale) and place not in order.earlier:
                    keep += [order.id] * _matches(order, call)
                elif self._bites(order, call):
                    ending = taken
        return msgspec.structs.replace(ending, delay_s=delay_s, keep=tuple(keep))

    def remember(self, treatment: Treatment, call: str, key: bytes, answer: Any) -> None:
        """Tell the faults that wanted to know it how a call was answered."""
        for number in treatment.keep:
            order = self._on.get(number)
            if order is not None and len(order.earlier) < EARLIER_MAX:
                order.earlier.setdefault(_place(order.fault, call, key), answer)

    def bites(self, kind: str) -> bool:
        """Whether a fault of this kind, which the model commits itself, bites now; it has counted then."""
        if not self._on:
            return False
        return any(order.fault.kind == kind and self._bites(order, "") for order in self._live())

    def has(self, kind: str) -> bool:
        """Whether a fault of this kind is on; nothing is counted."""
        return bool(self._on) and any(order.fault.kind == kind for order in self._live())

    def now(self) -> float:
        """The service's clock as the service sees it."""
        if not self._on:
            return self._clock()
        skews = [order.fault for order in self._live() if isinstance(order.fault, ClockSkew)]
        return self._clock() + sum(skew.seconds for skew in skews)

    # Ways

    def _check(self, fault: AnyFault) -> None:
        service = self.scope.service
        if service not in fault.services:
            having = " and ".join(fault.services)
            raise BadFault(f"the {service} service has no fault {fault.kind}: {having} has it")
        if isinstance(fault, Reorg) and fault.kind not in self._deeds:
            raise BadFault(f"this {service} service cannot do a {fault.kind}")
        if isinstance(fault, Error) and fault.code is not None:
            self._check_code(fault.code)
        if isinstance(fault, Drop) and fault.after_bytes and service == SERVICES[-1]:
            raise BadFault(
                "the fault drop: governance cuts before a message: after_bytes must be 0"
            )
        known = self.scope.calls
        for pattern in getattr(fault, "calls", ()):
            if known and not any(fnmatch.fnmatchcase(call, pattern) for call in known):
                raise BadFault(
                    f"the fault {fault.kind}: the {service} service has no call {pattern!r}"
                )

    def _check_code(self, code: int | str) -> None:
        words = self.scope.codes
        if words and code not in words:
            raise BadFault(f"the fault error: no code {code!r}: {', '.join(sorted(words))}")
        if not words and not isinstance(code, int):
            raise BadFault(f"the fault error: the code must be a number, not {code!r}")

    def _take(self, fault: AnyFault, done: int | None) -> int:
        self._ids += 1
        lasts = getattr(fault, "duration_s", None)
        ends_at = None if lasts is None else self._clock() + lasts
        order = _Order(id=self._ids, fault=fault, ends_at=ends_at)
        self._on[order.id] = order
        if done is not None:
            order.touched = done
            self._end(order, "done")
        return order.id

    def _bites(self, order: _Order, call: str) -> bool:
        """Whether it takes this chance; counts then, and ends a fault that has had its share."""
        fault = order.fault
        assert isinstance(fault, Lasting), "the others never wait for a chance"
        if not _matches(order, call) or (fault.rate < 1 and self._random.random() >= fault.rate):
            return False
        order.touched += 1
        if fault.times is not None and order.touched >= fault.times:
            self._end(order, "times")
        return True

    def _lateness(self, fault: Latency) -> float:
        jitter = fault.jitter_ms * self._random.random() if fault.jitter_ms else 0.0
        return (fault.ms + jitter) / 1000

    def _live(self) -> Iterator[_Order]:
        self._expire()
        return iter(list(self._on.values()))

    def _expire(self) -> None:
        if not any(order.ends_at is not None for order in self._on.values()):
            return
        now = self._clock()
        for order in list(self._on.values()):
            if order.ends_at is not None and now >= order.ends_at:
                self._end(order, "duration")

    def _end(self, order: _Order, how: str) -> None:
        order.ended, order.earlier = how, {}
        del self._on[order.id]
        self._ended[order.id] = order
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _tell(self, number: int) -> None:
        for listener in list(self.listeners):
            listener(number)


def _place(fault: Fault, call: str, key: bytes) -> bytes:
    """Where a stale answer is kept: what makes two calls the same."""
    if isinstance(fault, Stale) and fault.any_params:
        return call.encode()
    return call.encode() + b"\n" + key


def _matches(order: _Order, call: str) -> bool:
    patterns = order.fault.calls if isinstance(order.fault, CallFault) else ()
    return not patterns or any(fnmatch.fnmatchcase(call, pattern) for pattern in patterns)
