"""Signature requests: every status, and signatures that hold."""

from typing import Any

import pytest

from tests.contract.governance.client import Client
from tests.contract.governance.stage import SATS, Coin, Node, opened


def status(client: Client, answer: Any) -> str:
    name = client.name(answer.signature_response, "status")
    return name.removeprefix("SIGNATURE_STATUS_")


def known(node: Node, stream: Any) -> Coin:
    """A coin that the node was told of."""
    coin = Coin.fresh(node.federation)
    stream.send("pegin", pegin_notification=coin.notification())
    return coin


def test_one_key_of_two_answers_partial_with_a_signature_that_holds(
    node: Node, client: Client
) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        answer = stream.ask(f"partial {coin.txid}", signature_request=coin.request())
        assert status(client, answer) == "PARTIAL"
        (signer,) = coin.signers(answer, node.federation)
        assert signer in node.federation.keys
        witness = answer.signature_response.signatures[0]
        assert client.name(witness, "sig_type") == "SIGNATURE_TYPE_SCHNORR"


def test_one_key_completes_what_needs_one(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        request = coin.request(required_signatures=1)
        answer = stream.ask(f"complete {coin.txid}", signature_request=request)
        assert status(client, answer) == "COMPLETE"
        assert len(coin.signers(answer, node.federation)) == 1


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"tx_hex": "xy"}, "malformed transaction"),
        ({"tx_hex": "00"}, "malformed transaction"),
        ({"input_indices": []}, "input list"),
        ({"input_indices": [1]}, "input list"),
        ({"amounts": [SATS - 1]}, "amount mismatch"),
        ({"amounts": []}, "amount mismatch"),
        ({"tx_type": "TRANSACTION_TYPE_PEGIN"}, "transaction type"),
        ({"tx_type": "TRANSACTION_TYPE_EMERGENCY"}, "transaction type"),
        ({"tx_type": "TRANSACTION_TYPE_UNSPECIFIED"}, "transaction type"),
        ({"tx_type": "TRANSACTION_TYPE_FEDERATION_CHANGE"}, "not a sweep"),
        ({"required_signatures": 99}, "required signatures"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(sorted(value)),
)
def test_what_breaks_a_rule_fails_by_its_name(
    node: Node, client: Client, fields: dict[str, Any], rule: str
) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        answer = stream.ask("failed", signature_request=coin.request(**fields))
        assert status(client, answer) == "FAILED"
        assert client.name(answer.metadata, "status") == "STATUS_CODE_ERROR"
        assert answer.signature_response.failure_reason.startswith(rule)
        assert len(answer.signature_response.signatures) == 0


def test_more_than_the_inputs_hold_is_not_signed(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        greedy = Coin.fresh(node.federation, paid=-1)
        outputs = tuple(coin.tx.outputs) * 2
        tx = type(coin.tx)(inputs=coin.tx.inputs, outputs=outputs)
        request = coin.request(tx_hex=tx.serialize().hex())
        answer = stream.ask("greedy", signature_request=request)
        assert answer.signature_response.failure_reason.startswith("value created")
        assert greedy.txid != coin.txid


def test_without_time_an_unknown_input_fails_at_once(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        answer = stream.ask("unknown", signature_request=coin.request())
        assert status(client, answer) == "FAILED"
        assert answer.signature_response.failure_reason.startswith("unknown prevout")


def test_with_time_it_is_pending_and_signed_when_the_deposit_comes(
    node: Node, client: Client
) -> None:
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        request_id = f"pending {coin.txid}"
        answer = stream.ask(request_id, signature_request=coin.request(timeout_seconds=60))
        assert status(client, answer) == "PENDING"
        stream.send("pegin", pegin_notification=coin.notification())
        answer = stream.answer(request_id)
        assert status(client, answer) == "PARTIAL"
        assert len(coin.signers(answer, node.federation)) == 1
        states = {
            bytes.fromhex(one.signer_id): client.name(one, "status")
            for one in answer.signature_response.partial_signatures
        }
        assert set(states) == set(node.federation.keys)
        assert list(states.values()).count("SIGNATURE_STATUS_COMPLETE") == 1


def test_when_the_time_is_over_it_is_a_timeout(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        request_id = f"timeout {coin.txid}"
        answer = stream.ask(request_id, signature_request=coin.request(timeout_seconds=1))
        assert status(client, answer) == "PARTIAL"
        answer = stream.answer(request_id)
        assert status(client, answer) == "TIMEOUT"
        assert client.name(answer.metadata, "status") == "STATUS_CODE_TIMEOUT"
        assert answer.signature_response.failure_reason.startswith("1 of 2")
        assert len(coin.signers(answer, node.federation)) == 1


def test_asked_again_on_another_stream_it_is_the_same_signature(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        request_id = f"again {coin.txid}"
        first = stream.ask(request_id, signature_request=coin.request())
    with opened(client) as stream:
        second = stream.ask(request_id, signature_request=coin.request())
    assert first.signature_response == second.signature_response


def test_another_transaction_under_an_answered_id_is_refused(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        request_id = f"reused {coin.txid}"
        stream.ask(request_id, signature_request=coin.request())
        other = stream.ask(request_id, signature_request=coin.request(required_signatures=1))
        assert other.signature_response.failure_reason.startswith("request id reused")


@pytest.mark.parametrize(
    ("request_id", "fields"), [("", {}), ("negative", {"timeout_seconds": -1})], ids=["id", "time"]
)
def test_what_is_no_request_is_an_error(
    node: Node, client: Client, request_id: str, fields: dict[str, Any]
) -> None:
    with opened(client) as stream:
        coin = known(node, stream)
        answer = stream.ask(request_id, signature_request=coin.request(**fields))
        assert client.name(answer.error_response, "error_code") == "ERROR_CODE_INVALID_REQUEST"


def test_too_many_that_wait_are_limited_and_told_when_to_come_again(
    node: Node, client: Client
) -> None:
    limit = client.call("GetCapabilities").limits["waiting_requests"]
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        for number in range(limit + 1):
            request = coin.request(timeout_seconds=60)
            stream.send(f"wait {coin.txid} {number}", signature_request=request)
        answer = stream.answer(f"wait {coin.txid} {limit}")
        assert client.name(answer.error_response, "error_code") == "ERROR_CODE_RATE_LIMITED"
        assert client.name(answer.metadata, "status") == "STATUS_CODE_RATE_LIMITED"
        assert answer.error_response.retry_info.retry_after >= 1
