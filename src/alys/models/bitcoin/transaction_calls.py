"""The calls about transactions and the mempool. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import block_views, state, views
from alys.models.bitcoin.calls import Call, hash_of, sats_of, table, transaction_of
from alys.models.bitcoin.chainstate import Entry
from alys.models.bitcoin.mempool import RELAY_FEE_SATS_PER_KVB, Waiting
from alys.models.bitcoin.rules import Missing, Rejected
from alys.models.bitcoin.state import NodeState
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, amount_of
from alys.wire.jsonrpc import RpcError

DEFAULT_MAX_FEE_RATE = "0.10"
"""In coins per 1000 virtual bytes; 0 is no limit."""

NO_SUCH_TRANSACTION = "Use gettransaction for wallet transactions."
BARE, FEE, PREVOUTS = 0, 1, 2
"""getrawtransaction's verbosity: the hex, the object, the object with fee and what it spends."""


def getrawtransaction(
    node: NodeState, txid: str, verbosity: int | bool = BARE, blockhash: str | None = None
) -> dict[str, Any] | str:
    """A transaction of the mempool or of the best chain (the node keeps an index), or of the block named."""
    name = hash_of(txid, "parameter 1")
    if name == node.chain.active[0].block.txs[0].txid:
        raise RpcError(
            state.NOT_FOUND,
            "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved",
        )
    tx, entry = _look_up(node, name, blockhash)
    if int(verbosity) <= BARE:
        return tx.serialize().hex()
    view: dict[str, Any] = {}
    if blockhash is not None and entry is not None:
        view["in_active_chain"] = node.chain.is_active(entry)
    deep = int(verbosity) >= PREVOUTS
    coins = _spent_by(node, tx, entry) if deep else None
    view.update(views.transaction(tx, coins, prevouts=deep))
    if entry is not None:
        view.update(blockhash=entry.hash, confirmations=0)
        if node.chain.is_active(entry):
            time = entry.block.header.time
            depth = block_views.confirmations(node.chain, entry)
            view.update(confirmations=depth, time=time, blocktime=time)
    return view


def _spent_by(node: NodeState, tx: Tx, entry: Entry | None) -> views.Coins:
    return node.mempool.coins_of(tx) if entry is None else dict(entry.spent)


def _look_up(node: NodeState, txid: str, blockhash: str | None) -> tuple[Tx, Entry | None]:
    if blockhash is None:
        found = node.find(txid)
        if found is None:
            told = f"No such mempool or blockchain transaction. {NO_SUCH_TRANSACTION}"
            raise RpcError(state.NOT_FOUND, told)
        return found
    entry = node.chain.index.get(hash_of(blockhash, "parameter 3"))
    if entry is None:
        raise RpcError(state.NOT_FOUND, "Block hash not found")
    for tx in entry.block.txs:
        if tx.txid == txid:
            return tx, entry
    told = f"No such transaction found in the provided block. {NO_SUCH_TRANSACTION}"
    raise RpcError(state.NOT_FOUND, told)


def decoderawtransaction(
    node: NodeState, hexstring: str, iswitness: bool | None = None
) -> dict[str, Any]:
    """A transaction in hex as an object."""
    return views.transaction(transaction_of(hexstring), hex_too=False)


def sendrawtransaction(
    node: NodeState,
    hexstring: str,
    maxfeerate: float | str = DEFAULT_MAX_FEE_RATE,
    maxburnamount: float | str = 0,
) -> str:
    """Take a transaction into the mempool; one that waits there already is no error."""
    tx = transaction_of(hexstring)
    _check_burn(tx, sats_of(maxburnamount, "maxburnamount"))
    places = [OutPoint(txid=tx.txid, vout=n) for n in range(len(tx.outputs))]
    if any(place in node.chain.coins for place in places):
        raise RpcError(state.ALREADY_IN_UTXO_SET, "Transaction outputs already in utxo set")
    if tx.txid in node.mempool.waiting:
        return tx.txid
    try:
        entry = node.mempool.check(tx)
        if _exceeds(entry, sats_of(maxfeerate, "maxfeerate")):
            told = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)"
            raise RpcError(state.VERIFY_ERROR, told)
        node.mempool.add(tx, int(node.now()))
    except Missing as error:
        raise RpcError(state.VERIFY_ERROR, error.reason) from error
    except Rejected as error:
        raise RpcError(state.VERIFY_REJECTED, str(error)) from error
    return tx.txid


