"""One actor as the runtime sees it: how it gets messages and handles them. ``lifecycle`` has the rest.

Theory of operation. A cell is run by the dispatcher when it has something to do. Two queues feed it: ``control``, calls of
the runtime itself (start, stop, a child's failure), which are always taken first and never bounded; and the mailbox. At
most one handler or hook is under way (``activity`` when it waits for something); until it ends no user message is taken,
though control still is.

The loop over a run of messages (``_drain``) asks one thing between two of them: ``interrupt``, which whoever needs the
cell's attention sets. Counting, timing and looking for those who wait for room is done once per turn.

Every message that was sent is accounted for once more: as handled, as a dead letter or as dropped, with the reason.
"""

from collections import deque
from itertools import repeat
from operator import length_hint
from types import CoroutineType
from typing import Any

from typing_extensions import override

from alys.actors.activity import Activity
from alys.actors.actor import Terminated
from alys.actors.dispatch import Dispatcher
from alys.actors.envelope import LAZY, Envelope, Mark, message_of, reply_of
from alys.actors.errors import FATAL, ActorStopped, AskFailed, DeathPact, MailboxFull
from alys.actors.mailbox import NOWHERE, UNKNOWN, Overflow
from alys.actors.message import Message, Priority
from alys.actors.reply import Reply
from alys.actors.services import Services
from alys.actors.state import Status

_NORMAL = Priority.NORMAL
_RUNNING = Status.RUNNING


