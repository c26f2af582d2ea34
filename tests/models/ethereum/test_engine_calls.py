"""Shapes and codes of the Engine API's calls; what they mean is tested with the client."""

from typing import Any

import pytest

from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    PAYEE,
    ZERO,
    attributes,
    built,
    head_of,
    make_node,
    mined,
    send,
    signed,
    withdrawal,
)


def code_of(node: EthereumNode, method: str, *params: Any) -> int:
    with pytest.raises(RpcError) as refused:
        node.handle_engine(method, list(params))
    return refused.value.code


def state(head: str) -> dict[str, str]:
    return {"headBlockHash": head, "safeBlockHash": ZERO, "finalizedBlockHash": ZERO}


def test_all_calls_but_the_asking_one_are_offered_and_there() -> None:
    node = make_node()
    offered = node.handle_engine("engine_exchangeCapabilities", [["engine_newPayloadV2"]])
    assert {"engine_forkchoiceUpdatedV2", "engine_getPayloadV2", "engine_newPayloadV2"} <= set(
        offered
    )
    assert "engine_exchangeCapabilities" not in offered
    for name in offered:
        assert code_of(node, name) == -32602  # parameters are missing, the method is not
    assert code_of(node, "engine_newPayloadV3", {}) == -32601
    assert code_of(node, "engine_exchangeCapabilities", "all") == -32602


def test_the_engine_port_serves_the_public_calls_and_not_the_other_way_round() -> None:
    node = make_node()
    assert node.handle_engine("eth_blockNumber", []) == "0x0"
    with pytest.raises(RpcError) as refused:
        node.handle("engine_exchangeCapabilities", [[]])
    assert refused.value.code == -32601


def test_a_payload_comes_with_the_tips_that_it_pays() -> None:
    node = make_node()
    send(node, signed(max_tip=2 * 10**9))
    begun = node.handle_engine(
        "engine_forkchoiceUpdatedV2",
        [state(head_of(node)["hash"]), attributes(int(head_of(node)["timestamp"], 16) + 2)],
    )
    answer = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])
    assert int(answer["blockValue"], 16) == 21_000 * 2 * 10**9
    assert len(answer["executionPayload"]["transactions"]) == 1


def test_a_late_transaction_is_in_the_payload_and_one_after_its_fetching_in_the_next() -> None:
    node = make_node()
    head = head_of(node)
    wanted = attributes(int(head["timestamp"], 16) + 2)
    begun = node.handle_engine("engine_forkchoiceUpdatedV2", [state(head["hash"]), wanted])
    send(node, signed())
    fetched = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])
    assert fetched["executionPayload"]["transactions"] == [to_data(signed())]
    send(node, signed(nonce=1))
    assert node.handle_engine("engine_getPayloadV2", [begun["payloadId"]]) == fetched
    assert mined(node) == fetched["executionPayload"]
    assert len(node.client.pool) == 1
    assert mined(node)["transactions"] == [to_data(signed(nonce=1))]
    assert len(node.client.pool) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"withdrawals": None},
        {"timestamp": 5},
        {"prevRandao": "0x00"},
        {"suggestedFeeRecipient": "0x00"},
    ],
)
def test_attributes_of_another_shape_are_bad_parameters_and_move_no_head(
    wrong: dict[str, Any],
) -> None:
    node = make_node()
    payload = built(node)
    node.handle_engine("engine_newPayloadV2", [payload])
    asked = {**attributes(int(payload["timestamp"], 16) + 2), **wrong}
    assert code_of(node, "engine_forkchoiceUpdatedV2", state(payload["blockHash"]), asked) == -32602
    assert head_of(node)["number"] == "0x0"


def test_a_payload_or_a_forkchoice_of_another_shape_is_bad_parameters() -> None:
    node = make_node()
    payload = built(node)
    del payload["withdrawals"]
    for method, params in (
        ("engine_newPayloadV2", [payload]),
        ("engine_newPayloadV2", [None]),
        ("engine_newPayloadV2", [[]]),
        ("engine_forkchoiceUpdatedV2", [{"headBlockHash": ZERO}]),
        ("engine_forkchoiceUpdatedV2", ["latest"]),
        ("engine_getPayloadV2", ["0x00"]),
    ):
        assert code_of(node, method, *params) == -32602, (method, params)


def test_v1_moves_heads_but_belongs_to_another_fork_otherwise() -> None:
    node = make_node()
    payload = built(node)
    assert code_of(node, "engine_newPayloadV1", payload) == -38005
    assert code_of(node, "engine_getPayloadV1", "0x" + "00" * 8) == -38005
    node.handle_engine("engine_newPayloadV2", [payload])
    answer = node.handle_engine("engine_forkchoiceUpdatedV1", [state(payload["blockHash"])])
    assert answer["payloadStatus"]["latestValidHash"] == payload["blockHash"]
    assert head_of(node)["hash"] == payload["blockHash"]
    wanted = attributes(int(payload["timestamp"], 16) + 2)
    assert (
        code_of(node, "engine_forkchoiceUpdatedV1", state(payload["blockHash"]), wanted) == -32602
    )


def test_bodies_are_found_by_hash_and_by_range() -> None:
    node = make_node()
    send(node, signed())
    first = mined(node, withdrawal(PAYEE, 5))
    second = mined(node)
    call = node.handle_engine
    by_hash = call(
        "engine_getPayloadBodiesByHashV1",
        [[second["blockHash"], "0x" + "ee" * 32, first["blockHash"]]],
    )
    assert by_hash[1] is None
    assert by_hash[2] == {
        "transactions": [to_data(signed())],
        "withdrawals": [withdrawal(PAYEE, 5).to_json()],
    }
    by_range = call("engine_getPayloadBodiesByRangeV1", ["0x1", "0x9"])
    assert by_range == [by_hash[2], by_hash[0]]
    assert call("engine_getPayloadBodiesByRangeV1", ["0x3", "0x9"]) == []


def test_bodies_are_asked_for_with_measure() -> None:
    node = make_node()
    for wrong in (["0x0", "0x1"], ["0x1", "0x0"]):
        assert code_of(node, "engine_getPayloadBodiesByRangeV1", *wrong) == -32602
    assert code_of(node, "engine_getPayloadBodiesByRangeV1", "0x1", hex(1025)) == -38004
    assert code_of(node, "engine_getPayloadBodiesByHashV1", [ZERO] * 1025) == -38004
    assert code_of(node, "engine_getPayloadBodiesByHashV1", ZERO) == -32602
