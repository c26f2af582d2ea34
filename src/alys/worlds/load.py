"""A scenario's way to put the node under load, the same in every world: an open loop of calls to its public JSON-RPC."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Call = tuple[str, list[Any]]
"""Method and parameters."""

Answered = Callable[[float, list[Any]], None]
"""Told when a batch was answered, by the load's clock, and the results in the order of the calls: values, errors of the node as
``RpcError``, and ``MalformedAnswer`` for a call that was passed over."""


class UsageSide(Protocol):
    """What the node's process takes of the machine at one moment."""

    @property
    def resident_bytes(self) -> int:
        """Memory."""
        ...

    @property
    def cpu_seconds(self) -> float:
        """Since the process began."""
        ...


class LoadSide(Protocol):
    """See the module's docstring."""

    @property
    def measures_process(self) -> bool:
        """Whether there is a process whose memory and processor time mean something: not in simulation."""
        ...

    def clock(self) -> float:
        """Seconds since some moment: the wall's, whatever the node's time does; virtual in simulation."""
        ...

    async def until(self, at: float) -> None:
        """Wait until the clock says so; does not wait when it does already."""
        ...

    def send(self, calls: Sequence[Call], answered: Answered) -> None:
        """Begin a batch and go on. A batch that gets no answer at all is never told of."""
        ...

    async def drain(self) -> None:
        """Wait until every batch is answered or given up."""
        ...

    def usage(self) -> UsageSide | None:
        """By the operating system; None where it cannot say, or the process is gone."""
        ...

    def cores(self) -> float:
        """The processors that the node can use: one, or what its limits leave of it."""
        ...
