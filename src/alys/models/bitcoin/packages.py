"""What the mempool says of transactions before or while they come in: testmempoolaccept's and submitpackage's answers."""

from collections.abc import Sequence
from typing import Any

from alys.models.bitcoin import state
from alys.models.bitcoin.mempool import Mempool, Waiting
from alys.models.bitcoin.rules import Missing, Rejected
from alys.models.bitcoin.state import NodeState
from alys.wire.bitcoin import Tx, amount_of
from alys.wire.jsonrpc import RpcError


def exceeds(entry: Waiting, most_per_kvb: int) -> bool:
    """Whether a transaction pays a higher rate than its sender allows; 0 allows all."""
    return 0 < most_per_kvb * entry.tx.vsize < entry.fee * 1000


def judgement(pool: Mempool, tx: Tx, rate_most: int) -> dict[str, Any]:
    """Whether the mempool would take a transaction, and why not."""
    view: dict[str, Any] = {"txid": tx.txid, "wtxid": tx.wtxid}
    try:
        entry = pool.check(tx)
    except Missing:
        return {
            **view,
            "allowed": False,
            "reject-reason": "missing-inputs",
        }
    except Rejected as error:
        return {
            **view,
            "allowed": False,
            "reject-reason": error.reason,
            "reject-details": str(error),
        }
    if exceeds(entry, rate_most):
        return {**view, "allowed": False, "reject-reason": "max-fee-exceeded"}
    return {**view, "allowed": True, "vsize": tx.vsize, "fees": _fees(entry)}


def _fees(entry: Waiting) -> dict[str, Any]:
    return {
        "base": amount_of(entry.fee),
        "effective-feerate": amount_of(entry.fee * 1000 // entry.tx.vsize),
        "effective-includes": [entry.tx.wtxid],
    }


def judged(node: NodeState, txs: Sequence[Tx], rate_most: int) -> list[dict[str, Any]]:
    """The same of several, each after those before it; the mempool stays as it is.

    When one is refused nothing is said of the others, as in Core.
    """
    pool = node.mempool.scratch()
    found: list[dict[str, Any]] = []
    for tx in txs:
        found.append(judgement(pool, tx, rate_most))
        if not found[-1]["allowed"]:
            bare = [{"txid": one.txid, "wtxid": one.wtxid} for one in txs]
            return [*bare[: len(found) - 1], found[-1], *bare[len(found) :]]
        pool.add(tx, int(node.now()))
    return found


def submitted(node: NodeState, txs: Sequence[Tx], rate_most: int) -> dict[str, Any]:
    """Take in a child, the last, and its parents; raises RpcError for what is no such family."""
    parents = {txin.outpoint.txid for txin in txs[-1].inputs}
    if len(txs) > 1 and any(tx.txid not in parents for tx in txs[:-1]):
        told = (
            "package topology disallowed. not child-with-parents or parents depend on each other."
        )
        raise RpcError(state.VERIFY_ERROR, told)
    results: dict[str, Any] = {}
    message = "success"
    for tx in txs:
        if tx.txid in node.mempool.waiting:
            entry = node.mempool.waiting[tx.txid]
            results[tx.wtxid] = {
                "txid": tx.txid,
                "vsize": tx.vsize,
                "fees": {"base": amount_of(entry.fee)},
            }
            continue
        view = judgement(node.mempool, tx, rate_most)
        if view["allowed"]:
            node.mempool.add(tx, int(node.now()))
            node.unbroadcast.add(tx.txid)
            results[tx.wtxid] = {"txid": tx.txid, "vsize": view["vsize"], "fees": view["fees"]}
            continue
        message = "transaction failed"
        told = view.get("reject-details", view["reject-reason"])
        results[tx.wtxid] = {"txid": tx.txid, "error": told}
    return {"package_msg": message, "tx-results": results, "replaced-transactions": []}
