"""A governance node on a real port: gRPC over cleartext HTTP/2, with the standard health service and reflection.

No rule of the protocol lives here: every request goes to the model, every answer comes from it. The node behind the port can
be replaced by another: streams that were open to the old one end with UNAVAILABLE.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
import msgspec
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from alys.models.governance.limits import Limits
from alys.models.governance.node import GovernanceNode
from alys.models.governance.registry import TooManyConnections, Unauthenticated
from alys.shells import governance_misbehaving, misbehaving
from alys.shells.generated import gossip_pb2_grpc
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_health import FollowingHealth
from alys.shells.governance_peers import Gossip, Peers
from alys.shells.governance_streams import Answers, Context
from alys.shells.grpc_frames import MalformedFrames
from alys.shells.jsonrpc_server import bind, port_taken
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from alys.wire.governance_faults import Cut

LOG = logging.getLogger("alys.governance")

SERVICE = pb.DESCRIPTOR.services_by_name["GovernanceStream"].full_name
WHAT = "the governance node's gRPC"
GOSSIP = gossip_pb2.DESCRIPTOR.services_by_name["WitnessGossip"].full_name
LOOK_ROUND_SECONDS = 0.1
"""How often timeouts, idle streams and announcements are looked after; an answer does not wait for it."""

CHANNEL_OPTIONS = [
    # Without this gRPC lets two servers share one port, and half the calls go to the wrong node.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", Limits().message_bytes),
    ("grpc.max_send_message_length", Limits().message_bytes),
    # A peer that has gone without a word is noticed; one that asks whether we are here may do so often.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
]


class RunningGovernance(msgspec.Struct, frozen=True, kw_only=True):
    """A served node: where it listens, how to put another in its place, and how to end it."""

    host: str
    port: int
    replace: Callable[[GovernanceNode], None]
    meet: Callable[[Sequence[str]], Awaitable[None]]
    """Pass witnesses to the nodes at these targets from here on; returns when they have been looked for."""
    stop: Callable[[], Awaitable[None]]

    @property
    def url(self) -> str:
        """The gRPC target, ``host:port``."""
        return _target(self.host, self.port)

    async def close(self) -> None:
        """End every stream at once and free the port."""
        await self.stop()


class GovernanceService(rpc.GovernanceStreamServicer):
    """The three calls, each handed to the model."""

    def __init__(self, node: GovernanceNode, delay_seconds: float) -> None:
        """Each answer leaves ``delay_seconds`` after its request was handled."""
        self.node = node
        self.pass_on: Callable[[Sequence[gossip_pb2.WitnessBundle]], None] = lambda _: None
        """Where witnesses for the peers go."""
        self._delay_seconds = delay_seconds
        self._ids = itertools.count(1)
        self._streams: dict[str, Answers] = {}
        self._silence = misbehaving.Silence()

    def replace(self, node: GovernanceNode) -> None:
        """From here on this node answers; the streams of the old one end."""
        self.node = node
        for stream in self._streams.values():
            stream.end(grpc.StatusCode.UNAVAILABLE, "the node began another session")

    def spread(self) -> None:
        """Bring what the node has to say besides to where it belongs: other streams, the peers."""
        for connection_id, response in self.node.outgoing():
            if connection_id in self._streams:
                self._streams[connection_id].push(response)
        for connection_id, reason in self.node.crowded_out():
            if connection_id in self._streams:
                self._streams[connection_id].finish(grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
        self.pass_on(self.node.gossip())

    def look_round(self) -> None:
        """What only the clock brings about; to be called now and then."""
        self.spread()
        for stream in list(self._streams.values()):
            reason = stream.overdue() if stream.node is self.node else None
            if reason is not None:
                stream.end(grpc.StatusCode.DEADLINE_EXCEEDED, reason)

    @override
    async def Stream(
        self, request_iterator: AsyncIterator[pb.StreamRequest], context: Context
    ) -> AsyncIterator[Any]:
        """One stream, from its metadata to its end."""
        node, connection_id = self.node, f"stream-{next(self._ids)}"
        felt = await governance_misbehaving.opened(node.misbehaviour, context, self._silence)
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        try:
            node.connect(connection_id, metadata)
        except Unauthenticated as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except TooManyConnections as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        answers = Answers(node, connection_id, self._delay_seconds, context, felt)
        reader = answers.read(request_iterator, self.spread)
        self._streams[connection_id] = answers
        try:
            async for response in answers.due():
                if isinstance(response, Cut):
                    await governance_misbehaving.cut(response, context)
                yield response
            await answers.finished()
            reader.result()
        finally:
            answers.left()
            del self._streams[connection_id]
            node.disconnect(connection_id)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    @override
    async def Health(
        self,
        request: pb.HealthRequest,
        context: grpc.aio.ServicerContext[pb.HealthRequest, pb.HealthResponse],
    ) -> Any:
        """The node's health; needs no token."""
        kind = request.check_type
        return await self._answered("Health", request, lambda node: node.health(kind), context)

    @override
    async def GetCapabilities(
        self,
        request: pb.CapabilitiesRequest,
        context: grpc.aio.ServicerContext[pb.CapabilitiesRequest, pb.CapabilitiesResponse],
    ) -> Any:
        """What the node can do; needs no token."""
        name = request.node_id
        return await self._answered(
            "GetCapabilities", request, lambda node: node.capabilities(name), context
        )

    async def _answered(
        self,
        name: str,
        request: Message,
        carry_out: Callable[[GovernanceNode], Message],
        context: governance_misbehaving.Context,
    ) -> Any:
        if self._delay_seconds > 0:
            await asyncio.sleep(self._delay_seconds)
        node = self.node
        return await governance_misbehaving.answered(
            name, request, lambda: carry_out(node), node.misbehaviour, context, self._silence
        )


