"""The vocabulary of faults, continued: what befalls a node, its disk, its connections and its actors.

Kinds are structs like those of ``faults``, and travel as JSON in the same way. A *target* is a word that says whom a fault is for:

==================  ==========================================================================
``bitcoin``         the Bitcoin node, and likewise
``ethereum-1``      the execution client of authority 1
``governance-2``    a governance node, from 0
``node-1``          the whole of an authority: its actors, its ports, its process
``disk-1``          what its store is written on
``wire-0-1``        the connection between two authorities; a one-way fault is for what 0 sends
``wires``           all of them
``actor:PATH``      an actor by its path: ``actor:/alys/node/consensus/chain``
==================  ==========================================================================
"""

from typing import Annotated, ClassVar, get_args

import msgspec
from msgspec import Meta

from alys.base import faults
from alys.base.faults import AnyFault, BadFault, Fault

NODE, DISK, WIRE, WIRES, ACTOR = "node", "disk", "wire", "wires", "actor"

Duration = Annotated[float, Meta(gt=0, le=faults.SECONDS_MAX)]
"""Seconds of node time."""
Rate = Annotated[float, Meta(gt=0, le=1)]
"""The share of chances that it takes, drawn anew for each."""


# A node


class Kill(Fault, frozen=True, kw_only=True, tag="kill"):
    """The process ends at once: no hook runs, what is on its way is lost. It is started again after a while.

    With a ``disk`` that is not ``kept`` it ends in the middle of the next batch that its store is given, if one comes soon.
    """

    services: ClassVar[tuple[str, ...]] = (NODE,)
    down_s: Duration = 5.0
    disk: Annotated[str, Meta(pattern=r"\A(kept|lost|torn)\Z")] = "kept"
    """What became of the batch that was being written: ``kept``: none was; ``lost``: nothing of it is on the disk; ``torn``: half of it is,
    and the store must be restored by hand when the node has seen that. Nobody had been told that it was written."""


class Stop(Fault, frozen=True, kw_only=True, tag="stop"):
    """The process ends in good order, and is started again after a while."""

    services: ClassVar[tuple[str, ...]] = (NODE,)
    down_s: Duration = 5.0


class Skew(Fault, frozen=True, kw_only=True, tag="skew"):
    """The clock that the node's actors see is wrong for a while: it jumps, and jumps back. Timers run as before."""

    services: ClassVar[tuple[str, ...]] = (NODE,)
    seconds: Annotated[float, Meta(ge=-faults.SECONDS_MAX, le=faults.SECONDS_MAX)]
    duration_s: Duration


# Its disk


class DiskRefuses(Fault, frozen=True, kw_only=True, tag="disk_refuses"):
    """Batches are refused, and nothing of them is written."""

    services: ClassVar[tuple[str, ...]] = (DISK,)
    error: Annotated[str, Meta(pattern=r"\A(ENOSPC|EIO)\Z")] = "ENOSPC"
    duration_s: Duration


# Connections


class Cut(Fault, frozen=True, kw_only=True, tag="cut"):
    """Nothing passes, in both directions or in one."""

    services: ClassVar[tuple[str, ...]] = (WIRE,)
    one_way: bool = False
    duration_s: Duration


class Partition(Fault, frozen=True, kw_only=True, tag="partition"):
    """Nothing passes between nodes of different groups. Who is in no group is alone."""

    services: ClassVar[tuple[str, ...]] = (WIRES,)
    groups: tuple[tuple[int, ...], ...]
    duration_s: Duration


class Late(Fault, frozen=True, kw_only=True, tag="late"):
    """Frames take longer, each by a time of its own; frames of one connection keep their order, those of several overtake each other."""

    services: ClassVar[tuple[str, ...]] = (WIRE, WIRES)
    ms: faults.Milliseconds
    duration_s: Duration


class Lose(Fault, frozen=True, kw_only=True, tag="lose"):
    """Frames are lost."""

    services: ClassVar[tuple[str, ...]] = (WIRE, WIRES)
    rate: Rate = 0.3
    duration_s: Duration


class Duplicate(Fault, frozen=True, kw_only=True, tag="duplicate"):
    """Frames arrive twice, the second time a little later."""

    services: ClassVar[tuple[str, ...]] = (WIRE, WIRES)
    rate: Rate = 0.3
    duration_s: Duration


# Actors


class Crash(Fault, frozen=True, kw_only=True, tag="crash"):
    """An actor fails, once, the next time that it comes to the moment."""

    services: ClassVar[tuple[str, ...]] = (ACTOR,)
    moment: Annotated[
        str, Meta(pattern=r"\A(before|in|after|on_start|pre_restart|post_restart|post_stop)\Z")
    ] = "before"
    """``before`` a message is handled; ``in`` the middle of it, at the handler's next use of its context; ``after`` it, when it has done
    all but answer; or in a hook: of the first instance, of the one that is to be replaced, of the one that replaces it, of the last."""
    message: str = ""
    """The name of the message's class that it must be about; empty: any."""


class Pause(Fault, frozen=True, kw_only=True, tag="pause"):
    """An actor gets no turn for a while; its mailbox fills."""

    services: ClassVar[tuple[str, ...]] = (ACTOR,)
    duration_s: Duration


class Slow(Fault, frozen=True, kw_only=True, tag="slow"):
    """For a while each message that an actor handles costs it node time before it takes the next."""

    services: ClassVar[tuple[str, ...]] = (ACTOR,)
    ms: faults.Milliseconds
    duration_s: Duration


class Full(Fault, frozen=True, kw_only=True, tag="full"):
    """For a while an actor's mailbox has no room beyond what waited there when it began, the reserve for urgent messages excepted."""

    services: ClassVar[tuple[str, ...]] = (ACTOR,)
    duration_s: Duration


AnyTrouble = (
    AnyFault
    | Kill
    | Stop
    | Skew
    | DiskRefuses
    | Cut
    | Partition
    | Late
    | Lose
    | Duplicate
    | Crash
    | Pause
    | Slow
    | Full
)
"""Every fault there is, those of services included."""

KINDS: dict[str, type[Fault]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyTrouble)
}
"""Every kind by its word."""


def service_of(target: str) -> str:
    """What kind of thing a target is: the word before its number or path. Raises BadFault for no target."""
    word = target.split(":", 1)[0].split("-", 1)[0]
    if word not in (*faults.SERVICES, NODE, DISK, WIRE, WIRES, ACTOR):
        raise BadFault(f"no target {target!r}: see alys.base.trouble for what there is")
    return word


def fit(target: str, fault: Fault) -> None:
    """Raises BadFault where such a thing cannot have such a fault."""
    if service_of(target) not in type(fault).services:
        able = ", ".join(type(fault).services)
        raise BadFault(f"{fault.kind} is a fault of {able}, not of {target!r}")


def read(value: object) -> AnyTrouble:
    """A fault of JSON values; raises BadFault."""
    try:
        found: AnyTrouble = msgspec.convert(value, AnyTrouble)
    except msgspec.ValidationError as error:
        raise BadFault(f"no fault {value!r}: {error}") from None
    return found
