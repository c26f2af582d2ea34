"""What the core asks of whatever runs it: turns, timers and the time. Asyncio's and the simulation's stand behind it."""

from collections.abc import Callable, Generator
from typing import Any, Protocol


class Timer(Protocol):
    """A call that has not happened yet."""

    def cancel(self) -> None:
        """Forget it; harmless when it has already happened."""
        ...


class Runnable(Protocol):
    """What gets turns: an actor's cell."""

    #: Wall seconds that its turns have taken; the dispatcher adds to it.
    seconds: float
    #: Messages that it has handled.
    handled: int

    def run(self) -> None:
        """Take one turn."""
        ...

    def break_off(self) -> None:
        """An error that is no failure of an actor has ended its turn: be ready for another one."""
        ...

    def report(self, handled: int, seconds: float) -> None:
        """Hear how long that turn took; only called where ``Dispatcher.reports`` is set."""
        ...


class Dispatcher(Protocol):
    """One thread of turns. Node time may run faster than the wall (the local world's ``time_scale``)."""

    #: Messages that an actor may handle in one turn before it goes to the back of the queue.
    throughput: int
    #: Whether a turn is under way: then whoever awaits a reply is a coroutine that the core drives.
    turning: bool
    #: How many asks may still be carried out at once, in the asker's own turn (0: every ask goes through the queue).
    inline_left: int
    #: Whether turns are to be reported one by one.
    reports: bool

    @property
    def schedule(self) -> Callable[[Any], None]:
        """Give a runnable a turn, later. A property, so that it may be no more than a queue's ``append``."""
        ...

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

    def ask_outside(self, ref: Any, request: Any, mark: Any, timeout: float | None) -> Any:
        """Let an idle actor answer an ask from outside at once; None where it has to go through the queue."""
        ...

    def wait_outside(self, reply: Any) -> Generator[Any, None, None]:
        """What code outside the core yields until the reply is full; raises where nobody outside can wait."""
        ...
