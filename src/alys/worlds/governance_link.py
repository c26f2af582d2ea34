"""The simulated world's way from one node of ours to one governance node, as the port behind which it lies knows it."""

from collections import deque
from collections.abc import Callable

import msgspec

from alys.actors.context import Context
from alys.actors.ref import Ref
from alys.models.governance.node import GovernanceNode


class GovernanceLink(msgspec.Struct, kw_only=True):
    """The way to one governance node; ``down`` is set by whoever cuts it."""

    node: GovernanceNode
    prefix: str = ""
    """Of the names of its streams, where several nodes of ours have ways to this one."""
    down: bool = False
    streams: int = 0
    """Streams opened so far; the current one's id ends with it."""
    is_open: bool = False
    queue: deque[Callable[[Context], None]] = msgspec.field(default_factory=deque)
    held: deque[Callable[[Context], None]] = msgspec.field(default_factory=deque)
    """What a fault made late, and what came behind it."""
    held_until: float = 0.0
    silent_by: int = 0
    """The fault that took the stream's opening; 0: none."""
    owner: Ref | None = None
    port: Ref | None = None
    """Whose way it is."""
    beside: list["GovernanceLink"] = msgspec.field(default_factory=list)
    """The ways of other nodes of ours to the same governance node."""
    deadline: float | None = None
    """The node's, that a timer has been set for."""

    @property
    def connection_id(self) -> str:
        """The current stream's name at the node."""
        return f"{self.prefix}stream-{self.streams}"

    def break_off(self) -> None:
        """Who had it has ended, our node or its gateway: the stream breaks, what was under way on it is lost."""
        if self.is_open:
            self.node.disconnect(self.connection_id)
        self.is_open = False
        self.owner = self.port = self.deadline = None
        self.held_until = 0.0
        self.queue.clear()
        self.held.clear()


def acquaint(links: list[GovernanceLink]) -> None:
    """All ways to one governance node: what it has to say on one of them may come up on another."""
    for link in links:
        link.beside = [other for other in links if other is not link]
