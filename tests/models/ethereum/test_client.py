"""The Engine API's promises: the fork tree, what a refusal leaves behind, what a forkchoice may do."""

from typing import Any

import pytest

from alys.wire.ethereum import to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    ZERO,
    attributes,
    built,
    forkchoice,
    head_of,
    imported,
    make_node,
    mined,
    rehashed,
    send,
    signed,
    withdrawal,
)


def balance(node: Any, address: bytes, tag: str = "latest") -> int:
    return int(node.handle("eth_getBalance", [to_data(address), tag]), 16)


def test_two_clients_with_one_genesis_agree_on_every_block() -> None:
    first, second = make_node(), make_node()
    assert head_of(first)["hash"] == head_of(second)["hash"]
    send(first, signed())
    payload = mined(first, withdrawal(PAYEE, 5))
    assert imported(second, payload)["status"] == "VALID"
    forkchoice(second, payload["blockHash"])
    assert first.handle("debug_dumpBlock", []) == second.handle("debug_dumpBlock", [])


def test_a_withdrawal_credits_gwei_and_nothing_is_taken_for_it() -> None:
    node = make_node()
    mined(node, withdrawal(PAYEE, 7), withdrawal(b"\x43" * 20, 1))
    assert (balance(node, PAYEE), balance(node, b"\x43" * 20)) == (7 * 10**9, 10**9)
    assert balance(node, USER) == 10 * ETHER


def test_a_payload_whose_hash_is_not_its_own_is_refused_even_if_that_hash_is_known() -> None:
    node = make_node()
    honest = mined(node)
    forged = {**honest, "gasLimit": hex(int(honest["gasLimit"], 16) - 1)}
    answer = imported(node, forged)
    assert (answer["status"], answer["latestValidHash"]) == ("INVALID", None)
    assert "blockhash mismatch" in answer["validationError"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stateRoot": "0x" + "11" * 32}, "stateRoot"),
        ({"receiptsRoot": "0x" + "11" * 32}, "receiptsRoot"),
        ({"gasUsed": "0x1"}, "gasUsed"),
        ({"logsBloom": "0x" + "11" * 256}, "logsBloom"),
        ({"timestamp": hex(START)}, "timestamp"),
        ({"baseFeePerGas": "0x1"}, "baseFeePerGas"),
        ({"blockNumber": "0x5"}, "number"),
    ],
)
def test_a_payload_that_lies_is_invalid_with_its_last_valid_ancestor(
    changes: dict[str, str], why: str
) -> None:
    node = make_node()
    parent = mined(node)
    lie = rehashed(built(node), **changes)
    answer = imported(node, lie)
    assert answer["status"] == "INVALID"
    assert answer["latestValidHash"] == parent["blockHash"]
    assert why in answer["validationError"]


def test_a_refused_payload_leaves_nothing_behind() -> None:
    """Its withdrawals least of all: the specification's own import would leave them."""
    node, untouched = make_node(), make_node()
    lie = rehashed(built(node, withdrawal(PAYEE, 7)), stateRoot="0x" + "11" * 32)
    assert imported(node, lie)["status"] == "INVALID"
    assert balance(node, PAYEE) == 0
    assert mined(node)["stateRoot"] == mined(untouched)["stateRoot"]
    with_it = mined(node, withdrawal(PAYEE, 7))
    assert with_it["stateRoot"] == mined(untouched, withdrawal(PAYEE, 7))["stateRoot"]


def test_what_stands_on_a_refused_block_is_refused_too() -> None:
    node = make_node()
    genesis = head_of(node)["hash"]
    lie = rehashed(built(node), stateRoot="0x" + "11" * 32)
    imported(node, lie)
    other = make_node()
    mined(other)
    child = rehashed(mined(other), parentHash=lie["blockHash"])
    answer = imported(node, child)
    assert (answer["status"], answer["latestValidHash"]) == ("INVALID", genesis)
    again = imported(node, lie)
    assert (again["status"], again["latestValidHash"]) == ("INVALID", genesis)
    assert forkchoice(node, lie["blockHash"])["payloadStatus"]["status"] == "INVALID"


