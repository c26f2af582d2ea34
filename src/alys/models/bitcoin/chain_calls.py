"""The calls about the chain as a whole: statistics, deployments, proofs, the set of coins. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import block_stats, block_views, state, versionbits
from alys.models.bitcoin.calls import Call, check_member, hash_of, table
from alys.models.bitcoin.chainstate import Entry
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.versionbits import Status
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError

SECONDS_PER_WINDOW = 30 * 24 * 60 * 60
BLOCK_SECONDS = 10 * 60
FOREVER = (1 << 63) - 1
_OVERHEAD_BYTES = 50
"""What a coin counts in bogosize besides its script."""


def getblockstats(
    node: NodeState, hash_or_height: int | str, stats: list[Any] | None = None
) -> dict[str, Any]:
    """Figures of a block, in sats; all of them, or the ones named."""
    entry = _by_hash_or_height(node, hash_or_height)
    if entry.parent is not None and not entry.checked:
        raise RpcError(state.MISC_ERROR, "Undo data not available")
    found = block_stats.figures(node.chain, entry)
    for name in stats or ():
        check_member(name, str)
        if name not in found:
            raise RpcError(state.INVALID_PARAMETER, f"Invalid selected statistic '{name}'")
    return {name: value for name, value in found.items() if not stats or name in stats}


def _by_hash_or_height(node: NodeState, wanted: int | str) -> Entry:
    if isinstance(wanted, str):
        return node.entry(hash_of(wanted, "hash_or_height"))
    if wanted < 0:
        raise RpcError(state.INVALID_PARAMETER, f"Target block height {wanted} is negative")
    found = node.chain.at(wanted)
    if found is None:
        told = f"Target block height {wanted} after current tip {node.chain.tip.height}"
        raise RpcError(state.INVALID_PARAMETER, told)
    return found


def getchaintxstats(
    node: NodeState, nblocks: int | None = None, blockhash: str | None = None
) -> dict[str, Any]:
    """How many transactions there are, and how fast they come in a window that ends with a block."""
    entry = node.chain.tip
    if blockhash is not None:
        entry = node.entry(hash_of(blockhash, "blockhash"))
        if not node.chain.is_active(entry):
            raise RpcError(state.INVALID_PARAMETER, "Block is not in main chain")
    if nblocks is None:
        nblocks = max(0, min(SECONDS_PER_WINDOW // BLOCK_SECONDS, entry.height - 1))
    elif nblocks < 0 or (nblocks > 0 and nblocks >= entry.height):
        told = "Invalid block count: should be between 0 and the block's height - 1"
        raise RpcError(state.INVALID_PARAMETER, told)
    counts = [len(one.block.txs) for one in node.chain.active[: entry.height + 1]]
    view: dict[str, Any] = {
        "time": entry.block.header.time,
        "txcount": sum(counts),
        "window_final_block_hash": entry.hash,
        "window_final_block_height": entry.height,
        "window_block_count": nblocks,
    }
    if nblocks > 0:
        first = node.chain.active[entry.height - nblocks]
        seconds = node.chain.median_time(entry) - node.chain.median_time(first)
        view["window_interval"] = seconds
        inside = sum(counts[first.height + 1 :])
        view["window_tx_count"] = inside
        if seconds > 0:
            view["txrate"] = bitcoin.Figure(inside / seconds)
    return view


def getchainstates(node: NodeState) -> dict[str, Any]:
    """The one chain state that there is."""
    info = block_views.chain_info(node.chain)
    names = ("blocks", "bestblockhash", "bits", "target", "difficulty", "verificationprogress")
    return {
        "headers": info["headers"],
        "chainstates": [
            {
                **{name: info[name] for name in names},
                "coins_db_cache_bytes": 0,
                "coins_tip_cache_bytes": 0,
                "validated": True,
            }
        ],
    }


def getdeploymentinfo(node: NodeState, blockhash: str | None = None) -> dict[str, Any]:
    """Which soft forks are in force after a block: on regtest all of them."""
    entry = node.chain.tip
    if blockhash is not None:
        entry = node.entry(hash_of(blockhash, "blockhash"))
    buried = dict.fromkeys(("bip34", "bip66", "bip65", "csv"), 1)
    return {
        "hash": entry.hash,
        "height": entry.height,
        "deployments": {
            **{
                name: {"type": "buried", "active": entry.height + 1 >= height, "height": height}
                for name, height in {**buried, "segwit": 0}.items()
            },
            "testdummy": _testdummy(entry),
            "taproot": {
                "type": "bip9",
                "height": 0,
                "active": True,
                "bip9": _bip9(-1, "active", 0, "active"),
            },
        },
    }


def _bip9(start: int, status: str, since: int, following: str) -> dict[str, Any]:
    return {
        "start_time": start,
        "timeout": FOREVER,
        "min_activation_height": 0,
        "status": status,
        "since": since,
        "status_next": following,
    }


def _testdummy(entry: Entry) -> dict[str, Any]:
    status = versionbits.status_after(entry.parent) if entry.parent else Status.DEFINED
    following = versionbits.status_after(entry)
    first = versionbits.since(entry.parent) if entry.parent else 0
    bip9 = _bip9(0, status.value, first, following.value)
    if status in (Status.STARTED, Status.LOCKED_IN):
        signals = versionbits.of_period(entry)
        statistics = {
            "period": versionbits.PERIOD_BLOCKS,
            "elapsed": len(signals),
            "count": sum(signals),
        }
        if status is Status.STARTED:
            left = versionbits.PERIOD_BLOCKS - len(signals)
            threshold = versionbits.THRESHOLD_BLOCKS
            statistics["threshold"] = threshold
            statistics["possible"] = sum(signals) + left >= threshold
        bip9 = {
            "bit": versionbits.TESTDUMMY_BIT,
            **bip9,
            "statistics": statistics,
            "signalling": "".join("#" if one else "-" for one in signals),
        }
    view: dict[str, Any] = {"type": "bip9"}
    active = following is Status.ACTIVE
    if active:
        view["height"] = versionbits.since(entry)
    return {**view, "active": active, "bip9": bip9}


def gettxoutsetinfo(
    node: NodeState,
    hash_type: str = "hash_serialized_3",
    hash_or_height: int | str | None = None,
    use_index: bool = True,
) -> dict[str, Any]:
    """The coins of the best chain counted and hashed."""
    if hash_type not in ("hash_serialized_3", "muhash", "none"):
        raise RpcError(state.INVALID_PARAMETER, f"'{hash_type}' is not a valid hash_type")
    if hash_or_height is not None:
        told = "Querying specific block heights requires coinstatsindex"
        raise RpcError(state.INVALID_PARAMETER, told)
    coins = sorted(
        node.chain.coins.items(), key=lambda pair: (bitcoin.unshown(pair[0].txid), pair[0].vout)
    )
    view: dict[str, Any] = {
        "height": node.chain.tip.height,
        "bestblock": node.chain.tip.hash,
        "txouts": len(coins),
        "bogosize": sum(_OVERHEAD_BYTES + len(coin.output.script) for _, coin in coins),
    }
    committed = (
        bitcoin.committed_coin(place, coin.output, coin.height, coinbase=coin.coinbase)
        for place, coin in coins
    )
    if hash_type == "hash_serialized_3":
        view["hash_serialized_3"] = bitcoin.coins_hash(committed)
    elif hash_type == "muhash":
        view["muhash"] = bitcoin.coins_muhash(committed)
    return {
        **view,
        "total_amount": bitcoin.amount_of(sum(coin.output.value for _, coin in coins)),
        "transactions": len({place.txid for place, _ in coins}),
        "disk_size": 0,
    }


def gettxoutproof(
    node: NodeState,
    txids: list[Any],
    blockhash: str | None = None,
    options: dict[str, Any] | None = None,
) -> str:
    """A proof (BIP37's merkleblock, in hex) that transactions are in one block."""
    if not txids:
        raise RpcError(state.INVALID_PARAMETER, "Parameter 'txids' cannot be empty")
    wanted: set[str] = set()
    for item in txids:
        txid = hash_of(str(item), "txid")
        if txid in wanted:
            told = f"Invalid parameter, duplicated txid: {txid}"
            raise RpcError(state.INVALID_PARAMETER, told)
        wanted.add(txid)
    entry = _proving(node, wanted, blockhash)
    there = [tx.txid for tx in entry.block.txs]
    if not wanted <= set(there):
        told = "Not all transactions found in specified or retrieved block"
        raise RpcError(state.NOT_FOUND, told)
    return bitcoin.merkle_proof(entry.block.header, there, wanted).hex()


def _proving(node: NodeState, wanted: set[str], blockhash: str | None) -> Entry:
    if blockhash is not None:
        return node.entry(hash_of(blockhash, "blockhash"))
    for txid in wanted:
        entry = node.chain.transactions.get(txid)
        if entry is not None:
            return entry
    raise RpcError(state.NOT_FOUND, "Transaction not yet in block")


def verifytxoutproof(
    node: NodeState, proof: str, options: dict[str, Any] | None = None
) -> list[str]:
    """The txids that a proof proves; none for a proof whose root is not the block's."""
    try:
        header, root, txids = bitcoin.parse_merkle_proof(bytes.fromhex(proof))
    except (ValueError, bitcoin.MalformedBitcoin):
        told = "DataStream::read(): end of data: iostream error"
        raise RpcError(state.MISC_ERROR, told) from None
    if root != header.merkle_root:
        return []
    entry = node.chain.index.get(header.hash)
    if entry is None or not node.chain.is_active(entry):
        raise RpcError(state.NOT_FOUND, "Block not found in chain")
    return list(txids)


def verifychain(node: NodeState, checklevel: int = 3, nblocks: int = 6) -> bool:
    """Every block was checked when it came in, and is in memory."""
    return True


def getblockfilter(node: NodeState, blockhash: str, filtertype: str = "basic") -> dict[str, Any]:
    """There is no index of filters, as without -blockfilterindex."""
    if filtertype != "basic":
        raise RpcError(state.NOT_FOUND, "Unknown filtertype")
    raise RpcError(state.MISC_ERROR, f"Index is not enabled for filtertype {filtertype}")


def getindexinfo(node: NodeState, index_name: str | None = None) -> dict[str, Any]:
    """The index of transactions, which is always there."""
    found = {"txindex": {"synced": True, "best_block_height": node.chain.tip.height}}
    return found if index_name in (None, "txindex") else {}


def _tip(node: NodeState) -> dict[str, Any]:
    return {"hash": node.chain.tip.hash, "height": node.chain.tip.height}


def waitfornewblock(
    node: NodeState, timeout: int = 0, current_tip: str | None = None
) -> dict[str, Any]:
    """The tip. Whoever serves the node has waited before this is asked; see ``waits``."""
    _check_timeout(timeout)
    return _tip(node)


def waitforblock(node: NodeState, blockhash: str, timeout: int = 0) -> dict[str, Any]:
    """The tip, as above."""
    hash_of(blockhash, "blockhash")
    _check_timeout(timeout)
    return _tip(node)


def waitforblockheight(node: NodeState, height: int, timeout: int = 0) -> dict[str, Any]:
    """The tip, as above."""
    _check_timeout(timeout)
    return _tip(node)


def _check_timeout(timeout: int) -> None:
    if timeout < 0:
        raise RpcError(state.MISC_ERROR, "Negative timeout")


CALLS: dict[str, Call] = table(
    getblockfilter,
    getblockstats,
    getchainstates,
    getchaintxstats,
    getdeploymentinfo,
    getindexinfo,
    gettxoutproof,
    gettxoutsetinfo,
    verifychain,
    verifytxoutproof,
    waitforblock,
    waitforblockheight,
    waitfornewblock,
)
