"""A gate that counts what a node does to the outside, and kills it at one of these acts, at one of three moments."""

import enum
from collections.abc import Callable

from typing_extensions import override

from alys.actors.message import Message
from alys.node import gossip, ports, records
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.gate import Gate

CHANGING_CALLS = frozenset(
    {"engine_forkchoiceUpdatedV2", "engine_newPayloadV2", "sendrawtransaction"}
)
"""JSON-RPC calls that change something at the other side."""

SOON_SECONDS = 1e-6
"""Until the node is killed after it heard of an act: all that follows at once has happened."""
ON_ITS_WAY_SECONDS = 0.05
"""The same for what is answered over a stream, if it is: longer than an answer travels."""


class Moment(enum.StrEnum):
    """When the node is killed."""

    BEFORE = "before"
    UNHEARD = "after, unheard"
    HEARD = "after, heard"


class Lethal(Gate):
    """See the module's docstring. ``kill`` ends the node, ``later`` calls after node seconds."""

    def __init__(
        self,
        kill: Callable[[], None],
        later: Callable[[float, Callable[[], None]], object],
        target: tuple[int, Moment] | None,
    ) -> None:
        self.acts: list[str] = []
        self.counting = False
        self.killed = False
        self._kill = kill
        self._later = later
        self._target = target
        self._dead = False
        self._closing = False
        self._due = 0.0

    @override
    def passes(self, act: Message) -> bool:
        if self._dead:
            return False
        name = name_of(act) if self.counting else None
        if name is None:
            return True
        if self._closing:
            self._die()
            return False
        self.acts.append(name)
        self._due = 0.0
        if self._target is None or self._target[0] != len(self.acts) - 1:
            return True
        if self._target[1] is Moment.BEFORE:
            self._die()
            return False
        streamed = isinstance(act, ports.SendFrame | ports.WireSend)
        self._due = ON_ITS_WAY_SECONDS if streamed else SOON_SECONDS
        return True

    @override
    def acknowledges(self) -> bool:
        if self._dead:
            return False
        if self._due:
            assert self._target is not None, "something is due because of it"
            due, self._due = self._due, 0.0
            if self._target[1] is Moment.UNHEARD:
                self._die()
                return False
            self._closing = True
            self._later(due, self._die)
        return True

    def _die(self) -> None:
        if not self.killed:
            self.killed = self._dead = True
            self._closing = False
            self._kill()

    def live(self) -> None:
        """The node was started again; it is not killed twice."""
        self._dead = False


def name_of(act: Message) -> str | None:
    """What changes something outside, in short; None for what only reads."""
    match act:
        case ports.StoreWrite(puts=puts):
            keys = sorted(
                {records.label(key).rpartition("/")[0] or key.decode() for key, _ in puts}
            )
            return f"store {' '.join(key for key in keys if key != 'seal')}"
        case ports.JsonRpcCall(method=method) if method in CHANGING_CALLS:
            return f"call {method}"
        case ports.SendFrame(endpoint=endpoint, frame=frame):
            kind = pb.StreamRequest.FromString(frame).WhichOneof("payload")
            return f"frame {kind} to governance {endpoint}"
        case ports.WireSend(peer=peer, data=data):
            return f"gossip {type(gossip.decode(data)).__name__} to {peer}"
        case _:
            return None
