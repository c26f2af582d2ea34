"""One actor as the runtime sees it: mailbox, current activity, lifecycle.

Theory of operation. A cell is run by the dispatcher when it has something to do (``schedule``, ``run``). Two queues feed it:
``control``, calls of the runtime itself (start, stop, a child's failure), which are always taken first and never bounded;
and the mailbox. At most one activity (a handler or a hook) is under way; until it ends no user message is taken, though
control still is.

    STARTING -> RUNNING -> FAILED -> RESTARTING -> RUNNING
         \\________\\__________\\_________\\-> STOPPING -> STOPPED

FAILED means: the parent has been told and has not decided; the mailbox waits. The ref and the mailbox live through restarts;
instance, context, timers, watches and children do not. Every incarnation has a number, and what an older one left
behind (a timer's tick, the wake-up of a closed coroutine) is recognised by it and dropped.

Every envelope that was reported as sent is reported once more: as handled, or as a dead letter with the reason.
"""

import enum
import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alys.actors.activity import Activity
from alys.actors.actor import Actor, Terminated, handlers_of
from alys.actors.context import Context, Promise
from alys.actors.dispatch import Timer
from alys.actors.errors import ActorStopped, AskFailed, DeathPact
from alys.actors.family import Family
from alys.actors.mailbox import Envelope, Mailbox
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec

if TYPE_CHECKING:
    from alys.actors.system import System


