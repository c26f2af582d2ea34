"""Malformed requests to the governance node: each gets the protocol's own error, and nothing of it stays."""

from collections.abc import Callable
from time import process_time

import pytest
from google.protobuf.message import DecodeError

from alys.base.prng import SeededRandom
from alys.models.governance.node import GovernanceNode
from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.fuzz import governance_good, growth, odd_protobuf
from tests.fuzz.run import BYTES_LEFT_MAX, OBJECTS_LEFT_MAX, SECONDS_MAX
from tests.models.governance import builders

SEEDS = (1, 2, 3, 4, 5)
REQUESTS = 17_000
"""For each of the seeds, to a node of its own."""

STREAMS = 4
MORE_BYTES_MAX = 2_000
"""What an answer may have beyond the bytes of its request."""


def judged(node: GovernanceNode, stream: str, request: pb.StreamRequest) -> bool:
    """Whether the request was refused; raises AssertionError for an answer that is none."""
    answers = node.receive(stream, request)
    refused = False
    for answer in answers:
        kind = answer.WhichOneof("payload")
        assert kind is not None, answer
        pb.StreamResponse.FromString(answer.SerializeToString())
        assert answer.ByteSize() <= request.ByteSize() + MORE_BYTES_MAX, answer.ByteSize()
        assert answer.metadata.request_id == request.metadata.request_id
        if kind == "error_response":
            assert answer.error_response.error_code not in (0, pb.ERROR_CODE_INTERNAL_ERROR)
            assert answer.error_response.error_message
            refused = True
        elif kind == "signature_response":
            refused |= answer.signature_response.status == pb.SIGNATURE_STATUS_FAILED
        elif kind == "registration_ack":
            refused |= not answer.registration_ack.accepted
    assert answers or request.WhichOneof("payload") in ("pegin_notification", "status_update")
    return refused


def opened(node: GovernanceNode) -> list[str]:
    """Streams, the last of them not registered."""
    names = [f"stream-{number}" for number in range(STREAMS)]
    for name in names:
        node.connect(name, {})
    for name in names[:-1]:
        node.receive(name, builders.registration(name))
    return names


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_malformed_request_breaks_the_node(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    random = SeededRandom(seed)
    node = builders.make_node()
    node.peer("governance-2", there=True)
    names = opened(node)
    node.receive(names[0], builders.pegin())
    good, bundles = governance_good.good_requests(), governance_good.good_bundles()
    refusals: list[pb.StreamRequest] = []
    made = {"messages": 0, "bundles": 0, "refused": 0}
    while made["messages"] + made["bundles"] < REQUESTS:
        if random.below(10) == 0:
            node.collected(odd_protobuf.changed(random, random.choice(bundles)))
            made["bundles"] += 1
            continue
        body = odd_protobuf.bytes_of(random, random.choice(good))
        try:
            request = pb.StreamRequest.FromString(body)
        except DecodeError:
            continue  # gRPC has to do with those: see the test of the sockets
        made["messages"] += 1
        before, started = governance_good.state_of(node), process_time()
        refused = judged(node, random.choice(names), request)
        node.outgoing()
        node.gossip()
        node.crowded_out()
        assert process_time() - started < SECONDS_MAX, request
        if refused:
            made["refused"] += 1
            refusals = [*refusals[-2_000:], request]
            assert governance_good.state_of(node) == before, request
    record_property("requests", made)
    assert made["refused"] > REQUESTS // 5

    def again() -> None:
        for request in refusals:
            node.receive(names[-1], request)

    for _ in range(6):
        again()  # records of refusals are kept, up to a bound
    left = growth.growth_of(again)
    record_property("left", str(left))
    assert left.objects <= OBJECTS_LEFT_MAX, left
    assert left.allocated <= BYTES_LEFT_MAX, left
    answer = node.receive(names[0], builders.ask(builders.payout(), request_id="at the end"))[-1]
    signed = (pb.SIGNATURE_STATUS_PARTIAL, pb.SIGNATURE_STATUS_COMPLETE)
    assert answer.signature_response.status in signed
    assert node.state()["node_id"] == "governance-1"


def test_bundles_are_bundles() -> None:
    """What the row changes is good to begin with."""
    node = builders.registered_node()
    node.peer("governance-2", there=True)
    receipt = node.collected(governance_good.good_bundles()[0])
    assert isinstance(receipt, gossip_pb2.WitnessReceipt)
    assert (receipt.kept, list(receipt.refused)) == (1, [])
