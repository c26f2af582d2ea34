"""What is answered on a registered stream, apart from signatures."""

from typing import Any

import pytest

from tests.contract.governance.client import Client
from tests.contract.governance.stage import SATS, Coin, Node, opened

BEAT = {"timestamp": 123, "sequence": 45, "health": "HEALTH_STATUS_HEALTHY"}


def quiet(stream: Any, request_id: str, **payload: Any) -> None:
    """Send what has no answer: the next thing that comes is the ack of the heartbeat behind it."""
    stream.send(request_id, **payload)
    stream.send("behind it", heartbeat=BEAT)
    while (answer := stream.read()).WhichOneof("payload") in (
        "federation_update",
        "proposal_notification",
    ):
        pass
    assert answer.metadata.request_id == "behind it"


def test_a_heartbeat_is_acked_with_its_own_time_and_number(client: Client) -> None:
    with opened(client) as stream:
        answer = stream.ask("h1", heartbeat=BEAT)
        ack = answer.heartbeat_ack
        assert (ack.original_timestamp, ack.sequence) == (123, 45)
        assert ack.ack_timestamp >= answer.metadata.timestamp > 0


def test_a_status_update_has_no_answer(client: Client) -> None:
    update = {
        "status": "NODE_STATUS_ACTIVE",
        "block_height": 1,
        "sync_status": "SYNC_STATUS_SYNCED",
        "connection_count": 3,
        "metrics": {"cpu_usage": 0.5, "memory_usage": 1, "avg_latency_ms": 2.0},
    }
    with opened(client) as stream:
        quiet(stream, "s1", status_update=update)


def test_a_value_of_a_later_proto_hurts_nothing(client: Client) -> None:
    with opened(client) as stream:
        quiet(stream, "s1", status_update={"status": 77, "sync_status": 99})
        later = client.message("StreamRequest", heartbeat=BEAT).SerializeToString()
        stream.send_frame(later + b"\xd2\x3e\x02hi")  # field 1002
        assert stream.read().heartbeat_ack.sequence == 45


def test_a_payload_of_a_later_proto_is_an_invalid_request(client: Client) -> None:
    with opened(client) as stream:
        stream.send_frame(b"\x0a\x04\x0a\x02hi\xd2\x05\x02\x08\x01")  # payload 90 of request "hi"
        answer = stream.answer("hi")
        assert client.name(answer.error_response, "error_code") == "ERROR_CODE_INVALID_REQUEST"


def test_a_plausible_deposit_has_no_answer(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        quiet(stream, "p1", pegin_notification=coin.notification())
        quiet(stream, "p1", pegin_notification=coin.notification(confirmations=7))


@pytest.mark.parametrize(
    "fields",
    [
        {"btc_txid": "ab"},
        {"btc_txid": "zz" * 32},
        {"amount": 0},
        {"amount": 2**63},
        {"extra_data": b"\x51\x20" + bytes(32)},
    ],
    ids=["short", "no-hex", "nothing", "too-much", "script"],
)
def test_an_implausible_deposit_is_an_error(
    node: Node, client: Client, fields: dict[str, Any]
) -> None:
    with opened(client) as stream:
        deposit = Coin.fresh(node.federation).notification(**fields)
        answer = stream.ask("p1", pegin_notification=deposit)
        assert client.name(answer.error_response, "error_code") == "ERROR_CODE_INVALID_REQUEST"
        assert client.name(answer.metadata, "status") == "STATUS_CODE_ERROR"
        assert answer.error_response.error_message.startswith("implausible deposit")


def test_a_deposit_that_contradicts_an_earlier_one_is_an_error(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        quiet(stream, "p1", pegin_notification=coin.notification())
        answer = stream.ask("p2", pegin_notification=coin.notification(amount=SATS + 1))
        assert answer.error_response.error_message.startswith("conflicting deposit")


def test_a_deposit_may_name_the_script_that_it_paid_to(node: Node, client: Client) -> None:
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        named = coin.notification(extra_data=node.federation.script)
        quiet(stream, "p1", pegin_notification=named)
