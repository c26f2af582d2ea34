"""What a governance node answers on a stream."""

import msgspec
import pytest

from alys.base.faults import Equivocate
from alys.models.governance import collecting as governance
from alys.models.governance.node import Seen
from alys.models.governance.registry import Unauthenticated
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.models.governance.builders import (
    DEPOSIT_SATS,
    DEPOSIT_TXID,
    KEYS,
    NOW,
    SECRETS,
    STREAM,
    Federates,
    ask,
    make_node,
    payout,
    pegin,
    registered_node,
    registration,
)


def one(answers: list[pb.StreamResponse]) -> pb.StreamResponse:
    (answer,) = answers
    return answer


def test_a_registration_is_accepted_and_answered_under_its_request_id() -> None:
    node = make_node()
    node.connect(STREAM, {})
    answer = one(node.receive(STREAM, registration()))
    assert answer.metadata.request_id == "reg"
    assert answer.metadata.node_id == "governance-1"
    assert answer.metadata.status == pb.STATUS_CODE_SUCCESS
    assert answer.metadata.timestamp == int(NOW)
    assert answer.registration_ack.accepted
    assert answer.registration_ack.assigned_node_id == "alys-1"
    assert answer.registration_ack.session_token
    assert answer.registration_ack.expires_at > NOW


@pytest.mark.parametrize(
    "request_", [registration(version="v2"), registration(node_id="")], ids=["version", "nameless"]
)
def test_a_registration_that_does_not_fit_is_not_accepted(request_: pb.StreamRequest) -> None:
    node = make_node()
    node.connect(STREAM, {})
    answer = one(node.receive(STREAM, request_))
    assert not answer.registration_ack.accepted
    assert answer.metadata.status == pb.STATUS_CODE_UNAUTHORIZED
    assert answer.metadata.message
    after = one(node.receive(STREAM, pegin()))
    assert after.error_response.error_code == pb.ERROR_CODE_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    "request_",
    [
        pegin(),
        ask(payout()),
        pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=1)),
        pb.StreamRequest(status_update=pb.StatusUpdate(block_height=9)),
    ],
    ids=["pegin", "signature", "heartbeat", "status"],
)
def test_nothing_is_heard_before_the_registration(request_: pb.StreamRequest) -> None:
    node = make_node()
    node.connect(STREAM, {})
    answer = one(node.receive(STREAM, request_))
    assert answer.error_response.error_code == pb.ERROR_CODE_AUTHORIZATION_FAILED
    assert node.signer.coins == {}
    assert node.state()["last_status"] is None
    assert node.state()["signed"] == []


def test_a_new_stream_must_register_again_but_the_coins_stay() -> None:
    node = registered_node()
    node.disconnect(STREAM)
    with pytest.raises(KeyError):
        node.receive(STREAM, pegin())
    node.connect("stream-2", {})
    refused = one(node.receive("stream-2", ask(payout())))
    assert refused.WhichOneof("payload") == "error_response"
    node.receive("stream-2", registration())
    signed = one(node.receive("stream-2", ask(payout())))
    assert signed.signature_response.status == pb.SIGNATURE_STATUS_PARTIAL


def test_a_request_without_payload_is_invalid() -> None:
    node = registered_node()
    answer = one(node.receive(STREAM, pb.StreamRequest()))
    assert answer.error_response.error_code == pb.ERROR_CODE_INVALID_REQUEST


def test_a_heartbeat_is_acked_with_its_own_timestamp_and_sequence() -> None:
    node = registered_node()
    beat = pb.StreamRequest(heartbeat=pb.Heartbeat(timestamp=123, sequence=45))
    ack = one(node.receive(STREAM, beat)).heartbeat_ack
    assert (ack.original_timestamp, ack.sequence, ack.ack_timestamp) == (123, 45, int(NOW))


def test_a_status_update_is_kept_and_not_answered() -> None:
    node = registered_node()
    status = pb.StatusUpdate(
        status=pb.NODE_STATUS_ACTIVE, block_height=17, sync_status=pb.SYNC_STATUS_SYNCED
    )
    assert node.receive(STREAM, pb.StreamRequest(status_update=status)) == []
    assert node.state()["last_status"] == {
        "node_id": "alys-1",
        "received_at": NOW,
        "status": "NODE_STATUS_ACTIVE",
        "block_height": 17,
        "sync_status": "SYNC_STATUS_SYNCED",
        "connection_count": 0,
    }


