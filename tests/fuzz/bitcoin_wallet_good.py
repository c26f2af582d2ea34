"""Good calls to a Bitcoin node's wallet, and those whose parameters have parts of their own."""

from typing import Any

from alys.models.bitcoin.node import BitcoinNode
from alys.wire import bitcoin
from tests.models.bitcoin import builders

GROWING = ("createwallet", "getnewaddress", "getrawchangeaddress", "loadwallet", "unloadwallet")
"""Left out: they are asked for more wallets or keys, which stay, or take the wallet away."""


def calls(node: BitcoinNode, address: str) -> dict[str, list[Any]]:
    """By method; the wallet has a coin, on ``address``."""
    (coin,) = node.handle("listunspent", [])
    place = {"txid": coin["txid"], "vout": coin["vout"]}
    told = {**place, "scriptPubKey": coin["scriptPubKey"], "amount": 50, "redeemScript": "51"}
    pay = {address: 0.01}
    bare = node.handle("createrawtransaction", [[], pay])
    raw = node.handle("createrawtransaction", [[place], [pay, {"data": "00"}], 0, True])
    options = {
        "inputs": [place],
        "change_address": address,
        "change_position": 0,
        "subtract_fee_from_outputs": [0],
        "add_to_wallet": False,
        "locktime": 1,
        "replaceable": True,
        "lock_unspents": False,
        "include_unsafe": True,
    }
    old = {"changeAddress": address, "feeRate": 0.0001, "subtractFeeFromOutputs": [0]}
    descriptor = f"wpkh({bitcoin.master_key(builders.SECRET).text}/*)"
    request = {
        "desc": bitcoin.with_checksum(descriptor),
        "timestamp": 0,
        "active": False,
        "range": [0, 5],
        "next_index": 1,
    }
    return {
        "sendtoaddress": [[address, "0.01", "c", "t", True, True, 1, "unset", True, 2, True]],
        "sendmany": [["", pay, 1, "c", [address]]],
        "send": [[pay], [[pay, {"data": "00"}], None, "unset", 2, options]],
        "fundrawtransaction": [[bare], [bare, old]],
        "signrawtransactionwithwallet": [[raw], [raw, [told], "ALL"]],
        "signrawtransactionwithkey": [[raw, [bitcoin.wif_of(builders.SECRET)], [told]]],
        "createrawtransaction": [[[{**place, "sequence": 5}], [pay], 5, False], [[place], pay]],
        "combinerawtransaction": [[[raw, raw]]],
        "lockunspent": [[False, [place]], [True, [place]]],
        "listunspent": [[0, 10, [address], True, {"minimumAmount": 0, "maximumAmount": 5}]],
        "importdescriptors": [[[request]]],
        "getdescriptorinfo": [[descriptor]],
        "deriveaddresses": [[bitcoin.with_checksum(descriptor), [0, 2]]],
        "gettransaction": [[coin["txid"], True, True]],
        "listtransactions": [["*", 5, 0, True]],
        "listsinceblock": [[node.chain.tip.hash, 1, True, True, True, "x"]],
        "getaddressinfo": [[address]],
        "getreceivedbyaddress": [[address]],
        "listreceivedbyaddress": [[0, True, True, address, True]],
        "setlabel": [[address, "x"]],
        "signmessage": [[address, "x"]],
        "abandontransaction": [[coin["txid"]]],
        "gettxoutproof": [[[coin["txid"]]]],
        "gettxspendingprevout": [[[place]]],
        "prioritisetransaction": [[coin["txid"], 0, 5]],
        "createmultisig": [[1, [bitcoin.pubkey_of(builders.SECRET).hex()], "bech32"]],
        "submitpackage": [[[raw]]],
    }
