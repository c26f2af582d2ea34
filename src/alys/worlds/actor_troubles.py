"""What befalls actors by order: crashes at a chosen moment, pauses, slow handlers, full mailboxes, a wrong clock.

Nothing of it costs anything while none is on: the observers that it needs join when the first fault is struck, and leave with
the last one. A context whose actor has a wrong clock, or whose next use is to fail, is given another class for as long as that lasts.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from typing_extensions import override

from alys.actors.context import Context
from alys.actors.observe import Observer, together
from alys.actors.ref import Ref
from alys.actors.system import System
from alys.base.errors import AlysError
from alys.base.trouble import Crash, Full, Pause, Slow

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

USES = (
    "tell", "send", "ask", "defer", "refuse", "stash", "unstash", "now", "after", "every", "receive_timeout",
    "whereis", "spawn", "stop", "watch", "unwatch",
)  # fmt: skip
"""Of a context, what a handler uses: there a crash ``in`` a message bites."""

MILLISECOND = 0.001

ActorFault = Crash | Pause | Slow | Full


class InjectedFault(AlysError):
    """What an actor fails with because somebody ordered it."""


class _On(msgspec.Struct, kw_only=True, eq=False):
    """One fault that is on."""

    number: int
    path: str
    fault: ActorFault
    cell: Any = None
    """Whom a pause or a full mailbox holds up."""


class Takings(Protocol):
    """Who wants to hear of messages that are taken up, and may strike then."""

    def handling(self, envelope: "Envelope", target: Ref) -> None:
        """A handler is about to run."""
        ...


class ActorTroubles:
    """See the module's docstring."""

    def __init__(self, system: System) -> None:
        self._system = system
        #: How often each fault bit, by its number.
        self.touched: Counter[int] = Counter()
        #: When somebody was last made to crash.
        self.crashed_at = -math.inf
        self._on: dict[int, _On] = {}
        self._by_path: dict[str, list[_On]] = {}
        self._numbers = 0
        self._held: Counter[Any] = Counter()
        self._inner: Observer | None = None
        self._joined: Observer | None = None
        #: Contexts whose next use fails: the fault, and the class that each had.
        self._sabotaged: dict[Any, tuple[_On, type[Context]]] = {}
        self._traitor = _traitor(self._used)
        self._clocks: dict[str, _Clock] = {}
        self._takings: Takings | None = None

    # Orders

    def listen(self, takings: "Takings | None") -> None:
        """Tell somebody of each message that is taken up, before faults bite it; None: nobody any more."""
        self._takings = takings
        self._settle()

    def strike(self, path: str, fault: ActorFault) -> int:
        """From now on; the number by which it is lifted."""
        self._numbers += 1
        on = _On(number=self._numbers, path=path, fault=fault)
        self._on[on.number] = on
        self._by_path.setdefault(path, []).append(on)
        if isinstance(fault, Pause | Full):
            on.cell = self._cell(path)
        if on.cell is not None and isinstance(fault, Pause):
            self._hold(on.cell)
        elif on.cell is not None:
            box = on.cell.box()
            box.capacity, box.room = box.count, 0
        self._settle()
        return on.number

    def lift(self, number: int) -> None:
        """End one; harmless when it has ended."""
        on = self._on.pop(number, None)
        if on is None:
            return
        self._by_path[on.path].remove(on)
        if not self._by_path[on.path]:
            del self._by_path[on.path]
        if on.cell is not None and isinstance(on.fault, Pause):
            self.touched[number] += on.cell.mailbox.count
            self._let_go(on.cell)
        elif on.cell is not None:
            self._make_room(on)
        self._settle()

    def is_on(self, number: int) -> bool:
        """Whether it may still bite."""
        return number in self._on

    def skew(self, tree: str, seconds: float) -> int:
        """The actors at or below this path see another time; the number by which it is lifted."""
        self._numbers += 1
        clock = self._clocks.get(tree)
        if clock is None:
            clock = self._clocks[tree] = _Clock(self._system)
        clock.offsets[self._numbers] = seconds
        for cell in self._below(tree):
            self._set_clock(cell, clock.context)
        self._settle()
        return self._numbers

    def set_right(self, tree: str, number: int) -> None:
        """End one skew; harmless when it has ended."""
        clock = self._clocks.get(tree)
        if clock is None or clock.offsets.pop(number, None) is None:
            return
        if not clock.offsets:
            del self._clocks[tree]
            for cell in self._below(tree):
                self._set_clock(cell, Context)
        self._settle()

    def seen(self, tree: str) -> int:
        """How often somebody of the tree looked at the wrong clock, since it went wrong."""
        clock = self._clocks.get(tree)
        return 0 if clock is None else clock.looks

    # What happens

    def before(self, envelope: "Envelope", target: Ref) -> None:
        """A handler is about to run: raises InjectedFault, or sees to it that the context will."""
        if self._takings is not None:
            self._takings.handling(envelope, target)
        for on in list(self._by_path.get(target.path, ())):
            fault = on.fault
            if not isinstance(fault, Crash) or not _about(fault, envelope):
                continue
            if fault.moment == "before":
                self._crash(on, target)
            elif fault.moment == "in" and target not in self._sabotaged:
                context = target.cell.context
                self._sabotaged[target] = (on, context.__class__)
                context.__class__ = self._traitor

    def after(self, envelope: "Envelope", target: Ref) -> None:
        """A handler has returned: raises InjectedFault, or makes it slow."""
        self._mend(target)
        for on in list(self._by_path.get(target.path, ())):
            fault = on.fault
            if isinstance(fault, Crash) and fault.moment == "after" and _about(fault, envelope):
                self._crash(on, target)
            elif isinstance(fault, Slow):
                self.touched[on.number] += 1
                cell = target.cell
                self._hold(cell)
                self._system.dispatcher.call_after(fault.ms * MILLISECOND, self._let_go, cell)

    def entering(self, actor: Ref, hook: str) -> None:
        """A hook is about to run: raises InjectedFault. A new context gets its clock here."""
        if hook in ("on_start", "post_restart"):
            for tree, clock in self._clocks.items():
                if _is_below(actor.path, tree):
                    self._set_clock(actor.cell, clock.context)
        for on in list(self._by_path.get(actor.path, ())):
            if isinstance(on.fault, Crash) and on.fault.moment == hook:
                self._crash(on, actor)

    def refused(self, target: Ref, reason: str) -> None:
        """A message was not let in."""
        for on in self._by_path.get(target.path, ()):
            if isinstance(on.fault, Full) and reason == "mailbox full":
                self.touched[on.number] += 1

    def failed(self, actor: Ref) -> None:
        """Whatever its context was to do is over."""
        self._mend(actor)

    def _crash(self, on: _On, actor: Ref) -> None:
        self.touched[on.number] += 1
        self.crashed_at = self._system.dispatcher.now()
        self.lift(on.number)
        assert isinstance(on.fault, Crash), "nothing else crashes"
        raise InjectedFault(f"ordered: {actor.path} fails, moment {on.fault.moment}")

    def _used(self, context: Context) -> None:
        target = context.self
        on, _ = self._sabotaged[target]
        self._mend(target)
        if on.number in self._on:
            self._crash(on, target)

    def _mend(self, target: Ref) -> None:
        found = self._sabotaged.pop(target, None)
        if found is not None and target.cell.context is not None:
            target.cell.context.__class__ = found[1]

    # Ways

    def _hold(self, cell: Any) -> None:
        self._held[cell] += 1
        if self._held[cell] == 1:
            cell.begin_suspend(True)

    def _let_go(self, cell: Any) -> None:
        self._held[cell] -= 1
        if not self._held[cell]:
            del self._held[cell]
            cell.begin_suspend(False)

    def _make_room(self, on: _On) -> None:
        others = [one for one in self._by_path.get(on.path, ()) if isinstance(one.fault, Full)]
        if not others:
            on.cell.box().capacity = on.cell.spec.mailbox_messages_max
            if on.cell.admit() and not on.cell.queued:
                on.cell.wake()

    def _set_clock(self, cell: Any, kind: type[Context]) -> None:
        found = self._sabotaged.get(cell)
        if found is not None:
            self._sabotaged[cell] = (found[0], kind)
        else:
            cell.door().__class__ = kind

    def _cell(self, path: str) -> Any:
        return next((cell for cell in self._system.cells() if cell.path == path), None)

    def _below(self, tree: str) -> Iterator[Any]:
        return (cell for cell in self._system.cells() if _is_below(cell.path, tree))

    def _settle(self) -> None:
        """Listen while there is something to listen for."""
        wanted = bool(self._on or self._clocks or self._sabotaged or self._takings)
        if wanted and self._joined is None:
            self._inner = self._system.observer
            self._joined = together(_First(self), self._inner, _Last(self))
            self._system.observer = self._joined
        elif not wanted and self._joined is not None and self._system.observer is self._joined:
            assert self._inner is not None, "it is kept as long as the other"
            self._system.observer, self._inner, self._joined = self._inner, None, None


