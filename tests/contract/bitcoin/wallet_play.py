"""What is done with wallets on both nodes, step by step; the descriptors are the same, so addresses are."""

from typing import Any

from alys.wire import bitcoin
from tests.contract.bitcoin import stage
from tests.contract.bitcoin.play import Mine, Script, step

ROOT = bitcoin.master_key(bytes(range(32)))
FORMS = {
    "legacy": "pkh({})",
    "p2sh-segwit": "sh(wpkh({}))",
    "bech32": "wpkh({})",
    "bech32m": "tr({})",
}
PURPOSES = {"legacy": 44, "p2sh-segwit": 49, "bech32": 84, "bech32m": 86}


def descriptors() -> list[dict[str, Any]]:
    """Active private descriptors of each type, for receiving and for change."""
    wanted = []
    for kind, form in FORMS.items():
        for internal in (False, True):
            path = f"{ROOT.text}/{PURPOSES[kind]}h/1h/0h/{int(internal)}/*"
            found = bitcoin.with_checksum(form.format(path))
            wanted.append(
                {
                    "desc": found,
                    "timestamp": 0,
                    "active": True,
                    "internal": internal,
                    "range": [0, 99],
                    "next_index": 0,
                }
            )
    return wanted


WATCHED = bitcoin.with_checksum("wpkh(" + bitcoin.pubkey_of(stage.SECRET).hex() + ")")
W = "$same"

