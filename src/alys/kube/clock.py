"""The time that this room is given: a clock that only goes forward, the wall's, and a pause."""

import time
from typing import Protocol


class Clock(Protocol):
    """Three questions; a test answers them without waiting."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never set back."""
        ...

    def wall(self) -> float:
        """Unix seconds, for people to read; nothing is decided by it."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after that long."""
        ...


class MachineClock:
    """The machine's own."""

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix seconds."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)
