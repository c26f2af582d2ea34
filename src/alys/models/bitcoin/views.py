"""Transactions as bitcoind's JSON shows them: amounts in coins, hashes as displayed."""

import functools
from collections.abc import Mapping
from typing import Any

from alys.models.bitcoin.coins import Coin
from alys.wire import bitcoin
from alys.wire.bitcoin import OutPoint, Tx, amount_of

SCRIPTS_REMEMBERED = 4096
SCRIPT_BYTES_REMEMBERED = 80
"""Those of addresses are shorter; a long one may be a megabyte."""

Coins = Mapping[OutPoint, Coin]


def script(output_script: bytes) -> dict[str, Any]:
    """A scriptPubKey."""
    short = len(output_script) <= SCRIPT_BYTES_REMEMBERED
    return dict(_remembered(output_script)) if short else _script(output_script)


@functools.lru_cache(maxsize=SCRIPTS_REMEMBERED)
def _remembered(output_script: bytes) -> dict[str, Any]:
    """The same few scripts are shown again and again, and an address costs two checksums."""
    return _script(output_script)


def _script(output_script: bytes) -> dict[str, Any]:
    view: dict[str, Any] = {
        "asm": bitcoin.script_asm(output_script),
        "desc": bitcoin.descriptor_of(output_script),
        "hex": output_script.hex(),
        "type": bitcoin.script_type(output_script),
    }
    address = bitcoin.script_to_address(output_script)
    if address is not None:
        view["address"] = address
    return view


def transaction(
    tx: Tx, coins: Coins | None = None, *, prevouts: bool = False, hex_too: bool = True
) -> dict[str, Any]:
    """A transaction by itself; with its fee where ``coins`` has all it spends, and with them when ``prevouts``."""
    known = {} if coins is None or tx.is_coinbase else coins
    raw = tx.serialize()
    view: dict[str, Any] = {
        "txid": tx.txid,
        "hash": tx.wtxid,
        "version": tx.version,
        "size": len(raw),
        "vsize": tx.vsize,
        "weight": tx.weight,
        "locktime": tx.locktime,
        "vin": [_input(tx, n, known if prevouts else {}) for n in range(len(tx.inputs))],
        "vout": [
            {"value": amount_of(out.value), "n": n, "scriptPubKey": script(out.script)}
            for n, out in enumerate(tx.outputs)
        ],
    }
    if known and all(txin.outpoint in known for txin in tx.inputs):
        paid_in = sum(known[txin.outpoint].output.value for txin in tx.inputs)
        view["fee"] = amount_of(paid_in - sum(out.value for out in tx.outputs))
    if hex_too:
        view["hex"] = raw.hex()
    return view


def _input(tx: Tx, index: int, coins: Coins) -> dict[str, Any]:
    txin = tx.inputs[index]
    view: dict[str, Any]
    if tx.is_coinbase:
        view = {"coinbase": txin.script_sig.hex()}
    else:
        words = bitcoin.script_asm(txin.script_sig, signatures=True)
        view = {
            "txid": txin.outpoint.txid,
            "vout": txin.outpoint.vout,
            "scriptSig": {"asm": words, "hex": txin.script_sig.hex()},
        }
    if txin.witness:
        view["txinwitness"] = [item.hex() for item in txin.witness]
    spent = coins.get(txin.outpoint)
    if spent is not None:
        view["prevout"] = {
            "generated": spent.coinbase,
            "height": spent.height,
            "value": amount_of(spent.output.value),
            "scriptPubKey": script(spent.output.script),
        }
    return {**view, "sequence": txin.sequence}
