"""The loop-free core: one system of actors on one dispatcher.

It starts cells, carries envelopes, opens reply slots and drives coroutines from outside (a scenario of the simulated
world). It owns no thread and no loop; ``loop.py`` and ``alys.sim`` bring a dispatcher each.
"""

import math
from collections.abc import Coroutine
from typing import Any, TypeVar

from alys.actors.activity import ask_cycle
from alys.actors.actor import Actor, Terminated
from alys.actors.cell import Cell, Status
from alys.actors.dispatch import Dispatcher
from alys.actors.errors import ActorStopped, AskCycle, BadSpec, ForeignAwait, MailboxFull
from alys.actors.mailbox import NOTICE, Envelope, Overflow
from alys.actors.message import Message, Request
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.reply import Reply
from alys.actors.supervision import ChildSpec, Intensity
from alys.base.prng import Random

R = TypeVar("R")


class Guardian(Actor):
    """The root: its children are what ``System.spawn`` starts. Its failure ends the system."""


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
        #: Why the root gave up; None while the system is sound. A run over a failed system cannot pass.
        self.failure: BaseException | None = None
        self._uids = 0
        self._names: dict[str, Ref] = {}
        root = ChildSpec(name=name, factory=Guardian, shutdown_seconds=math.inf)
        self._root = self.make_cell(root, None)
        self._root.family.intensity = intensity if intensity is not None else Intensity()
        self._root.start()

    @property
    def outside(self) -> Ref:
        """The sender of what is told or asked from outside the tree."""
        return self._root.ref

    @property
    def terminated(self) -> Reply[str]:
        """Full once everything has stopped."""
        return self._root.stopped

    def spawn(self, spec: ChildSpec) -> Ref:
        """Start a top-level actor."""
        return self._root.family.spawn(spec)

    def tell(self, ref: Ref, message: Message, *, about: str | None = None) -> None:
        """Send from outside; raises MailboxFull."""
        self.deliver(ref, self._root.seal(message, about))

    def ask(
        self,
        ref: Ref,
        request: Request[R],
        *,
        about: str | None = None,
        timeout: float | None = None,
    ) -> Reply[R]:
        """Ask from outside; await it in a coroutine under ``drive``, or through ``loop.wait``."""
        return self.ask_from(self._root, ref, request, about, timeout)

    def stop(self, ref: Ref) -> Reply[str]:
        """Stop an actor and its children; the reply is full (with the reason) once it is gone.

        The tree does not start it again. For a ref behind which nobody ever was the reason is "noproc".
        """
        if ref.cell is None:
            nobody: Reply[str] = Reply(self.dispatcher)
            nobody.complete("noproc")
            return nobody
        ref.cell.post(ref.cell.begin_stop, "stopped by the system")
        stopped: Reply[str] = ref.cell.stopped
        return stopped

    def shutdown(self) -> Reply[str]:
        """Stop everything, last started first."""
        self._root.post(self._root.begin_stop, "shutdown")
        return self._root.stopped

    def sleep(self, seconds: float) -> Reply[None]:
        """Wait node seconds, from outside the tree."""
        slot: Reply[None] = Reply(self.dispatcher)
        self.dispatcher.call_after(seconds, slot.complete, None)
        return slot

    def drive(self, coroutine: Coroutine[Any, Any, R]) -> Reply[R]:
        """Run a coroutine that awaits replies only; its result fills the returned slot."""
        slot: Reply[R] = Reply(self.dispatcher)
        self.dispatcher.call_soon(self._step, coroutine, slot, None)
        return slot

    def tree(self) -> list[tuple[str, str, int]]:
        """Path, status and incarnation of every living actor, parents first."""
        rows = []
        todo = [self._root]
        while todo:
            cell = todo.pop()
            if cell.status is not Status.STOPPED:
                rows.append((cell.ref.path, cell.status.value, cell.incarnation))
                todo.extend(reversed(cell.family.cells()))
        return rows

    # For cells and contexts

    def make_cell(self, spec: ChildSpec, parent: Cell | None) -> Cell:
        """A cell with the next uid."""
        if spec.register is not None and spec.register in self._names:
            raise BadSpec(f"the name {spec.register!r} is registered already; names are unique")
        self._uids += 1
        cell = Cell(self, spec, parent, self._uids)
        if spec.register is not None:
            self._names[spec.register] = cell.ref
        return cell

    def forget_name(self, cell: Cell) -> None:
        """A cell is gone: its name is free again."""
        if cell.spec.register is not None and self._names.get(cell.spec.register) == cell.ref:
            del self._names[cell.spec.register]

    def whereis(self, name: str) -> Ref:
        """The living actor registered under the name, else a ref behind which nobody is."""
        return self._names.get(name) or Ref(f"/unregistered/{name}", 0)

    def deliver(self, target: Ref, envelope: Envelope) -> None:
        """Put an envelope into a mailbox, or say what became of it."""
        cell: Cell | None = target.cell
        if cell is None or cell.is_stopped:
            self.observer.dead_letter(envelope, target, "stopped")
            if envelope.reply is not None:
                envelope.reply.fail(ActorStopped(target.path, type(envelope.message).__name__))
            return
        victim = cell.mailbox.put(envelope)
        if victim is not None:
            self._gave_way(cell, victim)
        if victim is not envelope:
            self.observer.sent(envelope, target)
            cell.schedule()
        elif cell.mailbox.overflow is Overflow.FAIL:
            raise MailboxFull(target.path, cell.mailbox.capacity)

    def deliver_timer(self, target: Ref, envelope: Envelope) -> None:
        """Like ``deliver``, but nobody is there to be told that the mailbox is full."""
        try:
            self.deliver(target, envelope)
        except MailboxFull:
            return  # already reported to the observer as a dead letter

    def ask_from(
        self,
        asker: Cell,
        target: Ref,
        request: Request[R],
        about: str | None,
        timeout: float | None,
    ) -> Reply[R]:
        """Open a reply slot and send. Raises AskCycle at once when the asker would wait for itself."""
        name = type(request).__name__
        cell: Cell | None = target.cell
        if asker is not self._root:
            chain = ask_cycle(asker, cell)
            if chain is not None:
                raise AskCycle(chain)
        seconds = timeout if timeout is not None else type(request).timeout_seconds
        reply: Reply[R] = Reply(self.dispatcher, seconds, target.path, name, cell)
        self.deliver(target, asker.seal(request, about, reply))
        return reply

    def notify(self, watcher: Cell, dead: Ref, reason: str) -> None:
        """Tell a watcher, behind all that the dead actor had sent it."""
        if watcher.is_stopped:
            return
        envelope = Envelope(Terminated(ref=dead, reason=reason), dead, NOTICE)
        watcher.mailbox.put_behind(envelope, dead)
        self.observer.sent(envelope, watcher.ref)
        watcher.schedule()

    def root_failed(self, error: BaseException) -> None:
        """The root has nobody above it: the system ends, and says why."""
        self.failure = error
        self._root.post(self._root.begin_stop, "failed")

    def _gave_way(self, cell: Cell, victim: Envelope) -> None:
        self.observer.dead_letter(victim, cell.ref, "mailbox full")
        if victim.reply is not None:
            victim.reply.fail(MailboxFull(cell.ref.path, cell.mailbox.capacity))

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
