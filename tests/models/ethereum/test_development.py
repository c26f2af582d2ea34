"""A development node: it mines by itself until somebody drives it, and goes back and sets what it is told."""

import pytest

from alys.models.ethereum import dev_accounts, development, execution
from alys.models.ethereum.forks import Fork
from alys.models.ethereum.genesis import dev_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import from_data, to_data
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import START, forkchoice, genesis_of, head_of, imported, mined
from tests.models.ethereum.development import ALICE, BOB, DevNode


def test_each_transaction_is_a_block_at_the_clocks_time() -> None:
    node = DevNode()
    first, second = node.pay(), node.pay()
    receipts = [node.ask("eth_getTransactionReceipt", tx) for tx in (first, second)]
    assert [receipt["blockNumber"] for receipt in receipts] == ["0x1", "0x2"]
    times = [int(block.header.timestamp) for block in node.tree.canonical]
    assert times == [START, START + 10, START + 11]  # the clock has not moved on


def test_a_transaction_that_cannot_be_mined_yet_makes_no_block() -> None:
    node = DevNode()
    node.pay(nonce="0x1")
    assert node.number() == 0
    node.pay(nonce="0x0")
    assert (node.number(), len(node.tree.head.transactions)) == (1, 2)


def test_a_mined_chain_is_valid_for_other_clients_and_the_same_in_each_run() -> None:
    def chain() -> list[bytes]:
        node = DevNode()
        node.pay(7)
        node.ask("anvil_mine", 2)
        other = EthereumNode(dev_genesis(START, balances=dev_accounts.balances(2)), lambda: START)
        for block in node.tree.canonical[1:]:
            assert imported(other, execution.payload_of(block).to_json())["status"] == "VALID"
        return [block.hash for block in node.tree.canonical]

    assert chain() == chain()


def test_mined_blocks_are_safe_and_final_as_in_anvil() -> None:
    node = DevNode()
    node.ask("anvil_mine", 70)
    heights = [
        int(node.ask("eth_getBlockByNumber", tag, False)["number"], 16)
        for tag in ("latest", "safe", "finalized")
    ]
    assert heights == [70, 38, 6]


def test_a_node_without_the_development_side_mines_nothing() -> None:
    node = DevNode(development=False)
    node.pay()
    assert node.number() == 0
    assert refused(node.ask, "evm_mine").code == -32601


def test_a_consensus_client_ends_it() -> None:
    node = DevNode()
    node.pay()
    node.ask("evm_setIntervalMining", 5)
    node.ask("evm_setAutomine", True)
    forkchoice(node, head_of(node)["hash"])
    tx = node.pay()
    node.clock += 100
    node.development.tick()
    assert node.number() == 1
    assert mined(node, seconds=100)["transactions"] == [node.ask("debug_getRawTransaction", tx)]
    for method, params in (
        ("evm_mine", []),
        ("anvil_setBalance", [to_data(BOB), "0x1"]),
        ("evm_setAutomine", [True]),
        ("evm_snapshot", []),
        ("anvil_impersonateAccount", [to_data(BOB)]),
    ):
        error = refused(node.handle, method, params)
        assert error.code == -32000
        assert "a consensus client drives this chain" in error.message
    assert node.number() == 2


@pytest.mark.parametrize("call", ["engine_newPayloadV2", "engine_forkchoiceUpdatedV2"])
def test_what_the_client_asks_in_vain_changes_nothing(call: str) -> None:
    node = DevNode()
    refused(node.handle_engine, call, [{}])
    node.pay()
    assert node.number() == 1


def test_a_snapshot_brings_back_chain_pool_state_and_clock() -> None:
    node = DevNode()
    node.pay(5)
    node.ask("evm_setAutomine", False)
    waiting = node.pay(7)
    before = node.balance(BOB)
    snapshot = node.ask("evm_snapshot")
    node.ask("anvil_setBalance", to_data(BOB), hex(1))
    node.ask("evm_increaseTime", 1000)
    node.ask("anvil_mine", 3)
    assert (node.number(), node.balance(BOB)) == (4, 8)
    assert node.ask("evm_revert", snapshot) is True
    assert (node.number(), node.balance(BOB)) == (1, before)
    assert node.ask("txpool_content")["pending"] != {}
    assert node.ask("eth_getTransactionByHash", waiting)["blockHash"] is None
    node.ask("evm_mine")
    assert node.time() == START + 11
    assert node.balance(BOB) == before + 7
    assert node.ask("evm_revert", snapshot) is False


