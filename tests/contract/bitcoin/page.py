"""The tables of ``docs/reference/bitcoin-rpc.md``, made of what the tests compare: ``python -m tests.contract.bitcoin.page``."""

import re
import sys
from pathlib import Path

from alys.models.bitcoin.node import METHODS
from tests.contract.bitcoin import cases, chain_play, differences, play, wallet_play

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "bitcoin-rpc.md"

OTHERWISE = {"stop": ("tests/interop/test_bitcoin_cli.py", "test_stop_ends_the_service")}
"""Methods that cannot be compared on a pair that is still needed: where they are tested instead."""

PSBT = "PSBT is not spoken; `fundrawtransaction` and the `signrawtransaction` calls are there"
LEGACY = "a legacy wallet's; wallets are of descriptors here, as in Core from version 30 on"
SECRET = "wallets are not encrypted: their keys are test keys"
PRUNED = "the chain is in memory, nothing is pruned or dumped; `--data-dir` keeps it"
OWN = "Knots has it, Core has not"
BANS = "nobody is banned"
SIGNER = "there are no external signers"
SMALL = "the wallet is small"

ABSENT = {
    **dict.fromkeys(
        [
            "analyzepsbt",
            "combinepsbt",
            "converttopsbt",
            "createpsbt",
            "decodepsbt",
            "descriptorprocesspsbt",
            "finalizepsbt",
            "joinpsbts",
            "psbtbumpfee",
            "utxoupdatepsbt",
            "walletcreatefundedpsbt",
            "walletprocesspsbt",
        ],
        PSBT,
    ),
    **dict.fromkeys(
        [
            "addmultisigaddress",
            "dumpmasterprivkey",
            "dumpprivkey",
            "dumpwallet",
            "importaddress",
            "importmulti",
            "importprivkey",
            "importpubkey",
            "importwallet",
            "migratewallet",
            "newkeypool",
            "sethdseed",
            "upgradewallet",
        ],
        LEGACY,
    ),
    **dict.fromkeys(
        ["encryptwallet", "walletlock", "walletpassphrase", "walletpassphrasechange"], SECRET
    ),
    **dict.fromkeys(
        [
            "dumptxoutset",
            "importmempool",
            "loadtxoutset",
            "pruneblockchain",
            "savefeeestimates",
            "savemempool",
        ],
        PRUNED,
    ),
    **dict.fromkeys(
        [
            "getgeneralinfo",
            "getmempoolstats",
            "getrpcwhitelist",
            "listmempooltransactions",
            "listprunelocks",
            "maxmempool",
            "scriptthreadsinfo",
            "setfeerate",
            "setprunelock",
            "setscriptthreadsenabled",
            "sweepprivkeys",
        ],
        OWN,
    ),
    **dict.fromkeys(["clearbanned", "listbanned", "setban"], BANS),
    **dict.fromkeys(["enumeratesigners", "walletdisplayaddress"], SIGNER),
    **dict.fromkeys(
        [
            "abortrescan",
            "createwalletdescriptor",
            "gethdkeys",
            "getreceivedbylabel",
            "importprunedfunds",
            "listaddressgroupings",
            "listreceivedbylabel",
            "removeprunedfunds",
            "sendall",
            "settxfee",
            "setwalletflag",
            "simulaterawtransaction",
        ],
        SMALL,
    ),
    **dict.fromkeys(
        ["backupwallet", "restorewallet"],
        "a wallet is kept with the chain, in `--data-dir`",
    ),
    "bumpfee": "send again with a higher fee: what spends the same coins replaces",
    **dict.fromkeys(["getdescriptoractivity", "scanblocks"], "there is no index of block filters"),
    "getaddrmaninfo": "no addresses of other nodes are gathered",
    "getblockfrompeer": "a block that is missing is asked of peers without being told to",
    "preciousblock": "of two blocks of the same height the first stays; use `invalidateblock`",
}
"""What bitcoind lists in its help and this node does not know."""

_SCRIPTS = (
    ("test_answers.py", "test_answers_are_alike", set(cases.READING)),
    ("test_changes.py", "test_changes_are_alike", set(play.methods(chain_play.STEPS))),
    ("test_wallets.py", "test_wallets_are_alike", set(play.methods(wallet_play.STEPS))),
)


def calls_of(method: str) -> tuple[int, int]:
    """How many calls of a method are compared to the letter, and how many by fields and types."""
    whole = len(cases.READING.get(method, ()))
    shape = 0
    for one in (*chain_play.STEPS, *wallet_play.STEPS):
        if isinstance(one, play.Step) and one.method == method:
            whole += one.values
            shape += not one.values
    return whole, shape


def compared(method: str) -> str:
    """How a method's answers are compared, in words."""
    if method in OTHERWISE:
        return "not compared"
    whole, shape = calls_of(method)
    parts = [f"{whole} to the letter"] if whole else []
    parts += [f"{shape} by fields and types"] if shape else []
    return ", ".join(parts)


def test_of(method: str) -> str:
    """The test that compares a method."""
    if method in OTHERWISE:
        return f"`{OTHERWISE[method][1]}`"
    found = [name for _, name, methods in _SCRIPTS if method in methods]
    return ", ".join(f"`{name}[{method}]`" for name in found)


def differing(method: str) -> str:
    """The differences of a method that stay, by reason."""
    reasons: dict[str, list[str]] = {}
    for row in differences.EVERY:
        if row.method == method:
            reasons.setdefault(row.reason, []).append(_field(row.path))
    if method in differences.UNORDERED:
        reasons.setdefault(differences.UNORDERED[method], []).append("order")
    told = [f"{' '.join(dict.fromkeys(fields))}: {reason}" for reason, fields in reasons.items()]
    return "; ".join(told)


def _field(path: str) -> str:
    """A place in an answer, in words."""
    words = {"*": "all of it", "": "the result", "message": "words"}
    if path in words:
        return words[path]
    return f"`{path.replace('[*]', '').replace('.*', '').strip('.') or 'result'}`"


def methods_table() -> str:
    """A row per method."""
    rows = [
        f"| `{method}` | {compared(method)} | {differing(method)} | {test_of(method)} |"
        for method in sorted(METHODS)
    ]
    head = ["| method | compared calls | differences that stay | test |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def absent_table() -> str:
    """A row per reason for which methods are not there."""
    reasons: dict[str, list[str]] = {}
    for method, reason in sorted(ABSENT.items()):
        reasons.setdefault(reason, []).append(f"`{method}`")
    rows = [f"| {' '.join(names)} | {reason} |" for reason, names in reasons.items()]
    return "\n".join(["| not there | why |", "|---|---|", *rows])


TABLES = {"methods": methods_table, "absent": absent_table}


def filled(text: str) -> str:
    """The page with its tables as they should be."""
    for name, make in TABLES.items():
        pattern = rf"(<!-- {name} -->\n).*?(\n<!-- end of {name} -->)"
        found = re.search(pattern, text, re.DOTALL)
        assert found is not None, f"{PAGE} has no place for the table of {name}"
        text = text[: found.end(1)] + make() + text[found.start(2) :]
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
