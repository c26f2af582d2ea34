"""What a look at a door, a cluster or a machine saw, for whoever judges it (``runner.diagnosis``)."""

import enum

import msgspec


class Trouble(enum.Enum):
    """Why a door is not good; the kinds have different causes, so they are told apart."""

    NONE = "none"
    UNKNOWN_NAME = "unknown name"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """No way to the host, as the operating system says at once."""
    TIMED_OUT = "timed out"
    """No connection in time, or a connection and no answer."""
    WRONG_SECRET = "wrong secret"
    OTHER_PROTOCOL = "other protocol"
    UNWELL = "unwell"
    """It speaks its protocol, and says that it cannot do its work."""


class Seen(msgspec.Struct, frozen=True):
    """One look at one door. ``words`` is what there is to say of it, in one line and without secrets."""

    trouble: Trouble
    words: str


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What Prometheus says of one thing that it scrapes."""

    job: str
    url: str
    health: str
    """``up``, ``down``, or ``unknown`` before the first scrape."""
    last_error: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """This machine, for a run in this process."""

    folder_problem: str
    """Why the results folder cannot be written; empty where it can."""
    disk_free_bytes: int
    memory_bytes: float
    cpu_cores: float
    ports_taken: dict[str, str]
    """The fixed ports that cannot be had, by the name of their setting, with the reason."""


class Pod(msgspec.Struct, frozen=True):
    """A pod that is not Ready, with the reason that the cluster gives."""

    name: str
    reason: str
    message: str


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace."""

    namespace: str
    missing: dict[str, tuple[str, ...] | None]
    """Secrets that were read, each with the keys that it lacks; None for one that is not there."""
    pods: tuple[Pod, ...]
    """The pods that are not Ready."""
    apps: tuple[str, ...] = ()
    """The labels ``app`` of all pods that have not ended; what has no pod at all cannot be found among those that wait."""
    forbidden: tuple[str, ...]
    """The verbs that this caller lacks."""
