"""Where our answers differ from those of the real node that CI has, Bitcoin Knots 29.4, and why each difference stays.

Core 29 is what we follow. Where Knots has gone its own way the reason says so.
"""

from tests.contract.comparison import Difference, row

KNOTS = "Knots has it, Core has not"
ORDER = "no order is promised: Core's follows its own bookkeeping, ours arrival"


MEASURED = "a figure of the process, not of the chain"


def _measured(method: str, path: str) -> Difference:
    """A figure that may be the same by chance."""
    return Difference(method=method, path=path, reason=MEASURED, always=False)


RULES_FIRST = "Knots refuses what it would not relay before it looks whether it knows it, and bare multisig it does not relay"
FEES_IN_COINS = "amounts in the detail are sats here"

DIFFERENCES = (
    row("getblock", ".txcount", KNOTS),
    row("getblock", ".header_version", KNOTS),
    row("getblockheader", ".txcount", KNOTS),
    row("getblockheader", ".header_version", KNOTS),
    row(
        "getblockchaininfo",
        ".size_on_disk",
        "what blocks take up here, without the files round them",
    ),
    _measured("getchainstates", ".chainstates[*].coins_*_cache_bytes"),
    row("getdifficulty", "*", "Core has it, this Knots has not"),
    *(
        row(method, f"{path}.{name}", KNOTS)
        for method, path in (
            ("getmempoolentry", ""),
            ("getmempoolancestors", ".*"),
            ("getmempooldescendants", ".*"),
            ("getrawmempool", ".*"),
        )
        for name in ("startingpriority", "currentpriority", "hash")
    ),
    _measured("getmempoolinfo", ".usage"),
    *(
        row("getmempoolinfo", f".{name}", KNOTS)
        for name in ("dustrelayfee*", "dustdynamic", "rbf_policy", "truc_policy")
    ),
    _measured("getmemoryinfo", ".locked.*"),
    _measured("gettxoutsetinfo", ".disk_size"),
    _measured("getrpcinfo", ".active_commands[*].duration"),
    row("getrpcinfo", ".logpath", "logs go to standard error"),
    row(
        "getblocktemplate",
        ".transactions*",
        "in order of arrival; Core puts the highest fee rate first",
    ),
    row("getblocktemplate", ".default_witness_commitment", "it commits to that order"),
    row("getblocktemplate", ".longpollid", "a counter of the mempool's, after the tip's hash"),
    row("getblocktemplate", "message", "the parameters that Knots adds", "[]"),
    row("getmininginfo", ".currentblocksize", KNOTS),
    row("sendrawtransaction", "message", "the parameter that Knots adds", "[]"),
    row("sendrawtransaction", "message", FEES_IN_COINS, '["$double_hex"]'),
    row("sendrawtransaction", "message", "Core says dust", '["$dust_hex"]'),
    row("testmempoolaccept", "[*].usage", KNOTS),
    row("testmempoolaccept", "[*].reject-*", RULES_FIRST, '[["$paid_hex"]]'),
    row("testmempoolaccept", "[*].reject-details", FEES_IN_COINS, '[["$double_hex"]]'),
    row("testmempoolaccept", "[*].reject-*", "Core says dust", '[["$dust_hex"]]'),
    row("signrawtransactionwithkey", ".fee*", KNOTS),
    row("addnode", "message", "the parameter that Knots adds", '["127.0.0.1:1", "nosuch"]'),
    Difference(
        method="getnettotals", path=".timemillis", reason="the time, which goes on", always=False
    ),
    row("getnetworkinfo", ".version", "we follow Core 29"),
    row("getnetworkinfo", ".subversion", "the node's own name"),
    row(
        "getnetworkinfo",
        ".localservices*",
        "transport of version 2 is not offered, nor what Knots adds",
    ),
    Difference(method="uptime", path="", reason="they began at different times", always=False),
    row("estimaterawfee", ".long.fail.inmempool", "no statistics are kept"),
    row("validateaddress", ".error_index", KNOTS),
    row(
        "verifymessage",
        "*",
        "Core knows signatures of legacy addresses alone",
        '["$address", "$signature", "a message"]',
    ),
)

WALLETS = (
    row("getwalletinfo", ".mintxfee", KNOTS),
    row("getaddressinfo", ".use_txids", KNOTS),
    row("gettransaction", ".in_mempool", KNOTS),
    row("listtransactions", "[*].in_mempool", KNOTS),
    row(
        "loadwallet", "message", "wallets are in memory, so there is no path to tell", '["nosuch"]'
    ),
    row(
        "createwallet", "message", "wallets are in memory, so there is no path to tell", '["$same"]'
    ),
)
"""The same for the calls of wallets."""

CHANGES: tuple[Difference, ...] = (
    Difference(
        method="getdeploymentinfo",
        path=".deployments.testdummy.bip9.statistics.period_start",
        reason=KNOTS,
        always=False,
    ),
    row("getprioritisedtransactions", ".*.priority_delta", KNOTS),
)
"""The same for what changes the chain."""

EVERY = (*DIFFERENCES, *WALLETS, *CHANGES)

UNORDERED = {
    "listunspent": ORDER,
    "getchaintips": "tips of one height come in no order",
    "getrawmempool": ORDER,
    "getmempoolancestors": ORDER,
    "getmempooldescendants": ORDER,
}
"""Lists that are sorted before they are compared."""
