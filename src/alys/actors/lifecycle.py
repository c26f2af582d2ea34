"""How one actor starts, fails, is restarted and stops: the mechanisms. What to do when is its parent's business (``family``).

    STARTING -> RUNNING -> FAILED -> RESTARTING -> STARTING
         \\________\\__________\\_________\\-> STOPPING -> STOPPED

Everything here is a call in the cell's control lane, posted by ``begin_*``; no user code runs in the caller's stack. Its
outcome goes back as a call in the parent's control lane. The ref and the mailbox live through restarts; instance,
context, timers, watches, promises and (unless the spec keeps them) children do not. Every incarnation has a number, and
what an older one left behind is recognised by it and dropped.
"""

import math
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from alys.actors.activity import Activity, perform
from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.envelope import NOTICE, Envelope, message_of, reply_of
from alys.actors.errors import ActorStopped, AskFailed, Ignore
from alys.actors.exits import BY_PARENT, SHUTDOWN, Exit, Kind
from alys.actors.family import Family
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.state import NO_TABLE, CellState, Status
from alys.actors.tables import table_of

if TYPE_CHECKING:
    from alys.actors.cell import Cell  # the only class that is made: a Lifecycle is always one

_BRUTAL = 0.0
UNWATCHED: Any = object()


class Lifecycle(CellState):
    """See the module's docstring."""

    __slots__ = ()

    @property
    def family(self) -> Family:
        """Its children."""
        more = self.more
        if more.family is None:
            more.family = Family(self)
        return more.family

    @property
    def has_children(self) -> bool:
        """Whether it ever had any."""
        return self.belongings is not None and self.belongings.family is not None

    def post(self, call: Callable[..., None], *args: Any) -> None:
        """Queue a call of the runtime; it overtakes all messages and is never refused."""
        if self.status is Status.STOPPED:
            return
        if self.control is None:
            self.control = []
        self.control.append((call, *args))
        self.interrupt = True
        self.idle = False
        if not self.queued:
            self.queued = True
            self.system.dispatcher.schedule(self)

    def wake(self) -> None:
        """After something kept it from its messages: take a turn if there are any, or be idle."""
        if self.queued:
            return
        if self.control or (self.able and self.activity is None and self.mailbox.count):
            self.idle = False
            self.queued = True
            if self.able and self.system.plain:
                self.mailbox.open()
            self.system.dispatcher.schedule(self)
        else:
            self.idle = self.able and self.activity is None and self.system.plain

    def pause(self) -> None:
        """No message is handled from now on, until ``wake`` is called with ``able`` set."""
        self.able = False
        self.idle = False
        self.interrupt = True
        self.mailbox.settle(self.origin)
        self.origin = None

    # Start

    def begin_start(self, *, awaited: bool = False) -> None:
        """Make the first instance and run its start hook; when ``awaited``, the parent hears of success too.

        The first turn of a cell is its start: only a start that is awaited has to be told to it.
        """
        if awaited:
            self.begun = True
            self.post(self._begin, True)
        else:
            self.queued = True
            self.system.dispatcher.schedule(self)

    def start_at_once(self) -> None:
        """Start in the caller's stack: the root, before there is anybody to wait for."""
        self.begun = True
        self._begin(False)

    def _begin(self, awaited: bool) -> None:
        if self.status is not Status.STARTING:
            return
        try:
            instance = self.spec.factory()
            self.table = table_of(instance.__class__)
            self.instance = instance
            if instance.__class__.on_start is Actor.on_start:
                result = None
            else:
                result = instance.on_start(self.door())
        except MemoryError:
            raise
        except Exception as error:
            self._start_failed(error)
            return
        done = self._started_awaited if awaited else self._started
        if result.__class__ is CoroutineType:
            Activity(self, result, done, self._start_failed).step()
        else:
            done(None)

    @override
    def door(self) -> Context:
        """The context of this incarnation, made now if there was none."""
        if self.context is None:
            self.context = Context(cast("Cell", self), self.incarnation)
        return self.context

    def _make_instance(self) -> Actor:
        instance: Actor = self.spec.factory()
        self.table = table_of(type(instance))
        self.instance = instance
        return instance

    def _started(self, _: Any) -> None:
        if self.status is Status.STOPPING:
            self._stop_children()
            return
        self.status = Status.RUNNING
        more = self.belongings
        if more is not None:
            more.held = 0
            if more.suspended:
                return
        self.able = True
        self.wake()

    def _started_awaited(self, _: Any) -> None:
        self._started(None)
        if self.parent is not None and self.status is Status.RUNNING:
            self.parent.post(self.parent.family.child_started, self)

    def _start_failed(self, error: Exception) -> None:
        if not isinstance(error, Ignore):
            self.system.observer.failed(self, error, None)
        if self.status is Status.STOPPING:
            self._stop_children()
            return
        self.status = Status.FAILED
        if self.parent is None:
            self.system.root_failed(error)
        else:
            self.parent.post(self.parent.family.child_start_failed, self, error, self.incarnation)

    # Failure

    def fail(self, error: BaseException, entry: Any, end: Exit | None = None) -> None:
        """Stand still and let the parent decide; the failing message is not handled again.

        ``end`` is what the parent decides on, by default a failure with this error. While the actor stops the failure is
        reported, and changes nothing.
        """
        system = self.system
        message = None
        if entry is None:
            system.observer.failed(self, error, None)
        else:
            envelope = self.sealed(entry)
            message = envelope.message
            system.observer.failed(self, error, envelope)
            system.dead_letter(envelope, self, "failed")
            if envelope.reply is not None:
                name = type(message).__name__
                envelope.reply.fail(AskFailed(self.path, name, error))
        self.current = None
        if self.is_stopped:
            return
        self.pause()
        self.status = Status.FAILED
        if self.parent is None:
            system.root_failed(error)
        else:
            end = end if end is not None else Exit(kind=Kind.FAILED, error=error)
            self.parent.post(self.parent.family.child_failed, self, end, message, self.incarnation)

    def escalate(self, error: BaseException) -> None:
        """Fail because of a child, whatever is under way; one that has failed already waits for its own parent."""
        if self.status not in (Status.STARTING, Status.RUNNING):
            return
        self._abort()
        self.system.observer.escalated(self, error)
        self.fail(error, None)

    def give_up(self, error: BaseException) -> None:
        """End with ``shutdown`` because the children could not be kept alive (OTP)."""
        if self.status not in (Status.STARTING, Status.RUNNING):
            return
        self._abort()
        self.system.observer.escalated(self, error)
        self.fail(error, None, Exit(kind=Kind.SHUTDOWN, detail="intensity", error=error))

    def begin_resume(self, error: BaseException) -> None:
        """After a failure: go on with the same instance and the next message."""
        self.post(self._resume, error)

    def _resume(self, error: BaseException) -> None:
        if self.status is Status.FAILED and self.instance is not None:
            self.system.observer.resumed(self, error)
            if self.has_children:
                self.family.owner_goes_on()
            self._started(None)

    # Restart

    def begin_restart(self, error: BaseException, message: Message | None) -> None:
        """Tear down and rebuild in one go."""
        self.post(self._tear_down, error, message, partial(self._rebuild, error, False))

    def begin_tear_down(
        self, error: BaseException, message: Message | None, then: Callable[[], Any] | None = None
    ) -> None:
        """End the incarnation: pre_restart, children stopped and awaited, the instance gone; the mailbox waits.

        By default the parent is told of it.
        """
        self.post(self._tear_down, error, message, then or self._tell_torn_down)

    def _tear_down(
        self, error: BaseException, message: Message | None, then: Callable[[], Any]
    ) -> None:
        if self.is_stopped:
            return
        self.pause()
        self.status = Status.RESTARTING
        self._abort()
        self._forget_incarnation()
        old = self.instance
        go_on = partial(self._children_down, then)
        if old is None or type(old).pre_restart is Actor.pre_restart:
            go_on(None)
            return

        def failed(raised: Exception) -> None:
            self.system.observer.failed(self, raised, None)
            go_on(None)

        seconds = self.spec.shutdown_seconds
        perform(self, lambda: old.pre_restart(error, message, self.door()), go_on, failed)
        if self.activity is not None and self.instance is old and math.isfinite(seconds):
            self.more.killer = self.system.dispatcher.call_after(
                seconds, self.post, self._hurry, self.activity, go_on
            )

    def _hurry(self, activity: Any, go_on: Callable[[None], None]) -> None:
        """A pre_restart hook that takes too long is ended."""
        if self.activity is activity:
            self._abort()
            go_on(None)

    def _children_down(self, then: Callable[[], Any], _: Any) -> None:
        more = self.belongings
        if more is not None and more.killer is not None and self.status is Status.RESTARTING:
            more.killer.cancel()
            more.killer = None
        if self.status is Status.STOPPING:
            self._stop_children()
        elif self.has_children and not self.spec.keep_children:
            self.family.stop_all(partial(self._torn_down, then))
        else:
            self._torn_down(then)

    def _torn_down(self, then: Callable[[], Any]) -> None:
        if self.status is not Status.RESTARTING:
            return
        self.incarnation += 1
        self.instance = None
        more = self.belongings
        if more is not None:
            for watched in list(more.watching):
                self.unwatch(watched)
            more.receive_timeout = None
        then()

    def _tell_torn_down(self) -> None:
        if self.parent is not None:
            self.parent.post(self.parent.family.child_torn_down, self)

    def begin_rebuild(self, error: BaseException, *, awaited: bool = False) -> None:
        """A new instance from the factory behind the same ref, and its post_restart."""
        self.post(self._rebuild, error, awaited)

    def _rebuild(self, error: BaseException, awaited: bool) -> None:
        if self.status is not Status.RESTARTING or self.instance is not None:
            return
        self.status = Status.STARTING
        self.context = None
        if self.has_children:
            self.family.owner_begins_anew()
        self.system.observer.restarted(self, self.incarnation, error)
        done = self._started_awaited if awaited else self._started
        perform(self, partial(self._second_steps, error), done, self._start_failed)

    def _second_steps(self, error: BaseException) -> Any:
        instance = self._make_instance()
        self._replay_stash()
        return instance.post_restart(error, self.door())

    # Stop

    def begin_stop(self, end: Exit, *, ordered: bool = False, seconds: float | None = None) -> None:
        """Finish the current message, stop the children in reverse, run post_stop, tell the watchers.

        ``seconds`` of node time (by default the spec's) it may take; then the actor is killed and that is reported. 0
        kills at once: no hook is waited for. ``ordered`` says that it shall stay stopped.
        """
        self.post(self._stop, end, ordered, seconds)

    def _stop(self, end: Exit, ordered: bool, seconds: float | None) -> None:
        limit = self.spec.shutdown_seconds if seconds is None else seconds
        more = self.more
        more.ordered = more.ordered or ordered
        if self.is_stopped:
            if limit == _BRUTAL:
                self._kill()
            return
        suspended_handler = self.activity is not None and self.activity.entry is not None
        if not suspended_handler:
            self.pause()
        self.status = Status.STOPPING
        self.able = self.idle = False
        self.interrupt = True
        self.mailbox.room = 0
        more.exit = end
        if limit == _BRUTAL:
            self._kill()
            return
        if more.killer is not None:
            more.killer.cancel()
        if math.isfinite(limit):
            more.killer = self.system.dispatcher.call_after(limit, self.post, self._kill)
        self._forget_timers()
        if self.activity is None:
            self._stop_children()

    def _stop_children(self) -> None:
        if self.has_children:
            self.family.stop_all(self._run_post_stop)
        else:
            self._run_post_stop()

    def _run_post_stop(self) -> None:
        instance, self.instance = self.instance, None
        if instance is None or type(instance).post_stop is Actor.post_stop:
            self._finish()
            return
        self.origin = self.current = None
        context = self.door()
        context.forget_mark()

        def failed(error: Exception) -> None:
            self.system.observer.failed(self, error, None)
            self._finish()

        perform(self, lambda: instance.post_stop(context), lambda _: self._finish(), failed)

    def _kill(self) -> None:
        """The time to stop is over, or there never was any."""
        if self.status is Status.STOPPED:
            return
        self._abort()
        more = self.more
        more.killed = True
        if more.family is not None:
            for child in more.family.abandon():
                child.more.exit = child.more.exit or BY_PARENT
                child._kill()
        self._finish()

    def _finish(self) -> None:
        if self.status is Status.STOPPED:
            return
        self.status = Status.STOPPED
        self.able = self.idle = False
        self.control = None
        self.interrupt = True
        more = self.more
        if more.killer is not None:
            more.killer.cancel()
        end = more.exit or SHUTDOWN
        if more.killed:
            end = Exit(kind=Kind.KILLED, detail=end.detail, error=end.error)
        more.exit = end
        self._forget_incarnation()
        self._lose_mail()
        for watched in list(more.watching):
            self.unwatch(watched)
        self.instance = self.context = None
        self.table = NO_TABLE
        self.system.actor_gone(cast("Cell", self), end)
        for watcher, message in list(more.watchers.items()):
            watcher.hear_of_death(self, str(end), message)
        more.watchers.clear()
        if self.parent is not None:
            self.parent.post(self.parent.family.child_stopped, self, end)
        if more.stopped is not None:
            more.stopped.complete(str(end))

    # What an incarnation leaves behind

    def _abort(self) -> None:
        """Close the current activity, and let whoever asked for it learn of it."""
        activity = self.activity
        self.current = None
        if activity is None:
            return
        raised = activity.close()
        if raised is not None:  # by a finally block; it must not keep the actor from stopping
            self.system.observer.failed(self, raised, None)
        if activity.entry is not None:
            self.lose(activity.entry, "aborted")

    def _forget_timers(self) -> None:
        more = self.belongings
        if more is not None and more.timers is not None:
            more.timers.cancel_all()

    def _forget_incarnation(self) -> None:
        self._forget_timers()
        more = self.belongings
        if more is not None:
            for promise in list(more.promises):
                promise.fail(ActorStopped(self.path))

    def _replay_stash(self) -> None:
        more = self.belongings
        if more is not None and more.stash:
            stashed, more.stash = more.stash, None
            self.box().put_back(stashed, self.origin)

    def _lose_mail(self) -> None:
        more = self.belongings
        if more is not None and more.stash is not None:
            for entry in more.stash:
                self.lose(entry, "stopped")
            more.stash = None
        for entry in self.mailbox.drain(self.origin):
            self.lose(entry, "stopped")
        for entry, turn in self.mailbox.dismiss():
            error = ActorStopped(self.path, type(message_of(entry)).__name__)
            turn.fail(error)
            if (reply := reply_of(entry)) is not None:
                reply.fail(error)

    def sealed(self, entry: Any) -> Envelope:
        """The entry as an envelope; it takes the sender's next number unless it had one."""
        if isinstance(entry, Envelope):
            return entry
        message, mark, reply = entry if isinstance(entry, tuple) else (entry, self.origin, None)
        sender = mark[0]
        return Envelope(message, sender, sender.count_message(), None, mark[1], reply)

    def lose(self, entry: Any, reason: str) -> None:
        """Nobody will handle it: say so to the observer and to whoever asked."""
        self.system.dead_letter(self.sealed(entry), self, reason)
        reply = reply_of(entry)
        if reply is not None:
            reply.fail(ActorStopped(self.path, type(message_of(entry)).__name__))

    def unwatch(self, ref: Ref) -> None:
        """See ``Context.unwatch``."""
        more = self.belongings
        if more is None or more.watching.pop(ref, UNWATCHED) is UNWATCHED:
            return
        if ref.cell is not None and ref.cell.belongings is not None:
            ref.cell.belongings.watchers.pop(self, None)

        def called_off(entry: Any) -> bool:
            return isinstance(entry, Envelope) and entry.sequence == NOTICE and entry.sender == ref

        for entry in self.mailbox.discard(called_off, self.origin):
            self.system.dead_letter(self.sealed(entry), self, "not watched")
        if not self.queued:
            self.wake()
