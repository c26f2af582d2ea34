"""Blocks, the chain and its coins as bitcoind's JSON shows them."""

from typing import Any

from alys.models.bitcoin import rules, views
from alys.models.bitcoin.chainstate import ChainState, Entry
from alys.models.bitcoin.coins import Coin
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, amount_of

WORK_PER_BLOCK = 2
"""Expected hashes for a block at regtest's target."""

EASIEST_MAINNET_BITS = 0x1D00FFFF
TXIDS, TRANSACTIONS, PREVOUTS = 1, 2, 3
"""getblock's verbosity above 0."""


def confirmations(chain: ChainState, entry: Entry) -> int:
    """How deep a block is; -1 off the best chain."""
    return chain.tip.height - entry.height + 1 if chain.is_active(entry) else -1


def header(chain: ChainState, entry: Entry) -> dict[str, Any]:
    """getblockheader's object."""
    head = entry.block.header
    view: dict[str, Any] = {
        "hash": entry.hash,
        "confirmations": confirmations(chain, entry),
        "height": entry.height,
        "version": head.version,
        "versionHex": f"{head.version & 0xFFFFFFFF:08x}",
        "merkleroot": head.merkle_root,
        "time": head.time,
        "mediantime": chain.median_time(entry),
        "nonce": head.nonce,
        "bits": f"{head.bits:08x}",
        "target": f"{bitcoin.target_of(head.bits):064x}",
        "difficulty": difficulty(head.bits),
        "chainwork": chainwork(entry.height),
        "nTx": len(entry.block.txs),
    }
    if entry.parent is not None:
        view["previousblockhash"] = entry.parent.hash
    following = chain.at(entry.height + 1)
    if following is not None and chain.is_active(entry):
        view["nextblockhash"] = following.hash
    return view


def block(chain: ChainState, entry: Entry, verbosity: int) -> dict[str, Any]:
    """getblock's object: with txids (1), whole transactions and their fees (2), and what they spend (3)."""
    txs = entry.block.txs
    size = len(entry.block.serialize())
    weight = rules.block_weight(entry.block)
    coins = dict(entry.spent)
    shown: list[Any] = [tx.txid for tx in txs]
    if verbosity >= TRANSACTIONS:
        shown = [views.transaction(tx, coins, prevouts=verbosity >= PREVOUTS) for tx in txs]
    return {
        **header(chain, entry),
        "strippedsize": (weight - size) // (bitcoin.WITNESS_SCALE_FACTOR - 1),
        "size": size,
        "weight": weight,
        "tx": shown,
    }


def coin(chain: ChainState, found: Coin) -> dict[str, Any]:
    """gettxout's object; a coin of the mempool has no confirmations."""
    return {
        "bestblock": chain.tip.hash,
        "confirmations": max(0, chain.tip.height - found.height + 1),
        "value": amount_of(found.output.value),
        "scriptPubKey": views.script(found.output.script),
        "coinbase": found.coinbase,
    }


def unspent(chain: ChainState, place: OutPoint, found: Coin, descriptor: str) -> dict[str, Any]:
    """One of scantxoutset's unspents."""
    return {
        "txid": place.txid,
        "vout": place.vout,
        "scriptPubKey": found.output.script.hex(),
        "desc": descriptor,
        "amount": amount_of(found.output.value),
        "coinbase": found.coinbase,
        "height": found.height,
        "blockhash": chain.active[found.height].hash,
        "confirmations": chain.tip.height - found.height + 1,
    }


def difficulty(bits: int) -> float:
    """How much harder than the easiest target of mainnet, to the 16 digits that bitcoind prints."""
    mantissa, size = bits & 0xFFFFFF, bits >> 24
    easiest, easiest_size = EASIEST_MAINNET_BITS & 0xFFFFFF, EASIEST_MAINNET_BITS >> 24
    return bitcoin.Figure(f"{easiest / mantissa * 256.0 ** (easiest_size - size):.16g}")


def chainwork(height: int) -> str:
    """The work of a chain up to a height."""
    return f"{WORK_PER_BLOCK * (height + 1):064x}"


def chain_info(chain: ChainState) -> dict[str, Any]:
    """getblockchaininfo's object."""
    tip = chain.tip
    return {
        "chain": "regtest",
        "blocks": tip.height,
        "headers": max(tip.height, *(entry.height for entry in chain.index.values())),
        "bestblockhash": tip.hash,
        "bits": f"{rules.REGTEST_BITS:08x}",
        "target": f"{bitcoin.target_of(rules.REGTEST_BITS):064x}",
        "difficulty": difficulty(rules.REGTEST_BITS),
        "time": tip.block.header.time,
        "mediantime": chain.median_time(tip),
        "verificationprogress": 1,
        "initialblockdownload": False,
        "chainwork": chainwork(tip.height),
        "size_on_disk": chain.stored_bytes,
        "pruned": False,
        "warnings": [],
    }


def tips(chain: ChainState) -> list[dict[str, Any]]:
    """getchaintips: the ends of all branches, the highest first."""
    parents = {entry.parent.hash for entry in chain.index.values() if entry.parent is not None}
    ends = [entry for entry in chain.index.values() if entry.hash not in parents]
    if chain.tip not in ends:
        ends.append(chain.tip)  # what stood on it was declared invalid
    ends.sort(key=lambda entry: (-entry.height, entry.arrival))
    return [
        {
            "height": entry.height,
            "hash": entry.hash,
            "branchlen": entry.height - _fork(chain, entry).height,
            "status": _status(chain, entry),
        }
        for entry in ends
    ]


def _fork(chain: ChainState, entry: Entry) -> Entry:
    while not chain.is_active(entry):
        assert entry.parent is not None, "the genesis block is always active"
        entry = entry.parent
    return entry


def _status(chain: ChainState, entry: Entry) -> str:
    if entry.invalid:
        return "invalid"
    if chain.is_active(entry):
        return "active"
    return "valid-fork" if entry.checked else "valid-headers"
