"""An execution client with blocks, logs and a pooled transaction, and good calls to it."""

from typing import Any

from alys.models.ethereum.node import AUTHENTICATED, EthereumNode
from alys.wire import ethereum
from alys.wire.ethereum import BRIDGE_ADDRESS, to_data
from tests.fuzz.bodies import Good
from tests.fuzz.good_calls import completed
from tests.models.ethereum import builders

BLOCKS = 4
ADDRESS = to_data(builders.USER)
BRIDGE = to_data(BRIDGE_ADDRESS)


def node_with_history() -> EthereumNode:
    """Four blocks, a transfer and a peg-out in them, and a transfer in the pool."""
    node = builders.make_node(user=100 * builders.ETHER)
    builders.send(node, builders.signed(0))
    builders.mined(node)
    burn = ethereum.encode_request_peg_out("bcrt1qexample")
    builders.send(node, builders.signed(1, to=BRIDGE_ADDRESS, data=burn, gas=100_000))
    builders.mined(node)
    builders.mined(node, builders.withdrawal(builders.PAYEE, 5))
    builders.mined(node)
    builders.send(node, builders.signed(2))
    return node


def good_calls(node: EthereumNode) -> Good:
    """Calls that are right at this moment, for every method of both ports."""
    head = builders.head_of(node)
    name = head["hash"]
    block = node.tree.canonical[1]
    transfer = to_data(block.transactions[0].hash)
    payload = builders.built(node, builders.withdrawal(builders.PAYEE, 7))
    time = int(head["timestamp"], 16) + 2
    begun = builders.forkchoice(node, name, builders.attributes(time))
    state = {"headBlockHash": name, "safeBlockHash": name, "finalizedBlockHash": builders.ZERO}
    call = {"from": ADDRESS, "to": BRIDGE, "value": "0x1", "input": "0x", "gas": "0x186a0"}
    creation = {"from": ADDRESS, "data": "0x600160005260206000f3", "maxFeePerGas": "0x77359400"}
    wanted = {"fromBlock": "0x0", "toBlock": "latest", "address": BRIDGE, "topics": [None]}
    tags: list[Any] = ["latest", "0x1", {"blockHash": name}, {"blockNumber": "0x1"}, "pending"]
    by_hand: dict[str, list[Any]] = {
        "debug_dumpBlock": [["latest"]],
        "eth_getBalance": [[ADDRESS, tag] for tag in tags],
        "eth_getCode": [[BRIDGE, tag] for tag in tags],
        "eth_getTransactionCount": [[ADDRESS, tag] for tag in tags],
        "eth_getStorageAt": [[BRIDGE, "0x0", tag] for tag in tags],
        "eth_getBlockByNumber": [["0x1", True], ["latest", False]],
        "eth_getBlockByHash": [[name, True]],
        "eth_getBlockReceipts": [["0x2"], [name]],
        "eth_getBlockTransactionCountByHash": [[name]],
        "eth_getBlockTransactionCountByNumber": [["0x1"]],
        "eth_getTransactionByBlockHashAndIndex": [[to_data(block.hash), "0x0"]],
        "eth_getTransactionByBlockNumberAndIndex": [["0x1", "0x0"]],
        "eth_getTransactionByHash": [[transfer]],
        "eth_getTransactionReceipt": [[transfer]],
        "eth_getLogs": [[wanted], [{"blockHash": name, "topics": [[], None]}]],
        "eth_sendRawTransaction": [
            [to_data(builders.signed(3))],
            [to_data(builders.legacy(protected=True, nonce=4))],
        ],
        "eth_call": [[call, tag] for tag in tags] + [[creation]],
        "eth_estimateGas": [[call], [creation, "latest"]],
        "eth_feeHistory": [["0x2", "latest", [10, 50]], [3, "0x2"]],
        "web3_sha3": [["0x68656c6c6f"]],
        "engine_exchangeCapabilities": [[["engine_newPayloadV2"]]],
        "engine_forkchoiceUpdatedV1": [[state]],
        "engine_forkchoiceUpdatedV2": [[state], [state, builders.attributes(time)]],
        "engine_getPayloadBodiesByHashV1": [[[name, to_data(block.hash)]]],
        "engine_getPayloadBodiesByRangeV1": [["0x1", "0x3"]],
        "engine_getPayloadV2": [[begun["payloadId"]]],
        "engine_newPayloadV2": [[payload]],
    }
    by_hand |= _more_calls(node, name, transfer, call)
    likely = [name, transfer, ADDRESS, BRIDGE, "0x0", "0x1", "latest", True, call, wanted, [], {}]
    likely += [payload, state, [name], builders.attributes(time), begun["payloadId"], 1]
    known = {method: given for method, given in by_hand.items() if method in AUTHENTICATED}
    return completed(known, AUTHENTICATED, likely)


