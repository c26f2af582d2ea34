"""debug_trace...: what was executed is executed again, to the same end."""

from typing import Any

import pytest

from alys.models.ethereum.forks import Fork
from alys.models.ethereum.node import EthereumNode
from alys.models.ethereum.transactions import decode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, to_data
from tests.models.ethereum.asking import refused
from tests.models.ethereum.builders import START, genesis_of, legacy
from tests.models.ethereum.development import ALICE, BOB, DevNode

BRIDGE = to_data(BRIDGE_ADDRESS)
REQUEST = to_data(ethereum.encode_request_peg_out("bcrt1q"))


def test_a_transaction_is_traced_to_its_receipt() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    node.pay()
    tx = node.pay(10**18, to=BRIDGE, data=REQUEST)
    node.ask("evm_mine")
    receipt = node.ask("eth_getTransactionReceipt", tx)
    head = node.tree.head
    steps = node.ask("debug_traceTransaction", tx)
    assert (steps["gas"], steps["failed"]) == (int(receipt["gasUsed"], 16), False)
    assert steps["structLogs"][-1]["op"] == "STOP"
    assert any(step["op"] == "LOG2" for step in steps["structLogs"])
    calls = node.ask(
        "debug_traceTransaction", tx, {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    )
    assert calls["gasUsed"] == receipt["gasUsed"]
    assert (calls["from"], calls["to"], calls["value"]) == (to_data(ALICE), BRIDGE, hex(10**18))
    (burn,) = calls["calls"]
    assert (burn["to"], burn["value"]) == (to_data(BURN_ADDRESS), hex(10**18))
    assert [log["topics"] for log in calls["logs"]] == [log["topics"] for log in receipt["logs"]]
    assert node.tree.head is head


def test_a_block_is_traced_transaction_by_transaction() -> None:
    node = DevNode()
    node.ask("evm_setAutomine", False)
    hashes = [node.pay(), node.pay(10**18, to=BRIDGE, data=REQUEST)]
    node.ask("evm_mine")
    by_number = node.ask("debug_traceBlockByNumber", "latest", {"tracer": "callTracer"})
    block_hash = to_data(node.tree.head.hash)
    assert node.ask("debug_traceBlockByHash", block_hash, {"tracer": "callTracer"}) == by_number
    assert [one["txHash"] for one in by_number] == hashes
    assert by_number[1]["result"] == node.ask(
        "debug_traceTransaction", hashes[1], {"tracer": "callTracer"}
    )
    assert by_number[0]["result"]["gasUsed"] == hex(21_000)


def test_a_call_is_traced_on_any_state() -> None:
    node = DevNode()
    asked = {"from": to_data(BOB), "to": BRIDGE, "value": hex(10**18), "data": REQUEST}
    steps = node.ask("debug_traceCall", asked, "latest")
    assert steps["gas"] == int(node.ask("eth_estimateGas", asked), 16)
    poor = {**asked, "from": "0x" + "88" * 20}
    assert "insufficient funds" in refused(node.ask, "debug_traceCall", poor, "latest").message
    rich = {"stateOverrides": {poor["from"]: {"balance": hex(10**19)}}, "tracer": "callTracer"}
    assert "error" not in node.ask("debug_traceCall", poor, "latest", rich)
    failing = node.ask(
        "debug_traceCall", {**asked, "value": "0x1"}, "latest", {"tracer": "callTracer"}
    )
    assert failing["error"] == "execution reverted"


def test_an_impersonated_transaction_is_traced_like_any_other() -> None:
    node = DevNode()
    node.ask("anvil_impersonateAccount", BRIDGE)
    node.ask("anvil_setBalance", BRIDGE, hex(10**18))
    tx = node.pay(1, **{"from": BRIDGE})
    assert node.ask("debug_traceTransaction", tx, {"tracer": "callTracer"})["from"] == BRIDGE


@pytest.mark.parametrize("fork", list(Fork))
def test_transactions_of_every_fork_are_traced(fork: Fork) -> None:
    node = EthereumNode(genesis_of(fork), lambda: START + 10.0, development=True)
    protected = fork >= Fork.SPURIOUS_DRAGON
    code = bytes.fromhex("600160005560005450")
    raw = legacy(protected=protected, to=None, value=0, data=code, gas=200_000)
    transaction = decode(raw, 121212, fork)
    node.client.pool.add(transaction, node.tree.head.state, 30_000_000, 0.0)
    node.handle("evm_mine", [])
    tx = to_data(transaction.hash)
    used = int(node.handle("eth_getTransactionReceipt", [tx])["gasUsed"], 16)
    steps = node.handle("debug_traceTransaction", [tx])
    assert (steps["gas"], steps["failed"]) == (used, False)
    assert [step["op"] for step in steps["structLogs"]] == [
        *("PUSH1", "PUSH1", "SSTORE", "PUSH1", "SLOAD", "POP", "STOP"),
    ]
    calls = node.handle("debug_traceTransaction", [tx, {"tracer": "callTracer"}])
    assert (calls["type"], int(calls["gasUsed"], 16)) == ("CREATE", used)


@pytest.mark.parametrize(
    ("method", "params", "code", "words"),
    [
        ("debug_traceTransaction", ["0x" + "00" * 32], -32000, "transaction not found"),
        ("debug_traceTransaction", ["0x00"], -32602, "hash"),
        ("debug_traceBlockByNumber", ["0x0"], -32000, "genesis is not traceable"),
        ("debug_traceBlockByNumber", ["0x9"], -32000, "header not found"),
        ("debug_traceBlockByHash", ["0x" + "00" * 32], -32000, "not found"),
        ("debug_traceCall", [{}, "latest", {"tracer": "4byteTracer"}], -32000, "tracer not found"),
        ("debug_traceCall", [{}, "latest", {"enableMemory": 1}], -32602, "enableMemory"),
        ("debug_traceCall", [{}, "latest", {"limit": -1}], -32602, "limit"),
        ("debug_traceCall", [{}, "latest", []], -32602, "trace config"),
    ],
)
def test_what_cannot_be_traced_is_refused(
    method: str, params: list[Any], code: int, words: str
) -> None:
    error = refused(DevNode().handle, method, params)
    assert (error.code, words in error.message) == (code, True), error.message
