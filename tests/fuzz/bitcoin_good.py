"""A Bitcoin node with something in its chain and mempool, and good calls to it."""

import inspect
from collections.abc import Callable
from typing import Any

from alys.models.bitcoin.node import METHODS, BitcoinNode
from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxIn, TxOut
from tests.fuzz.bodies import Good
from tests.fuzz.good_calls import completed
from tests.models.bitcoin import builders

BLOCKS = 103
ADDRESS = builders.ADDRESS


def node_with_history() -> BitcoinNode:
    """A chain of 103 blocks, a payment in its last, another in the mempool, a stale branch, and a wallet."""
    node = builders.funded_node(2)
    node.handle("createwallet", ["one"])
    stale = builders.fork(node, 100, 1)
    builders.send(node, builders.payment(builders.coinbase_at(node, 1)))
    builders.mine(node, BLOCKS - 101)
    node.handle("submitblock", [stale[0].serialize().hex()])
    builders.send(node, builders.payment(builders.coinbase_at(node, 2)))
    return node


def good_calls(node: BitcoinNode) -> Good:
    """Calls that are right at this moment, for every method in the table."""
    tip = node.chain.tip
    waiting = next(iter(node.mempool.waiting.values())).tx
    raw = waiting.serialize().hex()
    paid = node.chain.active[102].block.txs[1]
    coinbase = builders.coinbase_at(node, 3)
    unseen = builders.payment(coinbase).serialize().hex()
    block = builders.block_on_tip(node).serialize().hex()
    descriptor = bitcoin.descriptor_of(builders.SCRIPT)
    by_hand: dict[str, list[Any]] = {
        "getblock": [[tip.hash, n] for n in (0, 1, 2, 3)]
        + [[tip.hash, True], {"blockhash": tip.hash, "verbosity": 2}, {"args": [tip.hash]}],
        "getblockhash": [[5], {"height": 7}],
        "getblockheader": [[tip.hash], [tip.hash, False]],
        "gettxout": [[coinbase.txid, 0], [waiting.txid, 0, True]],
        "scantxoutset": [
            ["start", [f"addr({builders.ADDRESS})", {"desc": descriptor}]],
            ["status"],
        ],
        "getrawtransaction": [[paid.txid, 2], [waiting.txid, 1], [coinbase.txid, True, tip.hash]],
        "decoderawtransaction": [[raw], [raw, True]],
        "sendrawtransaction": [[unseen], [unseen, "0.10", 0], [raw, 0.1]],
        "testmempoolaccept": [[[unseen]], [[raw], 0.1]],
        "getrawmempool": [[], [True]],
        "getmempoolentry": [[waiting.txid]],
        "submitblock": [[block], [tip.block.serialize().hex()]],
        "getblocktemplate": [
            [{"rules": ["segwit"]}],
            [{"mode": "proposal", "data": block, "rules": ["segwit"]}],
        ],
        "generatetoaddress": [[0, builders.ADDRESS], [1, builders.ADDRESS, 10]],
        "generateblock": [
            [builders.ADDRESS, [raw], False],
            [builders.ADDRESS, [waiting.txid], False],
        ],
        "estimatesmartfee": [[6], [6, "economical"]],
        "validateaddress": [[builders.ADDRESS]],
        "help": [[], ["getblock"]],
        "invalidateblock": [[tip.hash]],
        "reconsiderblock": [[tip.hash]],
    }
    by_hand |= _wallet_calls(node, raw, coinbase)
    by_hand |= _other_calls(node, raw, waiting, paid)
    likely = [tip.hash, waiting.txid, raw, builders.ADDRESS, descriptor, 0, 1, 6, True, False, 0.5]
    likely += [
        "",
        "*",
        [],
        {},
        [raw],
        [{"txid": coinbase.txid, "vout": 0}],
        {builders.ADDRESS: 0.1},
    ]
    known = {name: given for name, given in by_hand.items() if name in METHODS}
    return completed(known, {name: _function(call) for name, call in METHODS.items()}, likely)


