"""The calls whose answers are compared, by method. ``$name`` stands for something of ``stage.Known``."""

from typing import Any

from tests.contract.ethereum.stage import Known

TAGS = ("latest", "earliest", "safe", "finalized", "0x0", "0x1", "0x4")
BAD_BLOCKS = ("0x99", "nosuch", "0x", "1", 1, None)
BAD_HASHES = ("0x12", "zz", 7, None)
BAD_ADDRESSES = ("0x12", "zz", 7, None)

_REQUEST = {"from": "$alice", "to": "$bridge", "value": "0xde0b6b3a7640000", "data": "$data"}
_PAY = {"from": "$alice", "to": "$bob", "value": "0x1"}

CASES: dict[str, list[list[Any]]] = {
    "eth_blockNumber": [[]],
    "eth_chainId": [[]],
    "eth_syncing": [[]],
    "eth_gasPrice": [[]],
    "eth_maxPriorityFeePerGas": [[]],
    "eth_blobBaseFee": [[]],
    "eth_coinbase": [[]],
    "eth_getBlockByNumber": [
        *([tag, full] for tag in TAGS for full in (False, True)),
        *([tag, False] for tag in BAD_BLOCKS),
        ["pending", False],
        ["latest"],
        ["latest", 1],
        [],
    ],
    "eth_getBlockByHash": [
        *([name, full] for name in ("$genesis", "$block", "$tip") for full in (False, True)),
        ["$absent", False],
        *([bad, False] for bad in BAD_HASHES),
        [],
    ],
    "eth_getBlockTransactionCountByNumber": [[tag] for tag in (*TAGS, *BAD_BLOCKS)],
    "eth_getBlockTransactionCountByHash": [
        *([name] for name in ("$genesis", "$block", "$tip", "$absent")),
        *([bad] for bad in BAD_HASHES),
    ],
    "eth_getUncleCountByBlockNumber": [["latest"], ["0x1"], ["0x99"]],
    "eth_getTransactionByBlockNumberAndIndex": [
        ["0x1", "0x0"],
        ["0x1", "0x1"],
        ["latest", "0x1"],
        ["0x1", "0x9"],
        ["0x99", "0x0"],
        ["0x1", 0],
        ["0x1"],
    ],
    "eth_getTransactionByBlockHashAndIndex": [
        ["$block", "0x0"],
        ["$tip", "0x1"],
        ["$block", "0x9"],
        ["$absent", "0x0"],
        ["0x12", "0x0"],
    ],
    "eth_getTransactionByHash": [
        *([name] for name in ("$pay", "$request", "$create", "$failed", "$again", "$absent")),
        *([bad] for bad in BAD_HASHES),
        [],
    ],
    "eth_getTransactionReceipt": [
        *([name] for name in ("$pay", "$request", "$create", "$failed", "$again", "$absent")),
        *([bad] for bad in BAD_HASHES),
    ],
    "eth_getBlockReceipts": [*([tag] for tag in (*TAGS, "$block", "$tip")), ["0x99"], ["nosuch"]],
    "eth_getBalance": [
        *(["$alice", tag] for tag in TAGS),
        *([who, "latest"] for who in ("$bob", "$nobody", "$bridge", "$contract")),
        *(["$alice", bad] for bad in BAD_BLOCKS),
        *([bad, "latest"] for bad in BAD_ADDRESSES),
        [],
    ],
    "eth_getCode": [
        *([who, "latest"] for who in ("$bridge", "$contract", "$alice")),
        ["$contract", "0x1"],
        *([bad, "latest"] for bad in BAD_ADDRESSES),
    ],
    "eth_getTransactionCount": [
        *([who, "latest"] for who in ("$alice", "$bob", "$nobody", "$contract", "$bridge")),
        ["$alice", "0x0"],
        ["$alice", "0x99"],
        *([bad, "latest"] for bad in BAD_ADDRESSES),
    ],
    "eth_getStorageAt": [
        *(["$contract", slot, "latest"] for slot in ("0x1", "0x2", "0x3", "0x" + "0" * 63 + "1")),
        ["$contract", "0x1", "0x1"],
        ["$nobody", "0x1", "latest"],
        ["$contract", "0x" + "1" * 65, "latest"],
        ["$contract", 1, "latest"],
        ["0x12", "0x1", "latest"],
    ],
    "eth_getProof": [
        *([who, [], "latest"] for who in ("$alice", "$nobody", "$bridge")),
        ["$contract", ["0x1", "0x2", "0x3"], "latest"],
        ["$contract", ["0x" + "0" * 63 + "1"], "latest"],
        ["$alice", [], "0x1"],
        ["0x12", [], "latest"],
        ["$alice", "0x1", "latest"],
    ],
    "eth_call": [
        [{"to": "$bridge", "data": "$burn"}, "latest"],
        [{"to": "$contract", "data": "0x11223344"}, "latest"],
        [{"to": "$contract"}, "latest"],
        [{"to": "$contract"}, "0x1"],
        [{"to": "$nobody"}, "latest"],
        [_REQUEST, "latest"],
        [{**_REQUEST, "value": "0x1"}, "latest"],
        [{**_REQUEST, "from": "$nobody"}, "latest"],
        [{"data": "0x602a5f5260205ff3"}, "latest"],
        [{"data": "0x602a5f5260205ffd"}, "latest"],
        [{"data": "0xfe"}, "latest"],
        [{"to": "$contract", "gas": "0x5000"}, "latest"],
        [{"to": "0x12"}, "latest"],
        [{"to": "$contract"}, "0x99"],
        ["0x", "latest"],
        [],
    ],
    "eth_estimateGas": [
        [_PAY],
        [_REQUEST, "latest"],
        [{**_REQUEST, "value": "0x1"}, "latest"],
        [{"from": "$alice", "to": "$contract"}, "latest"],
        [{"from": "$nobody", "to": "$bob", "value": "0x1"}, "latest"],
        [{"from": "$alice", "data": "0x602a5f5260205ff3"}, "latest"],
        [{"to": "0x12"}],
        [],
    ],
    "eth_createAccessList": [
        [{"from": "$alice", "to": "$contract", "data": "0x"}, "latest"],
        [_PAY, "latest"],
    ],
    "eth_feeHistory": [
        ["0x3", "latest", [25, 75]],
        ["0x1", "0x1", []],
        ["0x400", "latest"],
        ["0x2", "latest", [75, 25]],
        ["0x2", "latest", [101]],
        ["0x1", "0x99", []],
    ],
    "eth_getLogs": [
        [{}],
        [{"fromBlock": "0x0", "toBlock": "latest"}],
        [{"fromBlock": "0x0", "address": "$bridge"}],
        [{"fromBlock": "0x0", "address": ["$bridge", "$alice"]}],
        [{"fromBlock": "0x0", "address": "$alice"}],
        [{"fromBlock": "0x0", "topics": ["$event"]}],
        [{"fromBlock": "0x0", "topics": [None, "$bobs_topic"]}],
        [{"fromBlock": "0x0", "topics": [["$event", "$absent"], ["$bobs_topic"]]}],
        [{"fromBlock": "0x0", "topics": ["$absent"]}],
        [{"blockHash": "$block"}],
        [{"blockHash": "$absent"}],
        [{"blockHash": "$block", "fromBlock": "0x0"}],
        [{"fromBlock": "0x2", "toBlock": "0x1"}],
        [{"fromBlock": "0x0", "toBlock": "0x99"}],
        [{"address": "0x12"}],
        [{"topics": ["0x12"]}],
    ],
    "eth_newFilter": [[{}]],
    "eth_newBlockFilter": [[]],
    "eth_newPendingTransactionFilter": [[]],
    "eth_getFilterChanges": [["0x99"]],
    "eth_getFilterLogs": [["0x99"]],
    "eth_uninstallFilter": [["0x99"]],
    "eth_subscribe": [["newHeads"]],
    "eth_accounts": [[]],
    "eth_mining": [[]],
    "eth_sendTransaction": [[{"from": "$nobody", "to": "$bob"}]],
    "eth_sign": [["$nobody", "0x12"]],
    "eth_signTransaction": [[{"from": "$nobody", "to": "$bob"}]],
    "eth_getHeaderByHash": [["$block"]],
    "eth_getHeaderByNumber": [["0x1"]],
    "eth_getRawTransactionByBlockHashAndIndex": [["$block", "0x0"]],
    "eth_getRawTransactionByBlockNumberAndIndex": [["0x1", "0x0"]],
    "eth_getRawTransactionByHash": [["$pay"]],
    "eth_getUncleByBlockHashAndIndex": [["$block", "0x0"]],
    "eth_getUncleByBlockNumberAndIndex": [["0x1", "0x0"]],
    "eth_getUncleCountByBlockHash": [["$block"]],
    "eth_noSuchMethod": [[]],
    "net_version": [[]],
    "net_listening": [[]],
    "net_peerCount": [[]],
    "web3_clientVersion": [[]],
    "web3_sha3": [["0x68656c6c6f"], ["0x"], ["hello"], []],
    "txpool_content": [[]],
    "txpool_contentFrom": [["$alice"]],
    "txpool_inspect": [[]],
    "txpool_status": [[]],
    "rpc_modules": [[]],
    "admin_nodeInfo": [[]],
    "admin_peers": [[]],
    "debug_dumpBlock": [["latest"]],
    "debug_getRawBlock": [["latest"], ["0x1"], ["$block"], ["0x99"]],
    "debug_getRawHeader": [["latest"], ["0x1"], ["0x99"]],
    "debug_getRawReceipts": [["latest"], ["0x1"], ["0x2"]],
    "debug_getRawTransaction": [["$pay"], ["$create"], ["$absent"], ["0x12"]],
    "debug_traceTransaction": [
        ["$pay", {}],
        ["$create", {}],
        ["$request", {}],
        ["$failed", {}],
        ["$create", {"enableMemory": True}],
        ["$create", {"disableStack": True, "disableStorage": True}],
        ["$absent", {}],
    ],
    "debug_traceCall": [
        [{"from": "$alice", "to": "$contract", "data": "0x11223344"}, "latest", {}],
        [{**_REQUEST, "value": "0x1"}, "latest", {}],
    ],
    "debug_traceBlockByNumber": [["0x1", {}]],
    "debug_traceBlockByHash": [["$block", {}]],
}


def filled(params: Any, known: Known) -> Any:
    """The parameters with names replaced."""
    if isinstance(params, str) and params.startswith("$"):
        return known[params[1:]]
    if isinstance(params, list):
        return [filled(one, known) for one in params]
    if isinstance(params, dict):
        return {name: filled(one, known) for name, one in params.items()}
    return params
