"""Shapes and codes of the Engine API's calls; what they mean is tested with the client."""

from typing import Any

import pytest

from alys.models.ethereum.forks import Fork
from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    PAYEE,
    START,
    ZERO,
    attributes,
    built,
    genesis_of,
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
    assert code_of(node, "engine_newPayloadV4", {}) == -32601
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
        {"withdrawals": 5},
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


def make_node_of(fork: Fork) -> EthereumNode:
    return EthereumNode(genesis_of(fork), lambda: START + 1e6)


def made(node: EthereumNode, version: int, **more: Any) -> Any:
    """What getPayload of a version answers for a block on the head."""
    head = head_of(node)
    wanted = {**attributes(int(head["timestamp"], 16) + 2), **more}
    if version < 2:
        del wanted["withdrawals"]
    if version > 2:
        wanted.setdefault("parentBeaconBlockRoot", ROOT)
    call = node.handle_engine
    begun = call(f"engine_forkchoiceUpdatedV{version}", [state(head["hash"]), wanted])
    return call(f"engine_getPayloadV{version}", [begun["payloadId"]])


ROOT = "0x" + "0b" * 32


def test_a_paris_chain_is_driven_by_v1() -> None:
    node = make_node_of(Fork.PARIS)
    for number in range(1, 4):
        send(node, signed(number - 1))
        payload = made(node, 1)
        assert "withdrawals" not in payload
        status = node.handle_engine("engine_newPayloadV1", [payload])
        assert status["latestValidHash"] == payload["blockHash"]
        node.handle_engine("engine_forkchoiceUpdatedV1", [state(payload["blockHash"])])
        assert head_of(node)["number"] == hex(number)
    bodies = node.handle_engine("engine_getPayloadBodiesByRangeV1", ["0x1", "0x1"])
    assert bodies[0]["withdrawals"] is None
    payload = made(node, 1)
    assert node.handle_engine("engine_newPayloadV2", [payload])["status"] == "VALID"
    with_withdrawals = {**payload, "withdrawals": []}
    assert code_of(node, "engine_newPayloadV2", with_withdrawals) == -32602
    assert code_of(node, "engine_newPayloadV3", with_withdrawals, [], ROOT) == -32602


def test_a_cancun_chain_is_driven_by_v3() -> None:
    node = make_node_of(Fork.CANCUN)
    for number in range(1, 4):
        send(node, signed(number - 1))
        answer = made(node, 3)
        payload = answer["executionPayload"]
        assert payload["blobGasUsed"] == payload["excessBlobGas"] == "0x0"
        assert answer["blobsBundle"] == {"commitments": [], "proofs": [], "blobs": []}
        assert answer["shouldOverrideBuilder"] is False
        assert int(answer["blockValue"], 16) == 21_000 * 10**9
        status = node.handle_engine("engine_newPayloadV3", [payload, [], ROOT])
        assert status["latestValidHash"] == payload["blockHash"]
        node.handle_engine("engine_forkchoiceUpdatedV3", [state(payload["blockHash"])])
        head = head_of(node)
        assert (head["number"], head["parentBeaconBlockRoot"]) == (hex(number), ROOT)


def test_v3_refuses_what_is_not_whole() -> None:
    """Every field and parameter must be there; a wrong beacon root is another block's hash."""
    node = make_node_of(Fork.CANCUN)
    payload = made(node, 3)["executionPayload"]
    for name in ("withdrawals", "blobGasUsed", "excessBlobGas"):
        assert code_of(node, "engine_newPayloadV3", {**payload, name: None}, [], ROOT) == -32602
    assert code_of(node, "engine_newPayloadV3", payload, None, ROOT) == -32602
    assert code_of(node, "engine_newPayloadV3", payload, [], None) == -32602
    assert code_of(node, "engine_newPayloadV3", payload) == -32602
    for changed in ([payload, [], ZERO], [payload, [ROOT], ROOT]):
        status = node.handle_engine("engine_newPayloadV3", changed)
        assert (status["status"], status["latestValidHash"]) == ("INVALID", None)
    assert node.handle_engine("engine_newPayloadV3", [payload, [], ROOT])["status"] == "VALID"


@pytest.mark.parametrize(
    ("fork", "method"),
    [
        (Fork.SHANGHAI, "engine_newPayloadV1"),
        (Fork.CANCUN, "engine_newPayloadV1"),
        (Fork.CANCUN, "engine_newPayloadV2"),
        (Fork.PARIS, "engine_newPayloadV3"),
        (Fork.SHANGHAI, "engine_newPayloadV3"),
    ],
)
def test_a_payload_of_a_fork_that_the_call_is_not_for_is_38005(fork: Fork, method: str) -> None:
    node = make_node_of(fork)
    payload = {**built(make_node()), "blobGasUsed": "0x0", "excessBlobGas": "0x0"}
    more: list[Any] = [[], ROOT] if method.endswith("3") else []
    assert code_of(node, method, payload, *more) == -38005


