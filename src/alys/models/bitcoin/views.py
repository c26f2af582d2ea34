"""Blocks and transactions as bitcoind's JSON shows them: amounts in coins, hashes as displayed."""

from typing import Any

from alys.models.bitcoin import rules
from alys.models.bitcoin.chainstate import ChainState, Coin, Entry
from alys.wire import bitcoin
from alys.wire.bitcoin import Tx, TxOut, amount_of

WORK_PER_BLOCK = 2
"""Expected hashes for a block at regtest's target."""


def script(output_script: bytes) -> dict[str, Any]:
    """A scriptPubKey."""
    view: dict[str, Any] = {"asm": "", "hex": output_script.hex(), "type": kind(output_script)}
    address = bitcoin.script_to_address(output_script)
    if address is not None:
        view["address"] = address
    return view


def kind(output_script: bytes) -> str:
    """Core's name for a standard template."""
    if output_script[:1] == bytes((bitcoin.OP_RETURN,)):
        return "nulldata"
    program = bitcoin.witness_program(output_script)
    if program is None:
        return "nonstandard" if bitcoin.script_to_address(output_script) is None else "legacy"
    names = {(0, 20): "witness_v0_keyhash", (0, 32): "witness_v0_scripthash"}
    if program[0] == 1 and len(program[1]) == 32:
        return "witness_v1_taproot"
    return names.get((program[0], len(program[1])), "witness_unknown")


def transaction(tx: Tx) -> dict[str, Any]:
    """A transaction by itself."""
    return {
        "txid": tx.txid,
        "hash": tx.wtxid,
        "version": tx.version,
        "size": len(tx.serialize()),
        "vsize": tx.vsize,
        "weight": tx.weight,
        "locktime": tx.locktime,
        "vin": [_input(tx, n) for n in range(len(tx.inputs))],
        "vout": [
            {"value": amount_of(out.value), "n": n, "scriptPubKey": script(out.script)}
            for n, out in enumerate(tx.outputs)
        ],
        "hex": tx.serialize().hex(),
    }


def _input(tx: Tx, index: int) -> dict[str, Any]:
    txin = tx.inputs[index]
    view: dict[str, Any] = {"sequence": txin.sequence}
    if txin.witness:
        view["txinwitness"] = [item.hex() for item in txin.witness]
    if tx.is_coinbase:
        return {"coinbase": txin.script_sig.hex(), **view}
    place = {"txid": txin.outpoint.txid, "vout": txin.outpoint.vout}
    return {**place, "scriptSig": {"asm": "", "hex": txin.script_sig.hex()}, **view}


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
        "chainwork": f"{WORK_PER_BLOCK * (entry.height + 1):064x}",
        "nTx": len(entry.block.txs),
    }
    if entry.parent is not None:
        view["previousblockhash"] = entry.parent.hash
    following = chain.at(entry.height + 1)
    if following is not None and chain.is_active(entry):
        view["nextblockhash"] = following.hash
    return view


def block(chain: ChainState, entry: Entry, verbosity: int) -> dict[str, Any]:
    """getblock's object: with txids (1) or whole transactions (2)."""
    txs = entry.block.txs
    data = entry.block.serialize()
    weight = sum(tx.weight for tx in txs) + 4 * (80 + len(bitcoin.var_int(len(txs))))
    shown: list[Any] = (
        [tx.txid for tx in txs] if verbosity == 1 else [transaction(tx) for tx in txs]
    )
    return {
        **header(chain, entry),
        "size": len(data),
        "strippedsize": (weight - len(data)) // 3,
        "weight": weight,
        "tx": shown,
    }


def coin(chain: ChainState, found: Coin, tip_height: int) -> dict[str, Any]:
    """gettxout's object; a coin of the mempool has no confirmations."""
    return {
        "bestblock": chain.tip.hash,
        "confirmations": max(0, tip_height - found.height + 1),
        "value": amount_of(found.output.value),
        "scriptPubKey": script(found.output.script),
        "coinbase": found.coinbase,
    }


def unspent(place: bitcoin.OutPoint, found: Coin) -> dict[str, Any]:
    """One of scantxoutset's unspents."""
    return {
        "txid": place.txid,
        "vout": place.vout,
        "scriptPubKey": found.output.script.hex(),
        "amount": amount_of(found.output.value),
        "coinbase": found.coinbase,
        "height": found.height,
    }


def difficulty(bits: int) -> float:
    """How much harder than the easiest target of mainnet."""
    return bitcoin.target_of(0x1D00FFFF) / bitcoin.target_of(bits)


def chain_info(chain: ChainState) -> dict[str, Any]:
    """getblockchaininfo's object."""
    tip = chain.tip
    return {
        "chain": "regtest",
        "blocks": tip.height,
        "headers": max(entry.height for entry in chain.index.values()),
        "bestblockhash": tip.hash,
        "bits": f"{rules.REGTEST_BITS:08x}",
        "target": f"{bitcoin.target_of(rules.REGTEST_BITS):064x}",
        "difficulty": difficulty(rules.REGTEST_BITS),
        "time": tip.block.header.time,
        "mediantime": chain.median_time(tip),
        "verificationprogress": 1,
        "initialblockdownload": False,
        "chainwork": f"{WORK_PER_BLOCK * (tip.height + 1):064x}",
        "size_on_disk": sum(
            len(tx.serialize()) for entry in chain.active for tx in entry.block.txs
        ),
        "pruned": False,
        "warnings": [],
    }


def mempool_coin(output: TxOut, height: int) -> Coin:
    """An output of a waiting transaction, as a coin one block above the tip."""
    return Coin(output=output, height=height + 1, coinbase=False)
