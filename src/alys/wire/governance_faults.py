"""What faults make of a message to a governance node: frames with their delay, or the end of the stream. For servers and for ports
in memory.

Frames are serialised messages, because what is malformed is none. A message on a stream that gets no answer can be late without
anybody seeing it; all other faults show.
"""

from collections.abc import Callable, Sequence

import msgspec
from google.protobuf.message import Message

from alys.base.faults import Drop, Error, Fault, Hang, Malformed, Refuse, Stale
from alys.base.misbehaviour import Misbehaviour
from alys.wire.generated import governance_pb2 as pb
from alys.wire.jsonrpc_faults import PROXY_PAGE

UNAVAILABLE = "UNAVAILABLE"

CarryOut = Callable[[], Sequence[Message]]


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a call or a stream, with a gRPC status."""

    code: str
    message: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, in order, and how."""

    delay_s: float = 0.0
    frames: tuple[bytes, ...] = ()
    cut: Cut | None = None
    """After the frames."""
    hangs_on: int = 0
    """The fault for which there is no answer and no end; 0: none."""
    stale: bool = False
    """The frames are of an earlier answer."""


def message(request: pb.StreamRequest, carry_out: CarryOut, faults: Misbehaviour | None) -> Outcome:
    """The outcome for a message on an open stream; its name is that of its payload."""
    if faults is None or faults.idle:
        return Outcome(frames=_frames(carry_out()))
    kind = request.WhichOneof("payload") or ""
    outcome = _treated(kind, _key(request), carry_out, faults)
    if not outcome.stale:
        return outcome
    request_id = request.metadata.request_id
    frames = tuple(_renamed(frame, request_id) for frame in outcome.frames)
    return msgspec.structs.replace(outcome, frames=frames)


def call(name: str, asked: Message, carry_out: CarryOut, faults: Misbehaviour | None) -> Outcome:
    """The outcome for a call with one answer."""
    if faults is None or faults.idle:
        return Outcome(frames=_frames(carry_out()))
    return _treated(name, asked.SerializeToString(deterministic=True), carry_out, faults)


def opening(faults: Misbehaviour | None) -> Outcome:
    """The outcome for a stream that is to be opened, the call ``Stream``; it has no frames."""
    if faults is None or faults.idle:
        return Outcome()
    return _treated("Stream", b"", lambda: (), faults, without=(Drop, Malformed, Stale))


def _treated(
    name: str,
    key: bytes,
    carry_out: CarryOut,
    faults: Misbehaviour,
    without: tuple[type[Fault], ...] = (),
) -> Outcome:
    treatment = faults.treat(name, key, without)
    delay_s = treatment.delay_s
    match treatment.ending:
        case Error(code=code, message=words):
            cut = Cut(code=UNAVAILABLE if code is None else str(code), message=words)
            return Outcome(delay_s=delay_s, cut=cut)
        case Refuse():
            return Outcome(delay_s=delay_s, cut=_unavailable("connection refused"))
        case Hang():
            return Outcome(delay_s=delay_s, hangs_on=treatment.id)
        case Stale():
            return Outcome(delay_s=delay_s, frames=treatment.earlier, stale=True)
        case Drop():
            carry_out()
            return Outcome(delay_s=delay_s, cut=_unavailable("connection reset"))
        case Malformed() as fault:
            frames = _frames(carry_out()) or (b"",)
            return Outcome(delay_s=delay_s, frames=tuple(_spoilt(fault, one) for one in frames))
        case None:
            frames = _frames(carry_out())
            faults.remember(treatment, name, key, frames)
            return Outcome(delay_s=delay_s, frames=frames)


def _frames(answers: Sequence[Message]) -> tuple[bytes, ...]:
    return tuple(answer.SerializeToString(deterministic=True) for answer in answers)


def _key(request: pb.StreamRequest) -> bytes:
    """What makes two messages the same call: what they ask. Heartbeats all ask the same."""
    if request.HasField("heartbeat"):
        return b""
    same = pb.StreamRequest()
    same.CopyFrom(request)
    same.ClearField("metadata")
    return same.SerializeToString(deterministic=True)


def _renamed(frame: bytes, request_id: str) -> bytes:
    """An earlier answer, under the id that is asked under now."""
    answer = pb.StreamResponse.FromString(frame)
    answer.metadata.request_id = request_id
    return answer.SerializeToString(deterministic=True)


def _unavailable(words: str) -> Cut:
    return Cut(code=UNAVAILABLE, message=words)


def _spoilt(fault: Malformed, frame: bytes) -> bytes:
    """No protobuf message: neither a page of HTML is one, nor a message without its last byte."""
    match fault.form:
        case "truncated":
            return frame[:-1] or PROXY_PAGE
        case "empty":
            return b""
        case _:
            return PROXY_PAGE