def _wallet_calls(node: BitcoinNode, raw: str, coinbase: Tx) -> dict[str, list[Any]]:
    """Of the wallet, and about descriptors, keys and messages."""
    address = node.handle("getnewaddress", [])
    coin = {"txid": coinbase.txid, "vout": 0}
    spent = {**coin, "scriptPubKey": builders.SCRIPT.hex(), "amount": 50}
    wif = "cMahea7zqjxrtgAbB7LSGbcQUr1uX1ojuat9jZodMN87JcbXMTcA"
    key = bitcoin.pubkey_of(builders.SECRET).hex()
    unsigned = Tx(
        inputs=(TxIn(outpoint=builders.place_of(coinbase), sequence=1),),
        outputs=(TxOut(value=1_000, script=builders.PAYEE),),
    ).serialize()
    descriptor = node.handle("getdescriptorinfo", [f"wpkh({key})"])["descriptor"]
    tree = f"tr({key[2:]},{{pk({key[2:]}),multi_a(1,{key[2:]})}})"
    return {
        "createrawtransaction": [
            [[coin], [{address: 0.1}, {"data": "ab"}]],
            [[coin], {address: "1"}, 5],
        ],
        "signrawtransactionwithwallet": [[unsigned.hex()], [unsigned.hex(), [spent], "ALL"]],
        "signrawtransactionwithkey": [[unsigned.hex(), [wif], [spent]]],
        "fundrawtransaction": [[raw, {"feeRate": 0.001}]],
        "combinerawtransaction": [[[raw, raw]]],
        "sendtoaddress": [[address, 0.1], {"address": address, "amount": 1, "fee_rate": 5}],
        "sendmany": [["", {address: 0.1, builders.ADDRESS: "0.2"}]],
        "send": [[[{address: 0.1}], None, "unset", 5, {"inputs": [coin]}]],
        "getnewaddress": [[], ["label", "bech32m"]],
        "getaddressinfo": [[address], [builders.ADDRESS]],
        "getbalance": [["*", 1]],
        "listunspent": [[0, 99, [address]], [1, 9, [], True, {"minimumAmount": 1}]],
        "listtransactions": [["*", 10, 0]],
        "listsinceblock": [[node.chain.tip.hash, 2]],
        "lockunspent": [[False, [coin]], [True]],
        "setlabel": [[address, "name"]],
        "importdescriptors": [[[{"desc": descriptor, "timestamp": "now", "label": "x"}]]],
        "deriveaddresses": [[descriptor]],
        "getdescriptorinfo": [
            [f"wpkh({key})"],
            [f"sh(wsh(multi(1,{key},{key})))"],
            [tree],
            [f"combo({key})"],
        ],
        "createmultisig": [[1, [key, key]], [2, [key, key], {"address_type": "bech32"}]],
        "signmessage": [[address, "hello"]],
        "signmessagewithprivkey": [[wif, "hello"]],
        "verifymessage": [[builders.ADDRESS, "AAAA", "hello"]],
        "decodescript": [[builders.SCRIPT.hex()], ["5121" + key + "51ae"]],
    }


def _other_calls(node: BitcoinNode, raw: str, waiting: Tx, paid: Tx) -> dict[str, list[Any]]:
    """About blocks, proofs and peers."""
    tip = node.chain.tip
    proof = node.handle("gettxoutproof", [[paid.txid], node.chain.active[102].hash])
    return {
        "gettxoutproof": [[[paid.txid]], [[paid.txid], node.chain.active[102].hash]],
        "verifytxoutproof": [[proof]],
        "getblockstats": [[5], [tip.hash, ["avgfee", "txs"]]],
        "getblockfilter": [[tip.hash, "basic"]],
        "getchaintxstats": [[5, tip.hash]],
        "getnetworkhashps": [[10, 50]],
        "gettxoutsetinfo": [["none"], ["hash_serialized_3"], ["muhash"]],
        "gettxspendingprevout": [[[{"txid": waiting.inputs[0].outpoint.txid, "vout": 0}]]],
        "getmempoolancestors": [[waiting.txid, True]],
        "getmempooldescendants": [[waiting.txid]],
        "prioritisetransaction": [[waiting.txid, None, 10]],
        "submitpackage": [[[raw]]],
        "submitheader": [[tip.block.header.serialize().hex()]],
        "generatetodescriptor": [[1, f"addr({builders.ADDRESS})"]],
        "addnode": [["127.0.0.1:1", "add"], ["127.0.0.1:1", "remove"]],
        "disconnectnode": [["127.0.0.1:1"], ["", 5]],
        "setmocktime": [[builders.START + 5], [0]],
        "logging": [[["net"], ["http"]]],
        "waitforblockheight": [[5, 1]],
        "waitforblock": [[tip.hash, 1]],
        "echo": [[1, "a", [], {}]],
    }


def _function(call: Any) -> Callable[..., Any]:
    """What a Call calls, for its parameters."""
    found = next(one for one in vars(call).values() if inspect.isfunction(one))
    assert callable(found)
    return found


def state_of(node: BitcoinNode) -> object:
    """What no refused call may change."""
    chain, pool = node.chain, node.mempool
    return (chain.tip.hash, len(chain.active), len(chain.index), len(chain.coins), *pool.waiting)
