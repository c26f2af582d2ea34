"""Signature requests to the governance node beside a gRPC server that only echoes: there is no other such node to be had."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from benchmarks.services.pairs import Pair, Work
from benchmarks.services.processes import SECONDS, SECRETS, Failed, child, ours
from benchmarks.services.results import Other

CALLS = 50
SERVICE = "/governance.v1.GovernanceStream/"
ECHO = "/echo/Stream"
DEPOSIT_TXID = "ab" * 32
DEPOSIT_SATS = 5_000_000
PAYEE = bitcoin.p2wpkh_script(bitcoin.pubkey_of((77).to_bytes(32, "big")))


class Stream:
    """One open stream, asked and answered one message at a time from code that is not asynchronous."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: str, method: str) -> None:
        self._loop = loop
        self._channel, self._call = loop.run_until_complete(self._opened(target, method))

    async def _opened(self, target: str, method: str) -> tuple[grpc.aio.Channel, Any]:
        channel = grpc.aio.insecure_channel(target)
        opened: Any = channel.stream_stream(method)
        token = f"Bearer {SECRETS['GOVERNANCE_TOKEN']}"
        return channel, opened(metadata=(("authorization", token),), timeout=10 * SECONDS)

    def write(self, body: bytes) -> None:
        """Say something that has no answer."""

        async def turn() -> None:
            await self._call.write(body)

        self._loop.run_until_complete(turn())

    def ask(self, body: bytes) -> bytes:
        """The next message that comes back."""

        async def turn() -> bytes:
            await self._call.write(body)
            answer: bytes = await self._call.read()
            return answer

        return self._loop.run_until_complete(turn())

    def close(self) -> None:
        """Hang up."""

        async def turn() -> None:
            self._call.cancel()
            await self._call.code()
            await self._channel.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait(others, timeout=1) if others else None

        self._loop.run_until_complete(turn())


@contextlib.contextmanager
def prepared(folder: Path, rounds: int) -> Iterator[tuple[list[Pair], Other]]:
    """The cases, with both servers running."""
    loop = asyncio.new_event_loop()
    with contextlib.ExitStack() as stack:
        stack.callback(loop.close)
        doors = stack.enter_context(ours("governance"))
        node = Stream(loop, doors["grpc"], SERVICE + "Stream")
        stack.callback(node.close)
        echo = Stream(loop, stack.enter_context(_echo()), ECHO)
        stack.callback(echo.close)
        _introduce(node)
        yield _pairs(node, echo), _other()


@contextlib.contextmanager
def _echo() -> Iterator[str]:
    import os

    command = [sys.executable, "-m", "benchmarks.services.echo"]
    with child(command, dict(os.environ)) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"


def _introduce(node: Stream) -> None:
    """Register, and tell of the coin that payouts will spend."""
    told = pb.StreamRequest(
        metadata=pb.RequestMetadata(request_id="reg", node_id="bench", protocol_version="v1.0.0"),
        node_registration=pb.NodeRegistration(),
    )
    answer = pb.StreamResponse.FromString(node.ask(told.SerializeToString()))
    if not answer.registration_ack.accepted:
        raise Failed(f"governance: {answer}")
    deposit = pb.PeginNotification(btc_txid=DEPOSIT_TXID, vout=0, amount=DEPOSIT_SATS)
    node.write(pb.StreamRequest(pegin_notification=deposit).SerializeToString())


def _pairs(node: Stream, echo: Stream) -> list[Pair]:
    heartbeat = pb.StreamRequest(
        metadata=pb.RequestMetadata(request_id="beat"), heartbeat=pb.Heartbeat(sequence=1)
    ).SerializeToString()
    return [
        Pair(
            service="governance",
            name="heartbeat",
            how="a message and its ack on an open stream; theirs is as many bytes, sent back as they are",
            calls=CALLS,
            ours=_checked(node, lambda _: heartbeat, "heartbeat_ack"),
            theirs=lambda _: _same(echo, heartbeat),
        ),
        Pair(
            service="governance",
            name="signature request",
            how="a payout of one input, each under an id of its own, and the PARTIAL answer with a new BIP340 signature; theirs is as "
            "many bytes, sent back as they are",
            calls=CALLS,
            ours=_checked(node, _request, "signature_response"),
            theirs=lambda number: _same(echo, _request(number)),
        ),
    ]


def _checked(node: Stream, request: Any, kind: str) -> Work:
    def ask(number: int) -> None:
        answer = pb.StreamResponse.FromString(node.ask(request(number)))
        if answer.WhichOneof("payload") != kind or answer.signature_response.failure_reason:
            raise Failed(f"governance: {answer}")

    return ask


def _same(echo: Stream, body: bytes) -> None:
    if echo.ask(body) != body:
        raise Failed("echo: something else came back")


_TX = bitcoin.Tx(
    inputs=(
        bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid=DEPOSIT_TXID, vout=0), sequence=0xFFFFFFFD),
    ),
    outputs=(bitcoin.TxOut(value=1_000_000, script=PAYEE),),
)
_ASKED = pb.SignatureRequest(
    tx_hex=_TX.serialize().hex(),
    input_indices=[0],
    amounts=[DEPOSIT_SATS],
    tx_type=pb.TRANSACTION_TYPE_PEGOUT,
    required_signatures=2,
)


def _request(number: int) -> bytes:
    metadata = pb.RequestMetadata(request_id=f"pegout:{number}")
    made = pb.StreamRequest(metadata=metadata, signature_request=_ASKED)
    return made.SerializeToString()


def _other() -> Other:
    said = f"which sends back what it gets (grpcio {grpc.__version__}); no other governance node is known"
    return Other(service="governance", name="a bare grpc.aio server", said=said, here=True)
