"""The figures of getblockstats, in sats and virtual bytes; the coinbase counts in few of them."""

from collections.abc import Sequence
from typing import Any

from alys.models.bitcoin import rules
from alys.models.bitcoin.chainstate import ChainState, Entry
from alys.wire import bitcoin

PER_COIN_BYTES = 41
"""What a coin costs a database besides its output: outpoint, height, coinbase or not."""

PERCENTILES = (10, 25, 50, 75, 90)


def figures(chain: ChainState, entry: Entry) -> dict[str, Any]:
    """All figures of a block that was connected once, in bitcoind's order."""
    txs = entry.block.txs[1:]
    coins = dict(entry.spent)
    fees = [
        sum(coins[txin.outpoint].output.value for txin in tx.inputs)
        - sum(out.value for out in tx.outputs)
        for tx in txs
    ]
    rates = [
        fee * bitcoin.WITNESS_SCALE_FACTOR // tx.weight for fee, tx in zip(fees, txs, strict=True)
    ]
    sizes = [len(tx.serialize()) for tx in txs]
    weights = [tx.weight for tx in txs]
    segwit = [place for place, tx in enumerate(txs) if any(txin.witness for txin in tx.inputs)]
    made = [out for tx in entry.block.txs for out in tx.outputs]
    kept = [out for out in made if out.script[:1] != bytes((bitcoin.OP_RETURN,))]
    if entry.parent is None:
        kept = []
    spent = [coin.output for coin in coins.values()]
    total_weight = sum(weights)
    size_made = sum(len(out.serialize()) + PER_COIN_BYTES for out in made)
    size_kept = sum(len(out.serialize()) + PER_COIN_BYTES for out in kept)
    size_spent = sum(len(out.serialize()) + PER_COIN_BYTES for out in spent)
    count = len(txs)
    return {
        "avgfee": sum(fees) // count if count else 0,
        "avgfeerate": (
            sum(fees) * bitcoin.WITNESS_SCALE_FACTOR // total_weight if total_weight else 0
        ),
        "avgtxsize": sum(sizes) // count if count else 0,
        "blockhash": entry.hash,
        "feerate_percentiles": percentiles(rates, weights),
        "height": entry.height,
        "ins": sum(len(tx.inputs) for tx in txs),
        "maxfee": max(fees, default=0),
        "maxfeerate": max(rates, default=0),
        "maxtxsize": max(sizes, default=0),
        "medianfee": _median(fees),
        "mediantime": chain.median_time(entry),
        "mediantxsize": _median(sizes),
        "minfee": min(fees, default=0),
        "minfeerate": min(rates, default=0),
        "mintxsize": min(sizes, default=0),
        "outs": len(made),
        "subsidy": rules.subsidy(entry.height),
        "swtotal_size": sum(sizes[place] for place in segwit),
        "swtotal_weight": sum(weights[place] for place in segwit),
        "swtxs": len(segwit),
        "time": entry.block.header.time,
        "total_out": sum(out.value for tx in txs for out in tx.outputs),
        "total_size": sum(sizes),
        "total_weight": total_weight,
        "totalfee": sum(fees),
        "txs": len(entry.block.txs),
        "utxo_increase": len(made) - sum(len(tx.inputs) for tx in txs),
        "utxo_size_inc": size_made - size_spent,
        "utxo_increase_actual": len(kept) - len(spent),
        "utxo_size_inc_actual": size_kept - size_spent,
    }


def _median(values: Sequence[int]) -> int:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return 0
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2


def percentiles(rates: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The fee rates below which so much of the block's weight pays."""
    ordered = sorted(zip(rates, weights, strict=True))
    total = sum(weights)
    found: list[int] = []
    passed = 0
    for rate, weight in ordered:
        passed += weight
        while len(found) < len(PERCENTILES) and passed >= total * PERCENTILES[len(found)] / 100:
            found.append(rate)
    return found + [ordered[-1][0] if ordered else 0] * (len(PERCENTILES) - len(found))
