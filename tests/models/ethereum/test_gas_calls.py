"""Prices, their history, and how a failing call is told."""

from typing import Any

import pytest

from alys.models.ethereum.forks import Fork
from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, from_data, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    built,
    genesis_of,
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
        node.handle(
            "eth_call", [{**TRANSFER, "gasPrice": hex(2 * 10**9), "nonce": "0x5"}, "earliest"]
        )
        == "0x"
    )
    cheap = {**TRANSFER, "gasPrice": "0x1"}
    assert "less than block base fee" in refused(node, "eth_call", cheap).message


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


CALLER = to_data(USER)
CONTRACT = "0x" + "77" * 20
RETURN_BALANCE = "0x3331602052" + "47600052" + "60406000f3"
"""Gives back the contract's balance and, in a second word, the caller's."""
RETURN_SLOT_1 = "0x60015460005260206000f3"
RETURN_BASE_FEE_AND_PRICE = "0x486000523a60205260406000f3"


def words(answer: str) -> list[int]:
    data = bytes.fromhex(answer[2:])
    return [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]


def test_a_call_may_find_other_balances_and_code() -> None:
    node = make_node()
    overrides = {
        CONTRACT: {"code": RETURN_BALANCE, "balance": "0x7"},
        CALLER: {"balance": "0x9", "nonce": "0x5"},
    }
    asked = {"from": CALLER, "to": CONTRACT}
    assert words(node.handle("eth_call", [asked, "latest", overrides])) == [7, 9]
    assert node.handle("eth_call", [asked, "latest"]) == "0x"
    assert node.handle("eth_getBalance", [CALLER]) == hex(10 * 10**18)
    assert int(node.handle("eth_estimateGas", [asked, "latest", overrides]), 16) > 21_000


def test_a_call_may_find_other_storage() -> None:
    node = make_node()
    one, two = "0x" + f"{1:064x}", "0x" + f"{2:064x}"
    for slots, found in (
        ({"state": {one: two}}, 2),
        ({"stateDiff": {one: two}}, 2),
        ({"state": {two: one}}, 0),
    ):
        overrides = {CONTRACT: {"code": RETURN_SLOT_1, **slots}}
        assert words(node.handle("eth_call", [{"to": CONTRACT}, "latest", overrides])) == [found]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        {"0x1": {}},
        {CONTRACT: 1},
        {CONTRACT: {"balance": "0x1" + "0" * 64}},
        {CONTRACT: {"nonce": "0x1" + "0" * 16}},
        {CONTRACT: {"code": "0x1"}},
        {CONTRACT: {"state": {}, "stateDiff": {}}},
        {CONTRACT: {"state": {"x": "0x1"}}},
    ],
)
def test_overrides_that_cannot_be_are_refused(overrides: Any) -> None:
    error = refused(make_node(), "eth_call", {"to": CONTRACT}, "latest", overrides)
    assert error.code == -32602


def test_a_free_call_has_no_base_fee_and_a_paid_one_its_price() -> None:
    node = make_node()
    overrides = {CONTRACT: {"code": RETURN_BASE_FEE_AND_PRICE}}
    free: dict[str, Any] = {"from": CALLER, "to": CONTRACT}
    paid = {**free, "maxFeePerGas": hex(2 * 10**9)}
    assert words(node.handle("eth_call", [free, "latest", overrides])) == [0, 0]
    assert words(node.handle("eth_call", [paid, "latest", overrides])) == [10**9, 2 * 10**9]
    poor = {**paid, "from": CONTRACT}
    assert "insufficient funds for gas * price + value" in refused(node, "eth_call", poor).message


def test_an_estimate_keeps_to_what_the_sender_can_pay() -> None:
    node = make_node(user=10**15)
    paid = {**TRANSFER, "value": "0x0", "maxFeePerGas": hex(2 * 10**9)}
    assert node.handle("eth_estimateGas", [paid]) == hex(21_000)
    dear = {**paid, "maxFeePerGas": hex(10**12)}
    assert "gas required exceeds allowance (1000)" in refused(node, "eth_estimateGas", dear).message


def test_an_access_list_is_what_a_call_touches() -> None:
    node = make_node()
    other = "0x" + "66" * 20
    reads = "0x6001545060025450" + "73" + other[2:] + "3150" + "00"
    code = from_data(reads)
    init = bytes([0x60, len(code), 0x60, 12, 0x60, 0, 0x39, 0x60, len(code), 0x60, 0, 0xF3]) + code
    tx = send(node, signed(to=None, value=0, data=init, gas=200_000))
    mined(node)
    contract = node.handle("eth_getTransactionReceipt", [tx])["contractAddress"]
    asked = {"from": CALLER, "to": contract}
    made = node.handle("eth_createAccessList", [asked])
    slots = ["0x" + f"{n:064x}" for n in (1, 2)]
    assert sorted(made["accessList"], key=lambda one: len(one["storageKeys"])) == [
        {"address": other, "storageKeys": []},
        {"address": contract, "storageKeys": slots},
    ]
    listed = {**asked, "accessList": made["accessList"]}
    assert node.handle("eth_estimateGas", [listed]) == made["gasUsed"]
    assert node.handle("eth_createAccessList", [TRANSFER])["accessList"] == []


def test_an_access_list_of_a_call_that_fails_says_so() -> None:
    asked = {"from": CALLER, "to": to_data(BRIDGE_ADDRESS)}
    made = make_node().handle("eth_createAccessList", [asked])
    assert "execution reverted" in made["error"]


def test_there_is_no_blob_fee_before_cancun() -> None:
    assert make_node().handle("eth_blobBaseFee", []) is None


def test_from_cancun_on_blobs_have_a_price_of_their_own() -> None:
    node = EthereumNode(genesis_of(Fork.CANCUN), lambda: START + 10.0, development=True)
    node.handle("anvil_mine", [3])
    assert node.handle("eth_blobBaseFee", []) == "0x1"
    history = node.handle("eth_feeHistory", ["0x2", "latest", []])
    assert history["baseFeePerBlobGas"] == ["0x1"] * 3
    assert history["blobGasUsedRatio"] == [0.0, 0.0]


@pytest.mark.parametrize("fork", list(Fork))
def test_calls_are_executed_by_the_rules_of_the_blocks_fork(fork: Fork) -> None:
    node = EthereumNode(genesis_of(fork), lambda: START + 10.0)
    assert node.handle("eth_call", [TRANSFER, "latest"]) == "0x"
    assert int(node.handle("eth_estimateGas", [TRANSFER]), 16) == 21_000
    overrides = {CONTRACT: {"code": RETURN_SLOT_1, "state": {"0x1": "0x5"}}}
    assert words(node.handle("eth_call", [{"to": CONTRACT}, "latest", overrides])) == [5]
    history = node.handle("eth_feeHistory", ["0x1", "latest", [50]])
    assert len(history["baseFeePerGas"]) == 2
    assert node.handle("eth_createAccessList", [TRANSFER])["accessList"] == []
