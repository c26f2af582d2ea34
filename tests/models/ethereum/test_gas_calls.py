"""Prices, their history, and how a failing call is told."""

from typing import Any

import pytest

from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    USER,
    built,
    head_of,
    make_node,
    mined,
    send,
    signed,
)

GWEI = 10**9
TRANSFER = {"from": to_data(USER), "to": to_data(PAYEE), "value": "0x1"}


def refused(node: EthereumNode, method: str, *params: Any) -> RpcError:
    with pytest.raises(RpcError) as error:
        node.handle(method, list(params))
    return error.value


def test_the_gas_price_is_the_next_base_fee_and_the_advised_tip() -> None:
    node = make_node()
    tip = int(node.handle("eth_maxPriorityFeePerGas", []), 16)
    coming = int(built(node)["baseFeePerGas"], 16)
    assert int(node.handle("eth_gasPrice", []), 16) == coming + tip


def test_a_transfer_is_estimated_and_called() -> None:
    node = make_node()
    assert node.handle("eth_estimateGas", [TRANSFER]) == hex(21_000)
    assert node.handle("eth_call", [TRANSFER, "latest"]) == "0x"
    assert (
        node.handle("eth_call", [{**TRANSFER, "gasPrice": "0x1", "nonce": "0x5"}, "earliest"])
        == "0x"
    )


def test_burn_address_is_a_call_like_any_other() -> None:
    asked = {
        "to": to_data(BRIDGE_ADDRESS),
        "data": to_data(ethereum.keccak256(b"BURN_ADDRESS()")[:4]),
    }
    answer = make_node().handle("eth_call", [asked, "latest"])
    assert answer == "0x" + f"{0xDEAD:064x}"


def test_a_revert_carries_the_contracts_error_and_other_failures_none() -> None:
    node = make_node()
    minimum = ETHER // 100
    asked = {
        "from": to_data(USER),
        "to": to_data(BRIDGE_ADDRESS),
        "value": hex(minimum - 1),
        "data": to_data(ethereum.encode_request_peg_out("bcrt1q")),
    }
    error = refused(node, "eth_estimateGas", asked)
    selector = ethereum.keccak256(b"AmountBelowMinimum(uint256,uint256)")[:4]
    assert (error.code, error.message) == (3, "execution reverted")
    assert error.data == to_data(selector) + f"{minimum - 1:064x}" + f"{minimum:064x}"
    poor = refused(node, "eth_call", {**TRANSFER, "value": hex(11 * ETHER)})
    assert (poor.code, poor.data) == (-32000, None)
    assert "insufficient funds" in poor.message
    allowance = refused(node, "eth_estimateGas", {**TRANSFER, "gas": hex(20_000)})
    assert (allowance.code, "gas required exceeds allowance" in allowance.message) == (-32000, True)


def test_a_call_sees_the_state_of_the_block_that_is_asked_for() -> None:
    node = make_node()
    send(node, signed(value=9 * ETHER))
    mined(node)
    dear = {**TRANSFER, "value": hex(5 * ETHER)}
    assert node.handle("eth_call", [dear, "0x0"]) == "0x"
    assert "insufficient funds" in refused(node, "eth_call", dear, "latest").message
    assert refused(node, "eth_call", dear, "0x9").message == "header not found"


def test_a_call_sees_the_hash_of_the_block_before_it() -> None:
    """blockhash(number - 1), returned as the code of a contract that is never made."""
    node = make_node()
    for _ in range(2):
        mined(node)
        answer = node.handle("eth_call", [{"data": "0x600143034060005260206000f3"}, "latest"])
        assert answer == head_of(node)["parentHash"]


def test_the_fee_history_covers_no_more_than_there_is() -> None:
    node = make_node()
    for _ in range(3):
        mined(node)
    history = node.handle("eth_feeHistory", [hex(99), "latest", []])
    assert history["oldestBlock"] == "0x0"
    assert len(history["gasUsedRatio"]) == 4
    assert "reward" not in history
    past = node.handle("eth_feeHistory", [2, "0x2"])
    assert past["oldestBlock"] == "0x1"
    assert past["baseFeePerGas"][-1] == head_of(node)["baseFeePerGas"]
    assert node.handle("eth_feeHistory", ["0x0", "latest"])["gasUsedRatio"] is None


def test_rewards_are_tips_weighed_by_gas() -> None:
    node = make_node()
    for nonce, tip in enumerate((3, 2, 1)):
        send(node, signed(nonce=nonce, value=1, max_fee=9 * GWEI, max_tip=tip * GWEI))
    mined(node)
    history = node.handle("eth_feeHistory", ["0x1", "latest", [0, 33, 34, 100]])
    assert history["reward"] == [[hex(tip * GWEI) for tip in (1, 1, 2, 3)]]
    assert history["gasUsedRatio"] == [63_000 / 30_000_000]


@pytest.mark.parametrize(
    ("percentiles", "code"),
    [([50, 40], -32000), ([101], -32000), ([-1], -32000), (["x"], -32602), ("50", -32602)],
)
def test_percentiles_ascend_from_0_to_100(percentiles: object, code: int) -> None:
    assert refused(make_node(), "eth_feeHistory", "0x1", "latest", percentiles).code == code
