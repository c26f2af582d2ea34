"""What an ordered fault excuses: the errors that actors may fail with because of it, whose, and for how long.

An injected failure is always excused, and so is whoever fails because of one. Everything else must be a symptom that the fault has
(an answer that does not come, a store that refuses), in a tree that it is for, while it lasts or soon after. No fault excuses
an error of another kind.
"""

from collections.abc import Callable, Iterable

import msgspec

from alys.actors.errors import (
    ActorStopped,
    AskFailed,
    AskTimeout,
    ChildEscalated,
    IntensityExceeded,
    MailboxFull,
    StartFailed,
)
from alys.actors.ref import Ref
from alys.base import faults, trouble
from alys.base.faults import CallFault, Fault
from alys.node.errors import CorruptRecord, EngineRefused, PortDown, StoreFailed
from alys.wire.jsonrpc import RpcError
from alys.worlds.actor_troubles import InjectedFault

LINGER_SECONDS = 60.0
"""Node time after a fault's end: the longest deadline of an ask."""

CONSEQUENCES = (AskFailed, ChildEscalated, IntensityExceeded, StartFailed)
"""Errors that have their reason in another one."""

PORTS = ("bitcoin", "engine", "store", "wire", "governance")

Kinds = tuple[type[BaseException], ...]


class Excuse(msgspec.Struct, kw_only=True, eq=False):
    """One fault's."""

    trees: tuple[str, ...]
    """Paths at or below which it holds, and for the ports of the same trees."""
    kinds: Kinds
    until: float | None = None
    """Node time; None: the fault is on."""


class Excuses:
    """See the module's docstring."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._all: list[Excuse] = []

    def give(self, trees: Iterable[str], fault: Fault) -> Excuse:
        """While the fault is on; ``end`` says that it is over."""
        excuse = Excuse(trees=tuple(trees), kinds=symptoms(fault))
        if excuse.kinds:
            self._all.append(excuse)
        return excuse

    def end(self, excuse: Excuse) -> None:
        """The fault is over; harmless when that was said."""
        if excuse.until is None:
            excuse.until = self._now() + LINGER_SECONDS

    def hold(self, actor: Ref, error: BaseException | None) -> bool:
        """Whether this failure of an actor has an excuse."""
        reason = _reason(error)
        if isinstance(reason, InjectedFault) or self._any_holds(actor, reason):
            return True
        # An execution client that refuses does so for reasons of its own, or because its gateway failed.
        return isinstance(reason, EngineRefused) and self.hold(actor, reason.__cause__)

    def _any_holds(self, actor: Ref, reason: BaseException | None) -> bool:
        return any(self._holds(excuse, actor, reason) for excuse in self._all)

    def _holds(self, excuse: Excuse, actor: Ref, reason: BaseException | None) -> bool:
        over = excuse.until is not None and self._now() > excuse.until
        inside = any(_belongs(actor.path, tree) for tree in excuse.trees)
        return inside and not over and isinstance(reason, excuse.kinds)


def _reason(error: BaseException | None) -> BaseException | None:
    while isinstance(error, CONSEQUENCES) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _belongs(path: str, tree: str) -> bool:
    ports = (f"{tree}-{port}" for port in PORTS)
    return path == tree or path.startswith(f"{tree}/") or path in ports


_SILENCE: Kinds = (AskTimeout, ActorStopped, IntensityExceeded)


def symptoms(fault: Fault) -> Kinds:
    """The errors that it may lead to in those whom it is for."""
    match fault:
        case trouble.DiskRefuses():
            return (StoreFailed,)
        case trouble.Kill(disk="torn"):
            return (CorruptRecord, IntensityExceeded)
        case trouble.Full():
            return (MailboxFull, *_SILENCE)
        case trouble.Pause() | trouble.Slow() | trouble.Crash() | trouble.Stop():
            return _SILENCE
        case CallFault():
            return (RpcError, PortDown, EngineRefused, AskTimeout)
        case faults.Reorg():
            return (RpcError, EngineRefused)
        case _:
            return ()