def _more_calls(
    node: EthereumNode, name: str, transfer: str, call: dict[str, str]
) -> dict[str, list[Any]]:
    """Traces, filters, proofs, and what anvil's users expect."""
    access = [{"address": BRIDGE, "storageKeys": ["0x" + "00" * 32]}]
    code = "0x600160005260206000f3"
    state = {
        ADDRESS: {
            "balance": "0x1",
            "nonce": "0x2",
            "code": code,
            "stateDiff": {"0x" + "00" * 32: "0x1"},
        }
    }
    wanted = {"fromBlock": "0x0", "toBlock": "latest", "address": [BRIDGE]}
    sent = {**call, "to": ADDRESS, "gas": "0x5208"}
    return {
        "debug_traceCall": [[call, "latest"], [call, "latest", {"tracer": "callTracer"}]],
        "debug_traceTransaction": [[transfer], [transfer, {"disableStack": True, "limit": 5}]],
        "debug_traceBlockByHash": [[name]],
        "debug_traceBlockByNumber": [["0x1", {"tracer": "callTracer"}]],
        "debug_getRawBlock": [["0x1"]],
        "debug_getRawTransaction": [[transfer]],
        "eth_call": [[call, "latest"], [{**call, "accessList": access}, "latest", state]],
        "eth_createAccessList": [[call, "latest"]],
        "eth_getProof": [[ADDRESS, ["0x0", "0x1"], "latest"]],
        "eth_newFilter": [[wanted]],
        "eth_getFilterChanges": [["0x1"]],
        "eth_getFilterLogs": [["0x1"]],
        "eth_uninstallFilter": [["0x1"]],
        "eth_sendTransaction": [[sent]],
        "eth_signTransaction": [[sent]],
        "eth_sign": [[ADDRESS, "0x68656c6c6f"]],
        "txpool_contentFrom": [[ADDRESS]],
        "anvil_mine": [["0x2", "0x5"]],
        "evm_mine": [[{"blocks": 1}], []],
        "anvil_setBalance": [[ADDRESS, "0x5"]],
        "anvil_addBalance": [[ADDRESS, "0x5"]],
        "anvil_setNonce": [[ADDRESS, "0x5"]],
        "anvil_setCode": [[ADDRESS, code]],
        "anvil_setStorageAt": [[BRIDGE, "0x0", "0x" + "00" * 31 + "01"]],
        "anvil_impersonateAccount": [[ADDRESS]],
        "anvil_setCoinbase": [[ADDRESS]],
        "anvil_dropTransaction": [[transfer]],
        "evm_revert": [["0x1"]],
        "evm_increaseTime": [[5], ["0x5"]],
        "evm_setNextBlockTimestamp": [["0x7fffffff"]],
        "evm_setAutomine": [[True]],
        "evm_setIntervalMining": [[0]],
    }


def state_of(node: EthereumNode) -> object:
    """What no refused call may change."""
    tree = node.tree
    return (tree.head.hash, tree.safe, tree.finalized, len(node.client.pool), len(tree.canonical))
