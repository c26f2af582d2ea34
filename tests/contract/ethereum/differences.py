"""Where our answers differ from those of the real client that CI has, @ethereumjs/client 0.10.5, and why each stays.

geth is what we follow. Where ethereumjs answers otherwise than geth the reason says so.
"""

from tests.contract.comparison import row

NOT_SERVED = "not served there"
UNKNOWN_BLOCK = (
    "geth answers null for a block that is not there, or -32000 where it needs its state"
)
PRICE = "geth shows what was paid for a mined transaction, ethereumjs the most that might have been"
OWN_NAME = "each client's own name"
STEPS = "geth's struct logger has numbers, depth from 1, and no empty fields"

DIFFERENCES = (
    *(
        row(method, "error", NOT_SERVED)
        for method in (
            "debug_dumpBlock",
            "debug_traceBlockBy*",
            "eth_accounts",
            "eth_createAccessList",
            "eth_getFilter*",
            "eth_getHeaderBy*",
            "eth_getRaw*",
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
    row("admin_nodeInfo", "error", "ethereumjs fails without a port for peers"),
    row("eth_blobBaseFee", "error", "ethereumjs fails before Cancun, geth answers null"),
    row(
        "eth_coinbase",
        "error",
        "ethereumjs has none unless told; here it is who gets the fees of blocks that the node mines itself",
    ),
    row("web3_clientVersion", "", OWN_NAME),
    row("txpool_content", ".queued", "ethereumjs has no queue beside what is pending"),
    row("eth_getBlockBy*", ".transactions[*].gasPrice", PRICE),
    row("eth_getTransactionBy*", ".gasPrice", PRICE),
    row(
        "eth_getTransactionReceipt",
        ".effectiveGasPrice",
        "ethereumjs says the base fee of genesis, whatever was paid",
    ),
    row(
        "eth_getBlockReceipts",
        "[*].effectiveGasPrice",
        "ethereumjs says the base fee of genesis, whatever was paid",
    ),
    row(
        "eth_getBlockReceipts",
        "[*].logs[*].logIndex",
        "geth counts logs through the block, ethereumjs takes the transaction's index",
    ),
    row("eth_getBlockReceipts", "", "ethereumjs takes no hash of a block", '["$*"]'),
    row("eth_getBlockByNumber", "error", "ethereumjs has no pending block", '["pending", *'),
    row("eth_getBlockByNumber", "error", "geth refuses a quantity without digits", '["0x", *'),
    row(
        "eth_getBlockTransactionCountByNumber", "error", "ethereumjs fails on it (-32603)", '["0x"]'
    ),
    row("eth_getBalance", "error", "ethereumjs fails on it (-32603)", '["$alice", "0x"]'),
    *(
        row(method, "error", UNKNOWN_BLOCK, call)
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
    row("eth_getLogs", "error", UNKNOWN_BLOCK, '[{"blockHash": "$absent"}]'),
    row("eth_getUncleCountByBlockNumber", "error", "ethereumjs takes no tags", '["latest"]'),
    row("eth_getUncleCountByBlockNumber", "", "a quantity in geth, a number in ethereumjs"),
    row(
        "eth_getTransactionByBlockNumberAndIndex",
        "error",
        "ethereumjs takes no tags",
        '["latest", *',
    ),
    row(
        "eth_getTransactionByHash", "error", "geth refuses a hash that has not 32 bytes", '["0x12"]'
    ),
    row(
        "eth_getTransactionReceipt",
        "error",
        "geth refuses a hash that has not 32 bytes",
        '["0x12"]',
    ),
    row(
        "debug_getRawTransaction", "error", "geth refuses a hash that has not 32 bytes", '["0x12"]'
    ),
    row(
        "debug_getRawTransaction",
        "",
        "geth answers 0x where there is no transaction",
        '["$absent"]',
    ),
    row("debug_getRawBlock", "error", "ethereumjs takes no hash of a block", '["$block"]'),
    row(
        "eth_getStorageAt",
        "error",
        "geth has -32602 for a key that cannot be read, ethereumjs -32000",
        '*"0x1111*',
    ),
    row("eth_getProof", ".storageProof[*].value", "a quantity in EIP-1186, bytes in ethereumjs"),
    row("eth_getProof", ".storageProof[*].key", "geth shows a key as it was asked for"),
    row("eth_call", "error", "geth has 3 for reverts alone", '*"$nobody", "to": "$bridge"*'),
    row("eth_call", "error", "geth has 3 for reverts alone", '*"0xfe"*'),
    row("eth_call", "error", "geth counts the intrinsic gas of a call", '*"0x5000"*'),
    row(
        "eth_estimateGas",
        "error",
        "geth refuses to estimate what reverts",
        '*"value": "0x1", "data"*',
    ),
    row("eth_estimateGas", "error", "geth refuses to estimate what cannot be paid", '*"$nobody"*'),
    row("eth_feeHistory", ".*lob*", "there are no blobs before Cancun"),
    row("eth_feeHistory", ".reward", "geth has no rewards when none are asked for"),
    row("eth_feeHistory", "error", "geth answers as many blocks as there are", '["0x400", *'),
    row("eth_feeHistory", "error", "geth has -32000 for it, ethereumjs -32602", "*[75, 25]]"),
    row("eth_feeHistory", "error", "geth has -32000 for it, ethereumjs -32602", "*[101]]"),
    row("eth_getLogs", "[]", "null is any topic at its place in geth", '*"topics": *bobs_topic*'),
    row(
        "eth_getLogs",
        "error",
        "geth refuses a range that ends before it begins",
        '*"fromBlock": "0x2"*',
    ),
    row("eth_getLogs", "error", "geth takes a range that ends above the head", '*"0x99"*'),
    row("eth_getLogs", "error", "geth refuses a hash that has not 32 bytes", '*"topics": *"0x12"*'),
    row(
        "debug_traceTransaction",
        "error",
        "geth refuses to trace a transaction that is not there, ethereumjs answers null",
        '["$absent"*',
    ),
    row("debug_traceTransaction", ".gas", STEPS),
    row("debug_traceCall", ".gas", "geth counts the intrinsic gas in what a traced call used"),
    row(
        "debug_traceCall",
        ".structLogs[*].gas",
        "a call that names no limit has the block's here, 16,777,215 in ethereumjs",
    ),
    *(
        row("debug_trace*", f".structLogs[*].{name}", STEPS)
        for name in ("depth", "error", "memory")
    ),
    row("debug_trace*", ".structLogs[*].memory*", "geth shows memory as it was before the step"),
    row("debug_trace*", ".structLogs[*].storage*", "geth shows the slots touched so far"),
    row("debug_trace*", ".structLogs[*].gasCost", "ethereumjs counts the fixed fee twice"),
)