def test_each_input_gets_a_bip340_signature_in_input_order() -> None:
    node = registered_node(member=1)
    node.receive(STREAM, pegin("cd" * 32, 2, 70_000))
    tx = payout(coins=[("cd" * 32, 2), (DEPOSIT_TXID, 0)])
    answer = one(node.receive(STREAM, ask(tx, [70_000, DEPOSIT_SATS])))
    assert answer.metadata.request_id == "pegout:1"
    assert answer.signature_response.status == pb.SIGNATURE_STATUS_PARTIAL
    script = node.federation.output_script()
    spent = [bitcoin.TxOut(value=sats, script=script) for sats in (70_000, DEPOSIT_SATS)]
    witnesses = answer.signature_response.signatures
    assert len(witnesses) == 2
    for index, witness in enumerate(witnesses):
        message = bitcoin.taproot_script_path_sighash(
            tx, index, spent, node.federation.leaf_script()
        )
        assert witness.public_key == KEYS[1]
        assert witness.sig_type == pb.SIGNATURE_TYPE_SCHNORR
        assert bitcoin.schnorr_verify(KEYS[1], message, witness.signature)


@pytest.mark.parametrize(
    ("required", "status"),
    [(0, "COMPLETE"), (1, "COMPLETE"), (2, "PARTIAL"), (3, "PARTIAL")],
    ids=str,
)
def test_one_node_completes_only_what_needs_one_signature(required: int, status: str) -> None:
    answer = one(registered_node().receive(STREAM, ask(payout(), required=required)))
    assert pb.SignatureStatus.Name(answer.signature_response.status).endswith(status)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ask(payout(coins=[("cd" * 32, 0)])), "unknown prevout"),
        (ask(payout(), [DEPOSIT_SATS - 1]), "amount mismatch"),
        (ask(payout(), indices=[]), "input list"),
        (ask(payout(), tx_type=pb.TRANSACTION_TYPE_PEGIN), "transaction type"),
        (ask(payout(), tx_type=pb.TRANSACTION_TYPE_UNSPECIFIED), "transaction type"),
    ],
    ids=["prevout", "amount", "inputs", "type", "no-type"],
)
def test_a_refusal_is_failed_names_its_rule_and_signs_nothing(
    request_: pb.StreamRequest, reason: str
) -> None:
    node = registered_node()
    answer = one(node.receive(STREAM, request_))
    assert answer.metadata.request_id == "pegout:1"
    assert answer.metadata.status == pb.STATUS_CODE_ERROR
    assert answer.signature_response.status == pb.SIGNATURE_STATUS_FAILED
    assert answer.signature_response.failure_reason.startswith(reason)
    assert len(answer.signature_response.signatures) == 0
    state = node.state()
    assert state["signed"] == []
    assert msgspec.convert(state["refused"], list[governance.Refused])[0].rule == reason


def test_the_same_request_again_gets_the_same_answer_and_is_signed_once() -> None:
    node = registered_node()
    first = one(node.receive(STREAM, ask(payout())))
    node.disconnect(STREAM)
    node.connect("stream-2", {})
    node.receive("stream-2", registration())
    assert one(node.receive("stream-2", ask(payout()))) == first
    assert len(msgspec.convert(node.state()["signed"], list[governance.Signed])) == 1


def test_another_request_under_an_answered_id_is_refused() -> None:
    node = registered_node()
    node.receive(STREAM, ask(payout()))
    answer = one(node.receive(STREAM, ask(payout(paid=2_000_000, change=2_999_000))))
    assert answer.signature_response.failure_reason.startswith("request id reused")


def test_a_refused_request_may_succeed_once_more_is_known() -> None:
    node = registered_node()
    request = ask(payout(coins=[("cd" * 32, 0)]))
    assert one(node.receive(STREAM, request)).signature_response.failure_reason
    node.receive(STREAM, pegin("cd" * 32))
    answer = one(node.receive(STREAM, request))
    assert answer.signature_response.status == pb.SIGNATURE_STATUS_PARTIAL


def test_a_signature_request_without_an_id_cannot_be_answered() -> None:
    answer = one(registered_node().receive(STREAM, ask(payout(), request_id="")))
    assert answer.error_response.error_code == pb.ERROR_CODE_INVALID_REQUEST


def test_an_implausible_pegin_is_answered_with_an_error_and_a_plausible_one_with_nothing() -> None:
    node = registered_node()
    answer = one(node.receive(STREAM, pegin("cd" * 32, 0, 0)))
    assert answer.error_response.error_message.startswith("implausible deposit")
    assert node.receive(STREAM, pegin("cd" * 32, 0, 1)) == []
    assert node.receive(STREAM, pegin("cd" * 32, 0, 1)) == []
    assert len(node.signer.coins) == 2


def test_a_node_told_to_refuse_fails_good_requests_and_counts_them() -> None:
    node = registered_node()
    node.faults.refuse_signing = True
    bad = one(node.receive(STREAM, ask(payout(), [1])))
    good = one(node.receive(STREAM, ask(payout())))
    assert bad.signature_response.failure_reason.startswith("amount mismatch")
    assert good.signature_response.failure_reason.startswith("told to refuse")
    assert node.faults.touched == {"refuse_signing": 1}
    node.faults.refuse_signing = False
    recovered = one(node.receive(STREAM, ask(payout())))
    assert recovered.signature_response.status == pb.SIGNATURE_STATUS_PARTIAL


