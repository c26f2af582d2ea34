"""What ``alys serve`` says of its environment: phase, figures of the chains, and whether it is ready, with the reason why not."""

import enum
from collections import Counter
from typing import Any

import msgspec

from alys.worlds.network_world import NetworkWorld


class Phase(enum.Enum):
    """Where the environment is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    PARKED = "parked"
    """Somebody else has the chains; it comes back by itself."""
    BROKEN = "broken"
    """Closed after a failure; built anew after a pause."""
    RENEWING = "renewing"
    """Closed because of its age; built anew at once."""
    ENDED = "ended"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """The node's stream to one governance node."""

    endpoint: str
    state: str


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The node's own word at one moment."""

    height: int
    finalised: int
    chain: str
    """``active``, or why no block is made."""
    streams: tuple[Stream, ...]
    operations: dict[str, int]
    """Peg operations by kind and state: ``pegin minted``."""

    @property
    def registered(self) -> int:
        """How many governance nodes have accepted the node."""
        return sum(stream.state == "ready" for stream in self.streams)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that broke."""

    at: float
    """Seconds since the Unix epoch."""
    generation: int
    cause: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page shows of the environment."""

    phase: str
    ready: bool
    text: str
    """The answer of ``/ready``."""
    world: str
    time_scale: float
    generation: int
    """Environments built since the service began, this one included."""
    age_s: float | None
    """Since this one opened; None while there is none."""
    holder: str
    """Who has the chains, in words."""
    look: Look | None
    health_score: float | None
    deposits: int
    """That arrived since the service began; the next likewise."""
    payouts: int
    doing: str
    failures: tuple[Failure, ...]
    """The last ones, newest first."""


async def look_at(world: NetworkWorld) -> Look:
    """Ask the node over its public interface."""
    status: Any = await world.node.call("alys_status")
    streams: Any = await world.node.call("alys_governance")
    operations: Any = await world.node.call("alys_operations")
    counts = Counter(f"{one['kind']} {_word(one['state'])}" for one in operations)
    active = status["state"] == "active"
    return Look(
        height=status["height"],
        finalised=status["finalisedHeight"],
        chain="active" if active else f"{status['state']}: {status['reason']}",
        streams=tuple(
            Stream(endpoint=str(one["endpoint"]), state=_word(one["state"])) for one in streams
        ),
        operations=dict(sorted(counts.items())),
    )


def _word(state: object) -> str:
    return str(state.value if isinstance(state, enum.Enum) else state)
