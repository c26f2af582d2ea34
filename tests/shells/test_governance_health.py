"""gRPC's own health service says what the node's Health says, to who asks and to who watches."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from alys.shells.governance_server import SERVICE, RunningGovernance, serve_governance
from tests.models.governance.builders import Federates, make_node

SECONDS = 20.0
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def check(server: RunningGovernance, service: str) -> int:
    async with grpc.aio.insecure_channel(server.url) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service=service)
        status: int = (await stub.Check(asked, timeout=SECONDS)).status
        return status


@pytest.mark.parametrize("service", ["", SERVICE], ids=["whole", "stream"])
def test_the_answer_follows_the_node(service: str) -> None:
    async def run() -> list[int]:
        node = make_node()
        server = await serve_governance(node)
        try:
            found = [await check(server, service)]
            for sick in (True, False):
                node.faults.change({"unhealthy": sick})
                found.append(await check(server, service))
            return found
        finally:
            await server.close()

    assert asyncio.run(run()) == [SERVING, NOT_SERVING, SERVING]


def test_a_degraded_node_serves() -> None:
    async def run() -> int:
        server = await serve_governance(Federates().nodes[0])
        try:
            return await check(server, SERVICE)
        finally:
            await server.close()

    assert asyncio.run(run()) == SERVING


def test_a_service_that_is_not_here_is_not_found() -> None:
    async def run() -> None:
        server = await serve_governance(make_node())
        try:
            await check(server, "nothing.v1.Such")
        finally:
            await server.close()

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        asyncio.run(run())
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_who_watches_is_told_of_every_change() -> None:
    async def run() -> list[int]:
        node = make_node()
        server = await serve_governance(node)
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                asked = health_pb2.HealthCheckRequest(service=SERVICE)
                watch = health_pb2_grpc.HealthStub(channel).Watch(asked, timeout=SECONDS)
                found = [(await watch.read()).status]
                for sick in (True, False):
                    node.faults.change({"unhealthy": sick})
                    found.append((await watch.read()).status)
                return found
        finally:
            await server.close()

    assert asyncio.run(run()) == [SERVING, NOT_SERVING, SERVING]