def test_a_node_told_to_sign_wrongly_says_so_in_its_state_only() -> None:
    node = registered_node()
    node.faults.wrong_signature = True
    tx = payout()
    witness = one(node.receive(STREAM, ask(tx))).signature_response.signatures[0]
    spent = [bitcoin.TxOut(value=DEPOSIT_SATS, script=node.federation.output_script())]
    message = bitcoin.taproot_script_path_sighash(tx, 0, spent, node.federation.leaf_script())
    assert len(witness.signature) == 64
    assert not bitcoin.schnorr_verify(KEYS[0], message, witness.signature)
    signed = msgspec.convert(node.state()["signed"], list[governance.Signed])
    assert [record.wrong for record in signed] == [True]


@pytest.mark.parametrize(
    ("fault", "request_"),
    [
        ("ignore_signing", ask(payout())),
        ("ignore_heartbeats", pb.StreamRequest(heartbeat=pb.Heartbeat())),
    ],
    ids=str,
)
def test_a_node_told_to_ignore_answers_nothing_and_counts_it(
    fault: str, request_: pb.StreamRequest
) -> None:
    node = registered_node()
    node.faults.change({fault: True})
    assert node.receive(STREAM, request_) == []
    assert node.faults.touched == {fault: 1}


def test_a_node_told_to_sign_short_leaves_out_the_last_input() -> None:
    node = registered_node()
    node.faults.short_signatures = True
    answer = one(node.receive(STREAM, ask(payout())))
    assert len(answer.signature_response.signatures) == 0
    assert node.faults.touched == {"short_signatures": 1}


def test_a_node_told_to_equivocate_gives_two_true_signatures_under_one_id_and_another_when_asked_again() -> (
    None
):
    node = registered_node()
    node.misbehaviour.add(Equivocate(times=2))
    tx = payout()
    answers = [*node.receive(STREAM, ask(tx)), *node.receive(STREAM, ask(tx))]
    found = [answer.signature_response.signatures[0].signature for answer in answers]
    assert len(set(found)) == 3
    assert len({answer.metadata.request_id for answer in answers}) == 1
    spent = [bitcoin.TxOut(value=DEPOSIT_SATS, script=node.federation.output_script())]
    message = bitcoin.taproot_script_path_sighash(tx, 0, spent, node.federation.leaf_script())
    assert all(bitcoin.schnorr_verify(KEYS[0], message, one) for one in found)
    assert node.faults.touched == {"equivocate": 2}
    assert len(node.receive(STREAM, ask(tx))) == 1


def test_a_node_told_to_refuse_registration_accepts_nobody() -> None:
    node = make_node()
    node.faults.refuse_registration = True
    node.connect(STREAM, {})
    assert not one(node.receive(STREAM, registration())).registration_ack.accepted


def test_health_follows_the_fault_and_tells_the_uptime_in_seconds() -> None:
    node = make_node()
    assert node.health().status == pb.HEALTH_STATUS_HEALTHY
    assert node.health().uptime == 0
    node.faults.unhealthy = True
    assert node.health().status == pb.HEALTH_STATUS_UNHEALTHY


def test_capabilities_name_the_protocol_version_and_the_threshold() -> None:
    said = make_node().capabilities("anyone")
    assert list(said.protocol_versions) == ["v1.0.0"]
    assert said.limits["signature_threshold"] == 2
    assert said.limits["federation_members"] == 3


def test_the_state_is_json_counts_every_kind_and_shows_no_secret() -> None:
    node = registered_node(member=2)
    answer = one(node.receive(STREAM, registration()))
    node.receive(STREAM, ask(payout()))
    text = msgspec.json.encode(node.state()).decode()
    state = node.state()
    assert state["received"] == {
        "node_registration": 2,
        "signature_request": 1,
        "pegin_notification": 1,
        "status_update": 0,
        "heartbeat": 0,
    }
    assert state["coins"] == {
        f"{DEPOSIT_TXID}:0": DEPOSIT_SATS,
        f"{payout().txid}:1": 3_999_000,
    }
    assert SECRETS[2].hex() not in text
    assert answer.registration_ack.session_token not in text


def test_equal_seeds_give_equal_bytes_and_another_seed_does_not() -> None:
    def answer(seed: int) -> bytes:
        return one(registered_node(seed=seed).receive(STREAM, ask(payout()))).SerializeToString()

    assert answer(7) == answer(7)
    assert answer(7) != answer(8)


