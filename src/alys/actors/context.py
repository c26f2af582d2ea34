"""All that an actor may touch: send, ask, timers, children, watches, time and chance."""

import types
from collections.abc import Awaitable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from alys.actors import groups
from alys.actors.errors import ActorStopped
from alys.actors.exits import BY_PARENT, NORMAL, Exit, Kind
from alys.actors.message import Message, Priority, Request
from alys.actors.promise import Promise
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity
from alys.actors.timers import Timer
from alys.base.prng import Random

if TYPE_CHECKING:
    from alys.actors.cell import Cell
    from alys.actors.family import Family

R = TypeVar("R")

_NORMAL = Priority.NORMAL
_STOPPED = Exit(kind=Kind.SHUTDOWN, detail="stopped")


class Context(msgspec.Struct, eq=False):
    """The door between one incarnation of an actor and the world. It dies with the incarnation."""

    _cell: "Cell"
    _incarnation: int
    _mark: Any = None
    """What this actor's messages are marked with; made when the first is sent."""
    about: str | None = None
    """The operation (correlation id) of the message that is handled."""

    @property
    def self(self) -> Ref:
        """The actor's own address."""
        return self._cell

    @property
    def sender(self) -> Ref | None:
        """Who sent the message that is being handled; None in a hook."""
        origin = self._cell.origin
        return origin[0] if origin is not None else None

    @property
    def correlation(self) -> str | None:
        """The operation that the message being handled is about."""
        return self.about

    @property
    def random(self) -> Random:
        """The actor's own generator, derived from the world's seed and its path."""
        return self._cell.random

    def now(self) -> float:
        """Node time in seconds since the Unix epoch."""
        return self._cell.system.dispatcher.now()

    # Messages

    def tell(self, ref: Ref, message: Message, about: str | None = None) -> None:
        """Send; raises MailboxFull when the receiver's bound is reached and its policy is FAIL or SUSPEND.

        ``about`` is the operation (correlation id); by default that of the message being handled.
        """
        box = ref.mailbox
        if box.last is self._mark and message.priority is _NORMAL and about is None:
            queue = box.queue
            if len(queue) < box.room:
                queue.append(message)
                return
            if ref.idle:  # the same once more, and wake it
                queue.append(message)
                box.room = box.capacity
                cell: Cell = ref  # type: ignore[assignment]  # nobody else is ever idle
                cell.idle = False
                cell.queued = True
                cell.system.dispatcher.schedule(cell)
                return
        mark = self._mark
        if mark is None or about is not None:
            mark = self.mark(about)
        ref.accept(message, mark)

    def send(self, ref: Ref, message: Message, about: str | None = None) -> Awaitable[None]:
        """Like ``tell``, but awaiting it waits for room where the receiver's policy is SUSPEND; first come, first served.

        Awaiting raises ActorStopped when the receiver ends first. A sender that is stopped or restarted while it waits
        sends nothing.
        """
        box = ref.mailbox
        if box.last is self._mark and message.priority is _NORMAL and about is None:
            queue = box.queue
            if len(queue) < box.room:
                queue.append(message)
                return SENT
        turn = ref.accept_or_wait(message, self.mark(about))
        return SENT if turn is None else turn

    def ask(
        self,
        ref: Ref,
        request: Request[R],
        about: str | None = None,
        timeout: float | None = None,
    ) -> Reply[R]:
        """Send a request; awaiting the result raises AskTimeout, ActorStopped, AskFailed or AskCycle.

        An actor that is idle answers at once, in the turn of who asks, if the dispatcher allows that.
        """
        if ref.idle:
            dispatcher = self._cell.system.dispatcher
            if dispatcher.inline_left > 0:
                mark = self._mark
                if mark is None or about is not None:
                    mark = self.mark(about)
                reply: Reply[R] = ref.answer_now(request, mark, dispatcher, timeout)
                return reply
        return self._cell.system.ask_from(ref, request, self.mark(about), timeout)

    def defer(self) -> Promise:
        """Take over the answer to the request being handled; the handler's own result is ignored."""
        return self._cell.take_promise()

    def refuse(self, error: Exception) -> None:
        """Let the ask being handled fail with this error, as an answer: nobody is restarted for it."""
        self.defer().fail(error)

    def stash(self, message: Message) -> None:
        """Put the message that is being handled aside; raises StashFull. ``unstash`` or a restart brings it back.

        An asker goes on waiting for its answer.
        """
        self._cell.stash(message)

    def unstash(self) -> None:
        """Handle what was put aside, in its order, before whatever else is waiting."""
        self._cell.unstash()

    # Time

    def after(
        self,
        seconds: float,
        message: Message,
        about: str | None = None,
        key: Hashable | None = None,
    ) -> Timer:
        """Send a message to oneself after so many node seconds; a restart forgets it.

        A timer with the same ``key`` is replaced. A cancelled or replaced one never arrives, even if it was queued.
        """
        return self._cell.start_timer(seconds, message, None, about, key)

    def every(
        self,
        seconds: float,
        message: Message,
        about: str | None = None,
        key: Hashable | None = None,
    ) -> Timer:
        """Like ``after``, again and again; the next wait begins when the tick is handled."""
        return self._cell.start_timer(seconds, message, seconds, about, key)

    def receive_timeout(self, seconds: float | None) -> None:
        """Get ``ReceiveTimeout`` whenever nothing came for so many node seconds; None ends that."""
        self._cell.set_receive_timeout(seconds)

    # Others

    def whereis(self, name: str) -> Ref:
        """The living actor registered under the name; a ref that nobody is behind when there is none."""
        return self._cell.system.whereis(name)

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a child; raises BadSpec, or ActorStopped when this incarnation is over."""
        if self._incarnation != self._cell.incarnation:
            raise ActorStopped(self._cell.path)
        return self._cell.family.spawn(spec)

    def stop(self, ref: Ref | None = None, end: Exit | None = None) -> None:
        """Stop an actor (by default oneself) after its current message.

        A permanent child that ends otherwise than by its own parent's word is started again. ``end`` is how it ends:
        by default NORMAL for oneself and SHUTDOWN for others.
        """
        cell = self._cell
        target = cell if ref is None else ref.cell
        if target is None:
            return
        if target.parent is cell:
            target.begin_stop(end or BY_PARENT, ordered=True)
        else:
            target.begin_stop(end or (NORMAL if target is cell else _STOPPED))

    def is_waiting(self, ref: Ref) -> bool:
        """Whether an actor stands in the middle of a message because it waits for an answer that it asked for."""
        activity = None if ref.cell is None else ref.cell.activity
        waits = None if activity is None else activity.waiting
        return waits is not None and waits.target is not None

    def suspend(self, ref: Ref) -> None:
        """Let an actor handle no message until ``resume``; what the runtime tells it is still obeyed."""
        if ref.cell is not None:
            ref.cell.begin_suspend(True)

    def resume(self, ref: Ref) -> None:
        """End what ``suspend`` began."""
        if ref.cell is not None:
            ref.cell.begin_suspend(False)

    def watch(self, ref: Ref, message: Message | None = None) -> None:
        """Get ``Terminated`` (or ``message``) once when it dies; at once when it is dead or never was.

        Watching twice is watching once. Raises ValueError when it is watched already with another message. A restart
        forgets the watch.
        """
        self._cell.watch(ref, message)

    def unwatch(self, ref: Ref) -> None:
        """No news of its death any more, not even one that is queued."""
        self._cell.unwatch(ref)

    def supervise(self, intensity: Intensity) -> None:
        """Set how many restarts of its children this actor allows before it ends itself."""
        self._cell.family.intensity = intensity

    def take_charge(self) -> "Family":
        """The children as supervisors see them."""
        return self._cell.family

    def start_children(self, specs: tuple[ChildSpec, ...]) -> Reply[None]:
        """Start one after the other, each when the one before it runs; fails with StartFailed, then none is left."""
        done: Reply[None] = Reply(self._cell.system.dispatcher)
        family = self._cell.family
        family.run(groups.start_list(family, specs, done))
        return done

    def children(self) -> list[Ref]:
        """The living children, in the order of their start."""
        return list(self._cell.family.living()) if self._cell.has_children else []

    # For the runtime

    def mark(self, about: str | None) -> Any:
        """Who sends, and about what."""
        mark = self._mark
        if about is not None and about != self.about:
            return (self._cell, about)
        if mark is None:
            mark = self._mark = (self._cell, self.about)
        return mark

    def take_over(self, about: str | None) -> None:
        """A message about another operation is handled now."""
        self.about = about
        self._mark = None

    def forget_mark(self) -> None:
        """No message is handled: what is sent is about nothing."""
        self.about = None
        self._mark = None


def _ended() -> Any:
    """A generator-based coroutine that is over: awaiting it again and again ends at once and costs nearly nothing."""

    @types.coroutine
    def nothing() -> Any:
        return
        yield

    over = nothing()
    for _ in over:
        pass
    return over


#: What ``send`` returns when the message is in the mailbox already.
SENT: Awaitable[None] = _ended()