class _First(Observer):
    """Hears before all others: what raises here did not happen for them."""

    def __init__(self, troubles: ActorTroubles) -> None:
        self._troubles = troubles

    @override
    def handled(self, envelope: "Envelope", target: Ref) -> None:
        self._troubles.after(envelope, target)


class _Last(Observer):
    """Hears after all others."""

    def __init__(self, troubles: ActorTroubles) -> None:
        self._troubles = troubles

    @override
    def entering(self, actor: Ref, hook: str) -> None:
        self._troubles.entering(actor, hook)

    @override
    def handling(self, envelope: "Envelope", target: Ref) -> None:
        self._troubles.before(envelope, target)

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        self._troubles.failed(actor)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._troubles.refused(target, reason)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._troubles.refused(target, reason)


class _Clock:
    """A tree's clock while it is wrong."""

    def __init__(self, system: System) -> None:
        #: By how many seconds, by the fault's number; they add up.
        self.offsets: dict[int, float] = {}
        self.looks = 0
        self._system = system
        clock = self

        class Skewed(Context):
            @override
            def now(self) -> float:
                return clock.now()

        self.context: type[Context] = Skewed

    def now(self) -> float:
        """What it shows."""
        self.looks += 1
        return self._system.dispatcher.now() + sum(self.offsets.values())


def _traitor(used: Callable[[Context], None]) -> type[Context]:
    """A context that says when it is used."""

    def method(name: str) -> Any:
        def call(self: Context, *args: Any, **named: Any) -> Any:
            used(self)
            return getattr(self, name)(*args, **named)

        return call

    made: type[Context] = type("Traitor", (Context,), {name: method(name) for name in USES})
    return made


def _about(fault: Crash, envelope: "Envelope") -> bool:
    return not fault.message or type(envelope.message).__name__ == fault.message


def _is_below(path: str, tree: str) -> bool:
    return path == tree or path.startswith(f"{tree}/")
