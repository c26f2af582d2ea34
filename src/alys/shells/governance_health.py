"""gRPC's own health service, saying of a governance node what the node's Health says.

SERVING while the node is healthy or degraded, NOT_SERVING while it is not. A probe that asks and one that watches see the same.
"""

import asyncio
from collections.abc import Callable

import grpc
from grpc_health.v1 import health, health_pb2
from typing_extensions import override

from alys.models.governance.node import GovernanceNode
from alys.wire.generated import governance_pb2 as pb

SERVING = frozenset({pb.HEALTH_STATUS_HEALTHY, pb.HEALTH_STATUS_DEGRADED})

Status = health_pb2.HealthCheckResponse.ServingStatus


class FollowingHealth(health.aio.HealthServicer):  # type: ignore[misc]  # grpc_health has no types
    """The service for some names; ``tell_watchers`` is to be called now and then."""

    def __init__(
        self, node: Callable[[], GovernanceNode], names: tuple[str, ...], delay_seconds: float
    ) -> None:
        super().__init__()
        self._node = node
        self._names = names
        self._delay_seconds = delay_seconds
        self._last: int | None = None

    async def tell_watchers(self) -> None:
        """See whether anything is otherwise, if anybody wants to know."""
        if self._server_watchers:
            await self.follow()

    async def follow(self) -> None:
        """Ask the node, and tell who watches."""
        serving = self._node().health().status in SERVING
        status = (
            health_pb2.HealthCheckResponse.SERVING
            if serving
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        if status == self._last:
            return
        self._last = status
        for name in self._names:
            await self.set(name, status)

    @override
    async def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ],
    ) -> health_pb2.HealthCheckResponse:
        """As the node is at this moment; NOT_FOUND for a service that is not here."""
        if self._delay_seconds > 0:
            await asyncio.sleep(self._delay_seconds)
        await self.follow()
        return await super().Check(request, context)

    @override
    async def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.aio.ServicerContext[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ],
    ) -> None:
        """The status, and every change of it."""
        await self.follow()
        await super().Watch(request, context)
