"""What stands around a node's actor in a scene: services that say what the scene wants, and ears that keep what it says to its neighbours."""

from collections.abc import Callable
from typing import Any

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.ref import Ref
from alys.node import ports, storage
from alys.wire.generated import governance_pb2 as pb

Script = Callable[[str, tuple[Any, ...]], Any]
"""The answer to a call, by its method and parameters; raises RpcError or PortDown."""


class Service(Actor):
    """A JSON-RPC service behind a port."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def on_json_rpc_call(self, message: ports.JsonRpcCall, ctx: Context) -> Any:
        """As the script says."""
        try:
            return self._script(message.method, message.params)
        except Exception as error:  # a script may raise whatever a service answers with
            ctx.refuse(error)
            return None


class Ears(Actor):
    """Keeps whatever it hears."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_message(self, message: Message, ctx: Context) -> None:
        """Keep it."""
        self._heard.append(message)


class Shelf(Actor):
    """A storage with nothing in it, that keeps what it is given to store."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    def on_load_records(
        self, message: storage.LoadRecords, ctx: Context
    ) -> tuple[tuple[str, bytes], ...]:
        """Nothing."""
        return ()

    def on_save_records(self, message: storage.SaveRecords, ctx: Context) -> None:
        """Keep it."""
        self._heard.append(message)


class Governance:
    """The governance nodes of a scene: what they do by themselves, and what reached them."""

    def __init__(self, count: int) -> None:
        #: Whether each takes streams, and acks heartbeats; what it answers to registrations, None for nothing.
        self.there = [True] * count
        self.accepts: list[bool | None] = [True] * count
        self.acks = [True] * count
        #: The ids of all requests but registrations and heartbeats, by node, in order.
        self.got: list[list[str]] = [[] for _ in range(count)]
        self.closed = [0] * count
        self.streams: list[Ref | None] = [None] * count


class Gateway(Actor):
    """What stands behind the port to them."""

    def __init__(self, governance: Governance) -> None:
        self._governance = governance

    def on_open_stream(self, message: ports.OpenStream, ctx: Context) -> None:
        """It is opened, or nobody is there."""
        index, owner = message.endpoint, ctx.sender
        assert owner is not None, "a message has a sender"
        if not self._governance.there[index]:
            gone = ports.StreamClosed(endpoint=index, reason="nobody is there", reached=False)
            ctx.tell(owner, gone)
            return
        self._governance.streams[index] = owner
        ctx.tell(owner, ports.StreamOpened(endpoint=index))

    def on_close_stream(self, message: ports.CloseStream, ctx: Context) -> None:
        """Count it."""
        self._governance.closed[message.endpoint] += 1
        self._governance.streams[message.endpoint] = None

    def on_send_frame(self, message: ports.SendFrame, ctx: Context) -> None:
        """Answer what is answered by itself, and keep the id of the rest."""
        index, governance = message.endpoint, self._governance
        owner = governance.streams[index]
        if owner is None:
            return
        request = pb.StreamRequest.FromString(message.frame)
        answer = pb.StreamResponse()
        answer.metadata.request_id = request.metadata.request_id
        match request.WhichOneof("payload"):
            case "node_registration":
                accepts = governance.accepts[index]
                if accepts is None:
                    return
                answer.registration_ack.accepted = accepts
            case "heartbeat" if governance.acks[index]:
                answer.heartbeat_ack.sequence = request.heartbeat.sequence
            case "heartbeat":
                return
            case _:
                governance.got[index].append(request.metadata.request_id)
                return
        ctx.tell(owner, frame(index, answer))


def frame(endpoint: int, said: pb.StreamResponse) -> ports.FrameReceived:
    """As it comes in."""
    return ports.FrameReceived(endpoint=endpoint, frame=said.SerializeToString(deterministic=True))