STEPS: Script = (
    step("listwallets"),
    step("getbalance"),
    step("getnewaddress"),
    step("getbalance", wallet="nosuch"),
    step("loadwallet", "nosuch", values=False),
    step("unloadwallet", "nosuch"),
    step("unloadwallet"),
    step("createwallet", W, False, True),
    step("createwallet", W),
    step("loadwallet", W),
    step("listwallets"),
    step("listwalletdir", values=False),
    step("getnewaddress", wallet=W),
    step("getrawchangeaddress", wallet=W),
    step("getwalletinfo", wallet=W, values=False),
    step("importdescriptors", descriptors()),
    step(
        "importdescriptors",
        [
            {"desc": "nosuch", "timestamp": 0},
            {"desc": "nosuch#aaaaaaaa", "timestamp": 0},
            {"timestamp": 0},
            {"desc": WATCHED, "timestamp": 0},
            {"desc": WATCHED},
            {"desc": WATCHED, "timestamp": 0, "range": 5},
            {"desc": WATCHED, "timestamp": 0, "active": True},
        ],
    ),
    step("listdescriptors"),
    step("listdescriptors", True),
    *(step("getnewaddress", "label", kind, keep=kind) for kind in FORMS),
    *(step("getrawchangeaddress", kind, keep=f"change_{kind}") for kind in FORMS),
    step("getnewaddress", "*"),
    step("getnewaddress", "", "nosuch"),
    *(step("getaddressinfo", f"${kind}") for kind in FORMS),
    *(step("getaddressinfo", f"$change_{kind}") for kind in FORMS),
    step("getaddressinfo", "$other"),
    step("getaddressinfo", "nosuch"),
    step("getaddressesbylabel", "label"),
    step("getaddressesbylabel", "nosuch"),
    step("setlabel", "$other", "a friend"),
    step("setlabel", "nosuch", "a friend"),
    step("listlabels"),
    step("listlabels", "send"),
    step("getbalance"),
    step("getbalances", values=False),
    step("sendtoaddress", "$other", 1),
    step("sendtoaddress", "nosuch", 1),
    step("sendtoaddress", "$other", -1),
    step("sendtoaddress", "$other", "x"),
    step("sendtoaddress", "$other", 0),
    step("sendtoaddress", "$other", 0.000001),
    step("sendtoaddress", "$other"),
    step("sendmany", "", {}),
    step("sendmany", "x", {"$other": 1}),
    step("gettransaction", "ab" * 32),
    step("abandontransaction", "ab" * 32),
    step("listtransactions"),
    step("listtransactions", "*", -1),
    step("listtransactions", "*", 1, -1),
    step("listunspent"),
    Mine(blocks=2, address="$bech32"),
    Mine(blocks=1, address="$bech32m"),
    Mine(blocks=1, address="$legacy"),
    Mine(blocks=1, address="$p2sh-segwit"),
    Mine(blocks=100, address="$address"),
    step("getwalletinfo", values=False),
    step("getbalance"),
    step("getbalance", "*", 102),
    step("getbalance", "x"),
    step("getunconfirmedbalance"),
    step("getbalances", values=False),
    step("listunspent", values=False),
    step("listunspent", 103, values=False),
    step("listunspent", 0, 9999999, ["$bech32m"], values=False),
    step("listunspent", 0, 9999999, ["nosuch"]),
    step("listunspent", 0, 9999999, ["$bech32m", "$bech32m"]),
    step("listtransactions", "*", 3, values=False),
    step("listtransactions", "label", 100, 2, values=False),
    step("listtransactions", "nosuch"),
    step("listsinceblock", values=False),
    step("listsinceblock", "ab" * 32),
    step("getreceivedbyaddress", "$bech32"),
    step("getreceivedbyaddress", "$bech32", 101),
    step("getreceivedbyaddress", "$other"),
    step("getreceivedbyaddress", "nosuch"),
    step("listreceivedbyaddress", values=False),
    # What pays has witnesses on both, whichever coins each node chooses.
    step("listunspent", 0, 9999999, ["$legacy", "$p2sh-segwit"], keep="others", values=False),
    step("lockunspent", False, "$others"),
    step("sendtoaddress", "$other", 1.5, "a comment", "someone", keep="sent", values=False),
    step("gettransaction", "$sent", values=False),
    step("gettransaction", "$sent", True, True, values=False),
    step("gettransaction", "1"),
    step("listtransactions", "*", 2, values=False),
    step("listunspent", 0, 0, values=False),
    step("getbalances", values=False),
    step("abandontransaction", "$sent"),
    step("sendmany", "", {"$other": 0.1, "$bech32": "0.2"}, keep="many", values=False),
    step("gettransaction", "$many", values=False),
    step("send", {"$other": 0.1}, values=False),
    step("send", [{"$other": 0.1}, {"data": "00ff"}], None, "unset", 5, values=False),
    step("sendtoaddress", "$other", 10, "", "", True, keep="less", values=False),
    step("sendtoaddress", "$other", 100000),
    step("createrawtransaction", [], [{"$other": 0.3}], keep="bare"),
    step("fundrawtransaction", "$bare", keep="funded", values=False),
    step(
        "fundrawtransaction", "$bare", {"fee_rate": 3, "subtractFeeFromOutputs": [0]}, values=False
    ),
    step("fundrawtransaction", "00"),
    step("signrawtransactionwithwallet", "$funded_hex", keep="signed", values=False),
    step("signrawtransactionwithwallet", "00"),
    step("sendrawtransaction", "$signed_hex", keep="raw", values=False),
    step("gettransaction", "$raw", values=False),
    step("lockunspent", False, [{"txid": "ab" * 32, "vout": 0}]),
    step("lockunspent", False, [{"txid": "$sent", "vout": 99}]),
    step("lockunspent", False, [{"vout": 0}]),
    step("lockunspent", True),
    step("listlockunspent"),
    step("signmessage", "$legacy", "a message", keep="signature"),
    step("verifymessage", "$legacy", "$signature", "a message"),
    step("signmessage", "$other_legacy", "a message"),
    step("signmessage", "nosuch", "a message"),
    step("keypoolrefill"),
    step("rescanblockchain"),
    step("rescanblockchain", 100),
    step("rescanblockchain", -1),
    step("rescanblockchain", 0, 100000),
    step("rescanblockchain", 10, 5),
    Mine(blocks=1, address="$address"),
    step("getbalance", values=False),
    step("gettransaction", "$sent", values=False),
    step("listtransactions", "*", 30, values=False),
    step("listdescriptors", values=False),
    step("createwallet", "$watch", True, False, "", True),
    step("getbalance"),
    step("getwalletinfo", wallet="$watch", values=False),
    step("getnewaddress", wallet="$watch"),
    step(
        "importdescriptors", [{"desc": WATCHED, "timestamp": 0, "label": "seen"}], wallet="$watch"
    ),
    step("importdescriptors", descriptors()[:1], wallet="$watch"),
    step("listdescriptors", wallet="$watch"),
    step("getaddressinfo", "$address", wallet="$watch"),
    step("listunspent", wallet="$watch", values=False),
    step("sendtoaddress", "$other", 1, wallet="$watch"),
    step("unloadwallet", wallet="$watch"),
    step("listwallets"),
    step("loadwallet", "$watch"),
    step("unloadwallet", W, wallet="$watch"),
    step("createwallet", "$plain"),
    step("getwalletinfo", wallet="$plain", values=False),
    step("listdescriptors", wallet="$plain", values=False),
    step("getnewaddress", "", "bech32", wallet="$plain", values=False, keep="own"),
    step("getaddressinfo", "$own", wallet="$plain", values=False),
    step("unloadwallet", W),
    step("unloadwallet", "$watch"),
    step("unloadwallet", "$plain"),
    step("listwallets"),
    step("getbalance"),
)
"""They end without a wallet loaded."""
