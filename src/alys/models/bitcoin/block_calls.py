"""The calls about blocks and about the coins of the best chain. Each raises RpcError as bitcoind does."""

from typing import Any

from alys.models.bitcoin import block_views, state
from alys.models.bitcoin.calls import Call, hash_of, table
from alys.models.bitcoin.state import NodeState
from alys.wire.bitcoin import OutPoint
from alys.wire.jsonrpc import RpcError


def getblockchaininfo(node: NodeState) -> dict[str, Any]:
    """The chain at a glance."""
    return block_views.chain_info(node.chain)


def getblockcount(node: NodeState) -> int:
    """Height of the best chain."""
    return node.chain.tip.height


def getbestblockhash(node: NodeState) -> str:
    """Hash of the best chain's last block."""
    return node.chain.tip.hash


def getdifficulty(node: NodeState) -> float:
    """The work of a block, in units of mainnet's least."""
    return block_views.difficulty(node.chain.tip.block.header.bits)


def getchaintips(node: NodeState) -> list[dict[str, Any]]:
    """The ends of all branches."""
    return block_views.tips(node.chain)


def getblockhash(node: NodeState, height: int) -> str:
    """Hash of the best chain's block at a height."""
    found = node.chain.at(height)
    if found is None:
        raise RpcError(state.INVALID_PARAMETER, "Block height out of range")
    return found.hash


def getblockheader(node: NodeState, blockhash: str, verbose: bool = True) -> dict[str, Any] | str:
    """A header as an object, or its 80 bytes in hex."""
    found = node.entry(hash_of(blockhash, "hash"))
    if not verbose:
        return found.block.header.serialize().hex()
    return block_views.header(node.chain, found)


def getblock(
    node: NodeState, blockhash: str, verbosity: int | bool = block_views.TXIDS
) -> dict[str, Any] | str:
    """A block: in hex (0), with txids (1), with transactions (2), and with what they spend (3)."""
    found = node.entry(hash_of(blockhash, "blockhash"))
    if int(verbosity) <= 0:
        return found.block.serialize().hex()
    return block_views.block(node.chain, found, int(verbosity))


def gettxout(
    node: NodeState, txid: str, n: int, include_mempool: bool = True
) -> dict[str, Any] | None:
    """An unspent output, null when there is none."""
    if not 0 <= n < 1 << 32:
        raise RpcError(state.MISC_ERROR, "JSON integer out of range")
    place = OutPoint(txid=hash_of(txid, "txid"), vout=n)
    if include_mempool and node.mempool.spends(place):
        return None
    found = node.chain.coins.get(place)
    if found is None and include_mempool:
        found = node.mempool.coin(place)
    return None if found is None else block_views.coin(node.chain, found)


def invalidateblock(node: NodeState, blockhash: str) -> None:
    """Declare a block invalid, as if it broke a rule; the genesis block stays, without a word."""
    entry = node.entry(hash_of(blockhash, "blockhash"))
    if entry.parent is not None:
        node.chain.invalidate(entry)


def reconsiderblock(node: NodeState, blockhash: str) -> None:
    """Take an ``invalidateblock`` back."""
    node.chain.reconsider(node.entry(hash_of(blockhash, "blockhash")))


CALLS: dict[str, Call] = table(
    getbestblockhash,
    getblock,
    getblockchaininfo,
    getblockcount,
    getblockhash,
    getblockheader,
    getchaintips,
    getdifficulty,
    gettxout,
    invalidateblock,
    reconsiderblock,
)
