"""How one actor starts, fails, is restarted and stops: the mechanisms. What to do when is its parent's business (``family``).

    STARTING -> RUNNING -> FAILED -> RESTARTING -> RUNNING
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
from alys.actors.envelope import NOTICE, Envelope
from alys.actors.errors import FATAL, AskFailed, Ignore
from alys.actors.exits import BY_PARENT, SHUTDOWN, Exit, Kind
from alys.actors.family import Family
from alys.actors.leftovers import Leftovers
from alys.actors.mailbox import NOWHERE
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.actors.state import NO_TABLE, Status
from alys.actors.tables import table_of

if TYPE_CHECKING:
    from alys.actors.cell import Cell  # the only class that is made: a Lifecycle is always one

_BRUTAL = 0.0
UNWATCHED: Any = object()


class Lifecycle(Leftovers):
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
        box = self.mailbox
        if self.control or (self.able and self.activity is None and (box.count or box.line)):
            self.idle = False
            self.queued = True
            if self.able and self.system.plain:
                box.open()
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
        if self.status is Status.STARTING:
            self._launch(None, awaited)

    def _launch(self, error: BaseException | None, awaited: bool) -> None:
        """A new instance and its hook: the first one, or the one that follows a failure with this ``error``."""
        try:
            instance = self.spec.factory()
            kind = instance.__class__
            self.table = table_of(kind)
            self.instance = instance
            self.system.observer.entering(self, "on_start" if error is None else "post_restart")
            result = None
            if error is None:
                if kind.on_start is not Actor.on_start:
                    result = instance.on_start(self.door())
            else:
                self._replay_stash()
                if (
                    kind.post_restart is not Actor.post_restart
                    or kind.on_start is not Actor.on_start
                ):
                    result = instance.post_restart(error, self.door())
        except MemoryError:
            raise
        except Exception as raised:
            self._start_failed(raised)
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

    def _start_failed(self, error: BaseException) -> None:
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
            if self.interrupt and self._is_aside(entry):  # by the handler that failed on it
                self.more.stash.pop()  # type: ignore[union-attr]  # it is there
                self.handled += 1  # stash() took it out of the count
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
        self._fail_for_child(error, Exit(kind=Kind.FAILED, error=error))

    def give_up(self, error: BaseException) -> None:
        """End with ``shutdown`` because the children could not be kept alive (OTP)."""
        self._fail_for_child(error, Exit(kind=Kind.SHUTDOWN, detail="intensity", error=error))

    def _fail_for_child(self, error: BaseException, end: Exit) -> None:
        starting = self.status is Status.STARTING or self._restart_hook_waits
        if not starting and self.status is not Status.RUNNING:
            return
        self._abort()
        self.system.observer.escalated(self, error)
        if starting:
            self._start_failed(error)
        else:
            self.fail(error, None, end)

    @property
    def _restart_hook_waits(self) -> bool:
        """Whether a new instance is there, but its start hook is not over."""
        if self.status is not Status.RESTARTING or self.activity is None:
            return False
        return self.activity.done in (self._started, self._started_awaited)

    def begin_resume(self, error: BaseException) -> None:
        """After a failure: go on with the same instance and the next message."""
        self.post(self._resume, error)

    def _resume(self, error: BaseException) -> None:
        if self.status is Status.FAILED and self.instance is not None:
            self.system.observer.resumed(self, error)
            self._started(None)
            if self.has_children:
                self.family.take_along(error, resume=True)

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
        if self.activity is not None:
            self._abort()  # before pause(): it needs to know who had sent what was under way
        if self.status is not Status.FAILED:
            self.pause()
        self.status = Status.RESTARTING
        if self.belongings is not None:
            self._forget_incarnation()
        old = self.instance
        if old is None or type(old).pre_restart is Actor.pre_restart:
            self._children_down(then, None)
            return
        try:
            self.system.observer.entering(self, "pre_restart")
            result = old.pre_restart(error, message, self.door())
        except FATAL:
            raise
        except Exception as raised:
            self.system.observer.failed(self, raised, None)
            self._children_down(then, None)
            return
        if result.__class__ is CoroutineType:
            self._follow_hook(result, partial(self._children_down, then))
        else:
            self._children_down(then, None)

    def _follow_hook(self, hook: Any, go_on: Callable[[Any], None]) -> None:
        """A pre_restart hook that waits: it has as long as a stop may take."""

        def failed(raised: Exception) -> None:
            self.system.observer.failed(self, raised, None)
            go_on(None)

        activity = Activity(self, hook, go_on, failed)
        activity.step()
        seconds = self.spec.stop_limit
        if self.activity is activity and math.isfinite(seconds):
            self.more.killer = self.system.dispatcher.call_after(
                seconds, self.post, self._hurry, activity, go_on
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
        self._forget_timers()  # the hook may have set some
        self.incarnation += 1
        self.instance = None
        more = self.belongings
        if more is not None:
            for watched in list(more.watching):
                self.unwatch(watched)
            more.receive_timeout = None
        self.system.observer.torn_down(self)
        then()

    def _tell_torn_down(self) -> None:
        if self.parent is not None:
            self.parent.post(self.parent.family.child_torn_down, self)

    def begin_rebuild(self, error: BaseException, *, awaited: bool = False) -> None:
        """A new instance from the factory behind the same ref, and its post_restart."""
        self.post(self._rebuild, error, awaited)

    def rebuild_later(self, delay: float, error: BaseException) -> None:
        """Wait for a back-off first; a stop ends the wait."""
        self.more.killer = self.system.dispatcher.call_after(delay, self.begin_rebuild, error)

    def _rebuild(self, error: BaseException, awaited: bool) -> None:
        if self.status is not Status.RESTARTING or self.instance is not None:
            return
        self.context = None
        if self.mailbox is not NOWHERE:
            self.door()  # messages are handled with it, and only making a mailbox makes it otherwise
        if self.has_children:
            if self.spec.keep_children:
                self.family.take_along(error, resume=False)
            else:
                self.family.forget()
        self.system.observer.restarted(self, self.incarnation, error)
        self._launch(error, awaited)

    # Stop

    def begin_stop(self, end: Exit, *, ordered: bool = False, seconds: float | None = None) -> None:
        """Finish the current message, stop the children in reverse, run post_stop, tell the watchers.

        ``seconds`` of node time (by default the spec's) it may take; then the actor is killed and that is reported. 0
        kills at once: no hook is waited for. ``ordered`` says that it shall stay stopped.
        """
        self.post(self._stop, end, ordered, seconds)

    def _stop(self, end: Exit, ordered: bool, seconds: float | None) -> None:
        limit = self.spec.stop_limit if seconds is None else seconds
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
        self.pause()
        self.current = None
        context = self.door()
        context.forget_mark()

        def failed(error: Exception) -> None:
            self.system.observer.failed(self, error, None)
            self._finish()

        def hook() -> Any:
            self.system.observer.entering(self, "post_stop")
            return instance.post_stop(context)

        perform(self, hook, lambda _: self._finish(), failed)

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

    # Watches

    def unwatch(self, ref: Ref) -> None:
        """See ``Context.unwatch``."""
        more = self.belongings
        if more is None or more.watching.pop(ref, UNWATCHED) is UNWATCHED:
            return
        if ref.cell is not None and ref.cell.belongings is not None:
            ref.cell.belongings.watchers.pop(self, None)

        def called_off(entry: Any) -> bool:
            return isinstance(entry, Envelope) and entry.sequence == NOTICE and entry.sender == ref

        self.interrupt = True  # the queue may become shorter than the run through it has counted
        for entry in self.mailbox.discard(called_off, self.origin):
            self.system.dead_letter(self.sealed(entry), self, "not watched")
        self.admit()
        if not self.queued:
            self.wake()
