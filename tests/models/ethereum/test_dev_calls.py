"""anvil's calls: what each takes, what it answers, what it does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alys.models.ethereum import account_calls, dev_calls
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import START
from tests.models.ethereum.development import ALICE, BOB, DevNode

NOBODY = b"\x77" * 20
RETURNS_7 = "0x600760005260206000f3"


@pytest.mark.parametrize(
    ("method", "params", "blocks"),
    [
        ("evm_mine", [], 1),
        ("evm_mine", [{"blocks": 3}], 3),
        ("anvil_mine", [], 1),
        ("anvil_mine", [4], 4),
        ("hardhat_mine", ["0x5"], 5),
        ("hardhat_mine", ["0x0005", "0x3c"], 5),
        ("anvil_mine", ["2", None], 2),
        ("anvil_mine", [0], 0),
    ],
)
def test_blocks_are_mined_to_order(method: str, params: list[Any], blocks: int) -> None:
    node = DevNode()
    assert node.handle(method, params) == ("0x0" if method == "evm_mine" else None)
    assert node.number() == blocks


def test_mined_blocks_are_so_far_apart() -> None:
    node = DevNode()
    node.ask("anvil_mine", 3, 60)
    times = [int(block.header.timestamp) - START for block in node.tree.canonical]
    assert times == [0, 10, 70, 130]


def test_more_than_a_call_should_take_is_refused() -> None:
    error = refused(DevNode().ask, "anvil_mine", dev_calls.BLOCKS_MAX + 1)
    assert (error.code, "at most 10000" in error.message) == (-32602, True)


def test_the_clock_is_moved_and_stays_moved() -> None:
    node = DevNode()
    assert node.ask("evm_increaseTime", 100) == 100
    assert node.ask("evm_increaseTime", hex(20)) == 120
    node.ask("evm_mine")
    assert node.time() == START + 130
    node.clock += 5
    node.ask("evm_mine")
    assert node.time() == START + 135


def test_the_next_blocks_time_is_exact_and_later_ones_follow() -> None:
    node = DevNode()
    assert node.ask("evm_setNextBlockTimestamp", START + 500) is None
    node.clock += 7
    node.ask("evm_mine")
    assert node.time() == START + 500
    node.ask("evm_mine")
    assert node.time() == START + 507
    node.ask("evm_mine", START + 900)
    assert node.time() == START + 900
    error = refused(node.ask, "evm_setNextBlockTimestamp", START + 900)
    assert (error.code, "lower than or equal" in error.message) == (-32602, True)


def test_the_clock_is_set() -> None:
    node = DevNode()
    assert node.ask("evm_setTime", START + 1000) == 990
    node.clock += 1
    node.ask("evm_mine")
    assert node.time() == START + 1001


def test_times_of_blocks_may_have_a_step() -> None:
    node = DevNode()
    node.ask("anvil_setBlockTimestampInterval", 13)
    node.ask("anvil_mine", 2)
    assert node.time() == START + 26
    assert node.ask("anvil_removeBlockTimestampInterval") is True
    assert node.ask("anvil_removeBlockTimestampInterval") is False
    refused(node.ask, "anvil_setBlockTimestampInterval", 0)


def test_automining_is_switched() -> None:
    node = DevNode()
    assert node.ask("anvil_getAutomine") is node.ask("eth_mining") is True
    node.ask("evm_setAutomine", False)
    node.pay()
    assert (node.number(), node.ask("hardhat_getAutomine")) == (0, False)
    node.ask("anvil_setAutomine", True)  # what waited is mined
    assert (node.number(), len(node.tree.head.transactions)) == (1, 1)
    assert refused(node.ask, "evm_setAutomine", "yes").code == -32602


def test_with_an_interval_blocks_come_by_the_clock_alone() -> None:
    node = DevNode()
    node.ask("evm_setIntervalMining", 5)
    assert node.ask("anvil_getIntervalMining") == 5
    node.pay()
    node.development.tick()
    assert node.number() == 0
    assert node.development.due() == 5.0
    node.clock += 5
    node.development.tick()
    node.development.tick()
    assert (node.number(), len(node.tree.head.transactions)) == (1, 1)
    node.clock += 5
    node.development.tick()
    assert (node.number(), len(node.tree.head.transactions)) == (2, 0)
    node.ask("evm_setIntervalMining", 0)
    assert node.ask("anvil_getIntervalMining") is None


@pytest.mark.parametrize("space", ["anvil", "hardhat"])
def test_accounts_are_set(space: str) -> None:
    node = DevNode()
    who = to_data(NOBODY)
    node.ask(f"{space}_setBalance", who, "0x" + f"{77:064x}")
    node.ask(f"{space}_setNonce", who, "0x5")
    node.ask(f"{space}_setCode", who, RETURNS_7)
    assert node.ask(f"{space}_setStorageAt", who, "0x1", "0x" + f"{9:064x}") is True
    assert node.balance(NOBODY) == 77
    assert node.ask("eth_getTransactionCount", who) == "0x5"
    assert node.ask("eth_getCode", who) == RETURNS_7
    assert int(node.ask("eth_getStorageAt", who, "0x1"), 16) == 9
    assert int(node.ask("eth_call", {"to": who}), 16) == 7
    node.ask("evm_mine")
    assert int(node.ask("eth_getStorageAt", who, "0x1"), 16) == 9
    assert node.tree.head.state.root == bytes(node.tree.head.header.state_root)


def test_storage_may_be_set_before_there_is_an_account() -> None:
    node = DevNode()
    node.ask("anvil_setStorageAt", to_data(NOBODY), "0x0", "0x1")
    assert int(node.ask("eth_getStorageAt", to_data(NOBODY), "0x0"), 16) == 1


def test_a_balance_is_added_to() -> None:
    node = DevNode()
    node.ask("anvil_addBalance", to_data(NOBODY), 5)
    node.ask("anvil_addBalance", to_data(NOBODY), "6")
    assert node.balance(NOBODY) == 11


def test_an_impersonated_account_sends_until_it_is_stopped() -> None:
    node = DevNode()
    node.ask("anvil_setBalance", to_data(NOBODY), hex(10**18))
    sent = {"from": to_data(NOBODY), "to": to_data(BOB), "value": "0x5"}
    assert refused(node.ask, "eth_sendTransaction", sent).message == "unknown account"
    node.ask("anvil_impersonateAccount", to_data(NOBODY))
    assert to_data(NOBODY) in node.ask("eth_accounts")
    tx = node.ask("eth_sendTransaction", sent)
    receipt = node.ask("eth_getTransactionReceipt", tx)
    assert (receipt["from"], receipt["status"]) == (to_data(NOBODY), "0x1")
    assert node.ask("eth_getTransactionCount", to_data(NOBODY)) == "0x1"
    node.ask("anvil_stopImpersonatingAccount", to_data(NOBODY))
    assert refused(node.ask, "eth_sendTransaction", sent).message == "unknown account"
    node.ask("anvil_autoImpersonateAccount", True)
    assert node.ask("eth_sendTransaction", sent)


def test_a_contract_may_be_impersonated() -> None:
    node = DevNode()
    bridge = to_data(BRIDGE_ADDRESS)
    code = node.ask("eth_getCode", bridge)
    node.ask("hardhat_impersonateAccount", bridge)
    node.ask("hardhat_setBalance", bridge, hex(10**18))
    tx = node.ask("eth_sendTransaction", {"from": bridge, "to": to_data(NOBODY), "value": "0x9"})
    assert node.ask("eth_getTransactionReceipt", tx)["status"] == "0x1"
    assert (node.balance(NOBODY), node.ask("eth_getCode", bridge)) == (9, code)


def test_transactions_are_dropped_from_the_pool() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    first, second = node.pay(), node.pay()
    assert node.ask("anvil_dropTransaction", second) == second
    assert node.ask("anvil_dropTransaction", second) is None
    assert node.ask("eth_getTransactionByHash", second) is None
    node.ask("anvil_removePoolTransactions", to_data(BOB))
    assert node.ask("txpool_status")["pending"] == "0x1"
    node.ask("anvil_removePoolTransactions", to_data(ALICE))
    assert node.ask("eth_getTransactionByHash", first) is None
    node.pay()
    node.ask("anvil_dropAllTransactions")
    assert node.ask("txpool_status") == {"pending": "0x0", "queued": "0x0"}


def test_the_fee_recipient_is_set() -> None:
    node = DevNode()
    node.ask("anvil_setCoinbase", to_data(NOBODY))
    node.pay()
    assert node.ask("eth_coinbase") == to_data(NOBODY)
    assert node.balance(NOBODY) == 21_000 * 10**9


def test_the_node_describes_itself() -> None:
    node = DevNode()
    node.pay()
    info = node.ask("anvil_nodeInfo")
    assert (info["currentBlockNumber"], info["environment"]["chainId"]) == ("0x1", 121212)
    assert info["currentBlockHash"] == to_data(node.tree.head.hash)
    assert node.ask("hardhat_metadata")["latestBlockNumber"] == 1


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("anvil_setBalance", ["0x12", "0x1"]),
        ("anvil_setBalance", [to_data(BOB), "0x1" + "0" * 64]),
        ("anvil_setBalance", [to_data(BOB), -1]),
        ("anvil_setBalance", [to_data(BOB), 1.5]),
        ("anvil_setBalance", [to_data(BOB), True]),
        ("anvil_setCode", [to_data(BOB), "0x1"]),
        ("anvil_setStorageAt", [to_data(BOB), "x", "0x1"]),
        ("evm_increaseTime", ["soon"]),
        ("evm_increaseTime", [-5]),
        ("evm_revert", [None]),
        ("anvil_reset", [{"forking": {"jsonRpcUrl": "http://127.0.0.1"}}]),
        ("evm_mine", ["9" * 200]),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(method: str, params: list[Any]) -> None:
    node = DevNode()
    before = node.tree.head
    assert refused(node.handle, method, params).code == -32602
    assert node.tree.head is before


def test_figures_at_their_limit_are_refused_and_not_stumbled_over() -> None:
    node = DevNode()
    most = (1 << 256) - 1 - 10_000 * 10**18
    for wei in (most + 1, (1 << 256) - 1):
        error = refused(node.ask, "anvil_setBalance", to_data(BOB), hex(wei))
        assert (error.code, f"at most {most}" in error.message) == (-32602, True), error.message
    assert refused(node.ask, "anvil_addBalance", to_data(BOB), "0x" + "f" * 64).code == -32602
    node.ask("anvil_setBalance", to_data(BOB), hex(most))
    node.pay(5)
    assert node.balance(BOB) == most + 5
    paying = {"from": to_data(ALICE), "to": to_data(BOB), "value": "0x1"}
    rich = {to_data(BOB): {"balance": "0x" + "f" * 64}}
    error = refused(node.ask, "eth_call", paying, "latest", rich)
    assert (error.code, "would not fit" in error.message) == (-32000, True), error.message
    node.ask("anvil_setNonce", to_data(ALICE), 2**64 - 1)
    assert refused(node.ask, "eth_sendTransaction", paying).code == -32000


FUZZED = DevNode()
_WORDS = ("0x", "0x0", "0x5", "0x00ff", "0x" + "f" * 64, "latest", "12", "", "zz", to_data(BOB))
_SMALL: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 20),
    st.floats(allow_nan=False),
    st.sampled_from(_WORDS),
)
_OBJECTS = st.dictionaries(
    st.sampled_from(("from", "to", "value", "gas", "nonce", "data", "blocks", "timestamp")), _SMALL
)


@settings(max_examples=400)
@given(
    st.sampled_from(sorted({**dev_calls.METHODS, **account_calls.METHODS})),
    st.lists(st.one_of(_SMALL, _OBJECTS, st.lists(_SMALL, max_size=2)), max_size=3),
)
def test_whatever_is_asked_is_answered_or_refused(method: str, params: list[Any]) -> None:
    head, code = FUZZED.tree.head, 0
    try:
        FUZZED.handle(method, params)
    except RpcError as error:
        code = error.code
    assert code in (0, -32602, -32000, 3)
    assert code == 0 or FUZZED.tree.head is head