def _check_burn(tx: Tx, most: int) -> None:
    for output in tx.outputs:
        if output.script[:1] == bytes((bitcoin.OP_RETURN,)) and output.value > most:
            told = "Unspendable output exceeds maximum configured by user (maxburnamount)"
            raise RpcError(state.VERIFY_ERROR, told)


def _exceeds(entry: Waiting, most_per_kvb: int) -> bool:
    return 0 < most_per_kvb * entry.tx.vsize < entry.fee * 1000


def would_accept(
    node: NodeState, rawtxs: list[Any], maxfeerate: float | str = DEFAULT_MAX_FEE_RATE
) -> list[dict[str, Any]]:
    """testmempoolaccept: whether ``sendrawtransaction`` would take a transaction. One at a time: packages are not judged here."""
    if len(rawtxs) != 1:
        raise RpcError(state.INVALID_PARAMETER, "Array must contain exactly one transaction")
    tx = transaction_of(str(rawtxs[0]), f"TX decode failed: {rawtxs[0]}")
    view: dict[str, Any] = {"txid": tx.txid, "wtxid": tx.wtxid}
    try:
        entry = node.mempool.check(tx)
    except Missing:
        return [{**view, "allowed": False, "reject-reason": "missing-inputs"}]
    except Rejected as error:
        return [
            {
                **view,
                "allowed": False,
                "reject-reason": error.reason,
                "reject-details": str(error),
            }
        ]
    if _exceeds(entry, sats_of(maxfeerate, "maxfeerate")):
        return [{**view, "allowed": False, "reject-reason": "max-fee-exceeded"}]
    fees = {
        "base": amount_of(entry.fee),
        "effective-feerate": amount_of(entry.fee * 1000 // tx.vsize),
        "effective-includes": [tx.wtxid],
    }
    return [{**view, "allowed": True, "vsize": tx.vsize, "fees": fees}]


def getrawmempool(node: NodeState, verbose: bool = False) -> list[str] | dict[str, Any]:
    """The waiting transactions in order of arrival: txids, or entries by txid."""
    if not verbose:
        return list(node.mempool.waiting)
    return {txid: _entry(node, entry) for txid, entry in node.mempool.waiting.items()}


def getmempoolentry(node: NodeState, txid: str) -> dict[str, Any]:
    """A waiting transaction."""
    entry = node.mempool.waiting.get(hash_of(txid, "txid"))
    if entry is None:
        raise RpcError(state.NOT_FOUND, "Transaction not in mempool")
    return _entry(node, entry)


def _entry(node: NodeState, entry: Waiting) -> dict[str, Any]:
    pool = node.mempool
    txid = entry.tx.txid
    up = [entry, *(pool.waiting[name] for name in sorted(pool.ancestors(entry.tx)))]
    down = [entry, *(pool.waiting[name] for name in sorted(pool.descendants(txid)))]
    return {
        "vsize": entry.tx.vsize,
        "weight": entry.tx.weight,
        "time": entry.time,
        "height": entry.height,
        "descendantcount": len(down),
        "descendantsize": sum(one.tx.vsize for one in down),
        "ancestorcount": len(up),
        "ancestorsize": sum(one.tx.vsize for one in up),
        "wtxid": entry.tx.wtxid,
        "fees": {
            "base": amount_of(entry.fee),
            "modified": amount_of(entry.fee),
            "ancestor": amount_of(sum(one.fee for one in up)),
            "descendant": amount_of(sum(one.fee for one in down)),
        },
        "depends": sorted(entry.parents & pool.waiting.keys()),
        "spentby": sorted(name for name, one in pool.waiting.items() if txid in one.parents),
        "bip125-replaceable": True,
        "unbroadcast": False,
    }


def getmempoolinfo(node: NodeState) -> dict[str, Any]:
    """The mempool at a glance."""
    waiting = node.mempool.waiting.values()
    rate = amount_of(RELAY_FEE_SATS_PER_KVB)
    return {
        "loaded": True,
        "size": len(waiting),
        "bytes": sum(entry.tx.vsize for entry in waiting),
        "total_fee": amount_of(sum(entry.fee for entry in waiting)),
        "mempoolminfee": rate,
        "minrelaytxfee": rate,
        "incrementalrelayfee": rate,
        "unbroadcastcount": 0,
        "fullrbf": True,
    }


CALLS: dict[str, Call] = {
    **table(
        decoderawtransaction,
        getmempoolentry,
        getmempoolinfo,
        getrawmempool,
        getrawtransaction,
        sendrawtransaction,
    ),
    # Under another name in Python: pytest would take the method's own for a test.
    "testmempoolaccept": Call("testmempoolaccept", would_accept),
}
