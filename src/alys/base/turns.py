"""Taking turns: one node drives the chains, so whoever wants to waits for whoever does (an exclusive lease).

Two implementations: a lock file on one machine, a Lease object in a cluster. Both survive the crash of a holder.
"""

from collections.abc import Callable
from typing import Protocol

from alys.base.errors import EnvironmentFailure


class TurnLost(EnvironmentFailure):
    """The lease went to somebody else, or cannot be kept: stop driving the chains at once."""


class NoTurn(EnvironmentFailure):
    """The wait for a turn was given up."""


class Turns(Protocol):
    """One would-be holder's view of a lease. Used from one thread at a time; calls may block for I/O."""

    def acquire(self, holder: str, waiting: Callable[[str], None]) -> None:
        """Return when the lease is ours, in the name ``holder``; first come, first served.

        ``waiting`` is called with the present holder's name about once a second as long as that takes; what it raises ends
        the wait, and then we are no longer counted among those who want the lease.
        """
        ...

    def renew(self) -> None:
        """Say that we are still here, at least every ten seconds of wall time. Raises TurnLost."""
        ...

    def release(self) -> None:
        """Let the next one have it; harmless when we do not hold it."""
        ...

    def wanted(self) -> str:
        """Who waits for the lease that we hold, the first of them; "" if nobody does."""
        ...