async def serve_governance(
    node: GovernanceNode,
    host: str = "127.0.0.1",
    port: int = 0,
    delay_seconds: float = 0.0,
    peers: Sequence[str] = (),
) -> RunningGovernance:
    """Serve a node until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound.

    A bearer token or an API key, if the node has one, is asked for on the stream and by ``Pass`` alone. ``peers``: the targets of
    the other nodes that it passes witnesses to; the same as the node's own.
    """
    interceptors = (MalformedFrames(), governance_misbehaving.Bytes())
    server = grpc.aio.server(options=CHANNEL_OPTIONS, interceptors=interceptors)
    service = GovernanceService(node, delay_seconds)
    rpc.add_GovernanceStreamServicer_to_server(service, server)
    gossip = Gossip(lambda: service.node, delay_seconds, service.spread)
    gossip_pb2_grpc.add_WitnessGossipServicer_to_server(gossip, server)
    standard = FollowingHealth(lambda: service.node, ("", SERVICE), delay_seconds)
    health_pb2_grpc.add_HealthServicer_to_server(standard, server)
    services = (SERVICE, GOSSIP, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(services, server)
    try:
        bound = server.add_insecure_port(_target(host, port))
    except RuntimeError as error:
        bind(host, port, WHAT).close()  # it can say why not
        raise port_taken(host, port, WHAT) from error
    await standard.follow()
    await server.start()
    links = Peers(peers, node.access.shown, lambda: service.node, service.spread)
    service.pass_on = links.pass_on

    async def look_round() -> None:
        while True:
            try:
                links.tell(service.node)
                service.look_round()
                await standard.tell_watchers()
            except (
                Exception
            ):  # a task that ended would take all timeouts along, and nobody would hear
                LOG.exception("looking after the streams broke")
            await asyncio.sleep(LOOK_ROUND_SECONDS)

    watch = asyncio.create_task(look_round())

    async def stop() -> None:
        watch.cancel()
        await links.stop()
        await server.stop(None)

    async def meet(targets: Sequence[str]) -> None:
        await links.meet(targets)
        links.tell(service.node)

    return RunningGovernance(host=host, port=bound, replace=service.replace, meet=meet, stop=stop)


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
