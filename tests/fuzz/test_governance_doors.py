"""Malformed requests at the socket of ``alys mock governance``, a process of its own: messages, streams, frames of HTTP/2."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from alys.base.prng import SeededRandom
from alys.wire.generated import governance_pb2 as pb
from tests.cli.test_mock import SECRETS, started
from tests.fuzz import doors, governance_good, odd_http2, odd_protobuf
from tests.models.governance import builders

STREAMED, ASKED, TORN, ATTEMPTS = 9_000, 3_000, 500, 2_500
IN_A_STREAM = 30
"""Messages."""

SERVICE = "/governance.v1.GovernanceStream/"
METHODS = (
    SERVICE + "Health",
    SERVICE + "GetCapabilities",
    SERVICE + "Stream",
    SERVICE + "Nothing",
    "/alys.gossip.v1.WitnessGossip/Pass",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/",
    "/x",
)
TOKEN = (("authorization", f"Bearer {SECRETS['GOVERNANCE_TOKEN']}"),)
WRONG = (("authorization", "Bearer x"), ("authorization", "Basic eDp5"), ("x-api-key", "\x00"))
THEIR_FAULT = {
    grpc.StatusCode.OK,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.NOT_FOUND,
}
"""UNKNOWN, INTERNAL and the like would be its own."""

WRITTEN_TOO_LATE = "Internal error from Core"
"""What the client's own library says when the server ended a stream that was still being written to."""

SECONDS = 60.0
Codes = collections.Counter[str]


def raw_stream(channel: grpc.aio.Channel) -> Any:
    """The stream, with bytes for messages."""
    made: Any = channel.stream_stream(SERVICE + "Stream")
    return made


def raw_call(channel: grpc.aio.Channel, method: str) -> Any:
    """Any method of one question and one answer, with bytes for messages."""
    made: Any = channel.unary_unary(method)
    return made


async def stream(channel: grpc.aio.Channel, bodies: list[bytes], codes: Codes) -> int:
    """One stream with these messages; its answers are read to its end."""

    async def requests() -> AsyncIterator[bytes]:
        yield builders.registration().SerializeToString()
        for body in bodies:
            yield body

    call = raw_stream(channel)(requests(), metadata=TOKEN, timeout=SECONDS)
    with contextlib.suppress(grpc.aio.AioRpcError):
        async for said in call:
            kind = pb.StreamResponse.FromString(said).WhichOneof("payload")
            assert kind is not None, said
            codes[kind] += 1
    await told(call, codes, bodies)
    return len(bodies)


async def told(call: Any, codes: Codes, shown: object) -> None:
    """Judge the status of a call."""
    code, details = await call.code(), await call.details()
    codes[code.name] += 1
    assert code in THEIR_FAULT or details == WRITTEN_TOO_LATE, (code, details, shown)


async def ask(channel: grpc.aio.Channel, random: SeededRandom, codes: Codes) -> None:
    """One call of a method that is there or is not, with bytes that are a message or are not."""
    method = random.choice(METHODS)
    body = random.choice(
        (b"", b"\xff", random.randbytes(40), pb.HealthRequest().SerializeToString())
    )
    if random.below(3) == 0:
        body = odd_protobuf.bytes_of(random, random.choice(governance_good.good_bundles()))
    if random.below(200) == 0:
        body = b"\x0a" + bytes([0x80, 0x80, 0x80, 0x09]) + bytes(18 * 1024 * 1024)
    metadata = TOKEN if random.below(4) else (random.choice(WRONG[:2]),)
    call = raw_call(channel, method)(body, metadata=metadata, timeout=SECONDS)
    if method.endswith("Watch") or random.below(10) == 0:
        call.cancel()
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
        await call
    await told(call, codes, (method, body[:200]))


async def torn(channel: grpc.aio.Channel, random: SeededRandom) -> None:
    """A stream that is left in the middle of it."""
    call = raw_stream(channel)(metadata=TOKEN, timeout=SECONDS)
    await call.write(builders.registration().SerializeToString())
    if random.below(2):
        await call.read()
        await call.write(random.choice(governance_good.good_requests()).SerializeToString())
    call.cancel()


async def rows(target: str, watched: doors.Watched) -> tuple[dict[str, int], Codes, str]:
    """Everything, half of it before memory is watched."""
    random, codes = SeededRandom(31), Codes()
    good = governance_good.good_requests()
    done = {"streamed": 0, "asked": 0, "torn": 0, "attempts": 0}
    for half in (1, 2):
        watched.warm()
        async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
            while done["streamed"] < STREAMED // 2 * half:
                bodies = [
                    odd_protobuf.changed(random, random.choice(good)).SerializeToString()
                    for _ in range(IN_A_STREAM - 1)
                ]
                bodies.append(odd_protobuf.bytes_of(random, random.choice(good)))
                done["streamed"] += await stream(channel, bodies, codes)
            for _ in range(ASKED // 2):
                await ask(channel, random, codes)
            for _ in range(TORN // 2):
                await torn(channel, random)
        done["asked"] += ASKED // 2
        done["torn"] += TORN // 2
        attempts = odd_http2.attempts(random, ATTEMPTS // 2)
        done["attempts"] += await doors.attempt_all(f"http://{target}", attempts, odd_http2.judge)
    left = await watched.judge()
    async with grpc.aio.insecure_channel(target) as channel:
        health = await raw_call(channel, SERVICE + "Health")(b"", timeout=SECONDS)
        assert pb.HealthResponse.FromString(health).status == pb.HEALTH_STATUS_HEALTHY
    return done, codes, left


OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


@pytest.mark.slow
def test_no_bytes_at_the_socket_break_the_service(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with started("governance", tmp_path / "log", RUST_LOG="warn") as mock:
        done, codes, left = asyncio.run(rows(mock.doors["grpc"], doors.Watched(mock)))
        assert mock.ends() == 0
    record_property("requests", {**done, "codes": dict(codes), "left": left})
    assert sum(done.values()) == STREAMED + ASKED + TORN + ATTEMPTS
    assert codes["error_response"] > 0
    assert codes["signature_response"] > 0
