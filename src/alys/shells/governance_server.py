"""A governance node on a real port: gRPC over cleartext HTTP/2, with the standard health service and reflection.

No rule of the protocol lives here: every request goes to the model, every answer comes from it. The node behind the port can
be replaced by another: streams that were open to the old one end with UNAVAILABLE.
"""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import msgspec
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from alys.base.misbehaviour import Misbehaviour
from alys.models.governance.node import MESSAGE_BYTES_MAX, GovernanceNode
from alys.models.governance.registry import TooManyConnections, Unauthenticated
from alys.shells import governance_misbehaving, misbehaving
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.jsonrpc_server import bind, port_taken
from alys.wire import governance_faults
from alys.wire.generated import governance_pb2 as pb
from alys.wire.governance_faults import Cut

SERVICE = pb.DESCRIPTOR.services_by_name["GovernanceStream"].full_name
WHAT = "the governance node's gRPC"
ANSWERS_UNDER_WAY_MAX = 1000  # of one stream; a peer that asks and does not read is not read either

CHANNEL_OPTIONS = [
    # Without this gRPC lets two servers share one port, and half the calls go to the wrong node.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
]

Context = grpc.aio.ServicerContext[pb.StreamRequest, pb.StreamResponse]


class RunningGovernance(msgspec.Struct, frozen=True, kw_only=True):
    """A served node: where it listens, how to put another in its place, and how to end it."""

    host: str
    port: int
    replace: Callable[[GovernanceNode], None]
    stop: Callable[[], Awaitable[None]]

    @property
    def url(self) -> str:
        """The gRPC target, ``host:port``."""
        return _target(self.host, self.port)

    async def close(self) -> None:
        """End every stream at once and free the port."""
        await self.stop()


class _Answers:
    """The answers of one stream on their way: each leaves when its delay is over, whatever comes in meanwhile."""

    def __init__(
        self,
        node: GovernanceNode,
        connection_id: str,
        delay_seconds: float,
        faults: Misbehaviour | None,
    ) -> None:
        self._node = node
        self._connection_id = connection_id
        self._delay_seconds = delay_seconds
        self._faults = faults
        self._clock = asyncio.get_running_loop().time
        self._room = asyncio.Semaphore(ANSWERS_UNDER_WAY_MAX)
        #: With the time each is due; None is the end.
        self._queue: asyncio.Queue[tuple[float, bytes | Cut] | None] = asyncio.Queue()

    def read(self, requests: AsyncIterator[pb.StreamRequest]) -> asyncio.Task[None]:
        """Hand the requests to the node, in a task; cancelling it ends the stream."""
        reader = asyncio.create_task(self._read(requests))
        reader.add_done_callback(lambda _: self._queue.put_nowait(None))
        return reader

    async def _read(self, requests: AsyncIterator[pb.StreamRequest]) -> None:
        async for request in requests:
            carry_out = functools.partial(self._node.receive, self._connection_id, request)
            outcome = governance_faults.message(request, carry_out, self._faults)
            due = self._clock() + self._delay_seconds + outcome.delay_s
            told: list[bytes | Cut] = [*outcome.frames]
            if outcome.cut is not None:
                told.append(outcome.cut)
            for one in told:
                await self._room.acquire()
                self._queue.put_nowait((due, one))

    async def due(self) -> AsyncIterator[bytes | Cut]:
        """The answers in order, serialised, until the reader has ended; a Cut is the end of the stream."""
        while (waiting := await self._queue.get()) is not None:
            moment, response = waiting
            if moment > self._clock():
                await asyncio.sleep(moment - self._clock())
            yield response
            self._room.release()


class GovernanceService(rpc.GovernanceStreamServicer):
    """The three calls, each handed to the model."""

    def __init__(self, node: GovernanceNode, delay_seconds: float) -> None:
        """Each answer leaves ``delay_seconds`` after its request was handled."""
        self._node = node
        self._delay_seconds = delay_seconds
        self._ids = itertools.count(1)
        self._readers: set[asyncio.Task[None]] = set()
        self._silence = misbehaving.Silence()

    def replace(self, node: GovernanceNode) -> None:
        """From here on this node answers; the streams of the old one end."""
        self._node = node
        for reader in self._readers:
            reader.cancel()

    @override
    async def Stream(
        self, request_iterator: AsyncIterator[pb.StreamRequest], context: Context
    ) -> AsyncIterator[Any]:
        """One stream, from its metadata to its end."""
        node, connection_id = self._node, f"stream-{next(self._ids)}"
        felt = await governance_misbehaving.opened(node.misbehaviour, context, self._silence)
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        try:
            node.connect(connection_id, metadata)
        except Unauthenticated as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except TooManyConnections as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        answers = _Answers(node, connection_id, self._delay_seconds, felt)
        reader = answers.read(request_iterator)
        self._readers.add(reader)
        try:
            async for response in answers.due():
                if isinstance(response, Cut):
                    await governance_misbehaving.cut(response, context)
                yield response
            if reader.cancelled():
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the node began another session")
            reader.result()
        finally:
            self._readers.discard(reader)
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
        return await self._answered("Health", request, lambda node: node.health(), context)

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
        node = self._node
        return await governance_misbehaving.answered(
            name, request, lambda: carry_out(node), node.misbehaviour, context, self._silence
        )


async def serve_governance(
    node: GovernanceNode, host: str = "127.0.0.1", port: int = 0, delay_seconds: float = 0.0
) -> RunningGovernance:
    """Serve a node until ``close``; port 0 takes a free one. Raises EnvironmentFailure when it cannot be bound.

    A bearer token, if the node has one, is asked for on the stream alone.
    """
    server = grpc.aio.server(
        options=CHANNEL_OPTIONS, interceptors=(governance_misbehaving.Bytes(),)
    )
    service = GovernanceService(node, delay_seconds)
    rpc.add_GovernanceStreamServicer_to_server(service, server)
    standard = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(standard, server)
    services = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(services, server)
    try:
        bound = server.add_insecure_port(_target(host, port))
    except RuntimeError as error:
        bind(host, port, WHAT).close()  # it can say why not
        raise port_taken(host, port, WHAT) from error
    await server.start()
    for name in ("", SERVICE):
        await standard.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop() -> None:
        await server.stop(None)

    return RunningGovernance(host=host, port=bound, replace=service.replace, stop=stop)


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
