"""What an ask returns: a slot that is filled once, by a reply, a failure or the deadline.

It is the only thing that the core's coroutines wait for. Awaiting an empty slot yields the slot itself to whoever drives the
coroutine; that driver subscribes and sends the coroutine on once the slot is full. Code outside the actors (a task of
asyncio) may await it too: the dispatcher knows how. The deadline is set when the slot is made; its timer is armed
only when somebody really waits. A value that comes after the slot is full is late: it goes to the dead letters.
"""

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

import msgspec
from typing_extensions import override

from alys.actors.dispatch import Dispatcher
from alys.actors.errors import AskTimeout

R = TypeVar("R")


class Reply(msgspec.Struct, Generic[R], eq=False):
    """One awaited result. Only ``done``, ``result`` and ``await`` are for users; the rest is the runtime's."""

    dispatcher: Dispatcher
    seconds: float | None = None
    """How long may be waited, wall time; None for no limit."""
    deadline: float = 0.0
    """On the dispatcher's wall clock; means nothing without ``seconds``."""
    target: Any = None
    """The ref of who is expected to answer; the search for ask cycles follows it."""
    request: str = ""
    """The name of the request's type, for errors."""
    done: bool = False
    value: Any = None
    error: BaseException | None = None
    callbacks: list[Callable[[], Any]] | None = None
    timer: Any = None

    def __await__(self) -> Generator[Any, None, R]:
        if not self.done:
            if self.dispatcher.turning:
                yield self
            else:
                yield from self.dispatcher.wait_outside(self)
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[no-any-return]  # filled by complete() with an R

    def result(self) -> R:
        """The value, or raise what it failed with; only once ``done``."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[no-any-return]  # filled by complete() with an R

    def complete(self, value: R) -> bool:
        """Fill the slot; False when it was full already (a late reply)."""
        if self.done:
            return False
        self.value = value
        self._filled()
        return True

    def fail(self, error: BaseException) -> bool:
        """Fill the slot with a failure; False when it was full already."""
        if self.done:
            return False
        self.error = error
        self._filled()
        return True

    def subscribe(self, callback: Callable[[], Any]) -> None:
        """Call back once the slot is full; arms the deadline."""
        if self.done:
            callback()
            return
        if self.callbacks is None:
            self.callbacks = []
        self.callbacks.append(callback)
        if self.timer is None and self.seconds is not None:
            left = max(0.0, self.deadline - self.dispatcher.wall())
            self.timer = self.dispatcher.call_after_wall(left, self._expire)

    def abandon(self) -> None:
        """Nobody waits any more: disarm, forget the callbacks; a reply will count as late."""
        self.callbacks = None
        self.fail(AskTimeout(self._target_path, self.request, 0.0))

    @property
    def _target_path(self) -> str:
        return self.target.path if self.target is not None else ""

    def _expire(self) -> None:
        self.fail(AskTimeout(self._target_path, self.request, self.seconds or 0.0))

    def _filled(self) -> None:
        self.done = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        callbacks = self.callbacks
        if callbacks is not None:
            self.callbacks = None
            for callback in callbacks:
                callback()


class Shared(Reply[R], eq=False):
    """A reply that several may wait for: one who gives up does not take it from the others."""

    @override
    def abandon(self) -> None:
        """Whoever gave up is called in vain."""
