"""Each fault of a governance node's port as gRPC clients meet it, and how often it bit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import DecodeError

from alys.base import faults
from alys.base.faults import AnyFault
from alys.models.governance.node import GovernanceNode
from alys.shells import governance_questions
from alys.shells.generated import governance_pb2_grpc as rpc
from alys.shells.governance_server import SERVICE, serve_governance
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import make_node, registration
from tests.shells.waiting import until

SECONDS = 20.0
LATE_SECONDS = 0.15


class Line:
    """A client of a served node."""

    def __init__(self, node: GovernanceNode, target: str, stub: Any) -> None:
        self.node = node
        self.target = target
        self.stub = stub

    async def stream(self) -> Any:
        """A registered stream."""
        stream = self.stub.Stream(timeout=SECONDS)
        await stream.write(registration())
        answer = await stream.read()
        assert isinstance(answer, pb.StreamResponse)
        assert answer.registration_ack.accepted
        return stream

    async def health(self) -> Any:
        return await self.stub.Health(pb.HealthRequest(), timeout=SECONDS)

    def touched(self) -> list[int]:
        return [one.touched for one in self.node.misbehaviour.view()]


def served(run: Callable[[Line], Awaitable[Any]], *orders: AnyFault) -> Any:
    async def life() -> Any:
        node = make_node()
        node.misbehaviour.add(*orders)
        server = await serve_governance(node)
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                return await run(Line(node, server.url, rpc.GovernanceStreamStub(channel)))
        finally:
            await server.close()

    return asyncio.run(life())


def heartbeat(number: int) -> pb.StreamRequest:
    return pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=number, timestamp=number))


async def status_of(awaitable: Awaitable[Any]) -> tuple[str, str]:
    """How a call or a stream ended."""
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await awaitable
    return ended.value.code().name, ended.value.details() or ""


def test_an_answer_is_late_and_those_behind_it_keep_their_order() -> None:
    async def run(line: Line) -> None:
        loop = asyncio.get_running_loop()
        stream = await line.stream()
        begun = loop.time()
        for number in (1, 2):
            await stream.write(heartbeat(number))
        assert [(await stream.read()).heartbeat_ack.sequence for _ in range(2)] == [1, 2]
        assert loop.time() - begun >= LATE_SECONDS
        assert line.touched() == [1]

    served(run, faults.Latency(ms=LATE_SECONDS * 1000, calls=("heartbeat",), times=1))


def test_a_late_stream_holds_no_other_up() -> None:
    async def run(line: Line) -> None:
        slow, quick = await line.stream(), await line.stream()
        line.node.misbehaviour.add(faults.Latency(ms=60_000, calls=("heartbeat",), times=1))
        await slow.write(heartbeat(1))
        await until(lambda: line.touched() == [1])
        await quick.write(heartbeat(2))
        assert (await quick.read()).heartbeat_ack.sequence == 2
        slow.cancel()

    served(run)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.Error(code="INTERNAL", message="broken"), ("INTERNAL", "broken")),
        (faults.Refuse(), ("UNAVAILABLE", "connection refused")),
        (faults.Drop(), ("UNAVAILABLE", "connection reset")),
    ],
    ids=lambda value: str(getattr(value, "kind", "")),
)
def test_a_stream_and_a_call_end_with_a_status(fault: AnyFault, status: tuple[str, str]) -> None:
    async def run(line: Line) -> None:
        stream = await line.stream()
        line.node.misbehaviour.add(fault)
        await stream.write(heartbeat(1))
        assert await status_of(stream.read()) == status
        assert await status_of(line.health()) == status
        assert line.touched() == [2]

    served(run)


def test_a_stream_is_refused_at_its_opening() -> None:
    async def run(line: Line) -> None:
        stream = line.stub.Stream(timeout=SECONDS)
        assert await status_of(stream.read()) == ("UNAVAILABLE", "connection refused")
        assert line.touched() == [1]
        assert line.node.state()["connections"] == []

    served(run, faults.Refuse(calls=("Stream",)))


def test_what_is_malformed_breaks_the_clients_decoding() -> None:
    async def run(line: Line) -> None:
        async with grpc.aio.insecure_channel(line.target) as channel:
            raw: Any = channel.stream_stream(f"/{SERVICE}/Stream")
            stream = raw(timeout=SECONDS)
            await stream.write(registration().SerializeToString())
            await stream.read()
            line.node.misbehaviour.add(faults.Malformed())
            await stream.write(heartbeat(1).SerializeToString())
            frame = await stream.read()
        with pytest.raises(DecodeError):
            pb.StreamResponse.FromString(frame)
        assert await line.health() is None, "the client could not read it"
        assert line.touched() == [2]

    served(run)


def test_an_answer_is_stale() -> None:
    async def run(line: Line) -> None:
        stream = await line.stream()
        line.node.misbehaviour.add(faults.Stale(calls=("heartbeat",)))
        for number in (1, 2, 3):
            await stream.write(heartbeat(number))
        assert [(await stream.read()).heartbeat_ack.sequence for _ in range(3)] == [1, 1, 1]
        assert line.touched() == [2]

    served(run)


def test_a_message_that_hangs_is_never_answered_and_the_next_one_is() -> None:
    async def run(line: Line) -> None:
        stream = await line.stream()
        line.node.misbehaviour.add(faults.Hang(calls=("heartbeat",), times=1))
        for number in (1, 2):
            await stream.write(heartbeat(number))
        assert (await stream.read()).heartbeat_ack.sequence == 2
        assert line.touched() == [1]

    served(run)


def test_a_call_that_hangs_ends_with_its_fault() -> None:
    async def run(line: Line) -> None:
        hung = asyncio.get_running_loop().create_task(status_of(line.health()))
        await until(lambda: line.touched() == [1])
        assert not hung.done()
        line.node.misbehaviour.remove(1)
        assert await hung == ("UNAVAILABLE", "connection reset")

    served(run, faults.Hang(calls=("Health",)))


def test_a_witness_is_spared() -> None:
    async def run(line: Line) -> None:
        assert (await governance_questions.health(line.target))["status"]
        assert await governance_questions.capabilities(line.target, "me")
        assert line.touched() == [0]

    served(run, faults.Hang())
