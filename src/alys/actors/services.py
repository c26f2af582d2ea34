"""What a context offers beyond sending: promises, the stash, timers, watches, suspension."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, cast

from alys.actors.actor import Terminated
from alys.actors.envelope import LAZY, NOTICE, Envelope, reply_of
from alys.actors.errors import MailboxFull, StashFull
from alys.actors.exits import NOPROC
from alys.actors.lifecycle import Lifecycle
from alys.actors.message import Message, Priority, ReceiveTimeout
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.reply import Reply, Shared
from alys.actors.state import Status
from alys.actors.timers import Timer, Timers

if TYPE_CHECKING:
    from alys.actors.cell import Cell

_SILENCE = "receive timeout"


class Services(Lifecycle):
    """See the module's docstring."""

    __slots__ = ()

    # Answers

    def take_promise(self) -> Promise:
        """See ``Context.defer``."""
        promise = Promise(cast("Cell", self), self.explicit())
        if self.current is not None:
            self.more.promises[promise] = True
        self.promised = True
        return promise

    def explicit(self) -> Any:
        """The entry that is handled, with a slot for its answer where it had none yet."""
        entry = self.current
        if entry.__class__ is tuple and entry[2] is LAZY:
            self.late = Reply(self.system.dispatcher)
            self.current = entry = (entry[0], entry[1], self.late)
        return entry

    def answer(self, entry: Any, value: object) -> None:
        """Fill the slot of an ask, or report the reply as late."""
        reply = reply_of(entry)
        if reply is None:
            return
        if not reply.complete(value):
            self.system.dead_letter(self.sealed(entry), self, "late reply")
        elif isinstance(entry, Envelope):
            self.system.observer.replied(entry, self, value)

    # Stash

    def stash(self, message: Message) -> None:
        """See ``Context.stash``."""
        more = self.more
        if more.stash is None:
            more.stash = []
        if len(more.stash) >= self.spec.stash_messages_max:
            raise StashFull(self.path, self.spec.stash_messages_max)
        entry = self.explicit()
        self.current = None
        if entry is None:
            entry = (message, self.origin or (self, None), None)
        elif isinstance(entry, Envelope):
            entry.taken = True
        more.stash.append(entry)
        self.promised = True
        self.interrupt = True  # no other message is begun in between: see ``fail``
        self.handled -= 1  # not yet

    def unstash(self) -> None:
        """See ``Context.unstash``."""
        self._replay_stash()
        self.interrupt = True

    # Timers

    def start_timer(
        self,
        seconds: float,
        message: Message,
        period: float | None,
        about: str | None,
        key: Hashable | None,
    ) -> Timer:
        """See ``Context.after``."""
        more = self.more
        if more.timers is None:
            more.timers = Timers(self.system.dispatcher, self._tick)
        context = self.context
        if about is None and context is not None:
            about = context.about
        return more.timers.start(seconds, message, period, key, about)

    def _tick(self, timer: Timer) -> None:
        """A timer has fired: its message takes the way that all messages take."""
        if self.is_stopped:
            return
        envelope = Envelope(timer.message, self, self.count_message(), None, timer.about)
        envelope.timer = timer
        try:
            if self._is_open_for(envelope):
                self._put(envelope, timer.message.priority)
        except MailboxFull:
            return  # it has been reported as a dead letter

    def _rearm(self, timer: Timer) -> None:
        """Its tick found no room; it ticks again."""
        more = self.belongings
        if more is not None and more.timers is not None:
            more.timers.put_off(timer)

    def set_receive_timeout(self, seconds: float | None) -> None:
        """See ``Context.receive_timeout``."""
        more = self.more
        more.receive_timeout = seconds
        if more.timers is None:
            more.timers = Timers(self.system.dispatcher, self._tick)
        if seconds is not None:
            more.last_heard = self.system.dispatcher.now()
            more.timers.silence(seconds, self._silent)
        else:
            more.timers.silence(None, self._silent)

    def _silent(self) -> None:
        """Look whether nothing came; the time counts from the last message, not from the last look."""
        more = self.more
        seconds = more.receive_timeout
        if seconds is None or more.timers is None:
            return
        left = more.last_heard + seconds - self.system.dispatcher.now()
        if left <= 0 and self.able and self.activity is None and not self.mailbox.count:
            more.last_heard = self.system.dispatcher.now()
            left = seconds
            more.timers.start(0.0, ReceiveTimeout(), None, _SILENCE, None)
        more.timers.silence(left if left > 0 else seconds, self._silent)

    # Ends

    def when_stopped(self) -> Reply[str]:
        """Full, with the exit as text, once the actor is gone."""
        more = self.more
        if more.stopped is None:
            more.stopped = Shared(self.system.dispatcher)
            if self.status is Status.STOPPED:
                more.stopped.complete(str(more.exit))
        return more.stopped

    # Watches

    def watch(self, ref: Ref, message: Message | None) -> None:
        """See ``Context.watch``."""
        watching = self.more.watching
        if ref in watching and watching[ref] != message:
            raise ValueError(
                f"{ref.path} is watched already with {watching[ref]!r}; unwatch it first"
            )
        if ref in watching:
            return
        watching[ref] = message
        cell = ref.cell
        if cell is None or cell.status is Status.STOPPED:
            self.hear_of_death(ref, str(NOPROC), message)
        else:
            cell.more.watchers[self] = message

    def hear_of_death(self, dead: Ref, reason: str, message: Message | None) -> None:
        """Queue the news, behind all that the dead actor had sent (OTP's signal order)."""
        if self.is_stopped:
            return
        news = message if message is not None else Terminated(ref=dead, reason=reason)
        envelope = Envelope(news, dead, NOTICE)
        lane = self.box().put_behind(envelope, dead, self.origin)
        self.system.observer.sent(envelope, self)
        self._heed(lane)

    def is_wanted(self, envelope: Envelope) -> bool:
        """Whether news or a tick that was queued is still for this incarnation; says so when it is not."""
        if envelope.taken:
            return True
        if envelope.timer is not None:
            timers = self.more.timers
            if timers is not None and timers.taken(envelope.timer):
                return True
            reason = "old timer"
        elif envelope.sequence == NOTICE:
            if self.more.watching.pop(envelope.sender, self) is not self:
                return True
            reason = "not watched"
        else:
            return True
        self.handled -= 1
        self.system.dead_letter(envelope, self, reason)
        return False

    # Suspension

    def begin_suspend(self, suspended: bool) -> None:
        """See ``Context.suspend``."""
        self.post(self._set_suspended, suspended)

    def _set_suspended(self, suspended: bool) -> None:
        self.more.suspended = suspended
        if self.status is Status.RUNNING:
            if suspended:
                self.able = self.idle = False
                self.interrupt = True
                self.mailbox.room = 0
            else:
                self.able = True
                self.wake()

    # Where messages come in: see ``cell``.

    def _put(self, entry: Any, priority: Priority) -> None:
        raise NotImplementedError  # pragma: no cover

    def _is_open_for(self, entry: Any) -> bool:
        raise NotImplementedError  # pragma: no cover

    def _heed(self, priority: Priority) -> None:
        raise NotImplementedError  # pragma: no cover
