"""Where our answers differ from those of the real client that CI has, @ethereumjs/client 0.10.5, and why each stays.

geth is what we follow. Where ethereumjs answers otherwise than geth the reason says so.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted difference. ``method`` and ``path`` are patterns; ``call`` narrows it to one case's parameters."""

    method: str
    path: str
    reason: str
    call: str = "*"

    def covers(self, method: str, params: Any, path: str) -> bool:
        """Whether this explains a difference."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, _literal(self.path))
            and fnmatchcase(json.dumps(params), _literal(self.call))
        )


def _literal(pattern: str) -> str:
    """A pattern in which only ``*`` means something."""
    return pattern.replace("[", "[[]")


def _row(method: str, path: str, reason: str, call: str = "*") -> Difference:
    return Difference(method=method, path=path, reason=reason, call=call)


NOT_SERVED = "not served there"
UNKNOWN_BLOCK = (
    "geth answers null for a block that is not there, or -32000 where it needs its state"
)
PRICE = "geth shows what was paid for a mined transaction, ethereumjs the most that might have been"
OWN_NAME = "each client's own name"
STEPS = "geth's struct logger has numbers, depth from 1, and no empty fields"

DIFFERENCES = (
    *(
        _row(method, "error", NOT_SERVED)
        for method in (
            "debug_dumpBlock",
            "debug_traceBlockBy*",
            "eth_accounts",
            "eth_createAccessList",
            "eth_getFilter*",
            "eth_getUncleBy*",
            "eth_getUncleCountByBlockHash",
            "eth_maxPriorityFeePerGas",
            "eth_mining",
            "eth_new*",
            "eth_sendTransaction",
            "eth_sign*",
            "eth_uninstallFilter",
            "rpc_modules",
            "txpool_contentFrom",
            "txpool_inspect",
            "txpool_status",
        )
    ),
    _row("admin_nodeInfo", "error", "it fails there without a peer port"),
    _row("eth_blobBaseFee", "error", "it fails there before Cancun; geth answers null"),
    _row("eth_coinbase", "error", "it must be configured there; here it is the zero address"),
    _row("web3_clientVersion", "", OWN_NAME),
    _row("txpool_content", ".queued", "it has no queue there"),
    _row("eth_getBlockBy*", ".transactions[*].gasPrice", PRICE),
    _row("eth_getTransactionBy*", ".gasPrice", PRICE),
    _row(
        "eth_getTransactionReceipt",
        ".effectiveGasPrice",
        "it is the base fee of genesis there, whatever was paid",
    ),
    _row(
        "eth_getBlockReceipts",
        "[*].effectiveGasPrice",
        "it is the base fee of genesis there, whatever was paid",
    ),
    _row(
        "eth_getBlockReceipts",
        "[*].logs[*].logIndex",
        "geth counts logs through the block, ethereumjs takes the transaction's index",
    ),
    _row("eth_getBlockReceipts", "", "no block by hash there", '["$*"]'),
    _row("eth_getBlockByNumber", "error", "no pending block there", '["pending", *'),
    _row("eth_getBlockByNumber", "error", "geth refuses a quantity without digits", '["0x", *'),
    _row("eth_getBlockTransactionCountByNumber", "error", "-32603 there", '["0x"]'),
    _row("eth_getBalance", "error", "-32603 there", '["$alice", "0x"]'),
    *(
        _row(method, "error", UNKNOWN_BLOCK, call)
        for method, call in (
            ("eth_getBlockTransactionCountByNumber", '["0x99"]'),
            ("eth_getBlockTransactionCountByHash", '["$absent"]'),
            ("eth_getUncleCountByBlockNumber", '["0x99"]'),
            ("eth_getTransactionByBlock*AndIndex", '["0x99", *'),
            ("eth_getTransactionByBlock*AndIndex", '["$absent", *'),
            ("eth_getBalance", '*"0x99"]'),
            ("eth_getTransactionCount", '*"0x99"]'),
            ("eth_call", '*"0x99"]'),
            ("eth_feeHistory", '*"0x99"*'),
            ("debug_getRaw*", '["0x99"]'),
        )
    ),
    _row("eth_getLogs", "error", UNKNOWN_BLOCK, '[{"blockHash": "$absent"}]'),
    _row("eth_getUncleCountByBlockNumber", "error", "no tags there", '["latest"]'),
    _row("eth_getUncleCountByBlockNumber", "", "a number there, a quantity in geth"),
    _row("eth_getTransactionByBlockNumberAndIndex", "error", "no tags there", '["latest", *'),
    _row("eth_getTransactionByHash", "error", "geth wants 32 bytes", '["0x12"]'),
    _row("eth_getTransactionReceipt", "error", "geth wants 32 bytes", '["0x12"]'),
    _row("debug_getRawTransaction", "error", "geth wants 32 bytes", '["0x12"]'),
    _row("debug_getRawTransaction", "", "geth answers 0x for none", '["$absent"]'),
    _row("debug_getRawBlock", "error", "no block by hash there", '["$block"]'),
    _row("eth_getStorageAt", "error", "-32602 is for what cannot be read", '*"0x1111*'),
    _row("eth_getProof", ".storageProof[*].value", "a quantity in EIP-1186, bytes there"),
    _row("eth_getProof", ".storageProof[*].key", "geth shows a key as it was asked for"),
    _row("eth_call", "error", "geth has 3 for reverts alone", '*"$nobody", "to": "$bridge"*'),
    _row("eth_call", "error", "geth has 3 for reverts alone", '*"0xfe"*'),
    _row("eth_call", "error", "geth counts the intrinsic gas of a call", '*"0x5000"*'),
    _row("eth_estimateGas", "error", "geth refuses what reverts", '*"value": "0x1", "data"*'),
    _row("eth_estimateGas", "error", "geth refuses what cannot be paid", '*"$nobody"*'),
    _row("eth_feeHistory", ".*lob*", "there are no blobs before Cancun"),
    _row("eth_feeHistory", ".reward", "geth has no rewards when none are asked for"),
    _row("eth_feeHistory", "error", "geth answers as many blocks as there are", '["0x400", *'),
    _row("eth_feeHistory", "error", "-32000 in geth", "*[75, 25]]"),
    _row("eth_feeHistory", "error", "-32000 in geth", "*[101]]"),
    _row("eth_getLogs", "[]", "null is any topic at its place in geth", '*"topics": *bobs_topic*'),
    _row("eth_getLogs", "error", "geth refuses it", '*"fromBlock": "0x2"*'),
    _row("eth_getLogs", "error", "geth takes a range that ends above the head", '*"0x99"*'),
    _row("eth_getLogs", "error", "geth wants 32 bytes", '*"topics": *"0x12"*'),
    _row(
        "debug_traceTransaction", "error", "geth refuses it, ethereumjs answers null", '["$absent"*'
    ),
    _row("debug_traceTransaction", ".gas", STEPS),
    _row("debug_traceCall", ".gas", "geth counts the intrinsic gas too"),
    _row("debug_traceCall", ".structLogs[*].gas", "their own limit for a call that names none"),
    *(
        _row("debug_trace*", f".structLogs[*].{name}", STEPS)
        for name in ("depth", "error", "memory")
    ),
    _row("debug_trace*", ".structLogs[*].memory*", "geth shows memory as it was before the step"),
    _row("debug_trace*", ".structLogs[*].storage*", "geth shows the slots touched so far"),
    _row("debug_trace*", ".structLogs[*].gasCost", "ethereumjs counts the fixed fee twice"),
)
