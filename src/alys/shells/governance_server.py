"""A governance node on a real port: gRPC for the stream, a small HTTP port for tests and probes.

gRPC (cleartext HTTP/2): the GovernanceStream service, the standard health service and reflection.
HTTP: ``GET /state``, ``POST /faults`` with a JSON object of switches, ``GET /health`` (the process
is alive), ``GET /ready`` (the node answers a Health call over its own gRPC port).

No rule of the protocol lives here: every request goes to the model, every answer comes from it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import msgspec
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from typing_extensions import override

from alys.base.errors import EnvironmentFailure
from alys.models.governance.faults import UnknownFault
from alys.models.governance.node import MESSAGE_BYTES_MAX, GovernanceNode
from alys.models.governance.registry import TooManyConnections, Unauthenticated
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.wire.generated import governance_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["GovernanceStream"].full_name
READY_SECONDS = 2.0  # how long the probe waits for the node's own answer

CHANNEL_OPTIONS = [
    # Without this gRPC lets two servers share one port, and half the calls go to the wrong node.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
]


class PortInUse(EnvironmentFailure):
    """The port asked for cannot be bound."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} for governance: stop what holds it, or ask for port 0"
        )
        self.host = host
        self.port = port


class RunningGovernance(msgspec.Struct, frozen=True, kw_only=True):
    """A served node: where it listens, and how to end it."""

    host: str
    port: int
    admin_port: int
    stop: Callable[[], Awaitable[None]]

    @property
    def url(self) -> str:
        """The gRPC target, ``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def admin_url(self) -> str:
        """The base of the HTTP port."""
        return f"http://{self.host}:{self.admin_port}"

    async def close(self) -> None:
        """End every stream at once and free both ports."""
        await self.stop()


class GovernanceService(rpc.GovernanceStreamServicer):
    """The three calls, each handed to the model."""

    def __init__(self, node: GovernanceNode, delay_seconds: float) -> None:
        """Each answer leaves ``delay_seconds`` after its request was handled."""
        self._node = node
        self._delay_seconds = delay_seconds
        self._ids = itertools.count(1)

    @override
    async def Stream(
        self,
        request_iterator: AsyncIterator[pb.StreamRequest],
        context: grpc.aio.ServicerContext[pb.StreamRequest, pb.StreamResponse],
    ) -> AsyncIterator[pb.StreamResponse]:
        """One stream, from its metadata to its end."""
        connection_id = f"stream-{next(self._ids)}"
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        try:
            self._node.connect(connection_id, metadata)
        except Unauthenticated as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except TooManyConnections as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        try:
            async for request in request_iterator:
                for response in self._node.receive(connection_id, request):
                    await self._delay()
                    yield response
        finally:
            self._node.disconnect(connection_id)

    @override
    async def Health(
        self,
        request: pb.HealthRequest,
        context: grpc.aio.ServicerContext[pb.HealthRequest, pb.HealthResponse],
    ) -> pb.HealthResponse:
        """The node's health; needs no token."""
        await self._delay()
        return self._node.health()

    @override
    async def GetCapabilities(
        self,
        request: pb.CapabilitiesRequest,
        context: grpc.aio.ServicerContext[pb.CapabilitiesRequest, pb.CapabilitiesResponse],
    ) -> pb.CapabilitiesResponse:
        """What the node can do; needs no token."""
        await self._delay()
        return self._node.capabilities(request.node_id)

    async def _delay(self) -> None:
        if self._delay_seconds > 0:
            await asyncio.sleep(self._delay_seconds)


async def serve_governance(
    node: GovernanceNode,
    host: str = "127.0.0.1",
    port: int = 0,
    delay_seconds: float = 0.0,
    admin_port: int = 0,
) -> RunningGovernance:
    """Serve a node until ``close``; port 0 takes a free one. Raises PortInUse.

    A bearer token, if the node has one, is asked for on the stream alone.
    """
    server, bound = await _start_grpc(node, host, port, delay_seconds)
    try:
        runner, admin_bound = await _start_admin(node, host, admin_port, f"{host}:{bound}")
    except BaseException:
        await server.stop(None)
        raise

    async def stop() -> None:
        await runner.cleanup()
        await server.stop(None)

    return RunningGovernance(host=host, port=bound, admin_port=admin_bound, stop=stop)


async def _start_grpc(
    node: GovernanceNode, host: str, port: int, delay_seconds: float
) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    rpc.add_GovernanceStreamServicer_to_server(GovernanceService(node, delay_seconds), server)
    standard = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(standard, server)
    services = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(services, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise PortInUse(host, port) from error
    await server.start()
    for name in ("", SERVICE):
        await standard.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server, bound


async def _start_admin(
    node: GovernanceNode, host: str, port: int, target: str
) -> tuple[web.AppRunner, int]:
    app = web.Application()
    app.add_routes(_admin_routes(node, target))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise PortInUse(host, port) from error
    return runner, int(runner.addresses[0][1])


def _admin_routes(node: GovernanceNode, target: str) -> list[web.RouteDef]:
    async def state(_request: web.Request) -> web.Response:
        return _json(node.state())

    async def faults(request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=dict[str, object])
            node.faults.change(wanted)
        except (msgspec.DecodeError, UnknownFault) as error:
            return _json({"error": str(error)}, status=400)
        return _json(node.faults.view())

    async def alive(_request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def ready(_request: web.Request) -> web.Response:
        status = await _asked_health(target)
        return _json({"status": status}, status=200 if status == "HEALTH_STATUS_HEALTHY" else 503)

    return [
        web.get("/state", state),
        web.post("/faults", faults),
        web.get("/health", alive),
        web.get("/ready", ready),
    ]


async def _asked_health(target: str) -> str:
    """What the node says of itself over its own port, or the gRPC status that kept it from it."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub = rpc.GovernanceStreamStub(channel)
        try:
            answer = await stub.Health(pb.HealthRequest(check_type="ready"), timeout=READY_SECONDS)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return pb.HealthStatus.Name(answer.status)


def _json(value: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")
