"""A Bitcoin node with something in its chain and mempool, and good calls to it."""

import inspect
from collections.abc import Callable
from typing import Any

from alys.models.bitcoin.node import METHODS, BitcoinNode
from alys.wire import bitcoin
from tests.fuzz import bitcoin_wallet_good
from tests.fuzz.bodies import Good
from tests.fuzz.good_calls import completed
from tests.models.bitcoin import builders

BLOCKS = 103
ADDRESS = builders.ADDRESS
CLOCK = "setmocktime"
"""Left out: a clock set anyhow leaves the real node, too, without a time at which it can mine."""


def node_with_history() -> BitcoinNode:
    """A chain of 103 blocks, a payment to a wallet in its last, another in the mempool, and a stale branch."""
    node = builders.funded_node(2)
    stale = builders.fork(node, 100, 1)
    node.handle("createwallet", ["w"])
    own = bitcoin.address_to_script(node.handle("getnewaddress", []))
    builders.send(node, builders.payment(builders.coinbase_at(node, 1), to=own))
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
    own = bitcoin.script_to_address(paid.outputs[0].script)
    assert own is not None, "the wallet's address"
    by_hand.update(bitcoin_wallet_good.calls(node, own))
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
    left_out = (CLOCK, *bitcoin_wallet_good.GROWING)
    functions = {name: _function(call) for name, call in METHODS.items() if name not in left_out}
    return completed(known, functions, likely)


def _function(call: Any) -> Callable[..., Any]:
    """What a Call calls, for its parameters."""
    found = next(one for one in vars(call).values() if inspect.isfunction(one))
    assert callable(found)
    return found


def state_of(node: BitcoinNode) -> object:
    """What no refused call may change."""
    chain, pool = node.chain, node.mempool
    return (chain.tip.hash, len(chain.active), len(chain.index), len(chain.coins), *pool.waiting)
