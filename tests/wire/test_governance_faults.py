"""What faults make of a message to a governance node, without a socket: frames, delays, and ends of streams."""

import pytest
from google.protobuf.message import DecodeError

from alys.base import faults
from alys.base.faults import AnyFault
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import SeededRandom
from alys.wire import governance_faults
from alys.wire.generated import governance_pb2 as pb
from alys.wire.governance_faults import Cut, Outcome


class Node:
    """Acks heartbeats with how many it has seen, and nothing else."""

    def __init__(self, *orders: AnyFault) -> None:
        scope = Scope(service="governance", codes=frozenset({"INTERNAL"}))
        self.faults = Misbehaviour(lambda: 0.0, SeededRandom(1), scope)
        self.faults.add(*orders)
        self.seen = 0

    def beat(self, request_id: str = "1") -> Outcome:
        request = pb.StreamRequest(
            metadata=pb.RequestMetadata(request_id=request_id),
            heartbeat=pb.Heartbeat(sequence=self.seen),
        )
        return governance_faults.message(request, lambda: [self.ack(request_id)], self.faults)

    def ack(self, request_id: str) -> pb.StreamResponse:
        self.seen += 1
        return pb.StreamResponse(
            metadata=pb.ResponseMetadata(request_id=request_id),
            heartbeat_ack=pb.HeartbeatAck(sequence=self.seen),
        )

    def touched(self) -> list[int]:
        return [one.touched for one in self.faults.view()]


def decoded(outcome: Outcome) -> list[tuple[str, int]]:
    found = [pb.StreamResponse.FromString(frame) for frame in outcome.frames]
    return [(one.metadata.request_id, one.heartbeat_ack.sequence) for one in found]


def test_without_faults_the_frames_are_the_answers() -> None:
    assert decoded(Node().beat()) == [("1", 1)]
    request = pb.StreamRequest(heartbeat=pb.Heartbeat())
    assert governance_faults.message(request, list, None) == Outcome()


def test_a_late_answer_says_how_late() -> None:
    node = Node(faults.Latency(ms=250, calls=("heartbeat",)))
    outcome = node.beat()
    assert (outcome.delay_s, decoded(outcome), node.touched()) == (0.25, [("1", 1)], [1])


@pytest.mark.parametrize(
    ("fault", "end", "seen"),
    [
        (faults.Error(), Cut(code="UNAVAILABLE", message="ordered fault"), 0),
        (faults.Error(code="INTERNAL", message="x"), Cut(code="INTERNAL", message="x"), 0),
        (faults.Refuse(), Cut(code="UNAVAILABLE", message="connection refused"), 0),
        (faults.Drop(), Cut(code="UNAVAILABLE", message="connection reset"), 1),
        (faults.Hang(), None, 0),
    ],
    ids=lambda value: str(getattr(value, "kind", "")),
)
def test_a_message_that_loses_its_answer_ends_the_stream_or_nothing_happens(
    fault: AnyFault, end: Cut | None, seen: int
) -> None:
    node = Node(fault)
    outcome = node.beat()
    assert (outcome.frames, outcome.cut, node.seen) == ((), end, seen)
    assert outcome.hangs_on == (1 if end is None else 0)
    assert node.touched() == [1]


@pytest.mark.parametrize("form", ["text", "truncated"])
def test_what_is_malformed_is_no_message_even_where_nothing_would_be_answered(form: str) -> None:
    node = Node(faults.Malformed(form=form))
    told = pb.StreamRequest(pegin_notification=pb.PeginNotification(vout=1))
    silent = governance_faults.message(told, list, node.faults)
    for outcome in (node.beat(), silent):
        (frame,) = outcome.frames
        with pytest.raises(DecodeError):
            pb.StreamResponse.FromString(frame)
    assert node.touched() == [2]


def test_an_empty_message_is_one_without_a_payload() -> None:
    (frame,) = Node(faults.Malformed(form="empty")).beat().frames
    assert pb.StreamResponse.FromString(frame).WhichOneof("payload") is None


def test_a_stale_answer_is_the_first_under_the_new_id() -> None:
    node = Node(faults.Stale())
    assert [decoded(node.beat(name)) for name in "abc"] == [[("a", 1)], [("b", 1)], [("c", 1)]]
    assert (node.seen, node.touched()) == (1, [2])


def test_requests_for_signatures_are_the_same_call_when_they_ask_the_same() -> None:
    node = Node(faults.Stale())

    def asked(tx_hex: str) -> bool:
        request = pb.StreamRequest(
            metadata=pb.RequestMetadata(request_id=tx_hex + str(node.seen)),
            signature_request=pb.SignatureRequest(tx_hex=tx_hex),
        )
        return governance_faults.message(request, lambda: [node.ack("x")], node.faults).stale

    assert [asked("00"), asked("11"), asked("00"), asked("11")] == [False, False, True, True]


def test_opening_a_stream_is_a_call_that_has_no_answer_to_spoil() -> None:
    node = Node(faults.Malformed(), faults.Stale(), faults.Drop(), faults.Latency(ms=5))
    assert governance_faults.opening(node.faults) == Outcome(delay_s=0.005)
    node.faults.add(faults.Hang(calls=("Stream",)))
    assert governance_faults.opening(node.faults).hangs_on == 5
    assert node.touched() == [0, 0, 0, 2, 1]


def test_a_call_with_one_answer() -> None:
    node = Node(faults.Stale(calls=("Health",)))
    asked = pb.HealthRequest()
    answers = iter((pb.HealthResponse(uptime=1), pb.HealthResponse(uptime=2)))
    found = [
        governance_faults.call("Health", asked, lambda: [next(answers)], node.faults)
        for _ in range(2)
    ]
    assert [pb.HealthResponse.FromString(one.frames[0]).uptime for one in found] == [1, 1]