def test_old_answers_are_forgotten_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governance, "RECORDS_MAX", 1)
    node = registered_node()
    first = one(node.receive(STREAM, ask(payout(), request_id="one")))
    node.receive(STREAM, ask(payout(), request_id="two"))
    again = one(node.receive(STREAM, ask(payout(), request_id="one")))
    assert again.signature_response != first.signature_response
    signed = msgspec.convert(node.state()["signed"], list[governance.Signed])
    assert [record.request_id for record in signed] == ["one"]


def test_requests_are_listed_in_the_order_of_their_coming() -> None:
    node = registered_node()
    node.receive(STREAM, ask(payout(), request_id="one"))
    seen = msgspec.convert(node.state()["seen"], list[Seen])
    assert [(record.stream, record.kind, record.request_id) for record in seen] == [
        (1, "node_registration", "reg"),
        (1, "pegin_notification", f"pegin:{DEPOSIT_TXID}:0"),
        (1, "signature_request", "one"),
    ]


def test_streams_are_numbered_even_if_a_connection_has_the_id_of_an_earlier_one() -> None:
    node = registered_node()
    node.disconnect(STREAM)
    node.connect(STREAM, {})
    node.receive(STREAM, registration())
    seen = msgspec.convert(node.state()["seen"], list[Seen])
    assert [record.stream for record in seen] == [1, 1, 2]


def test_a_token_that_is_right_is_refused_when_told_so() -> None:
    node = make_node(bearer_token="right")
    node.faults.change({"refuse_token": True})
    with pytest.raises(Unauthenticated, match="not valid any more"):
        node.connect(STREAM, {"authorization": "Bearer right"})
    node.faults.change({"refuse_token": False})
    node.connect(STREAM, {"authorization": "Bearer right"})


def test_answers_leave_in_reverse_order_when_told_so_and_none_is_lost() -> None:
    node = registered_node()
    node.faults.change({"reverse_answers": True})
    answers = [node.receive(STREAM, ask(payout(), request_id=f"r{number}")) for number in range(6)]
    assert [len(one) for one in answers] == [0, 0, 0, 0, 5, 0]
    assert [one.metadata.request_id for one in answers[4]] == ["r4", "r3", "r2", "r1", "r0"]
    node.faults.change({"reverse_answers": False})
    rest = node.receive(STREAM, ask(payout(), request_id="r6"))
    assert [one.metadata.request_id for one in rest] == ["r5", "r6"]


def test_an_answer_that_nobody_asked_for_goes_before_the_true_one_when_told_so() -> None:
    node = registered_node()
    node.faults.change({"foreign_answers": True})
    stranger, true = node.receive(STREAM, ask(payout(), request_id="mine"))
    assert (stranger.metadata.request_id, true.metadata.request_id) == ("never asked 1", "mine")
    assert stranger.signature_response == true.signature_response


@pytest.mark.parametrize("name", ["request_id", "node_id"])
def test_a_name_that_is_too_long_is_refused_and_not_remembered(name: str) -> None:
    node = registered_node()
    seen = node.state()["seen"]
    request = registration()
    setattr(request.metadata, name, "x" * 257)
    answer = one(node.receive(STREAM, request))
    assert answer.error_response.error_code == pb.ERROR_CODE_INVALID_REQUEST
    assert f"{name} has 257 characters" in answer.error_response.error_message
    assert node.state()["seen"] == seen


def test_one_node_with_too_many_streams_is_crowded_out_and_told_so_once() -> None:
    node = make_node()
    for number in range(node.limits.streams_of_one):
        node.connect(str(number), {})
        assert one(node.receive(str(number), registration())).registration_ack.accepted
    node.connect("4", {})
    answer = one(node.receive("4", registration()))
    assert not answer.registration_ack.accepted
    assert answer.metadata.status == pb.STATUS_CODE_RATE_LIMITED
    assert node.crowded_out() == [("4", "4 streams of alys-1 are open")]
    assert node.crowded_out() == []


def test_after_the_end_of_its_session_a_stream_must_register_again() -> None:
    federates = Federates(peers=False)
    node = federates.nodes[0]
    federates.time.seconds += 3_599
    assert node.receive(STREAM, pegin()) == []
    federates.time.seconds += 1
    refused = one(node.receive(STREAM, ask(payout())))
    assert refused.error_response.error_code == pb.ERROR_CODE_AUTHENTICATION_FAILED
    assert one(node.receive(STREAM, registration())).registration_ack.accepted
    signed = one(node.receive(STREAM, ask(payout())))
    assert signed.signature_response.status == pb.SIGNATURE_STATUS_PARTIAL


def test_a_silent_stream_is_known_by_how_long() -> None:
    federates = Federates(peers=False)
    node = federates.nodes[0]
    federates.time.seconds += 7
    assert node.silent_seconds(STREAM) == 7
    node.receive(STREAM, pegin())
    assert node.silent_seconds(STREAM) == 0
