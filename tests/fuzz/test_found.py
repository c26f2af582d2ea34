"""Requests that once broke a service, each kept as it was found, with what is said to it now."""

from typing import Any

import pytest

from alys.wire.generated import governance_pb2 as pb
from alys.wire.jsonrpc import RpcError
from tests.fuzz import bitcoin_good
from tests.models.governance import builders

TXID = "00" * 32


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("getblockhash", {"args": 5}, -8),
        ("getblockhash", {"args": 5, "height": 1}, -8),
        ("logging", [[["net"]]], -3),
        ("gettxspendingprevout", [[{"txid": None, "vout": 0}]], -3),
        ("gettxspendingprevout", [[{"txid": TXID, "vout": "0"}]], -3),
        ("gettxspendingprevout", [[{"txid": TXID, "vout": 1.5}]], -1),
        ("gettxspendingprevout", [[5]], -3),
        ("getblockstats", [1, [{"a": 1}]], -3),
        ("listunspent", [1, 9, [], True, {"minimumAmount": {}}], -3),
        ("send", [[{bitcoin_good.ADDRESS: 0.1}], None, "unset", 5, {"inputs": 5}], -3),
        ("send", [[{"ADDRESS": 0.1}], None, "unset", 5, {"inputs": None}], -5),
        ("generatetoaddress", [208758172945150, bitcoin_good.ADDRESS, 10], -8),
    ],
)
def test_the_bitcoin_node_refuses_in_its_protocol(method: str, params: Any, code: int) -> None:
    with pytest.raises(RpcError) as refused:
        bitcoin_good.node_with_history().handle(method, params)
    assert refused.value.code == code


@pytest.mark.parametrize("changes", [{"tx_type": 3}, {"required": 4}])
def test_a_refused_signature_request_teaches_the_signer_no_coin(changes: dict[str, Any]) -> None:
    """The change of a payout was remembered before it was found that the request is none to be signed."""
    node = builders.registered_node()
    before = node.signer.coins
    (answer,) = node.receive(builders.STREAM, builders.ask(builders.payout(), **changes))
    assert answer.signature_response.status == pb.SIGNATURE_STATUS_FAILED
    assert node.signer.coins == before


@pytest.mark.parametrize("field", ["request_id", "node_id"])
def test_a_name_that_is_too_long_is_refused_and_not_kept(field: str) -> None:
    node = builders.registered_node()
    request = builders.registration()
    setattr(request.metadata, field, "x" * 257)
    (answer,) = node.receive(builders.STREAM, request)
    assert answer.error_response.error_code == pb.ERROR_CODE_INVALID_REQUEST
    assert "257 characters, at most 256" in answer.error_response.error_message
    assert "x" * 257 not in str(node.state())


def test_a_long_txid_is_not_sent_back_whole() -> None:
    node = builders.registered_node()
    (answer,) = node.receive(builders.STREAM, builders.pegin("\x00" * 100_000))
    assert len(answer.error_response.error_message) < 1_000
