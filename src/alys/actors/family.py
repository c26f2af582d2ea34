"""The children of one cell: start in order, decide on failures, stop in reverse."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from alys.actors.errors import ActorStopped, BadSpec, ChildEscalated, IntensityExceeded
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.supervision import ChildSpec, Decision, Intensity, check_spec, decide

if TYPE_CHECKING:
    from alys.actors.cell import Cell


class Family:
    """Children by name, in the order of their start, and the log of their restarts."""

    def __init__(self, owner: "Cell") -> None:
        self._owner = owner
        self._cells: dict[str, Cell] = {}
        self._log: tuple[float, ...] = ()
        #: Restarts in a row of a child with a back-off, and when the last of them was due.
        self._attempts: dict[str, tuple[int, float]] = {}
        #: What to do once the last child is gone; None while they are not being stopped.
        self.when_all_stopped: Callable[[], None] | None = None
        self.intensity = Intensity()

    def cells(self) -> "list[Cell]":
        """The living children, in the order of their start."""
        return list(self._cells.values())

    def forget(self) -> None:
        """A new incarnation of the owner begins with an empty log."""
        self._log = ()
        self._attempts.clear()

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a child; raises BadSpec for a name that is taken, ActorStopped while stopping."""
        check_spec(spec)
        if self._owner.is_stopped or self.when_all_stopped is not None:
            raise ActorStopped(self._owner.ref.path)
        if spec.name in self._cells:
            raise BadSpec(f"{self._owner.ref.path} has a child named {spec.name!r} already")
        cell = self._owner.system.make_cell(spec, self._owner)
        self._cells[spec.name] = cell
        self._owner.system.observer.spawned(cell.ref)
        cell.post(cell.start)
        return cell.ref

    def stop_all(self, then: Callable[[], None]) -> None:
        """Stop the children, last started first, each awaited; then call."""
        self.when_all_stopped = then
        self._stop_last()

    def child_failed(self, child: "Cell", error: BaseException, message: Message | None) -> None:
        """Decide and act; see ``supervision.decide``."""
        if self._cells.get(child.spec.name) is not child or self.when_all_stopped is not None:
            return
        dispatcher = self._owner.system.dispatcher
        decision, self._log = decide(child.spec, self.intensity, self._log, error, dispatcher.now())
        if decision is Decision.RESTART:
            self._restart(child, error, message)
        elif decision is Decision.STOP:
            child.post(child.begin_stop, "failed")
        elif decision is Decision.ESCALATE:
            self._owner.escalate(ChildEscalated(self._owner.ref.path, child.ref.path, error))
        else:
            self._give_up(error)

    def child_stopped(self, child: "Cell", reason: str) -> None:
        """A child is gone: go on stopping, or start a permanent one that ended by itself again."""
        if self._cells.get(child.spec.name) is not child:
            return
        del self._cells[child.spec.name]
        if self.when_all_stopped is not None:
            self._stop_last()
        elif reason == "stopped" and not self._owner.is_stopped:
            now = self._owner.system.dispatcher.now()
            decision, self._log = decide(child.spec, self.intensity, self._log, None, now)
            if decision is Decision.RESTART:
                self.spawn(child.spec)
            elif decision is Decision.GIVE_UP:
                self._give_up(None)

    def _restart(self, child: "Cell", error: BaseException, message: Message | None) -> None:
        backoff = child.spec.backoff
        if backoff is None:
            child.post(child.restart, error, message)
            return
        dispatcher = self._owner.system.dispatcher
        attempt, due = self._attempts.get(child.spec.name, (0, 0.0))
        if dispatcher.now() - due >= backoff.quiet_seconds:
            attempt = 0
        delay = backoff.delay(attempt, self._owner.random.random())
        self._attempts[child.spec.name] = (attempt + 1, dispatcher.now() + delay)
        dispatcher.call_after(delay, child.post, child.restart, error, message)

    def _give_up(self, cause: BaseException | None) -> None:
        failure = IntensityExceeded(
            self._owner.ref.path, self.intensity.restarts, self.intensity.period_seconds
        )
        failure.__cause__ = cause
        self.stop_all(lambda: self._owner.escalate(failure))

    def _stop_last(self) -> None:
        if self._cells:
            child = next(reversed(self._cells.values()))
            child.post(child.begin_stop, "parent")
            return
        then, self.when_all_stopped = self.when_all_stopped, None
        if then is not None:
            then()
