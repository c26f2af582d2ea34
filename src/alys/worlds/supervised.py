"""What a scenario may see of actors, and do to them: the tree as data, faults that say what they bit, trees of test actors.

All of it is data, so that it can cross a socket; no scenario holds an actor, a cell or a ref. An actor is named by its path;
where a path has had several owners (a killed actor's place is taken by another one), ``uid`` says which one is meant.
"""

from typing import Protocol

import msgspec

from alys.base.errors import Inconclusive


class ActorView(msgspec.Struct, frozen=True, kw_only=True):
    """One living actor at one moment."""

    path: str
    status: str
    """starting, running, failed, restarting or stopping."""
    uid: int
    """Lives through restarts, like the ref; another actor under the same path has another."""
    incarnation: int
    """How often the runtime says that it restarted it."""
    instance: int
    """Which object stands behind the ref, numbered as they were first seen; 0 for none. Not the runtime's word."""
    waiting: int
    """Messages in its mailbox."""
    handled: int
    """Messages that it has handled without a failure, over all incarnations."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befell an actor, in the order in which it did."""

    time: float
    """Node time."""
    kind: str
    """From the runtime: spawned, failed, restarted, resumed, escalated, stopped. From a test actor's own hooks: started, ended."""
    path: str
    uid: int
    detail: str = ""
    """The error's or the exit's words."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """How often what befell the actors that had this path."""

    failures: int = 0
    restarts: int = 0
    escalations: int = 0
    stops: int = 0
    dropped: int = 0
    """Messages thrown away by the policy of a full mailbox."""
    dead_letters: int = 0
    """Messages that nobody handled, the next two lines excepted."""
    failed_messages: int = 0
    """Messages on which it failed; they are not handled again."""
    called_off: int = 0
    """Ticks of timers and news of deaths that an older incarnation had asked for."""


class Fault(msgspec.Struct, kw_only=True):
    """A failure that a scenario ordered. What it bit is noted here as it happens."""

    path: str
    what: str
    """``crash`` or ``kill``."""
    touched: list[str] = []
    """What it bit: the message that failed, or the actors that were killed."""
    drags: tuple[str, ...] = ()
    """Whose failure in consequence is expected: they ask the actor, and fail when it fails on what they asked."""
    optional: bool = False
    """Whether nothing hangs on its biting: a campaign strikes and looks later what came of it."""

    def require(self) -> None:
        """Raise Inconclusive when it bit nothing: what was seen then was not seen under the fault."""
        if not self.touched:
            raise Inconclusive(
                f"the fault {self.what} of {self.path} touched nothing, so nothing was proven"
            )


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A test actor (``specimens.Specimen``)."""

    name: str
    mailbox: int = 1000
    overflow: str = "fail"
    """What a full mailbox does: ``fail``, ``drop_new``, ``drop_old`` or ``suspend`` (senders wait)."""


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor over test actors and other supervisors."""

    name: str
    children: tuple["Branch | Leaf", ...]
    strategy: str = "one_for_one"
    """``one_for_one``, ``one_for_all`` or ``rest_for_one``."""
    restarts: int = 5
    period_s: float = 60.0
    """Restarts of its children that it allows in so many node seconds; one more and it ends itself."""
    restart: str = "permanent"
    """Whether its own supervisor starts it again: ``permanent``, ``transient`` or ``temporary``."""


class Recollection(msgspec.Struct, frozen=True, kw_only=True):
    """What a test actor says of itself."""

    instance: int
    """The number of the instance that answers, drawn when it was made."""
    notes: tuple[str, ...]
    """What this instance was told, in order."""


class ActorsSide(Protocol):
    """The world's actors as a scenario reaches them."""

    async def tree(self, under: str = "") -> tuple[ActorView, ...]:
        """Every living actor whose path is ``under`` or below it, parents first."""
        ...

    async def find(self, path: str) -> ActorView | None:
        """The living actor at the path."""
        ...

    async def orphans(self) -> tuple[str, ...]:
        """Actors (``path#uid``) that were started and are not gone, but hang on no tree."""
        ...

    async def happenings(self, under: str = "") -> tuple[Happening, ...]:
        """What befell the actors at or below a path, in order."""
        ...

    async def counters(self, path: str) -> Counters:
        """How often what befell the actors that had this path."""
        ...

    async def memory(self, path: str) -> int:
        """Bytes that the actor holds, state and mailbox, as ``actors.memory`` sizes them; 0 when there is none."""
        ...

    async def children(self, path: str) -> tuple[str, ...] | None:
        """Ask a supervisor for its children, ``name status`` each, as an administrator does; None without an answer."""
        ...

    async def crash(self, path: str, drags: tuple[str, ...] = ()) -> Fault:
        """Let the handler of the actor's next message raise. Returns at once; see ``bitten`` and ``Fault.drags``."""
        ...

    async def bitten(self, fault: Fault, timeout_s: float = 30.0) -> None:
        """Wait until the fault has bitten; raises Inconclusive when it does not in so many node seconds."""
        ...

    async def kill(self, path: str) -> Fault:
        """End an actor and all below it at once, without a hook and without its supervisor's order."""
        ...

    async def suspend(self, path: str) -> None:
        """Let the actor handle no message until ``resume``: its mailbox fills up."""
        ...

    async def resume(self, path: str) -> None:
        """End what ``suspend`` began."""
        ...

    async def spawn(self, plan: Branch) -> str:
        """Start a tree of test actors and wait until all run; its path."""
        ...

    async def say(self, path: str, *notes: str) -> int:
        """Tell a test actor these, in one go; how many the mailbox did not refuse."""
        ...

    async def relay(self, sender: str, to: str, *notes: str) -> None:
        """Let one test actor send these to another, waiting for room where the other's policy is ``suspend``."""
        ...

    async def hoard(self, path: str, size: int) -> None:
        """Let a test actor hold so many bytes more in its state."""
        ...

    async def recall(self, path: str, uid: int | None = None) -> Recollection | None:
        """Ask a test actor what it knows; None when nobody answers. With ``uid`` that very actor, alive or not."""
        ...
