"""The calls that look into the mempool. Each raises RpcError as bitcoind does."""

from collections.abc import Iterable
from typing import Any

from alys.models.bitcoin import state
from alys.models.bitcoin.calls import Call, check_member, hash_of, table
from alys.models.bitcoin.mempool import RELAY_FEE_SATS_PER_KVB, Waiting
from alys.models.bitcoin.state import NodeState
from alys.wire.bitcoin import OutPoint, amount_of
from alys.wire.jsonrpc import RpcError

MEMPOOL_BYTES_MAX = 300_000_000
SEQUENCE_REPLACEABLE = 0xFFFFFFFD
USAGE_BYTES = 1_024
"""What a waiting transaction takes of memory besides itself; a figure, nothing is measured."""


def getrawmempool(
    node: NodeState, verbose: bool = False, mempool_sequence: bool = False
) -> list[str] | dict[str, Any]:
    """The waiting transactions in order of arrival: txids, or entries by txid."""
    if verbose and mempool_sequence:
        told = "Verbose results cannot contain mempool sequence values."
        raise RpcError(state.INVALID_PARAMETER, told)
    if verbose:
        return {txid: entry_view(node, entry) for txid, entry in node.mempool.waiting.items()}
    txids = list(node.mempool.waiting)
    if mempool_sequence:
        return {"txids": txids, "mempool_sequence": node.mempool.changes + 1}
    return txids


def getmempoolentry(node: NodeState, txid: str) -> dict[str, Any]:
    """A waiting transaction."""
    return entry_view(node, _waiting(node, txid))


def getmempoolancestors(
    node: NodeState, txid: str, verbose: bool = False
) -> list[str] | dict[str, Any]:
    """What a waiting transaction needs of the mempool."""
    return _family(node, node.mempool.ancestors(_waiting(node, txid).tx), verbose)


def getmempooldescendants(
    node: NodeState, txid: str, verbose: bool = False
) -> list[str] | dict[str, Any]:
    """What of the mempool needs a waiting transaction."""
    return _family(node, node.mempool.descendants(_waiting(node, txid).tx.txid), verbose)


def _waiting(node: NodeState, txid: str) -> Waiting:
    entry = node.mempool.waiting.get(hash_of(txid, "parameter 1"))
    if entry is None:
        raise RpcError(state.NOT_FOUND, "Transaction not in mempool")
    return entry


def _family(node: NodeState, txids: Iterable[str], verbose: bool) -> list[str] | dict[str, Any]:
    family = [txid for txid in node.mempool.waiting if txid in set(txids)]
    if not verbose:
        return family
    return {txid: entry_view(node, node.mempool.waiting[txid]) for txid in family}


def entry_view(node: NodeState, entry: Waiting) -> dict[str, Any]:
    """The object of a waiting transaction."""
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
            "modified": amount_of(_modified(node, entry)),
            "ancestor": amount_of(sum(_modified(node, one) for one in up)),
            "descendant": amount_of(sum(_modified(node, one) for one in down)),
        },
        "depends": sorted(entry.parents & pool.waiting.keys()),
        "spentby": sorted(name for name, one in pool.waiting.items() if txid in one.parents),
        "bip125-replaceable": any(_signals(one) for one in up),
        "unbroadcast": txid in node.unbroadcast,
    }


def _modified(node: NodeState, entry: Waiting) -> int:
    return entry.fee + node.priorities.get(entry.tx.txid, 0)


def _signals(entry: Waiting) -> bool:
    return any(txin.sequence <= SEQUENCE_REPLACEABLE for txin in entry.tx.inputs)


def getmempoolinfo(node: NodeState) -> dict[str, Any]:
    """The mempool at a glance."""
    waiting = node.mempool.waiting.values()
    rate = amount_of(RELAY_FEE_SATS_PER_KVB)
    size = sum(entry.tx.vsize for entry in waiting)
    return {
        "loaded": True,
        "size": len(waiting),
        "bytes": size,
        "usage": size + USAGE_BYTES * len(waiting),
        "total_fee": amount_of(sum(entry.fee for entry in waiting)),
        "maxmempool": MEMPOOL_BYTES_MAX,
        "mempoolminfee": rate,
        "minrelaytxfee": rate,
        "incrementalrelayfee": rate,
        "unbroadcastcount": len(node.unbroadcast & node.mempool.waiting.keys()),
        "fullrbf": True,
    }


def gettxspendingprevout(node: NodeState, outputs: list[Any]) -> list[dict[str, Any]]:
    """Which waiting transaction spends each of these outputs."""
    if not outputs:
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, outputs are missing")
    return [_spent_by(node, _place(item)) for item in outputs]


def _place(item: object) -> OutPoint:
    check_member(item, dict)
    given = item if isinstance(item, dict) else {}
    for name, kind in (("txid", str), ("vout", int)):
        if given.get(name) is None:
            raise RpcError(state.TYPE_ERROR, f"Missing {name}")
        check_member(given[name], kind, name)
    if given["vout"] < 0:
        raise RpcError(state.INVALID_PARAMETER, "Invalid parameter, vout cannot be negative")
    return OutPoint(txid=hash_of(given["txid"], "txid"), vout=given["vout"])


def _spent_by(node: NodeState, place: OutPoint) -> dict[str, Any]:
    view: dict[str, Any] = {"txid": place.txid, "vout": place.vout}
    for txid, entry in node.mempool.waiting.items():
        if any(txin.outpoint == place for txin in entry.tx.inputs):
            view["spendingtxid"] = txid
    return view


def prioritisetransaction(
    node: NodeState, txid: str, dummy: float | None = None, fee_delta: int | None = None
) -> bool:
    """Have a transaction chosen for blocks as if its fee were so many sats higher; it pays nothing more."""
    name = hash_of(txid, "txid")
    if dummy:
        told = "Priority is no longer supported, dummy argument to prioritisetransaction must be 0."
        raise RpcError(state.INVALID_PARAMETER, told)
    delta = node.priorities.get(name, 0) + (fee_delta or 0)
    node.priorities.pop(name, None)
    if delta:
        node.priorities[name] = delta
    return True


def getprioritisedtransactions(node: NodeState) -> dict[str, Any]:
    """What ``prioritisetransaction`` was told."""
    view = {}
    for txid, delta in node.priorities.items():
        entry = node.mempool.waiting.get(txid)
        view[txid] = {"fee_delta": delta, "in_mempool": entry is not None}
        if entry is not None:
            view[txid]["modified_fee"] = entry.fee + delta
    return view


CALLS: dict[str, Call] = table(
    getmempoolancestors,
    getmempooldescendants,
    getmempoolentry,
    getmempoolinfo,
    getprioritisedtransactions,
    getrawmempool,
    gettxspendingprevout,
    prioritisetransaction,
)
