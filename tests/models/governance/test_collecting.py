"""Signature requests on their way from PENDING to an end, and what other nodes' witnesses do to them."""

import base64
from typing import Any

import msgspec
import pytest

from alys.models.governance.collecting import COLLECTION_SECONDS
from alys.models.governance.federation import Federation
from alys.models.governance.limits import Limits
from alys.models.governance.node import GovernanceNode
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import (
    DEPOSIT_SATS,
    KEYS,
    STREAM,
    Federates,
    Time,
    ask,
    payout,
    pegin,
    registration,
    statuses,
)


def said(node: GovernanceNode) -> list[pb.StreamResponse]:
    """What a node has to say on the one stream besides answers."""
    found = node.outgoing()
    assert all(name == STREAM for name, _ in found)
    return [response for _, response in found]


def keys_of(response: pb.StreamResponse) -> list[bytes]:
    """The keys of the witnesses, each once; every signature is checked."""
    tx, script = payout(), Federates().nodes[0].federation
    prevouts = (bitcoin.TxOut(value=DEPOSIT_SATS, script=script.output_script()),)
    digest = bitcoin.taproot_script_path_sighash(tx, 0, prevouts, script.leaf_script())
    found = response.signature_response.signatures
    assert all(bitcoin.schnorr_verify(one.public_key, digest, one.signature) for one in found)
    return [one.public_key for one in found]


def alone(timeout: int | None = None) -> tuple[Time, GovernanceNode, list[pb.StreamResponse]]:
    """A node without peers that was asked for two signatures of a coin it does not know."""
    federates = Federates(peers=False)
    node = federates.nodes[0]
    return federates.time, node, node.receive(STREAM, ask(payout(), timeout=timeout))


def test_without_time_a_request_is_answered_once() -> None:
    time, node, answers = alone()
    assert statuses(answers) == ["FAILED"]
    node.receive(STREAM, pegin())
    time.seconds += 1000
    assert said(node) == []
    assert statuses(node.receive(STREAM, ask(payout()))) == ["PARTIAL"]
    assert said(node) == []


def test_with_time_it_is_pending_until_the_deposit_is_heard_of() -> None:
    _, node, answers = alone(timeout=30)
    assert statuses(answers) == ["PENDING"]
    assert answers[0].metadata.message.startswith("unknown prevout")
    assert said(node) == []
    node.receive(STREAM, pegin())
    (partial,) = said(node)
    assert statuses([partial]) == ["PARTIAL"]
    assert partial.metadata.request_id == "pegout:1"
    assert keys_of(partial) == [KEYS[0]]
    signers = {one.signer_id: one.status for one in partial.signature_response.partial_signatures}
    assert signers == {
        KEYS[0].hex(): pb.SIGNATURE_STATUS_COMPLETE,
        KEYS[1].hex(): pb.SIGNATURE_STATUS_PENDING,
        KEYS[2].hex(): pb.SIGNATURE_STATUS_PENDING,
    }


def test_when_the_time_is_over_it_is_a_timeout_with_what_is_held() -> None:
    time, node, _ = alone(timeout=30)
    node.receive(STREAM, pegin())
    said(node)
    assert node.next_deadline == time.seconds + 30
    time.seconds += 29.9
    assert not said(node)
    time.seconds += 0.1
    (over,) = said(node)
    assert statuses([over]) == ["TIMEOUT"]
    assert over.metadata.status == pb.STATUS_CODE_TIMEOUT
    assert over.signature_response.failure_reason.startswith("1 of 2 signatures")
    assert keys_of(over) == [KEYS[0]]
    assert [node.next_deadline] == [None]
    assert said(node) == []


def test_what_waits_fails_when_it_turns_out_to_be_wrong() -> None:
    _, node, _ = alone(timeout=30)
    node.receive(STREAM, pegin(sats=DEPOSIT_SATS + 1))
    (failed,) = said(node)
    assert statuses([failed]) == ["FAILED"]
    assert failed.signature_response.failure_reason.startswith("amount mismatch")
    node_state: Any = node.state()
    assert node_state["waiting"] == []


def test_a_stream_that_ends_takes_what_waits_along() -> None:
    time, node, _ = alone(timeout=30)
    node.disconnect(STREAM)
    node.connect(STREAM, {})
    node.receive(STREAM, registration())
    node.receive(STREAM, pegin())
    time.seconds += 100
    assert said(node) == []