def test_a_revert_uses_up_later_snapshots_and_leaves_earlier_ones() -> None:
    node = DevNode()
    first = node.ask("evm_snapshot")
    node.pay()
    second = node.ask("evm_snapshot")
    node.pay()
    third = node.ask("evm_snapshot")
    assert node.ask("evm_revert", second) is True
    assert node.number() == 1
    assert node.ask("evm_revert", third) is False
    assert node.ask("evm_revert", first) is True
    assert node.number() == 0


def test_subscribers_hear_of_the_new_branch_after_a_revert() -> None:
    node = DevNode()
    heard: list[int] = []
    node.listeners.append(lambda block: heard.append(block.number))
    snapshot = node.ask("evm_snapshot")
    node.pay()
    node.ask("evm_revert", snapshot)
    node.pay(2)
    assert heard == [1, 0, 1]


def test_old_snapshots_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(development, "SNAPSHOTS_MAX", 1)
    node = DevNode()
    first, second = node.ask("evm_snapshot"), node.ask("evm_snapshot")
    assert [node.ask("evm_revert", name) for name in (first, second)] == [False, True]


def test_set_state_is_seen_at_the_head_alone_and_built_upon() -> None:
    node = DevNode()
    node.ask("evm_mine")
    node.ask("anvil_setBalance", to_data(BOB), hex(5))
    assert node.balance(BOB) == 5
    assert node.balance(BOB, "0x0") == dev_accounts.BALANCE_WEI
    head = node.tree.head
    assert head.state.root != bytes(head.header.state_root)
    node.pay(3)
    assert node.balance(BOB) == 8
    assert node.tree.head.state.root == bytes(node.tree.head.header.state_root)


def test_set_state_of_a_block_with_transactions_leaves_them_findable() -> None:
    node = DevNode()
    tx = node.pay()
    node.ask("anvil_setNonce", to_data(BOB), 9)
    assert node.ask("eth_getTransactionReceipt", tx)["blockNumber"] == "0x1"
    place = node.tree.transaction(from_data(tx))
    assert place is not None
    assert place[0] is node.tree.head
    assert node.ask("eth_getTransactionCount", to_data(BOB), "latest") == "0x9"


def test_a_reset_is_a_new_node() -> None:
    node = DevNode()
    genesis = node.tree.head.hash
    node.ask("anvil_setBalance", to_data(BOB), "0x5")
    node.pay()
    snapshot = node.ask("evm_snapshot")
    node.ask("anvil_reset")
    assert node.tree.head.hash == genesis
    assert node.balance(BOB) == node.balance(ALICE) == dev_accounts.BALANCE_WEI
    assert node.ask("evm_revert", snapshot) is False
    node.pay()
    assert node.number() == 1


@pytest.mark.parametrize("fork", [fork for fork in Fork if fork >= Fork.FRONTIER])
def test_blocks_are_mined_by_the_rules_of_every_fork(fork: Fork) -> None:
    node = EthereumNode(genesis_of(fork), lambda: START + 10.0, development=True)
    node.handle("anvil_setBalance", [to_data(BOB), "0x7"])
    node.handle("anvil_mine", [2])
    assert node.handle("eth_getBalance", [to_data(BOB), "latest"]) == "0x7"
    assert node.handle("eth_blockNumber", []) == "0x2"
    assert node.handle("eth_getUncleCountByBlockNumber", ["latest"]) == "0x0"
    assert node.handle("debug_getRawBlock", ["latest"]).startswith("0xf9")
    assert node.handle("anvil_nodeInfo", [])["hardFork"] == fork.name.lower()


def test_pending_is_the_block_that_would_be_mined() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    tx = node.pay(5)
    before = node.balance(BOB)
    assert node.balance(BOB, "pending") == before + 5
    pending = node.ask("eth_getBlockByNumber", "pending", False)
    assert (pending["number"], pending["transactions"]) == ("0x1", [tx])
    assert (pending["hash"], pending["nonce"], pending["miner"]) == (None, None, None)
    assert node.ask("eth_getBlockTransactionCountByNumber", "pending") == "0x1"
    node.pay(6)
    assert node.balance(BOB, "pending") == before + 11
    node.ask("evm_mine")
    mined = node.ask("eth_getBlockByNumber", "latest", False)
    assert (mined["stateRoot"], node.balance(BOB)) != (pending["stateRoot"], before)
    empty = node.ask("eth_getBlockByNumber", "pending", False)
    assert (empty["number"], empty["transactions"]) == ("0x2", [])
    assert node.number() == 1


def test_pending_has_what_impersonated_accounts_sent() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    stranger = b"\x77" * 20
    node.ask("anvil_impersonateAccount", to_data(stranger))
    node.ask("anvil_setBalance", to_data(stranger), hex(10**18))
    node.pay(5, **{"from": to_data(stranger)})
    assert len(node.ask("eth_getBlockByNumber", "pending", False)["transactions"]) == 1
