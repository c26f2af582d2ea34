"""The loop-free core: one system of actors on one dispatcher.

It makes cells, opens reply slots and drives coroutines from outside (a scenario of the simulated world). It owns no thread
and no loop; ``loop.py`` and ``alys.sim`` bring a dispatcher each.
"""

import math
from collections.abc import Coroutine
from typing import Any, TypeVar

from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.cell import Cell
from alys.actors.context import Context
from alys.actors.dispatch import Dispatcher
from alys.actors.envelope import Envelope, Mark
from alys.actors.errors import ActorStopped, BadSpec, ForeignAwait
from alys.actors.events import DeadLetter, EventStream
from alys.actors.exits import SHUTDOWN, Exit, Kind
from alys.actors.message import Message, Request
from alys.actors.observe import PER_MESSAGE, Observer, overrides
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.state import Status
from alys.actors.supervision import ChildSpec, Intensity, check_intensity
from alys.base.prng import Random

R = TypeVar("R")

BY_SYSTEM = Exit(kind=Kind.SHUTDOWN, detail="system")


class Guardian(Actor):
    """The root: its children are what ``System.spawn`` starts. Its failure ends the system."""

    def __init__(self, intensity: Intensity) -> None:
        self._intensity = intensity

    @override
    def on_start(self, ctx: Context) -> None:
        """Supervise what is started from outside."""
        ctx.supervise(self._intensity)


