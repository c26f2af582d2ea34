"""What an incarnation leaves behind when it ends, and what becomes of it: the letter under way, timers, promises, mail."""

from typing import Any

from alys.actors.envelope import message_of, reply_of
from alys.actors.errors import ActorStopped
from alys.actors.state import CellState


class Leftovers(CellState):
    """See the module's docstring."""

    __slots__ = ()

    def _abort(self) -> None:
        """Close the current activity, and let whoever asked for it learn of it."""
        activity = self.activity
        self.current = None
        if activity is None:
            return
        raised = activity.close()
        if raised is not None:  # by a finally block; it must not keep the actor from stopping
            self.system.observer.failed(self, raised, None)
        if self._is_aside(activity.entry):  # it stays put aside
            self.handled += 1
        elif activity.entry is not None:
            self.lose(activity.entry, "aborted")

    def _is_aside(self, entry: Any) -> bool:
        """Whether this is what was put aside last."""
        more = self.belongings
        if entry is None or more is None or not more.stash:
            return False
        return message_of(more.stash[-1]) is message_of(entry)

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

    def lose(self, entry: Any, reason: str) -> None:
        """Nobody will handle it: say so to the observer and to whoever asked."""
        self.system.dead_letter(self.sealed(entry), self, reason)
        reply = reply_of(entry)
        if reply is not None:
            reply.fail(ActorStopped(self.path, type(message_of(entry)).__name__))
