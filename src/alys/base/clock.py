"""Time as it is passed in. Nobody below the shells asks the machine what time it is."""

from typing import Protocol


class Clock(Protocol):
    """Node time: seconds since the Unix epoch, never going back within a run."""

    def now(self) -> float:
        """Seconds since the Unix epoch, in the time of the world."""
        ...
