"""What an ask returns: a slot that is filled once, by a reply, a failure or the deadline.

It is the only thing that the core's coroutines wait for. Awaiting an empty slot yields the slot itself to whoever drives the
coroutine; that driver subscribes and sends the coroutine on once the slot is full. The deadline is set when the slot is
made; its timer is armed only when somebody really waits. A value that comes after the slot is full is late: it goes to
the dead letters.
"""

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from alys.actors.dispatch import Dispatcher, Timer
from alys.actors.errors import AskTimeout

R = TypeVar("R")


class Reply(Generic[R]):
    """One awaited result."""

    __slots__ = (
        "_callbacks", "_deadline", "_dispatcher", "_error", "_request", "_seconds", "_target", "_timer",
        "_value", "done", "target_cell",
    )  # fmt: skip

    def __init__(
        self,
        dispatcher: Dispatcher,
        seconds: float | None = None,
        target: str = "",
        request: str = "",
        target_cell: Any = None,
    ) -> None:
        self.done = False
        #: The cell that is expected to answer; the search for ask cycles follows it.
        self.target_cell = target_cell
        self._dispatcher = dispatcher
        self._seconds = seconds
        self._deadline = dispatcher.wall() + seconds if seconds is not None else 0.0
        self._target = target
        self._request = request
        self._timer: Timer | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[], Any]] = []

    def __await__(self) -> Generator["Reply[R]", None, R]:
        if not self.done:
            yield self
        return self.result()

    def result(self) -> R:
        """The value, or raise what it failed with; only once ``done``."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]  # filled by complete() with an R

    def complete(self, value: R) -> bool:
        """Fill the slot; False when it was full already (a late reply)."""
        return self._fill(value, None)

    def fail(self, error: BaseException) -> bool:
        """Fill the slot with a failure; False when it was full already."""
        return self._fill(None, error)

    def subscribe(self, callback: Callable[[], Any]) -> None:
        """Call back once the slot is full; arms the deadline."""
        if self.done:
            callback()
            return
        self._callbacks.append(callback)
        if self._timer is None and self._seconds is not None:
            left = max(0.0, self._deadline - self._dispatcher.wall())
            self._timer = self._dispatcher.call_after_wall(left, self._expire)

    def abandon(self) -> None:
        """Nobody waits any more: disarm, forget the callbacks; a reply will count as late."""
        self._callbacks.clear()
        self.fail(AskTimeout(self._target, self._request, 0.0))

    def _expire(self) -> None:
        self.fail(AskTimeout(self._target, self._request, self._seconds or 0.0))

    def _fill(self, value: Any, error: BaseException | None) -> bool:
        if self.done:
            return False
        self.done = True
        self._value = value
        self._error = error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        return True