class Status(enum.Enum):
    """Where a cell is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Cell:
    """See the module's docstring."""

    def __init__(self, system: "System", spec: ChildSpec, parent: "Cell | None", uid: int) -> None:
        path = f"{parent.ref.path if parent is not None else ''}/{spec.name}"
        self.system = system
        self.spec = spec
        self.parent = parent
        self.ref: Ref = Ref(path, uid, self)
        self.random = system.random.fork(path)
        self.mailbox = Mailbox(spec.mailbox_messages_max, spec.overflow)
        self.family = Family(self)
        self.status = Status.STARTING
        self.incarnation: int = 0
        #: The envelope that the current activity handles; None in a hook.
        self.envelope: Envelope | None = None
        self.activity = Activity(self, self._rested)
        self.promises: dict[Promise, bool] = {}
        self.watchers: dict[Cell, bool] = {}
        self.watching: dict[Ref, bool] = {}
        self.stopped: Reply[str] = Reply(system.dispatcher)
        self._instance: Actor | None = None
        self._context = Context(self)
        self._control: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._scheduled = False
        self._promised = False
        self._sequence = 0
        self._timers: dict[Timer, bool] = {}
        self._killer: Timer | None = None
        self._stop_reason = ""
        self._killed = False

    @property
    def is_stopped(self) -> bool:
        """Whether it takes messages no more."""
        return self.status in (Status.STOPPING, Status.STOPPED)

    # Turns

    def post(self, call: Callable[..., None], *args: Any) -> None:
        """Queue a call of the runtime; it overtakes all messages and is never refused."""
        if self.status is not Status.STOPPED:
            self._control.append((call, args))
            self.schedule()

    def schedule(self) -> None:
        """Ask for a turn, once."""
        if not self._scheduled:
            self._scheduled = True
            self.system.dispatcher.call_soon(self.run)

    def run(self) -> None:
        """One turn: control first, then up to ``throughput`` messages."""
        budget = self.system.dispatcher.throughput
        while self._control or (budget > 0 and self._ready()):
            if self._control:
                call, args = self._control.popleft()
                call(*args)
            else:
                budget -= 1
                envelope = self.mailbox.take()
                if envelope is not None:
                    self._receive(envelope)
        self._scheduled = False
        if self._ready():
            self.schedule()

    def _ready(self) -> bool:
        return self.status is Status.RUNNING and not self.activity.busy and self.mailbox.count > 0

    # Messages

    def seal(
        self, message: Message, about: str | None, reply: Reply[Any] | None = None
    ) -> Envelope:
        """Put a message of this actor into an envelope, with its cause and its operation."""
        self._sequence += 1
        current = self.envelope
        return Envelope(
            message,
            self.ref,
            self._sequence,
            current.id if current is not None else None,
            about if about is not None else (current.correlation if current is not None else None),
            reply,
        )

    def take_promise(self) -> Promise:
        """See ``Context.defer``."""
        promise = Promise(self, self.envelope)
        self.promises[promise] = True
        self._promised = True
        return promise

    def answer(self, envelope: Envelope | None, value: object) -> None:
        """Fill the slot of an ask, or report the reply as late."""
        if envelope is None or envelope.reply is None:
            return
        if envelope.reply.complete(value):
            self.system.observer.replied(envelope, self.ref, value)
        else:
            self.system.observer.dead_letter(envelope, self.ref, "late reply")

    def _receive(self, envelope: Envelope) -> None:
        message = envelope.message
        if envelope.incarnation is not None and envelope.incarnation != self.incarnation:
            self.system.observer.dead_letter(envelope, self.ref, "old timer")
            return
        if isinstance(message, Terminated) and self.watching.pop(message.ref, None) is None:
            self.system.observer.dead_letter(envelope, self.ref, "not watched")
            return
        handler = handlers_of(type(self._instance)).get(type(message))  # type: ignore[arg-type]
        if handler is None:
            self._unhandled(envelope)
            return
        self.envelope = envelope
        self._promised = False
        self.system.observer.handling(envelope, self.ref)
        self.activity.begin(
            lambda: handler(self._instance, message, self._context),
            lambda value: self._handled(envelope, value),
            lambda error: self.fail(error, envelope),
        )

    def _handled(self, envelope: Envelope, value: object) -> None:
        self.system.observer.handled(envelope, self.ref)
        if not self._promised:
            self.answer(envelope, value)

    def _unhandled(self, envelope: Envelope) -> None:
        if isinstance(envelope.message, Terminated):
            self.fail(DeathPact(self.ref.path, envelope.message.ref.path), envelope)
            return
        self.system.observer.dead_letter(envelope, self.ref, "unhandled")
        if envelope.reply is not None:
            name = type(envelope.message).__name__
            error = TypeError(f"{type(self._instance).__name__} has no handler for {name}")
            envelope.reply.fail(AskFailed(self.ref.path, name, error))

    # Activities

    def _rested(self) -> None:
        """An activity is over and its outcome reported: go on with what waited for it."""
        self.envelope = None
        if self.status is Status.STOPPING:
            self._stop_children_then_self()
        elif self.mailbox.count:
            self.schedule()

    def _abort(self) -> None:
        """Close the current activity, and let whoever asked for it learn of it."""
        busy = self.activity.busy
        raised = self.activity.close()
        if raised is not None:  # by a finally block; it must not keep the actor from stopping
            self.system.observer.failed(self.ref, raised, self.envelope)
        if busy and self.envelope is not None:
            self._lose(self.envelope, "aborted")
        self.envelope = None

    def _lose(self, envelope: Envelope, reason: str) -> None:
        """Nobody will handle it: say so to the observer and to whoever asked."""
        self.system.observer.dead_letter(envelope, self.ref, reason)
        if envelope.reply is not None:
            envelope.reply.fail(ActorStopped(self.ref.path, type(envelope.message).__name__))

    # Timers

    def arm(self, seconds: float, message: Message, about: str | None) -> Timer:
        """See ``Context.after``."""
        envelope = self.seal(message, about)
        envelope.incarnation = self.incarnation
        timer: Timer

        def fire() -> None:
            self._timers.pop(timer, None)
            self.system.deliver_timer(self.ref, envelope)

        timer = self.system.dispatcher.call_after(seconds, fire)
        self._timers[timer] = True
        return timer

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _break_promises(self) -> None:
        for promise in list(self.promises):
            promise.fail(ActorStopped(self.ref.path))

    # Lifecycle

    def start(self) -> None:
        """First instance, start hook."""
        self._make(lambda actor: actor.on_start(self._context))

    def _make(self, hook: Callable[[Actor], Any]) -> None:
        def create() -> Any:
            self._instance = self.spec.factory()
            handlers_of(type(self._instance))
            return hook(self._instance)

        self.activity.begin(create, self._started, lambda error: self.fail(error, None))

    def _started(self, _: Any) -> None:
        if self.status is not Status.STOPPING:
            self.status = Status.RUNNING
            self.schedule()

    def fail(self, error: BaseException, envelope: Envelope | None) -> None:
        """Stand still and let the parent decide; the failing message is not handled again.

        While the actor stops the failure is reported, and changes nothing.
        """
        self.system.observer.failed(self.ref, error, envelope)
        if envelope is not None:
            self.system.observer.dead_letter(envelope, self.ref, "failed")
            if envelope.reply is not None:
                name = type(envelope.message).__name__
                envelope.reply.fail(AskFailed(self.ref.path, name, error))
        if self.is_stopped:
            return
        self.status = Status.FAILED
        if self.parent is None:
            self.system.root_failed(error)
        else:
            message = envelope.message if envelope is not None else None
            self.parent.post(self.parent.family.child_failed, self, error, message)

    def escalate(self, error: BaseException) -> None:
        """Fail because of a child, whatever is under way; one that has failed already waits for its own parent."""
        if self.status not in (Status.STARTING, Status.RUNNING):
            return
        self._abort()
        self.system.observer.escalated(self.ref, error)
        self.fail(error, None)

    def restart(self, error: BaseException, message: Message | None) -> None:
        """New instance behind the same ref: pre_restart, children stopped, factory, post_restart."""
        if self.is_stopped:
            return
        self.status = Status.RESTARTING
        self._abort()
        self._forget_timers()
        self._break_promises()
        old = self._instance

        def go_on(_: Any) -> None:
            if self.status is Status.RESTARTING:
                self.family.stop_all(lambda: self._reborn(error))

        def log(raised: Exception) -> None:
            self.system.observer.failed(self.ref, raised, None)
            go_on(None)

        if old is None:
            go_on(None)
        else:
            self.activity.begin(lambda: old.pre_restart(error, message, self._context), go_on, log)

    def _reborn(self, error: BaseException) -> None:
        if self.status is not Status.RESTARTING:
            return
        self.incarnation += 1
        for watched in list(self.watching):
            self.unwatch(watched)
        self._context = Context(self)
        self._instance = None
        self.family.forget()
        self.system.observer.restarted(self.ref, self.incarnation, error)
        self._make(lambda actor: actor.post_restart(error, self._context))

    def unwatch(self, ref: Ref) -> None:
        """See ``Context.unwatch``."""
        self.watching.pop(ref, None)
        if ref.cell is not None:
            ref.cell.watchers.pop(self, None)

        def called_off(envelope: Envelope) -> bool:
            return isinstance(envelope.message, Terminated) and envelope.message.ref == ref

        for envelope in self.mailbox.discard(called_off):
            self.system.observer.dead_letter(envelope, self.ref, "not watched")

    def begin_stop(self, reason: str) -> None:
        """Finish the current message, stop the children in reverse, then this actor."""
        if self.is_stopped:
            return
        self.status = Status.STOPPING
        self._stop_reason = reason
        if math.isfinite(self.spec.shutdown_seconds):
            self._killer = self.system.dispatcher.call_after(self.spec.shutdown_seconds, self._kill)
        self._forget_timers()
        if not self.activity.busy:
            self._stop_children_then_self()

    def _stop_children_then_self(self) -> None:
        self.family.stop_all(self._run_post_stop)

    def _run_post_stop(self) -> None:
        instance, self._instance = self._instance, None
        if instance is None:
            self._finish()
            return

        def log(raised: Exception) -> None:
            self.system.observer.failed(self.ref, raised, None)
            self._finish()

        context = self._context
        self.activity.begin(lambda: instance.post_stop(context), lambda _: self._finish(), log)

    def _kill(self) -> None:
        """The time to stop is over."""
        if self.status is Status.STOPPED:
            return
        self._abort()
        self._killed = True
        self.family.when_all_stopped = None
        for child in reversed(self.family.cells()):
            child.begin_stop("parent")
            child._kill()
        self._finish()

    def _finish(self) -> None:
        if self.status is Status.STOPPED:
            return
        self.status = Status.STOPPED
        if self._killer is not None:
            self._killer.cancel()
        self._forget_timers()
        self._break_promises()
        self._control.clear()
        for envelope in self.mailbox.drain():
            self._lose(envelope, "stopped")
        for watched in self.watching:
            if watched.cell is not None:
                watched.cell.watchers.pop(self, None)
        self.system.forget_name(self)
        reason = "killed" if self._killed else self._stop_reason
        self.system.observer.stopped(self.ref, reason)
        for watcher in list(self.watchers):
            self.system.notify(watcher, self.ref, reason)
        if self.parent is not None:
            self.parent.family.child_stopped(self, self._stop_reason)
        self.stopped.complete(reason)
