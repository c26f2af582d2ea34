"""Where our answers differ from those of the real node that CI has, Bitcoin Knots 29.4, and why each difference stays.

Core 29 is what we follow. Where Knots has gone its own way the reason says so.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

import msgspec

KNOTS = "Knots has it, Core has not"
ORDER = "no order is promised: Core's follows its own bookkeeping, ours arrival"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted difference. ``path`` and ``method`` are patterns; ``call`` narrows it to one case's parameters."""

    method: str
    path: str
    reason: str
    call: str = "*"
    always: bool = True
    """False for what may be equal by chance."""

    def covers(self, method: str, params: Any, path: str) -> bool:
        """Whether this explains a difference."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path.replace("[", "[[]"))
            and fnmatchcase(json.dumps(params), self.call.replace("[", "[[]"))
        )


def _row(method: str, path: str, reason: str, call: str = "*") -> Difference:
    return Difference(method=method, path=path, reason=reason, call=call)


MEASURED = "a figure of the process, not of the chain"


def _measured(method: str, path: str) -> Difference:
    """A figure that may be the same by chance."""
    return Difference(method=method, path=path, reason=MEASURED, always=False)


RULES_FIRST = "Knots refuses what it would not relay before it looks whether it knows it, and bare multisig it does not relay"
FEES_IN_COINS = "amounts in the detail are sats here"

DIFFERENCES = (
    _row("getblock", ".txcount", KNOTS),
    _row("getblock", ".header_version", KNOTS),
    _row("getblockheader", ".txcount", KNOTS),
    _row("getblockheader", ".header_version", KNOTS),
    _row(
        "getblockchaininfo",
        ".size_on_disk",
        "what blocks take up here, without the files round them",
    ),
    _measured("getchainstates", ".chainstates[*].coins_*_cache_bytes"),
    _row("getdifficulty", "*", "Core has it, this Knots has not"),
    *(
        _row(method, f"{path}.{name}", KNOTS)
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
        _row("getmempoolinfo", f".{name}", KNOTS)
        for name in ("dustrelayfee*", "dustdynamic", "rbf_policy", "truc_policy")
    ),
    _measured("getmemoryinfo", ".locked.*"),
    _measured("gettxoutsetinfo", ".disk_size"),
    _measured("getrpcinfo", ".active_commands[*].duration"),
    _row("getrpcinfo", ".logpath", "logs go to standard error"),
    _row(
        "getblocktemplate",
        ".transactions*",
        "in order of arrival; Core puts the highest fee rate first",
    ),
    _row("getblocktemplate", ".default_witness_commitment", "it commits to that order"),
    _row("getblocktemplate", ".longpollid", "a counter of the mempool's, after the tip's hash"),
    _row("getblocktemplate", "message", "the parameters that Knots adds", "[]"),
    _row("getmininginfo", ".currentblocksize", KNOTS),
    _row("sendrawtransaction", "message", "the parameter that Knots adds", "[]"),
    _row("sendrawtransaction", "message", FEES_IN_COINS, '["$double_hex"]'),
    _row("sendrawtransaction", "message", "Core says dust", '["$dust_hex"]'),
    _row("testmempoolaccept", "[*].usage", KNOTS),
    _row("testmempoolaccept", "[*].reject-*", RULES_FIRST, '[["$paid_hex"]]'),
    _row("testmempoolaccept", "[*].reject-details", FEES_IN_COINS, '[["$double_hex"]]'),
    _row("testmempoolaccept", "[*].reject-*", "Core says dust", '[["$dust_hex"]]'),
    _row("signrawtransactionwithkey", ".fee*", KNOTS),
    _row("addnode", "message", "the parameter that Knots adds", '["127.0.0.1:1", "nosuch"]'),
    Difference(
        method="getnettotals", path=".timemillis", reason="the time, which goes on", always=False
    ),
    _row("getnetworkinfo", ".version", "we follow Core 29"),
    _row("getnetworkinfo", ".subversion", "the node's own name"),
    _row(
        "getnetworkinfo",
        ".localservices*",
        "transport of version 2 is not offered, nor what Knots adds",
    ),
    Difference(method="uptime", path="", reason="they began at different times", always=False),
    _row("estimaterawfee", ".long.fail.inmempool", "no statistics are kept"),
    _row("validateaddress", ".error_index", KNOTS),
    _row(
        "verifymessage",
        "*",
        "Core knows signatures of legacy addresses alone",
        '["$address", "$signature", "a message"]',
    ),
)

WALLETS = (
    _row("getwalletinfo", ".mintxfee", KNOTS),
    _row("getaddressinfo", ".use_txids", KNOTS),
    _row("gettransaction", ".in_mempool", KNOTS),
    _row("listtransactions", "[*].in_mempool", KNOTS),
    _row(
        "loadwallet", "message", "wallets are in memory, so there is no path to tell", '["nosuch"]'
    ),
    _row(
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
    _row("getprioritisedtransactions", ".*.priority_delta", KNOTS),
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