def test_a_request_that_waits_may_be_asked_again_and_not_changed() -> None:
    _, node, _ = alone(timeout=30)
    assert statuses(node.receive(STREAM, ask(payout(), timeout=60))) == ["PENDING"]
    changed = node.receive(STREAM, ask(payout(paid=1, change=1), timeout=30))
    assert changed[0].signature_response.failure_reason.startswith("request id reused")
    state: Any = node.state()
    assert state["waiting"] == ["pegout:1"]
    assert state["answered"]["SIGNATURE_STATUS_PENDING"] == 2


def test_one_stream_has_no_more_waiting_than_it_may() -> None:
    federates = Federates(peers=False)
    node = federates.nodes[0]
    for number in range(Limits().waiting_requests):
        request = ask(payout(), request_id=f"r{number}", timeout=9)
        assert statuses(node.receive(STREAM, request)) == ["PENDING"]
    (limited,) = node.receive(STREAM, ask(payout(), request_id="more", timeout=9))
    assert limited.error_response.error_code == pb.ERROR_CODE_RATE_LIMITED
    assert limited.error_response.retry_info.retry_after >= 1
    assert statuses(node.receive(STREAM, ask(payout(), request_id="r0", timeout=9))) == ["PENDING"]
    assert statuses(node.receive(STREAM, ask(payout(), request_id="now"))) == ["FAILED"]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (ask(payout(), timeout=-1), "timeout_seconds"),
        (ask(payout(), request_id="", timeout=5), "request_id"),
    ],
    ids=["time", "id"],
)
def test_what_is_no_request_is_an_error(request_: pb.StreamRequest, word: str) -> None:
    (error,) = Federates().nodes[0].receive(STREAM, request_)
    assert error.error_response.error_code == pb.ERROR_CODE_INVALID_REQUEST
    assert word in error.error_response.error_message


def test_more_signatures_than_there_are_members_can_never_be() -> None:
    node = Federates().nodes[0]
    node.receive(STREAM, pegin())
    (failed,) = node.receive(STREAM, ask(payout(), required=4, timeout=30))
    assert failed.signature_response.failure_reason.startswith("required signatures: 4 of 3")


def test_nodes_that_pass_witnesses_on_each_answer_complete() -> None:
    federates = Federates()
    for node in federates.nodes:
        node.receive(STREAM, pegin())
        assert statuses(node.receive(STREAM, ask(payout()))) == ["PARTIAL"]
    assert federates.pass_on() > 0
    for node in federates.nodes:
        answers = said(node)
        assert statuses(answers) == ["COMPLETE"]
        assert len(keys_of(answers[0])) >= 2
    federates.time.seconds += COLLECTION_SECONDS
    assert [said(node) for node in federates.nodes] == [[], [], []]


def test_a_node_that_is_asked_when_enough_is_held_completes_at_once() -> None:
    federates = Federates()
    first, second, third = federates.nodes
    for node in federates.nodes:
        node.receive(STREAM, pegin())
    first.receive(STREAM, ask(payout(), required=3))
    second.receive(STREAM, ask(payout(), request_id="another id", required=3))
    federates.pass_on()
    (complete,) = third.receive(STREAM, ask(payout(), required=3))
    assert statuses([complete]) == ["COMPLETE"]
    assert keys_of(complete) == list(KEYS), "in the federation's order"
    federates.pass_on()
    assert [statuses(said(node))[-1] for node in (first, second)] == ["COMPLETE"] * 2


def test_a_node_that_learns_late_is_told_what_it_missed() -> None:
    """It could judge nothing when the others passed it on; it asks for nothing, and gets it when it has something to pass."""
    federates = Federates()
    first, second, _ = federates.nodes
    for node in (first, second):
        node.receive(STREAM, pegin())
        node.receive(STREAM, ask(payout()))
    third = federates.nodes[2]
    assert statuses(third.receive(STREAM, ask(payout(), required=3))) == ["PENDING"]
    federates.pass_on()
    state: Any = third.state()
    assert state["gossip"]["held"] == {}
    assert state["gossip"]["last_refused"][0]["reason"].startswith("unknown prevout")
    third.receive(STREAM, pegin())
    assert statuses(said(third)) == ["PARTIAL"]
    federates.pass_on()
    answers = said(third)
    assert statuses(answers)[-1] == "COMPLETE"
    assert keys_of(answers[-1]) == list(KEYS)


