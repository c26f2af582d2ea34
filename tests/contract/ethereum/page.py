"""The table of methods on the page, made from what the tests compare: ``python -m tests.contract.ethereum.page`` prints it."""

import sys
from fnmatch import fnmatchcase

from alys.models.ethereum.node import PUBLIC
from tests.contract.ethereum import cases, differences

DEVELOPMENT = ("anvil_", "evm_", "hardhat_")

TESTS = {
    "account_calls": ("eth_accounts", "eth_coinbase", "eth_mining", "eth_send*n", "eth_sign*"),
    "chain_calls": ("debug_dumpBlock", "eth_blockNumber", "eth_get*", "eth_sendRaw*"),
    "filters": ("eth_getFilter*", "eth_new*", "eth_uninstallFilter"),
    "gas_calls": ("eth_call", "eth_*Gas", "eth_*Fee", "eth_*Price", "eth_fee*", "eth_create*"),
    "info_calls": ("admin_*", "eth_chainId", "eth_syncing", "net_*", "rpc_*", "web3_*"),
    "log_calls": ("eth_getLogs",),
    "pool_calls": ("txpool_*",),
    "proof_calls": ("eth_getProof",),
    "raw_calls": ("debug_getRaw*", "eth_getRaw*"),
    "subscriptions": ("eth_*subscribe",),
    "trace_calls": ("debug_trace*",),
}


def rows() -> list[str]:
    """A line for each public method that is there without a development node."""
    names = {name for name in PUBLIC if not name.startswith(DEVELOPMENT)}
    return [_row(name) for name in sorted(names | {"eth_subscribe", "eth_unsubscribe"})]


def reasons() -> list[str]:
    """The numbered list below the table: why each difference stays."""
    return [f"{number}. {reason}" for number, reason in enumerate(_REASONS, 1)]


_REASONS = [
    one
    for one in dict.fromkeys(row.reason for row in differences.DIFFERENCES)
    if one != differences.NOT_SERVED
]


def _row(name: str) -> str:
    return f"| `{name}` | {_compared(name)} | `{_test(name)}` |"


def _compared(name: str) -> str:
    if name == "eth_sendRawTransaction":
        return "same, but codes: -32000 as geth here, -32602 and -32700 there"
    if name.endswith("subscribe"):
        return "not compared; web3.py's idioms"
    found = [row for row in differences.DIFFERENCES if fnmatchcase(name, row.method)]
    if any(row.reason == differences.NOT_SERVED for row in found):
        return "not served there"
    count = len(cases.CASES[name])
    calls = f"same, {count} calls" if count > 1 else "same"
    numbers = sorted({_REASONS.index(row.reason) + 1 for row in found})
    return f"{calls}, but {', '.join(map(str, numbers))}" if numbers else calls


def _test(name: str) -> str:
    fitting = [
        (len(pattern), module)
        for module, patterns in TESTS.items()
        for pattern in patterns
        if fnmatchcase(name, pattern)
    ]
    return f"test_{max(fitting)[1]}"


if __name__ == "__main__":
    sys.stdout.write("\n".join([*rows(), "", *reasons()]) + "\n")
