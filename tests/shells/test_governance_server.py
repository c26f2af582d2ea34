"""A governance node's port: health by gRPC's own service, a port that is taken, delays, and another node in its place."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from alys.base.errors import EnvironmentFailure
from alys.models.governance.node import GovernanceNode
from alys.shells.generated import gossip_pb2_grpc
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_server import (
    CHANNEL_OPTIONS,
    SERVICE,
    GovernanceService,
    RunningGovernance,
    serve_governance,
)
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import make_node, registration
from tests.shells.waiting import until

SECONDS = 20.0  # what a call may take before the test gives up


def served(run: Callable[[RunningGovernance], Awaitable[Any]], delay_seconds: float = 0.0) -> Any:
    async def life() -> Any:
        server = await serve_governance(make_node(), delay_seconds=delay_seconds)
        try:
            return await run(server)
        finally:
            await server.close()

    return asyncio.run(life())


async def node_id_on(call: Any) -> str:
    """Who sent the next answer."""
    answer = await call.read()
    assert isinstance(answer, pb.StreamResponse)
    return answer.metadata.node_id


def heartbeat(number: int) -> pb.StreamRequest:
    return pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=number, timestamp=number))


def test_the_standard_health_service_says_serving() -> None:
    async def run(server: RunningGovernance) -> Any:
        async with grpc.aio.insecure_channel(server.url) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=SECONDS)

    assert served(run).status == health_pb2.HealthCheckResponse.SERVING


def test_a_port_in_use_is_named_and_nothing_is_left_listening() -> None:
    async def run(port: int) -> None:
        await serve_governance(make_node(), port=port)

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(EnvironmentFailure, match=f"127.0.0.1:{port}"):
            asyncio.run(run(port))


def test_an_address_that_is_not_ours_is_not_called_a_port_in_use() -> None:
    with pytest.raises(EnvironmentFailure, match=r"192\.0\.2\.1:1 for the governance") as error:
        asyncio.run(serve_governance(make_node(), "192.0.2.1", 1))
    assert "in use" not in str(error.value)


def test_the_streams_of_a_replaced_node_end_and_new_ones_go_to_the_other() -> None:
    async def run(server: RunningGovernance) -> tuple[grpc.StatusCode, str, str]:
        async with grpc.aio.insecure_channel(server.url) as channel:
            stub = rpc.GovernanceStreamStub(channel)
            old = stub.Stream(timeout=SECONDS)
            await old.write(registration())
            assert await node_id_on(old) == "governance-1"
            server.replace(make_node(1))
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await old.read()
            new = stub.Stream(timeout=SECONDS)
            await new.write(registration())
            return ended.value.code(), str(ended.value.details()), await node_id_on(new)

    code, details, node_id = served(run)
    assert (code, node_id) == (grpc.StatusCode.UNAVAILABLE, "governance-2")
    assert "another session" in details


def test_a_delay_makes_answers_late_and_not_few() -> None:
    """Fifty answers, each a fifth of a second late, are under way together: one after the other they would take ten."""

    async def run(server: RunningGovernance) -> list[int]:
        async def asked() -> AsyncIterator[pb.StreamRequest]:
            yield registration()
            for number in range(50):
                yield heartbeat(number)

        async with grpc.aio.insecure_channel(server.url) as channel:
            began = asyncio.get_running_loop().time()
            stub = rpc.GovernanceStreamStub(channel)
            found = [one async for one in stub.Stream(asked(), timeout=SECONDS)]
            took = asyncio.get_running_loop().time() - began
        assert 0.2 <= took < 8, took
        return [one.heartbeat_ack.sequence for one in found[1:]]

    assert served(run, delay_seconds=0.2) == list(range(50))


@pytest.mark.parametrize("call", ["Health", "GetCapabilities", "Check", "Pass", "push"])
def test_every_answer_is_late_and_what_is_announced_too(call: str) -> None:
    """The delay is in every way out; each takes it once."""

    async def run(server: RunningGovernance, node: GovernanceNode) -> float:
        loop = asyncio.get_running_loop()
        async with grpc.aio.insecure_channel(server.url) as channel:
            stub = rpc.GovernanceStreamStub(channel)
            if call == "push":
                stream = stub.Stream(timeout=SECONDS)
                await stream.write(registration())
                await stream.read()
                begin = loop.time()
                node.push({"emergency_halt": {}})
                await stream.read()
                return loop.time() - begin
            begin = loop.time()
            match call:
                case "Health":
                    await stub.Health(pb.HealthRequest(), timeout=SECONDS)
                case "GetCapabilities":
                    await stub.GetCapabilities(pb.CapabilitiesRequest(), timeout=SECONDS)
                case "Check":
                    asked = health_pb2.HealthCheckRequest()
                    await health_pb2_grpc.HealthStub(channel).Check(asked, timeout=SECONDS)
                case _:
                    bundle = gossip_pb2.WitnessBundle()
                    stub_of_peers = gossip_pb2_grpc.WitnessGossipStub(channel)
                    await stub_of_peers.Pass(bundle, timeout=SECONDS)
            return loop.time() - begin

    async def life() -> float:
        node = make_node()
        server = await serve_governance(node, delay_seconds=0.3)
        try:
            return await run(server, node)
        finally:
            await server.close()

    assert asyncio.run(life()) >= 0.3


def test_a_connection_that_is_silent_is_asked_whether_it_lives() -> None:
    options = dict(CHANNEL_OPTIONS)
    assert options["grpc.keepalive_time_ms"] == 60_000
    assert options["grpc.keepalive_timeout_ms"] == 10_000
    assert options["grpc.keepalive_permit_without_calls"] == 1


def test_what_breaks_while_the_node_looks_round_is_logged_and_it_looks_round_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[None] = []

    def look_round(_: GovernanceService) -> None:
        looks.append(None)
        if len(looks) == 1:
            raise AssertionError("a rule of the node's own is broken")

    monkeypatch.setattr(GovernanceService, "look_round", look_round)

    async def run(_: RunningGovernance) -> None:
        await until(lambda: len(looks) > 2)

    served(run)
    assert "looking after the streams broke" in caplog.text
    assert "a rule of the node's own is broken" in caplog.text