def test_a_liar_completes_nothing_but_its_own_lie() -> None:
    federates = Federates()
    liar, *others = federates.nodes
    liar.faults.change({"wrong_signature": True})
    for node in federates.nodes:
        node.receive(STREAM, pegin())
        node.receive(STREAM, ask(payout(), required=3, timeout=60))
    federates.pass_on()
    for node in others:
        state: Any = node.state()
        assert KEYS[0].hex() in str(state["gossip"]["last_refused"])
        assert KEYS[0].hex() not in str(state["gossip"]["held"])
    federates.time.seconds += 60
    assert [statuses(said(node))[-1] for node in others] == ["TIMEOUT", "TIMEOUT"]


def test_without_peers_nothing_is_passed_on() -> None:
    federates = Federates(peers=False)
    for node in federates.nodes:
        node.receive(STREAM, pegin())
        node.receive(STREAM, ask(payout()))
    assert federates.pass_on() == 0
    assert [said(node) for node in federates.nodes] == [[], [], []]


def test_a_halt_holds_what_has_time_and_fails_what_has_none() -> None:
    federates = Federates(peers=False)
    node = federates.nodes[0]
    node.receive(STREAM, pegin())
    node.push({"emergency_halt": {}})
    assert [one.WhichOneof("payload") for one in said(node)] == ["federation_update"]
    (failed,) = node.receive(STREAM, ask(payout(), request_id="now"))
    assert failed.signature_response.failure_reason.startswith("halted")
    assert statuses(node.receive(STREAM, ask(payout(), timeout=30))) == ["PENDING"]
    node.push({"resume": {}})
    resumed, partial = said(node)
    assert resumed.federation_update.config.parameters["emergency_halt"] == "lifted"
    assert statuses([partial]) == ["PARTIAL"]
    assert statuses(node.receive(STREAM, ask(payout(), request_id="now"))) == ["PARTIAL"]


def test_where_there_is_no_room_to_wait_what_did_not_ask_for_time_is_answered_once() -> None:
    node = Federates().nodes[0]
    node.receive(STREAM, pegin())
    for number in range(Limits().waiting_requests + 1):
        (answer,) = node.receive(STREAM, ask(payout(), request_id=f"r{number}"))
        assert statuses([answer]) == ["PARTIAL"]
    state: Any = node.state()
    assert len(state["waiting"]) == Limits().waiting_requests


def test_a_request_that_waits_hears_nothing_twice() -> None:
    _, node, _ = alone(timeout=30)
    node.receive(STREAM, pegin())
    assert statuses(said(node)) == ["PARTIAL"]
    node.receive(STREAM, pegin("cd" * 32))
    assert said(node) == [], "another deposit changes nothing for it"


def test_a_sweep_to_the_new_federation_is_signed_when_it_is_in_force() -> None:
    node = Federates(peers=False).nodes[0]
    node.receive(STREAM, pegin())
    members = [{"public_key": base64.b64encode(key).decode(), "active": True} for key in KEYS[:2]]
    kind = "FEDERATION_UPDATE_TYPE_MEMBER_REMOVE"
    change = {"update_type": kind, "members": members, "effective_height": 9}
    node.push({"federation_update": change})
    said(node)
    new = Federation.of(KEYS[:2], 2).output_script()
    sweep = payout(paid=1, change=4_999_000, federation_script=new)
    sweep = msgspec.structs.replace(sweep, outputs=sweep.outputs[1:])
    request = ask(sweep, tx_type=pb.TRANSACTION_TYPE_FEDERATION_CHANGE)
    early = node.receive(STREAM, request)[0].signature_response
    assert early.failure_reason.startswith("not a sweep")
    status = pb.StatusUpdate(block_height=9)
    node.receive(STREAM, pb.StreamRequest(status_update=status))
    (partial,) = node.receive(STREAM, request)
    assert statuses([partial]) == ["PARTIAL"]
    old = Federation.of(KEYS, 2)
    prevouts = (bitcoin.TxOut(value=DEPOSIT_SATS, script=old.output_script()),)
    digest = bitcoin.taproot_script_path_sighash(sweep, 0, prevouts, old.leaf_script())
    (witness,) = partial.signature_response.signatures
    assert bitcoin.schnorr_verify(KEYS[0], digest, witness.signature), "by the old leaf"
    assert node.signer.coins[bitcoin.OutPoint(txid=sweep.txid, vout=0)] == 4_999_000