@pytest.mark.parametrize(
    ("fork", "version", "changes", "code"),
    [
        (Fork.PARIS, 1, {}, -32602),
        (Fork.PARIS, 2, {}, -38003),
        (Fork.PARIS, 3, {"parentBeaconBlockRoot": ROOT}, -38005),
        (Fork.SHANGHAI, 1, {"withdrawals": None}, -38005),
        (Fork.SHANGHAI, 2, {"withdrawals": None}, -38003),
        (Fork.SHANGHAI, 2, {"parentBeaconBlockRoot": ROOT}, -38003),
        (Fork.SHANGHAI, 3, {"parentBeaconBlockRoot": ROOT}, -38005),
        (Fork.SHANGHAI, 3, {}, -38003),
        (Fork.CANCUN, 2, {}, -38005),
        (Fork.CANCUN, 3, {}, -38003),
        (Fork.CANCUN, 3, {"withdrawals": None, "parentBeaconBlockRoot": ROOT}, -38003),
    ],
)
def test_attributes_of_another_version_or_fork_are_refused_and_the_head_has_moved(
    fork: Fork, version: int, changes: dict[str, Any], code: int
) -> None:
    """Paris, forkchoiceUpdated 8.3: the update is not rolled back; -32602 alone is said before it."""
    node = make_node_of(fork)
    right = {Fork.PARIS: 1, Fork.SHANGHAI: 2, Fork.CANCUN: 3}[fork]
    answer = made(node, right)
    payload = answer if right == 1 else answer["executionPayload"]
    more: list[Any] = [[], ROOT] if right == 3 else []
    node.handle_engine(f"engine_newPayloadV{right}", [payload, *more])
    wanted = {**attributes(int(payload["timestamp"], 16) + 2), **changes}
    method = f"engine_forkchoiceUpdatedV{version}"
    assert code_of(node, method, state(payload["blockHash"]), wanted) == code
    assert head_of(node)["number"] == ("0x0" if code == -32602 else "0x1")


@pytest.mark.parametrize(
    ("fork", "refused"), [(Fork.SHANGHAI, (1, 3)), (Fork.CANCUN, (1, 2)), (Fork.PARIS, (3,))]
)
def test_a_payload_is_fetched_by_its_forks_call(fork: Fork, refused: tuple[int, ...]) -> None:
    node = make_node_of(fork)
    version = {Fork.PARIS: 1, Fork.SHANGHAI: 2, Fork.CANCUN: 3}[fork]
    head = head_of(node)
    wanted = attributes(int(head["timestamp"], 16) + 2)
    if version == 1:
        del wanted["withdrawals"]
    if version == 3:
        wanted["parentBeaconBlockRoot"] = ROOT
    call = node.handle_engine
    begun = call(f"engine_forkchoiceUpdatedV{version}", [state(head["hash"]), wanted])
    for wrong in refused:
        assert code_of(node, f"engine_getPayloadV{wrong}", begun["payloadId"]) == -38005
    assert call(f"engine_getPayloadV{version}", [begun["payloadId"]])


def test_v1_moves_heads_of_every_fork() -> None:
    node = make_node()
    payload = built(node)
    node.handle_engine("engine_newPayloadV2", [payload])
    answer = node.handle_engine("engine_forkchoiceUpdatedV1", [state(payload["blockHash"])])
    assert answer["payloadStatus"]["latestValidHash"] == payload["blockHash"]
    assert head_of(node)["hash"] == payload["blockHash"]
    assert code_of(node, "engine_getPayloadV1", "0x" + "00" * 8) == -38001


def test_a_client_says_who_it_is() -> None:
    theirs = {"code": "PM", "name": "Prysm", "version": "v5", "commit": "0x12345678"}
    (ours,) = make_node().handle_engine("engine_getClientVersionV1", [theirs])
    assert set(ours) == set(theirs)
    assert len(ours["code"]) == 2
    assert len(ours["commit"]) == 10
    assert code_of(make_node(), "engine_getClientVersionV1", "PM") == -32602


def test_no_blobs_are_kept() -> None:
    node = make_node_of(Fork.CANCUN)
    assert node.handle_engine("engine_getBlobsV1", [[ROOT, ZERO]]) == [None, None]
    assert code_of(node, "engine_getBlobsV1", [ROOT] * 129) == -38004
    assert code_of(node, "engine_getBlobsV1", ["0x01"]) == -32602


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