class System:
    """A tree of actors. Everything in it happens on the dispatcher's thread."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        random: Random,
        *,
        name: str = "alys",
        observer: Observer | None = None,
        intensity: Intensity | None = None,
    ) -> None:
        self.dispatcher = dispatcher
        self.random = random
        self.observer = observer if observer is not None else Observer()
        #: Messages that an actor may handle in one turn.
        self.throughput = dispatcher.throughput
        #: Whether nobody hears of every single message: then most of them travel bare.
        self.plain = not overrides(self.observer, PER_MESSAGE)
        dispatcher.reports = dispatcher.reports or overrides(self.observer, ("turn",))
        #: Dead letters, and what users publish.
        self.events = EventStream(self)
        #: Why the root gave up; None while the system is sound. A run over a failed system cannot pass.
        self.failure: BaseException | None = None
        self._uids = 0
        self._names: dict[str, Ref] = {}
        rule = intensity if intensity is not None else Intensity()
        check_intensity(rule)
        spec = ChildSpec(name=name, factory=lambda: Guardian(rule), shutdown_seconds=math.inf)
        self._root = self.make_cell(spec, None)
        self._root.start_at_once()
        self._outside: Context = self._root.door()
        self.tell = self._outside.tell  # type: ignore[method-assign]  # the same with a call less

    @property
    def outside(self) -> Ref:
        """The sender of what is told or asked from outside the tree."""
        return self._root

    @property
    def root(self) -> Cell:
        """The top of the tree, for reports."""
        return self._root

    @property
    def terminated(self) -> Reply[str]:
        """Full once everything has stopped."""
        return self._root.when_stopped()

    @property
    def status(self) -> int:
        """What a process that is this system should exit with: 0, or 1 after the root gave up."""
        return 0 if self.failure is None else 1

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a top-level actor."""
        return self._root.family.spawn(spec)

    def tell(self, ref: Ref, message: Message, about: str | None = None) -> None:
        """Send from outside; raises MailboxFull."""
        self._outside.tell(ref, message, about)

    def send(self, ref: Ref, message: Message, *, about: str | None = None) -> Any:
        """Send from outside; awaiting it waits for room. See ``Context.send``."""
        return self._outside.send(ref, message, about)

    def ask(
        self,
        ref: Ref,
        request: Request[R],
        *,
        about: str | None = None,
        timeout: float | None = None,
    ) -> Reply[R]:
        """Ask from outside; await it in a coroutine under ``drive``, or in a task of the loop."""
        mark = self._outside.mark(about)
        if ref.idle:
            reply: Reply[R] | None = self.dispatcher.ask_outside(ref, request, mark, timeout)
            if reply is not None:
                return reply
        return self.ask_from(ref, request, mark, timeout)

    def stop(self, ref: Ref, *, seconds: float | None = None) -> Reply[str]:
        """Stop an actor and its children; the reply is full (with the exit) once it is gone.

        The tree does not start it again. ``seconds`` is how long it may take (by default the spec's); 0 kills it. For a
        ref behind which nobody ever was the reply is "noproc".
        """
        if ref.cell is None:
            nobody: Reply[str] = Reply(self.dispatcher)
            nobody.complete("noproc")
            return nobody
        stopped: Reply[str] = ref.cell.when_stopped()
        ref.cell.begin_stop(BY_SYSTEM, ordered=True, seconds=seconds)
        return stopped

    def suspend(self, ref: Ref) -> None:
        """See ``Context.suspend``."""
        self._outside.suspend(ref)

    def resume(self, ref: Ref) -> None:
        """See ``Context.resume``."""
        self._outside.resume(ref)

    def shutdown(self) -> Reply[str]:
        """Stop everything, last started first."""
        self._root.begin_stop(SHUTDOWN)
        return self.terminated

    def sleep(self, seconds: float) -> Reply[None]:
        """Wait node seconds, from outside the tree."""
        slot: Reply[None] = Reply(self.dispatcher)
        slot.timer = self.dispatcher.call_after(seconds, slot.complete, None)
        return slot

    def drive(self, coroutine: Coroutine[Any, Any, R]) -> Reply[R]:
        """Run a coroutine that awaits replies only; its result fills the returned slot."""
        slot: Reply[R] = Reply(self.dispatcher)
        self.dispatcher.call_soon(self._step, coroutine, slot, None)
        return slot

    def tree(self) -> list[tuple[str, str, int]]:
        """Path, status and incarnation of every living actor, parents first."""
        return [(cell.path, cell.status.value, cell.incarnation) for cell in self.cells()]

    def cells(self) -> list[Cell]:
        """Every living actor, parents first; for reports, metrics and tests."""
        found = []
        todo = [self._root]
        while todo:
            cell = todo.pop()
            if cell.status is not Status.STOPPED:
                found.append(cell)
                if cell.has_children:
                    todo.extend(reversed(list(cell.family.living())))
        return found

    def whereis(self, name: str) -> Ref:
        """The living actor registered under the name, else a ref behind which nobody is."""
        return self._names.get(name) or Ref(f"/unregistered/{name}", 0)

    # For cells and contexts

    def make_cell(self, spec: ChildSpec, parent: Cell | None) -> Cell:
        """A cell with the next uid."""
        if spec.register is not None and spec.register in self._names:
            raise BadSpec(f"the name {spec.register!r} is registered already; names are unique")
        self._uids += 1
        cell = Cell(self, spec, parent, self._uids)
        if spec.register is not None:
            self._names[spec.register] = cell
        return cell

    def actor_gone(self, cell: Cell, end: Exit) -> None:
        """A cell is stopped: its name is free again."""
        name = cell.spec.register
        if name is not None and self._names.get(name) is cell:
            del self._names[name]
        self.observer.stopped(cell, str(end))

    def ask_from(
        self, target: Ref, request: Request[R], mark: Mark, timeout: float | None
    ) -> Reply[R]:
        """Open a reply slot and send."""
        kind = type(request)
        seconds = timeout if timeout is not None else kind.timeout_seconds
        dispatcher = self.dispatcher
        reply: Reply[R] = Reply(
            dispatcher, seconds, dispatcher.wall() + seconds, target, kind.__name__
        )
        target.accept(request, mark, reply)
        return reply

    def return_to_sender(self, target: Ref, message: Message, mark: Mark, reply: Any) -> None:
        """Nobody is behind the ref."""
        sender = mark[0]
        self.refused(
            target, Envelope(message, sender, sender.count_message(), None, mark[1], reply)
        )

    def refused(self, target: Ref, entry: Any) -> None:
        """The target is gone: a dead letter, and whoever asked learns it at once."""
        envelope = self._root.sealed(entry)
        self.dead_letter(envelope, target, "stopped")
        if envelope.reply is not None:
            envelope.reply.fail(ActorStopped(target.path, type(envelope.message).__name__))

    def dead_letter(self, envelope: Envelope, target: Ref, reason: str) -> None:
        """Nobody will handle this message."""
        self.observer.dead_letter(envelope, target, reason)
        if self.events.subscribed and self.events.wants(DeadLetter):
            self.events.publish(
                DeadLetter(
                    message=envelope.message,
                    sender=envelope.sender,
                    recipient=target,
                    reason=reason,
                )
            )

    def root_failed(self, error: BaseException) -> None:
        """The root has nobody above it: the system ends, and says why."""
        self.failure = error
        self._root.begin_stop(Exit(kind=Kind.FAILED, error=error))

    def _step(
        self, coroutine: Coroutine[Any, Any, R], slot: Reply[R], error: Exception | None
    ) -> None:
        try:
            waited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            slot.complete(stop.value)
        except BaseException as raised:
            slot.fail(raised)
            if not isinstance(raised, Exception):
                raise
        else:
            if isinstance(waited, Reply):
                waited.subscribe(
                    lambda: self.dispatcher.call_soon(self._step, coroutine, slot, None)
                )
            else:
                self._step(coroutine, slot, ForeignAwait("a driven coroutine", waited))
