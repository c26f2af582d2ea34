"""Bytes that are no message of the proto are the caller's fault, on every call, and hurt nobody else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from alys.shells.governance_server import GOSSIP, SERVICE, serve_governance
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import make_node, registration

SECONDS = 20.0
TRUNCATED = b"\x0a\xff"
NOT_UTF8 = b"\x0a\x03\x0a\x01\xff"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
HEALTH = "grpc.health.v1.Health/Check"


def with_channel(run: Callable[[grpc.aio.Channel], Awaitable[Any]]) -> Any:
    async def life() -> Any:
        server = await serve_governance(make_node())
        try:
            async with grpc.aio.insecure_channel(server.url) as channel:
                return await run(channel)
        finally:
            await server.close()

    return asyncio.run(life())


def test_a_caller_that_hung_up_is_nothing_to_log(caplog: pytest.LogCaptureFixture) -> None:
    class ExecuteBatchError(Exception):
        """As grpc's own, which has no public name."""

    log = logging.getLogger("grpc._cython.cygrpc")
    for error in (ExecuteBatchError(), ValueError("ours")):
        log.error("raised by servicer method", exc_info=error)
    told = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert told == ["ours"]


@pytest.mark.parametrize("frame", [TRUNCATED, b"\xff" * 40], ids=["truncated", "noise"])
@pytest.mark.parametrize(
    "method", [f"{SERVICE}/Health", f"{SERVICE}/GetCapabilities", f"{GOSSIP}/Pass", HEALTH], ids=str
)
def test_a_call_with_noise_is_an_invalid_argument(method: str, frame: bytes) -> None:
    async def run(channel: grpc.aio.Channel) -> grpc.aio.AioRpcError:
        call: Any = channel.unary_unary(f"/{method}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(frame, timeout=SECONDS)
        return refused.value

    error = with_channel(run)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not a message of the proto" in str(error.details())


@pytest.mark.parametrize(
    "frame", [TRUNCATED, NOT_UTF8, b"\xff" * 40], ids=["short", "text", "noise"]
)
@pytest.mark.parametrize("method", [f"{SERVICE}/Stream", REFLECTION], ids=str)
def test_a_stream_with_noise_ends_and_the_next_one_lives(method: str, frame: bytes) -> None:
    async def run(channel: grpc.aio.Channel) -> tuple[grpc.StatusCode, bytes]:
        call: Any = channel.stream_stream(f"/{method}")(timeout=SECONDS)
        await call.write(frame)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
        other: Any = channel.stream_stream(f"/{SERVICE}/Stream")(timeout=SECONDS)
        await other.write(registration().SerializeToString())
        return refused.value.code(), await other.read()

    code, answer = with_channel(run)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert pb.StreamResponse.FromString(answer).registration_ack.accepted


def test_what_was_answered_before_the_noise_has_arrived() -> None:
    async def run(channel: grpc.aio.Channel) -> bytes:
        call: Any = channel.stream_stream(f"/{SERVICE}/Stream")(timeout=SECONDS)
        await call.write(registration().SerializeToString())
        await call.write(TRUNCATED)
        answer: bytes = await call.read()
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
        return answer

    assert pb.StreamResponse.FromString(with_channel(run)).registration_ack.accepted
