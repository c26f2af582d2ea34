"""A governance node's ports: health by gRPC's own service, probes by HTTP, ports that are taken."""

import asyncio
import socket
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from alys.base.errors import EnvironmentFailure
from alys.shells.governance_server import SERVICE, RunningGovernance, serve_governance
from tests.models.governance.builders import make_node


def served(run: Any) -> Any:
    async def life() -> Any:
        server = await serve_governance(make_node())
        try:
            return await run(server)
        finally:
            await server.close()

    return asyncio.run(life())


def test_the_standard_health_service_says_serving() -> None:
    async def run(server: RunningGovernance) -> Any:
        async with grpc.aio.insecure_channel(server.url) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=20)

    assert served(run).status == health_pb2.HealthCheckResponse.SERVING


def test_ready_follows_the_nodes_own_answer() -> None:
    async def run(server: RunningGovernance) -> list[int]:
        async with aiohttp.ClientSession() as session:
            statuses = []
            for unhealthy in (False, True):
                body = {"unhealthy": unhealthy}
                async with session.post(f"{server.admin_url}/faults", json=body) as answer:
                    assert answer.status == 200
                async with session.get(f"{server.admin_url}/ready") as answer:
                    statuses.append(answer.status)
            return statuses

    assert served(run) == [200, 503]


def test_a_port_in_use_is_named_and_nothing_is_left_listening() -> None:
    async def run(port: int) -> None:
        await serve_governance(make_node(), port=port)

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{port}"):
            asyncio.run(run(port))