class Cell(Services):
    """See the module's docstring."""

    __slots__ = ()

    # Turns

    def run(self) -> None:
        """One turn: control first, then up to ``throughput`` messages."""
        box = self.mailbox
        queue = box.queue
        if self.interrupt or not queue:
            self._run_on(self.system.throughput)
            return
        entry = queue.popleft()  # by far the most turns: some ordinary messages, and nothing else
        try:
            result = self.table[entry.__class__](self.instance, entry, self.context)
            if result is not None and result.__class__ is CoroutineType:
                self._follow_told(result, entry)
            self.handled += 1
        except MemoryError:
            raise
        except Exception as error:
            self._went_wrong(error, entry)
        if queue or self.interrupt or box.others or box.line or self.belongings:
            self._run_on(self.system.throughput - 1)
            return
        box.room = 0
        self.queued = False
        self.idle = self.system.plain

    def _run_on(self, left: int) -> None:
        """Whatever there is: calls of the runtime, messages of all lanes."""
        if not self.begun:
            self.begun = True
            self._begin(False)
        while True:
            if self.control:
                self._obey()
            if not self.able or self.activity is not None or left <= 0:
                break
            self.interrupt = False
            box = self.mailbox
            if box.queue and not box.urgent:
                left -= self._drain(box.queue, left)
            elif box.others:
                box.cut(self.origin)
                self._handle(box.take())
                left -= 1
                if box.urgent:
                    self.interrupt = True  # should this turn end here, the next begins with those
            else:
                break
        self._end_turn()

    def report(self, handled: int, seconds: float) -> None:
        """Tell whoever counts turns."""
        self.system.observer.turn(self, handled, seconds, self.mailbox.count)

    def _obey(self) -> None:
        """Carry out the calls of the runtime."""
        while self.control:
            calls, self.control = self.control, None
            for call, *args in calls:
                call(*args)
                if self.status is Status.STOPPED:
                    return

    def _drain(self, queue: deque[Any], limit: int) -> int:
        """Handle ordinary messages, up to so many; how many were taken out."""
        table, instance, context = self.table, self.instance, self.context
        entry = None
        steps = repeat(None, min(limit, len(queue)))
        planned = length_hint(steps)
        try:
            for _ in steps:
                entry = queue.popleft()  # CPython has a shortcut for this, not for a bound method
                result = table[entry.__class__](instance, entry, context)
                if result is not None and result.__class__ is CoroutineType:
                    self._follow_told(result, entry)
                if self.interrupt:
                    break
        except MemoryError:
            raise
        except Exception as error:
            taken = planned - length_hint(steps)
            self.handled += taken - 1
            self._went_wrong(error, entry)
            return taken
        taken = planned - length_hint(steps)
        self.handled += taken
        return taken

    def _handle(self, entry: Any) -> None:
        """Handle one."""
        try:
            result = self.table[entry.__class__](self.instance, entry, self.context)
            if result is not None and result.__class__ is CoroutineType:
                self._follow_told(result, entry)
            self.handled += 1
        except MemoryError:
            raise
        except Exception as error:
            self._went_wrong(error, entry)

    def _went_wrong(self, error: Exception, entry: Any) -> None:
        """A handler raised, unless there was none."""
        if isinstance(error, KeyError) and message_of(entry).__class__ not in self.table:
            self._unhandled(entry)
        else:
            self.fail(error, entry)

    def _follow_told(self, coroutine: Any, entry: Any) -> None:
        """An async handler of a told message: let it run; keep it as an activity when it waits."""
        for waited in coroutine.__await__():  # ends at once when the coroutine does not wait
            self._suspend(coroutine, entry).wait(waited)
            return

    def _suspend(self, coroutine: Any, entry: Any) -> Activity:
        self.handled -= 1  # it was counted when it was taken out; it is handled when it is done

        def done(value: Any) -> None:
            try:
                self._finish_entry(entry, value)
                self.handled += 1
            except Exception as error:  # an observer injects it
                self.fail(error, entry)
            self._go_on()

        def failed(error: Exception) -> None:
            self.fail(error, entry)
            self._go_on()

        return Activity(self, coroutine, done, failed, entry)

    def _go_on(self) -> None:
        """A handler that waited is over."""
        if self.status is Status.STOPPING:
            self._stop_children()
        else:
            self.wake()

    def _end_turn(self) -> None:
        if self.status is Status.STOPPED:
            return
        box = self.mailbox
        if box.line:
            self.admit()
        more = self.belongings
        if more is not None and more.receive_timeout is not None:
            more.last_heard = self.system.dispatcher.now()
        able = self.able and self.activity is None
        if self.control or (able and (box.queue or box.others)):
            self.system.dispatcher.schedule(self)
            if able and not box.room and self.system.plain:
                box.open()
            return
        self.queued = False
        box.room = 0
        self.idle = able and self.system.plain

    @override
    def break_off(self) -> None:
        entry, self.current = self.current, None
        if entry.__class__ is tuple and entry[2] is LAZY:
            entry = (entry[0], entry[1], None)  # whoever asked gets the error itself
        if entry is not None:
            self.lose(entry, "broken off")
        self._end_turn()

    @override
    def admit(self) -> bool:
        admitted = list(self.mailbox.admit())
        for entry in admitted:
            if isinstance(entry, Envelope):
                self.system.observer.sent(entry, self)
        return bool(admitted)

    # Messages come in

    @override
    def accept(self, message: Message, mark: Mark, reply: Any = None) -> None:
        box = self.mailbox
        if message.priority is _NORMAL:
            if self.idle:
                self.idle = False
                if box is NOWHERE:
                    box = self.box()
                if box.last is mark and reply is None:
                    box.queue.append(message)
                else:
                    box.last = mark
                    box.queue.append((message, mark, reply))
                self.queued = True
                box.room = box.capacity
                self.system.dispatcher.schedule(self)
                return
            if len(box.queue) < box.room:
                box.last = mark
                box.queue.append((message, mark, reply))
                return
            if (
                self.status is _RUNNING
                and len(box.queue) + box.others < box.capacity
                and not box.line
                and not self.system.plain
            ):  # what follows says in one place for an observed message that nothing is unusual about
                sender = mark[0]
                current = sender.current
                cause = current.id if current.__class__ is Envelope else None
                sender.sequence = number = sender.sequence + 1
                envelope = Envelope(message, sender, number, cause, mark[1], reply)
                box.queue.append(envelope)
                box.last = UNKNOWN
                self.system.observer.sent(envelope, self)
                if not self.queued and self.able and self.activity is None:
                    self.queued = True
                    self.system.dispatcher.schedule(self)
                return
        entry = self._wrap(message, mark, reply)
        if self._is_open_for(entry):
            self._put(entry, message.priority)

    @override
    def accept_or_wait(self, message: Message, mark: Mark) -> Any:
        priority = message.priority
        gone = self.status is Status.STOPPED  # it gets no mailbox any more
        suspends = self.spec.overflow is Overflow.SUSPEND
        if gone or not suspends or not self.box().is_full(priority):
            self.accept(message, mark)
            return None
        entry = self._wrap(message, mark, None)
        turn: Reply[None] = Reply(self.system.dispatcher, None, 0.0, self, type(message).__name__)
        if self._is_open_for(entry):
            self.mailbox.stand_in_line(entry, priority, turn)
        else:
            turn.fail(ActorStopped(self.path, turn.request))
        return turn

    def _wrap(self, message: Message, mark: Mark, reply: Any) -> Any:
        if self.system.plain:
            return (message, mark, reply)
        sender = mark[0]
        current = sender.current
        cause = current.id if current.__class__ is Envelope else None
        return Envelope(message, sender, sender.count_message(), cause, mark[1], reply)

    @override
    def _is_open_for(self, entry: Any) -> bool:
        """Whether it takes messages at all; says what became of the entry if not."""
        if self.is_stopped:
            self.system.refused(self, entry)
            return False
        if self.status is Status.RESTARTING:
            more = self.more
            if more.held >= self.spec.restart_messages_max:
                self._gave_way(entry, "restarting")
                return False
            more.held += 1
        return True

    @override
    def _put(self, entry: Any, priority: Priority) -> None:
        box = self.box()
        victim = box.put(entry, priority, self.origin)
        if victim is not None:
            self._gave_way(victim, "mailbox full")
        if victim is entry:
            if box.overflow is Overflow.FAIL or box.overflow is Overflow.SUSPEND:
                raise MailboxFull(self.path, box.capacity)
            return
        if entry.__class__ is Envelope:
            self.system.observer.sent(entry, self)
        self._heed(priority)

    @override
    def _heed(self, priority: Priority) -> None:
        """A message has come in by a way that is not the fast one."""
        if priority is not _NORMAL:
            self.interrupt = True
        if not self.queued:
            self.wake()
        elif self.able and self.system.plain and self.activity is None:
            self.mailbox.open()

    def _gave_way(self, victim: Any, reason: str) -> None:
        """A message was not let in, or had to make room."""
        envelope = self.sealed(victim)
        policy = self.spec.overflow
        if reason == "restarting" or policy is Overflow.DROP_NEW or policy is Overflow.DROP_OLD:
            self.system.observer.dropped(envelope, self, reason)
        else:
            self.system.dead_letter(envelope, self, reason)
        if envelope.reply is not None:
            envelope.reply.fail(MailboxFull(self.path, self.spec.mailbox_messages_max))
        if envelope.timer is not None:
            self._rearm(envelope.timer)

    # Messages are handled

    @override
    def answer_now(
        self, request: Message, mark: Mark, dispatcher: Dispatcher, timeout: float | None
    ) -> Reply[Any]:
        self.idle = self.interrupt = self.promised = False
        self.queued = True
        dispatcher.inline_left -= 1
        self.origin = mark
        box = self.mailbox
        if box is not NOWHERE:
            box.last = mark  # what a bare message would inherit
        context = self.context or self.door()
        if context.about is not mark[1]:
            context.take_over(mark[1])
        self.current = entry = (request, mark, LAZY)
        try:
            result = self.table[request.__class__](self.instance, request, context)
        except FATAL:
            self.break_off()
            raise
        except Exception as error:
            reply = self._slot(request, timeout)
            self._went_wrong(error, (request, mark, reply))
        else:
            self.handled += 1
            if self.current is entry and result.__class__ is not CoroutineType:
                reply = Reply(dispatcher, None, 0.0, None, "", True, result)
            else:
                reply = self._slot(request, timeout)
                if result.__class__ is CoroutineType:
                    self._suspend(result, self.current).step()
        if self.activity is None:
            self.current = None
        if self.interrupt or box.queue or self.belongings:
            self._end_turn()
        else:
            self.queued = False
            self.idle = True
        return reply

    def _slot(self, request: Message, timeout: float | None) -> Reply[Any]:
        """The answer could not be given at once: a slot for it, which is late some day."""
        self.explicit()
        reply, self.late = self.late, None
        assert reply is not None, "explicit() made it, or whoever put the request aside"
        seconds: float = timeout if timeout is not None else type(request).timeout_seconds  # type: ignore[attr-defined]
        reply.seconds = seconds
        reply.deadline = reply.dispatcher.wall() + seconds
        reply.target = self
        reply.request = type(request).__name__
        return reply

    def take_wrapped(self, handler: Any, instance: Any, message: Message, entry: Any) -> None:
        """Handle what is no bare message: an ask, or an observed message."""
        self.current = entry
        self.promised = False
        observed = entry.__class__ is Envelope
        if observed:
            self.system.observer.handling(entry, self)
        result = handler(instance, message, self.context)
        if result.__class__ is CoroutineType:
            self._suspend(result, entry).step()
        elif self.current is entry:  # what ``_finish_entry`` does
            self.current = None
            if observed:
                self.system.observer.handled(entry, self)
                if entry.reply is None:
                    return
            if not self.promised:
                self.answer(entry, result)

    def _finish_entry(self, entry: Any, value: object) -> None:
        """A handler is done: say so, and answer."""
        if entry is not self.current or entry is None:
            return  # a message that nobody observes or waits for
        self.current = None
        if entry.__class__ is Envelope:
            self.system.observer.handled(entry, self)
        if not self.promised:
            self.answer(entry, value)

    def _unhandled(self, entry: Any) -> None:
        message = message_of(entry)
        if isinstance(message, Terminated):
            self.fail(DeathPact(self.path, message.ref.path), entry)
            return
        self.system.dead_letter(self.sealed(entry), self, "unhandled")
        reply = reply_of(entry)
        if reply is not None:
            name = type(message).__name__
            error = TypeError(f"{type(self.instance).__name__} has no handler for {name}")
            reply.fail(AskFailed(self.path, name, error))
