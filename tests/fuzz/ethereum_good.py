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
    likely = [name, transfer, ADDRESS, BRIDGE, "0x0", "0x1", "latest", True, call, wanted, [], {}]
    likely += [payload, state, [name], builders.attributes(time), begun["payloadId"], 1]
    known = {method: given for method, given in by_hand.items() if method in AUTHENTICATED}
    return completed(known, AUTHENTICATED, likely)


def state_of(node: EthereumNode) -> object:
    """What no refused call may change."""
    tree = node.tree
    return (tree.head.hash, tree.safe, tree.finalized, len(node.client.pool), len(tree.canonical))