def test_an_unknown_parent_is_syncing_and_no_judgement() -> None:
    node, other = make_node(), make_node()
    mined(other)
    assert imported(node, mined(other))["status"] == "SYNCING"
    assert forkchoice(node, "0x" + "ab" * 32)["payloadStatus"]["status"] == "SYNCING"
    assert forkchoice(node, ZERO)["payloadStatus"]["status"] == "INVALID"


def test_each_branch_has_a_state_of_its_own_and_the_pool_gets_back_what_a_branch_loses() -> None:
    node = make_node()
    genesis = head_of(node)["hash"]
    tx = send(node, signed())
    left = mined(node)
    assert balance(node, PAYEE) == ETHER
    other = make_node()
    right = built(other, withdrawal(PAYEE, 3), seconds=4)
    assert right["parentHash"] == genesis
    assert imported(node, right)["status"] == "VALID"
    assert balance(node, PAYEE) == ETHER  # importing moves no head
    forkchoice(node, right["blockHash"])
    assert balance(node, PAYEE) == 3 * 10**9
    assert node.handle("eth_getTransactionReceipt", [tx]) is None
    assert node.handle("eth_getTransactionByHash", [tx])["blockHash"] is None  # it waits again
    forkchoice(node, left["blockHash"])
    assert balance(node, PAYEE) == ETHER
    assert node.handle("eth_getTransactionReceipt", [tx])["status"] == "0x1"


def test_a_forkchoice_to_a_canonical_ancestor_moves_and_builds_nothing() -> None:
    node = make_node()
    first = mined(node)
    second = mined(node)
    wanted = attributes(int(second["timestamp"], 16) + 2)
    answer = forkchoice(node, first["blockHash"], wanted)
    assert answer["payloadStatus"]["status"] == "VALID"
    assert answer["payloadId"] is None
    assert head_of(node)["hash"] == second["blockHash"]


def test_an_ancestor_that_is_none_is_38002_and_moves_nothing() -> None:
    node = make_node()
    first = mined(node)
    stranger = "0x" + "cd" * 32
    for wrong in ({"safe": stranger}, {"finalized": stranger}):
        with pytest.raises(RpcError) as refused:
            forkchoice(node, built(node)["parentHash"], **wrong)  # type: ignore[arg-type]
        assert refused.value.code == -38002
    assert head_of(node)["hash"] == first["blockHash"]


def test_attributes_that_go_back_in_time_are_38003_but_the_head_has_moved() -> None:
    node = make_node()
    payload = built(node)
    imported(node, payload)
    with pytest.raises(RpcError) as refused:
        forkchoice(node, payload["blockHash"], attributes(int(payload["timestamp"], 16)))
    assert refused.value.code == -38003
    assert head_of(node)["hash"] == payload["blockHash"]


def test_asking_twice_gives_one_payload_and_something_else_another() -> None:
    node = make_node()
    head = head_of(node)["hash"]
    ids = [forkchoice(node, head, attributes(START + n))["payloadId"] for n in (2, 2, 3)]
    assert ids[0] == ids[1] != ids[2]
    call = node.handle_engine
    assert call("engine_getPayloadV2", [ids[0]]) == call("engine_getPayloadV2", [ids[0]])
    with pytest.raises(RpcError) as unknown:
        call("engine_getPayloadV2", ["0x" + "00" * 8])
    assert unknown.value.code == -38001


def test_safe_and_finalized_are_what_the_forkchoice_said() -> None:
    node = make_node()
    first, second = mined(node), mined(node)
    forkchoice(node, second["blockHash"], safe=first["blockHash"], finalized=first["blockHash"])
    assert node.handle("eth_getBlockByNumber", ["finalized", False])["number"] == "0x1"
    assert node.handle("eth_getBlockByNumber", ["safe", False])["number"] == "0x1"


def test_listeners_hear_of_each_new_head_once() -> None:
    node = make_node()
    heard: list[int] = []
    node.listeners.append(lambda block: heard.append(block.number))
    mined(node)
    payload = mined(node)
    forkchoice(node, payload["blockHash"])
    assert heard == [1, 2]
