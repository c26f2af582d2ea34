"""A gRPC server that does what faults say: late answers, silence, streams that end, bytes that are no message. What is to be done is
decided in ``wire.governance_faults``.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from typing_extensions import override

from alys.base.misbehaviour import Misbehaviour
from alys.shells import misbehaving
from alys.wire import governance_faults
from alys.wire.generated import governance_pb2 as pb
from alys.wire.governance_faults import Cut, Outcome

Context = grpc.aio.ServicerContext[Any, Any]

_OURS = f"/{pb.DESCRIPTOR.services_by_name['GovernanceStream'].full_name}/"


class Bytes(grpc.aio.ServerInterceptor):
    """Lets the calls of our service answer with bytes as well as with messages."""

    @override
    async def intercept_service(
        self,
        continuation: Any,
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method: Any = handler_call_details.method
        if handler is None or not str(method).startswith(_OURS):
            return handler
        return handler._replace(response_serializer=_serialised)


def _serialised(answer: Message | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


def suffered(faults: Misbehaviour, context: Context) -> Misbehaviour | None:
    """The faults that a caller gets to feel; None where it is spared them."""
    given = {key for key, _ in context.invocation_metadata() or ()}
    return None if misbehaving.WITNESS.lower() in given else faults


async def opened(
    faults: Misbehaviour, context: Context, silence: misbehaving.Silence
) -> Misbehaviour | None:
    """Let a stream be opened, or not: then this aborts. The faults that its messages meet."""
    felt = suffered(faults, context)
    await _wait(governance_faults.opening(felt), felt, context, silence)
    return felt


async def answered(
    name: str,
    asked: Message,
    carry_out: Callable[[], Message],
    faults: Misbehaviour,
    context: Context,
    silence: misbehaving.Silence,
) -> Any:
    """The answer to a call that has one, as the outcome says; aborts where it has none."""
    felt = suffered(faults, context)
    outcome = governance_faults.call(name, asked, lambda: (carry_out(),), felt)
    await _wait(outcome, felt, context, silence)
    return outcome.frames[0]


async def cut(end: Cut, context: Context) -> None:
    """End a call or a stream with this status; raises what gRPC wants raised."""
    await context.abort(grpc.StatusCode[end.code], end.message)


async def _wait(
    outcome: Outcome, felt: Misbehaviour | None, context: Context, silence: misbehaving.Silence
) -> None:
    if outcome.delay_s:
        await asyncio.sleep(outcome.delay_s)
    if outcome.hangs_on:
        await silence.over(felt, outcome.hangs_on)
        await cut(Cut(code=governance_faults.UNAVAILABLE, message="connection reset"), context)
    if outcome.cut is not None:
        await cut(outcome.cut, context)
