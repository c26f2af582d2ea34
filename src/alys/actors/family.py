"""The children of one cell: start in order, decide on failures, stop in reverse.

Theory of operation. What happens to a child arrives as a call in the owner's control lane (``child_started``,
``child_failed``, ...), so it is handled in order, while the owner can be asked things in between. Somebody who waits for
it (a group restart, an administrator) is told and nobody else; otherwise ``supervision.decide`` says what to do.
A restart of one child is a call to it. A restart of several, or the start of a list, is a coroutine (``groups``) of
which at most one is under way; failures that come meanwhile wait until it is over.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from alys.actors import groups
from alys.actors.dispatch import Timer
from alys.actors.errors import ActorStopped, BadSpec, ChildEscalated, Ignore, IntensityExceeded
from alys.actors.exits import BY_PARENT, Exit, Kind
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import CellState, Status
from alys.actors.supervision import (
    AutoShutdown,
    ChildSpec,
    Decision,
    Intensity,
    Restart,
    Strategy,
    check_spec,
    count_restart,
    decide,
)

if TYPE_CHECKING:
    from alys.actors.cell import Cell

SIGNIFICANT = Exit(kind=Kind.SHUTDOWN, detail="significant child ended")


class Family:
    """Children by name (or uid), in the order of their start, and the log of their restarts."""

    __slots__ = (
        "_attempts", "_backlog", "_checked", "_job", "_later", "_owner", "_passed_on", "_starters", "_waits", "at_once",
        "auto_shutdown", "cells", "closed", "intensity", "keeps", "log", "strategy", "then",
    )  # fmt: skip

    def __init__(self, owner: Any) -> None:
        self.cells: dict[str | int, Cell] = {}
        self.intensity = Intensity()
        self.strategy = Strategy.ONE_FOR_ONE
        self.auto_shutdown = AutoShutdown.NEVER
        #: Whether stopped children stay on the list (an OTP supervisor's do, temporary ones excepted).
        self.keeps = False
        #: Whether all are told to stop at the same time (a dynamic supervisor's are).
        self.at_once = False
        #: The instants of the restarts that still count.
        self.log: tuple[float, ...] = ()
        #: From ``stop_all`` until the owner goes on: a child whose end is heard of then has no successor.
        self.closed = False
        #: What to do once the last child is gone; None while they are not being stopped.
        self.then: Callable[[], None] | None = None
        self._owner: Cell = owner
        #: Restarts in a row of a child with a back-off, and when the last of them was due.
        self._attempts: dict[str | int, tuple[int, float]] = {}
        #: Who waits for what becomes of a child.
        self._waits: dict[Any, Reply[Any]] = {}
        #: The same for administrators, whom the steps of a job on the way are no answer to.
        self._starters: dict[Any, Reply[Any]] = {}
        self._job: Any = None
        #: What has to be decided when the job is over.
        self._backlog: deque[tuple[Any, ...]] = deque()
        #: Failures that were not the owner's to decide: child, error, message, incarnation.
        self._passed_on: list[tuple[Cell, BaseException, Message | None, int]] = []
        #: What is to be done after a back-off: the start of a child by its key, the job's next step by None.
        self._later: dict[str | int | None, Timer] = {}
        #: The spec that was checked last; many children share one.
        self._checked: ChildSpec | None = None

    # Questions

    def living(self) -> "Iterator[Cell]":
        """The children that are not stopped, in the order of their start."""
        return (cell for cell in list(self.cells.values()) if cell.status is not Status.STOPPED)

    @property
    def is_stopping(self) -> bool:
        """Whether no child may be started any more."""
        return self.closed or self._owner.is_stopped

    # Start

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a child; raises BadSpec for a name that is taken, ActorStopped while stopping."""
        cell = self.add(spec)
        cell.queued = True  # its first turn is its start
        cell.system.dispatcher.schedule(cell)
        return cell

    def add(self, spec: ChildSpec) -> "Cell":
        """A new child that has not started; it takes the place of a stopped one of the same name."""
        if spec is not self._checked:
            check_spec(spec)
            self._checked = spec
        owner = self._owner
        if self.is_stopping:
            raise ActorStopped(owner.path)
        old = self.cells.get(spec.name) if spec.name else None
        if old is not None and old.status is not Status.STOPPED:
            raise BadSpec(f"{owner.path} has a child named {spec.name!r} already")
        cell = owner.system.make_cell(spec, owner)
        self.cells[cell.key] = cell
        owner.system.observer.spawned(cell)
        return cell

    def wait_for(self, child: "Cell") -> Reply[Any]:
        """The next thing that becomes of the child: None for started or torn down, an exception, or an Exit."""
        reply: Reply[Any] = Reply(self._owner.system.dispatcher)
        self._waits[child] = reply
        return reply

    def wait_for_start(self, child: "Cell") -> Reply[Any]:
        """None once it runs, or why it does not; a restart of its group that takes it along is waited for."""
        reply: Reply[Any] = Reply(self._owner.system.dispatcher)
        self._starters[child] = reply
        return reply

    def child_started(self, child: "Cell") -> None:
        """The one whose start was awaited runs."""
        self._answer(child, None)
        self._answer_starter(child, None)

    def child_start_failed(self, child: "Cell", error: BaseException, incarnation: int) -> None:
        """A factory or start hook raised."""
        told = self._answer_starter(child, error)
        if self._answer(child, error) or told:
            return
        if isinstance(error, Ignore):
            child.begin_stop(groups.NOT_WANTED, ordered=True)
            return
        unlimited = self.intensity.restarts is None and child.spec.backoff is None
        if incarnation > 0 and unlimited:  # it would fail for ever without a pause
            child.begin_stop(Exit(kind=Kind.FAILED, error=error), ordered=True)
            return
        self.child_failed(child, Exit(kind=Kind.FAILED, error=error), None, incarnation)

    def _answer_starter(self, child: "Cell", what: Any) -> bool:
        reply = self._starters.pop(child, None)
        return reply is not None and reply.complete(what)

    def _answer(self, child: "Cell", what: Any) -> bool:
        reply = self._waits.pop(child, None)
        if reply is None:
            return False
        reply.complete(what)
        return True

    # Failure

    def child_failed(
        self, child: "Cell", end: Exit, message: Message | None, incarnation: int
    ) -> None:
        """Decide and act; see ``supervision.decide``."""
        if self.is_stopping or self.cells.get(child.key) is not child:
            return
        if child.incarnation != incarnation or child.is_stopped:
            return
        if self._job is not None:
            self._backlog.append((self.child_failed, child, end, message, incarnation))
            return
        now = self._owner.system.dispatcher.now()
        self._owner.system.observer.judging(child, end, False)
        decision, self.log = decide(child.spec, self.intensity, self.log, end, now)
        error = end.error if end.error is not None else ActorStopped(child.path)
        if decision is Decision.RESTART:
            self._restart(child, error, message)
        elif decision is Decision.RESUME and child.instance is not None:
            child.begin_resume(error)
        elif decision is Decision.STOP:
            child.begin_stop(end, ordered=True)
        elif decision is Decision.GIVE_UP:
            self.give_up(error)
        else:  # to escalate, or to resume what never started
            self._passed_on.append((child, error, message, incarnation))
            self._owner.escalate(ChildEscalated(self._owner.path, child.path, error))

    def _restart(self, child: "Cell", error: BaseException, message: Message | None) -> None:
        if self.strategy is not Strategy.ONE_FOR_ONE:
            self.run(groups.restart_group(self, child, error, message))
        elif child.spec.backoff is None:
            child.begin_restart(error, message)
        else:
            delay = self.backoff_delay(child)
            child.begin_tear_down(error, message, partial(child.rebuild_later, delay, error))

    def backoff_delay(self, child: "Cell") -> float:
        """How long to wait before this restart; a child that was quiet for long enough starts counting anew."""
        backoff = child.spec.backoff
        if backoff is None:
            return 0.0
        now = self._owner.system.dispatcher.now()
        attempt, due = self._attempts.get(child.key, (0, 0.0))
        if now - due >= backoff.quiet_seconds:
            attempt = 0
        delay = backoff.delay(attempt, self._owner.random.random() if backoff.jitter else 0.0)
        self._attempts[child.key] = (attempt + 1, now + delay)
        return delay

    def child_torn_down(self, child: "Cell") -> None:
        """An incarnation is over; whoever restarts the child may go on."""
        self._answer(child, None)

    def give_up(self, cause: BaseException | None) -> None:
        """Too many restarts: stop the children and end."""
        intensity = self.intensity
        failure = IntensityExceeded(
            self._owner.path, intensity.restarts or 0, intensity.period_seconds
        )
        failure.__cause__ = cause
        owner = self._owner  # it handles no message any more, so it starts nobody
        owner.able = owner.idle = False
        owner.interrupt = True
        owner.mailbox.room = 0
        self.stop_all(lambda: self._owner.give_up(failure))

    # Stop

    def stop_all(self, then: Callable[[], None]) -> None:
        """Stop the children, last started first and each awaited (or all at once); then call."""
        self.then = then
        self.closed = True
        self._end_job()
        if self.at_once:
            for child in self.living():
                child.begin_stop(BY_PARENT, ordered=True)
        self._stop_last()

    def _stop_last(self) -> None:
        for child in reversed(self.cells.values()):
            if child.status is not Status.STOPPED:
                if not self.at_once:
                    child.begin_stop(BY_PARENT, ordered=True)
                return
        then, self.then = self.then, None
        assert then is not None, "whoever stops them all says what comes then"
        then()

    def child_stopped(self, child: "Cell", end: Exit) -> None:
        """A child is gone: go on stopping, tell who waits, or decide whether a new one takes its place."""
        mine = self.cells.get(child.key) is child
        if mine and not self._keeps(child):
            del self.cells[child.key]
        told = self._answer_starter(child, end)
        if self._answer(child, end):
            return
        if self.then is not None:
            self._stop_last()
        elif mine and not told and not self.is_stopping:
            if not child.more.ordered:
                self._ended_by_itself(child, end)
                return
            self._attempts.pop(child.key, None)
            if end.kind is Kind.FAILED or end.error is not None:  # a supervisor that gave up, too
                self._look_for_significant(child)

    def _keeps(self, child: "Cell") -> bool:
        """Whether it stays on the list when it is stopped."""
        return self.keeps and child.spec.restart is not Restart.TEMPORARY

    def _is_gone(self, child: "Cell") -> bool:
        """Whether another child stands at the place of one that has ended, or its spec has been deleted."""
        return self.cells.get(child.key) is not (child if self._keeps(child) else None)

    def _ended_by_itself(self, child: "Cell", end: Exit) -> None:
        if self._job is not None:
            self._backlog.append((self._ended_by_itself, child, end))
            return
        if self._is_gone(child):
            return  # somebody else has seen to it
        now = self._owner.system.dispatcher.now()
        self._owner.system.observer.judging(child, end, False)
        decision, self.log = decide(child.spec, self.intensity, self.log, end, now)
        if decision is Decision.GIVE_UP:
            self.give_up(end.error)
        elif decision is Decision.RESTART:
            self._start_anew(child, end)
        else:
            self._attempts.pop(child.key, None)
            self._look_for_significant(child)

    def _start_anew(self, child: "Cell", end: Exit) -> None:
        """A permanent child has ended by itself: another actor takes its name."""
        if self.strategy is not Strategy.ONE_FOR_ONE:
            self.run(groups.restart_group(self, child, end.error, None))
            return
        delay = self.backoff_delay(child)
        if delay > 0:
            later = self._owner.system.dispatcher.call_after
            call = partial(self._owner.post, self._start_in_place, child)
            self._later[child.key] = later(delay, call)
        else:
            self._start_in_place(child)

    def take_along(self, error: BaseException, *, resume: bool) -> None:
        """The owner goes on after a failure: so do the children that stand still because theirs was escalated to it."""
        self.closed = False
        passed_on, self._passed_on = self._passed_on, []
        for failure in passed_on:
            self._decide_after_all(*failure, resume)

    def _decide_after_all(
        self,
        child: "Cell",
        error: BaseException,
        message: Message | None,
        incarnation: int,
        resume: bool,
    ) -> None:
        if child.status is not Status.FAILED or child.incarnation != incarnation:
            return
        if self._job is not None:
            later = (self._decide_after_all, child, error, message, incarnation, resume)
            self._backlog.append(later)
        elif resume and child.instance is not None:
            child.begin_resume(error)
        elif child.spec.restart is Restart.TEMPORARY:
            child.begin_stop(Exit(kind=Kind.FAILED, error=error), ordered=True)
        else:
            self._restart(child, error, message)

    def _start_in_place(self, old: "Cell") -> None:
        """Unless an administrator, or the owner itself, has decided otherwise about its place meanwhile."""
        self._later.pop(old.key, None)
        forgotten = self.keeps and old.key not in self.cells
        if self.is_stopping or old.more.ordered or forgotten or self._is_gone(old):
            return
        try:
            cell = self.add(old.spec)
        except BadSpec as wrong:  # somebody else has registered its name
            now = self._owner.system.dispatcher.now()
            self._owner.system.observer.judging(old, Exit(kind=Kind.FAILED, error=wrong), True)
            decision, self.log = count_restart(self.intensity, self.log, now)
            if decision is Decision.GIVE_UP or self.intensity.restarts is None:
                self.give_up(wrong)
            else:
                self._owner.post(self._start_in_place, old)
            return
        if old.key in self._attempts:  # the key of a child without a name is new
            self._attempts[cell.key] = self._attempts.pop(old.key)
        cell.begin_start()

    def pause(self, seconds: float) -> Reply[None]:
        """A job's wait for a back-off; it ends with the job."""
        dispatcher = self._owner.system.dispatcher
        slot: Reply[None] = Reply(dispatcher)
        self._later[None] = dispatcher.call_after(seconds, slot.complete, None)
        return slot

    def _look_for_significant(self, child: "Cell") -> None:
        """A significant child has ended by itself, for good: perhaps the supervisor ends too (OTP 24)."""
        if not child.spec.significant or self.auto_shutdown is AutoShutdown.NEVER:
            return
        others = any(other.spec.significant for other in self.living())
        if self.auto_shutdown is AutoShutdown.ANY or not others:
            self._owner.begin_stop(SIGNIFICANT)

    def drop(self, child: "Cell") -> None:
        """Forget a stopped child and its spec."""
        self.cells.pop(child.key, None)
        self._attempts.pop(child.key, None)

    def abandon(self) -> "list[Cell]":
        """The owner is killed: forget everything; gives the living children, last started first."""
        self.then = None
        self._end_job()
        return list(reversed(list(self.living())))

    def forget(self) -> None:
        """A new incarnation of the owner begins with an empty log."""
        self._call_off()
        self.closed = False
        self.log = ()
        self._attempts.clear()
        self._passed_on.clear()
        self.cells.clear()

    # Jobs

    def run(self, job: Any) -> None:
        """Carry out a coroutine of ``groups``; each of its steps is a call in the owner's control lane."""
        self._job = job
        self._step(job)

    def _step(self, job: Any) -> None:
        if self._job is not job:
            return
        try:
            waited = job.send(None)
        except StopIteration:
            self._job = None
            backlog, self._backlog = self._backlog, deque()
            for call, *args in backlog:
                call(*args)
        else:
            waited.subscribe(lambda: self._owner.post(self._step, job))

    def drop_all(self) -> None:
        """None of a list is left, and nothing is to be decided about any."""
        self.cells.clear()
        self._backlog.clear()

    def _call_off(self) -> None:
        """What was to be done later is not done any more."""
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    def _end_job(self) -> None:
        job, self._job = self._job, None
        self._call_off()
        self._backlog.clear()
        self._waits.clear()
        if job is not None:
            job.close()


def is_restarting(cell: CellState) -> bool:
    """Whether it stands still, waits for a back-off or is being built anew (OTP's ``restarting``)."""
    return cell.status in (Status.FAILED, Status.RESTARTING)
