"""What governance says of its own accord, ordered over its admin port."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.governance.client import Client
from tests.contract.governance.stage import Node, opened
from tests.contract.governance.test_signatures import known, status

FAR = 10**12
"""A height and a time that no test reaches."""

Push = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def push(node: Node) -> Iterator[Push]:
    """Has something announced; a halt ends with the test."""
    if node.push is None:
        pytest.skip("nobody can order this node to announce anything")
    yield node.push
    if _halted(node):
        node.push("resume", {})


def _halted(node: Node) -> bool:
    client = node.client()
    try:
        return bool(client.call("Health").info["halted"] == "true")
    finally:
        client.close()


def members(node: Node) -> list[dict[str, Any]]:
    return [
        {
            "member_id": f"m{number}",
            "public_key": base64.b64encode(key).decode(),
            "weight": 1,
            "active": True,
        }
        for number, key in enumerate(node.federation.keys)
    ]


def update(node: Node) -> dict[str, Any]:
    return {
        "update_type": "FEDERATION_UPDATE_TYPE_CONFIG_CHANGE",
        "members": members(node),
        "effective_height": FAR,
        "config": {"signature_threshold": 2, "parameters": {"note": "far away"}},
    }


def proposal(name: str) -> dict[str, Any]:
    return {
        "proposal_id": name,
        "proposal_type": "PROPOSAL_TYPE_PARAMETER_CHANGE",
        "proposal_data": base64.b64encode(b"slot=1").decode(),
        "voting_deadline": FAR,
        "required_votes": 2,
    }


def announced(stream: Any, request_id: str) -> Any:
    """What comes under this id."""
    return stream.answer(request_id)


def test_a_federation_update_goes_to_every_registered_stream(
    node: Node, client: Client, push: Push
) -> None:
    with opened(client) as one, opened(client) as two:
        told = push("federation_update", update(node))
        assert told["streams"] >= 2
        for stream in (one, two):
            said = announced(stream, told["request_id"]).federation_update
            assert client.name(said, "update_type") == "FEDERATION_UPDATE_TYPE_CONFIG_CHANGE"
            assert [one.public_key for one in said.members] == list(node.federation.keys)
            assert said.effective_height == FAR
            assert said.config.signature_threshold == 2
            assert said.config.member_count == len(node.federation.keys)
            assert said.config.parameters["note"] == "far away"
            assert len(said.update_signature) == 96


def test_a_proposal_goes_to_every_registered_stream(client: Client, push: Push) -> None:
    with opened(client) as stream:
        told = push("proposal", proposal("p1"))
        said = announced(stream, told["request_id"]).proposal_notification
        assert client.name(said, "proposal_type") == "PROPOSAL_TYPE_PARAMETER_CHANGE"
        assert (said.proposal_id, said.proposal_data) == ("p1", b"slot=1")
        assert (said.voting_deadline, said.required_votes) == (FAR, 2)


def test_a_halt_stops_signing_until_it_is_lifted(node: Node, client: Client, push: Push) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        told = push("emergency_halt", {"reason": "a key is lost"})
        said = announced(stream, told["request_id"]).federation_update
        assert client.name(said, "update_type") == "FEDERATION_UPDATE_TYPE_EMERGENCY_HALT"
        assert said.config.parameters["reason"] == "a key is lost"
        assert client.name(client.call("Health"), "status") == "HEALTH_STATUS_DEGRADED"
        failed = stream.ask(f"halted {coin.txid}", signature_request=coin.request())
        assert failed.signature_response.failure_reason.startswith("halted")
        patient = f"patient {coin.txid}"
        answer = stream.ask(patient, signature_request=coin.request(timeout_seconds=60))
        assert status(client, answer) == "PENDING"
        told = push("resume", {})
        said = announced(stream, told["request_id"]).federation_update
        assert said.config.parameters["emergency_halt"] == "lifted"
        assert status(client, stream.answer(patient)) == "PARTIAL"


def test_who_registers_later_hears_what_still_stands(
    node: Node, client: Client, push: Push
) -> None:
    told = [
        push("proposal", proposal("late"))["request_id"],
        push("emergency_halt", {})["request_id"],
    ]
    with opened(client) as stream:
        for request_id in told:
            assert announced(stream, request_id)
    push("resume", {})
    with opened(client) as stream:
        assert announced(stream, told[0])
        stream.send("behind", heartbeat={"sequence": 1})
        while (answer := stream.read()).metadata.request_id != "behind":
            assert answer.metadata.request_id != told[1], "the halt is over"


def test_nothing_is_announced_to_a_stream_that_has_not_registered(
    client: Client, push: Push
) -> None:
    with client.stream() as stream:
        stream.send("early", heartbeat={"sequence": 1})
        assert stream.read().WhichOneof("payload") == "error_response"
        told = push("proposal", proposal("quiet"))
        ack = stream.ask("r1", node_registration={})
        assert ack.registration_ack.accepted
        assert announced(stream, told["request_id"]), "but after its ack"
