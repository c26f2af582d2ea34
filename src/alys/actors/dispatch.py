"""What the core asks of whatever runs it: turns, timers and the time. Asyncio's and the simulation's stand behind it."""

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A call that has not happened yet."""

    def cancel(self) -> None:
        """Forget it; harmless when it has already happened."""
        ...


class Dispatcher(Protocol):
    """One thread of turns. Node time may run faster than the wall (the local world's ``time_scale``)."""

    #: Messages that an actor may handle in one activation before it goes to the back of the queue.
    throughput: int

    def now(self) -> float:
        """Node time, seconds since the Unix epoch."""
        ...

    def call_soon(self, call: Callable[..., Any], *args: Any) -> None:
        """Run in a later turn."""
        ...

    def call_after(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Run after so many seconds of node time."""
        ...

    def wall(self) -> float:
        """Wall time in seconds since some moment: what the deadlines of asks are counted in."""
        ...

    def call_after_wall(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Run after so many seconds of wall time: the deadlines of asks."""
        ...
