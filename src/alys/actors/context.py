"""All that an actor may touch: send, ask, timers, children, watches, time and chance."""

from typing import TYPE_CHECKING, TypeVar

from alys.actors.dispatch import Timer
from alys.actors.errors import ActorStopped
from alys.actors.mailbox import Envelope
from alys.actors.message import Message, Request
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity
from alys.base.prng import Random

if TYPE_CHECKING:
    from alys.actors.cell import Cell

R = TypeVar("R")


class Promise:
    """A reply that is given later, by a later message or by a gateway's own task."""

    __slots__ = ("_cell", "_envelope", "_open")

    def __init__(self, cell: "Cell", envelope: Envelope | None) -> None:
        self._cell = cell
        self._envelope = envelope
        self._open = True

    def complete(self, value: object) -> None:
        """Answer; a reply that nobody waits for any more goes to the dead letters."""
        if self._close():
            self._cell.answer(self._envelope, value)

    def fail(self, error: BaseException) -> None:
        """Let the ask fail with this error."""
        if self._close() and self._envelope is not None and self._envelope.reply is not None:
            self._envelope.reply.fail(error)

    def _close(self) -> bool:
        was_open, self._open = self._open, False
        self._cell.promises.pop(self, None)
        return was_open


class Context:
    """The door between one incarnation of an actor and the world. It dies with the incarnation."""

    __slots__ = ("_cell", "_incarnation")

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell
        self._incarnation = cell.incarnation

    @property
    def self(self) -> Ref:
        """The actor's own address."""
        return self._cell.ref

    @property
    def sender(self) -> Ref | None:
        """Who sent the message that is being handled; None in a hook."""
        envelope = self._cell.envelope
        return envelope.sender if envelope is not None else None

    @property
    def correlation(self) -> str | None:
        """The operation that the message being handled is about."""
        envelope = self._cell.envelope
        return envelope.correlation if envelope is not None else None

    @property
    def random(self) -> Random:
        """The actor's own generator, derived from the world's seed and its path."""
        return self._cell.random

    def now(self) -> float:
        """Node time in seconds since the Unix epoch."""
        return self._cell.system.dispatcher.now()

    def tell(self, ref: Ref, message: Message, *, about: str | None = None) -> None:
        """Send; raises MailboxFull when the receiver's bound is reached and its policy is FAIL.

        ``about`` is the operation (correlation id); by default that of the message being handled.
        """
        self._cell.system.deliver(ref, self._cell.seal(message, about))

    def ask(
        self,
        ref: Ref,
        request: Request[R],
        *,
        about: str | None = None,
        timeout: float | None = None,
    ) -> Reply[R]:
        """Send a request; awaiting the result raises AskTimeout, ActorStopped, AskFailed or AskCycle."""
        return self._cell.system.ask_from(self._cell, ref, request, about, timeout)

    def defer(self) -> Promise:
        """Take over the answer to the request being handled; the handler's own result is ignored."""
        return self._cell.take_promise()

    def refuse(self, error: Exception) -> None:
        """Let the ask being handled fail with this error, as an answer: nobody is restarted for it."""
        self.defer().fail(error)

    def after(self, seconds: float, message: Message, *, about: str | None = None) -> Timer:
        """Send a message to oneself after so many node seconds; a restart forgets it."""
        return self._cell.arm(seconds, message, about)

    def whereis(self, name: str) -> Ref:
        """The living actor registered under the name; a ref that nobody is behind when there is none."""
        return self._cell.system.whereis(name)

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a child."""
        if self._incarnation != self._cell.incarnation:
            raise ActorStopped(self._cell.ref.path)
        return self._cell.family.spawn(spec)

    def stop(self, ref: Ref | None = None) -> None:
        """Stop an actor (by default oneself) after its current message.

        A permanent child that stops otherwise than by its own parent's word is started again.
        """
        target = self._cell if ref is None else ref.cell
        if target is not None:
            target.post(target.begin_stop, "parent" if target.parent is self._cell else "stopped")

    def watch(self, ref: Ref) -> None:
        """Get ``Terminated`` once when it dies; at once when it is dead or never was. A restart forgets the watch."""
        self._cell.watching[ref] = True
        if ref.cell is None or ref.cell.is_stopped:
            self._cell.system.notify(self._cell, ref, "noproc")
        else:
            ref.cell.watchers[self._cell] = True

    def unwatch(self, ref: Ref) -> None:
        """No ``Terminated`` from it any more, not even one that is queued."""
        self._cell.unwatch(ref)

    def supervise(self, intensity: Intensity) -> None:
        """Set how many restarts of its children this actor allows before it fails itself."""
        self._cell.family.intensity = intensity

    def children(self) -> list[Ref]:
        """The living children, in the order of their start."""
        return [child.ref for child in self._cell.family.cells()]
