"""The public JSON-RPC: words and codes that clients match on, and figures that add up."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alys.models.ethereum.node import AUTHENTICATED
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    SECRET,
    USER,
    built,
    head_of,
    make_node,
    mined,
    send,
    signed,
)

FUZZED = make_node()


def refused(call: Any, *arguments: Any) -> RpcError:
    with pytest.raises(RpcError) as error:
        call(*arguments)
    return error.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": 0, "value": 11 * ETHER}, "insufficient funds for gas * price + value"),
        ({"nonce": 0, "gas": 20_999}, "intrinsic gas too low"),
        ({"nonce": 0, "gas": 30_000_001}, "exceeds block gas limit"),
        ({"nonce": 0, "max_tip": 4 * 10**9}, "max priority fee per gas higher than max fee"),
        ({"nonce": 0, "chain_id": 1}, "another chain"),
    ],
)
def test_the_pool_refuses_in_geths_words(changes: dict[str, Any], words: str) -> None:
    node = make_node()
    error = refused(send, node, signed(**changes))
    assert (error.code, words in error.message) == (-32000, True), error.message
    assert built(node)["transactions"] == []


def test_a_transaction_is_taken_once_and_an_old_nonce_never() -> None:
    node = make_node()
    send(node, signed())
    assert refused(send, node, signed()).message == "already known"
    mined(node)
    assert "nonce too low" in refused(send, node, signed(value=1)).message


def test_a_gap_in_the_nonces_waits_and_is_filled() -> None:
    node = make_node()
    send(node, signed(nonce=1))
    assert built(node)["transactions"] == []
    assert node.handle("eth_getTransactionCount", [to_data(USER), "pending"]) == "0x0"
    send(node, signed(nonce=0))
    assert node.handle("eth_getTransactionCount", [to_data(USER), "pending"]) == "0x2"
    assert len(mined(node, seconds=4)["transactions"]) == 2


def test_receipt_balances_and_burn_add_up() -> None:
    node = make_node()
    tx = send(node, signed())
    mined(node)
    receipt = node.handle("eth_getTransactionReceipt", [tx])
    block = node.handle("eth_getBlockByHash", [receipt["blockHash"], True])
    gas, price = int(receipt["gasUsed"], 16), int(receipt["effectiveGasPrice"], 16)
    base = int(block["baseFeePerGas"], 16)
    accounts = node.handle("debug_dumpBlock", ["latest"])["accounts"]
    assert int(accounts[to_data(USER)]["balance"]) == 9 * ETHER - gas * price
    assert int(accounts[to_data(PAYEE)]["balance"]) == ETHER
    assert int(accounts[to_data(BURN_ADDRESS)]["balance"]) == gas * (price - base)
    assert block["transactions"][0]["hash"] == tx
    assert node.handle("eth_getBlockReceipts", ["latest"]) == [receipt]


def peg_out(wei: int, address: str = "bcrt1q", nonce: int = 0) -> bytes:
    data = ethereum.encode_request_peg_out(address)
    return signed(nonce=nonce, to=BRIDGE_ADDRESS, value=wei, data=data, gas=200_000)


def test_the_bridge_contract_burns_and_logs() -> None:
    node = make_node()
    first, second = send(node, peg_out(ETHER)), send(node, peg_out(2 * ETHER, "other", 1))
    mined(node)
    logs = node.handle("eth_getLogs", [{"fromBlock": "0x0", "address": to_data(BRIDGE_ADDRESS)}])
    events = [ethereum.decode_request_peg_out(log) for log in logs]
    assert [(e.wei, e.address, e.tx_hash, e.log_index) for e in events] == [
        (ETHER, b"bcrt1q", first, 0),
        (2 * ETHER, b"other", second, 1),
    ]
    burnt = node.handle("eth_getBalance", [to_data(BURN_ADDRESS)])
    assert int(burnt, 16) >= 3 * ETHER
    assert node.handle("eth_getBalance", [to_data(BRIDGE_ADDRESS)]) == "0x0"


@pytest.mark.parametrize(
    "call",
    [
        {"value": hex(ETHER // 100 - 1), "data": to_data(ethereum.encode_request_peg_out("a"))},
        {"value": hex(ETHER), "data": to_data(ethereum.encode_request_peg_out(""))},
        {"value": hex(ETHER), "data": "0x"},
        {"value": hex(ETHER), "data": "0x12345678"},
    ],
    ids=["below the minimum", "no address", "a plain transfer", "another function"],
)
def test_the_bridge_contract_reverts_what_is_no_request(call: dict[str, str]) -> None:
    node = make_node()
    asked = {"from": to_data(USER), "to": to_data(BRIDGE_ADDRESS), **call}
    error = refused(node.handle, "eth_call", [asked])
    assert error.code == 3
    assert error.data.startswith("0x")
    assert refused(node.handle, "eth_estimateGas", [asked]).code == 3


def test_the_estimate_is_enough_and_one_less_is_not() -> None:
    data = ethereum.encode_request_peg_out("bcrt1q")
    asked = {
        "from": to_data(USER),
        "to": to_data(BRIDGE_ADDRESS),
        "value": hex(ETHER),
        "data": to_data(data),
    }
    first = make_node()
    mined(first)  # the estimate takes its fee recipient, whose address is warm, from the head
    gas = int(first.handle("eth_estimateGas", [asked]), 16)
    statuses = []
    for limit in (gas, gas - 1):
        node = make_node()
        mined(node)
        tx = send(node, signed(to=BRIDGE_ADDRESS, data=data, gas=limit))
        mined(node)
        statuses.append(node.handle("eth_getTransactionReceipt", [tx])["status"])
    assert statuses == ["0x1", "0x0"]


def test_logs_are_filtered_by_block_address_and_topic() -> None:
    node = make_node()
    send(node, peg_out(ETHER))
    block = mined(node)
    mined(node)
    topic = ethereum.REQUEST_PEG_OUT_TOPIC

    def count(**wanted: Any) -> int:
        return len(node.handle("eth_getLogs", [wanted]))

    assert count(blockHash=block["blockHash"]) == 1
    assert count(fromBlock="0x0", toBlock="0x1", topics=[topic]) == 1
    assert count(fromBlock="0x0", topics=[[topic, "0x" + "00" * 32]]) == 1
    assert count(fromBlock="0x0", topics=[None, "0x" + "00" * 32]) == 0
    assert count(fromBlock="0x2") == 0
    assert count(fromBlock="0x0", address=to_data(PAYEE)) == 0


def test_unknown_methods_and_bad_parameters_are_told_apart() -> None:
    node = make_node()
    assert refused(node.handle, "eth_mine", []).code == -32601
    assert refused(node.handle, "eth_getBalance", []).code == -32602
    assert refused(node.handle, "eth_getBalance", ["0x12"]).code == -32602
    assert refused(node.handle, "eth_getBalance", [to_data(USER), "0x99"]).code == -32000
    assert node.handle("eth_getBlockByNumber", ["0x99", False]) is None


def test_the_fee_history_ends_with_the_next_base_fee() -> None:
    node = make_node()
    send(node, signed())
    mined(node)
    history = node.handle("eth_feeHistory", ["0x2", "latest", [50.0]])
    assert len(history["baseFeePerGas"]) == 3
    assert history["reward"] == [["0x0"], [hex(10**9)]]
    coming = built(node)["baseFeePerGas"]
    assert history["baseFeePerGas"][-1] == coming


def test_nothing_depends_on_the_wall_clock() -> None:
    """Two nodes that do the same have the same head."""
    first, second = make_node(), make_node()
    for node in (first, second):
        send(node, signed())
        mined(node)
    assert head_of(first) == head_of(second)
    assert ethereum.address_of(SECRET) == USER


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=4),
        st.sampled_from(["latest", "safe", "0x", "0x0", "0x1", to_data(USER), "0x" + "00" * 32]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["to", "from", "data", "gas", "value", "topics", "address", "blockHash"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(AUTHENTICATED)), st.lists(JSON, max_size=3))
@settings(max_examples=400)
def test_no_parameters_do_more_than_be_refused(method: str, params: list[Any]) -> None:
    """Whatever comes in, an answer or an RpcError goes out, and the head stays."""
    head = FUZZED.tree.head
    with contextlib.suppress(RpcError):
        FUZZED.handle_engine(method, params)
    assert FUZZED.tree.head is head
    with pytest.raises(RpcError):
        FUZZED.handle_engine(method, {"named": params})
