"""debug_getRaw... and eth_getRaw...: headers, blocks, receipts and transactions as the bytes that hashes are made of."""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import params, views
from alys.models.ethereum.client import Client
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import from_data, from_quantity, to_data


def _block(client: Client, named: object) -> Block:
    """By number, tag or hash; raises RpcError where there is none."""
    is_hash = isinstance(named, str) and len(named) == 66
    return params.block(client.tree, {"blockHash": named} if is_hash else named)


def _raw_transaction(client: Client, tx_hash: object) -> str:
    """``0x`` where the transaction is unknown, as geth answers."""
    name = from_data(tx_hash, 32, "hash")
    place = client.tree.transaction(name)
    found = client.pool.get(name) if place is None else place[0].transactions[place[1]]
    return "0x" if found is None else to_data(found.raw)


def _raw_in(found: Block | None, index: object) -> str:
    """``0x`` where there is no such block or place."""
    position = from_quantity(index, "index")
    if found is None or position >= len(found.transactions):
        return "0x"
    return to_data(found.transactions[position].raw)


def _raw_in_number(client: Client, tag: object, index: object) -> str:
    return _raw_in(params.block_or_none(client.tree, tag), index)


def _raw_in_hash(client: Client, block_hash: object, index: object) -> str:
    return _raw_in(client.tree.get(from_data(block_hash, 32, "hash")), index)


METHODS: dict[str, Callable[..., Any]] = {
    "debug_getRawBlock": lambda client, named: to_data(views.raw(_block(client, named))),
    "debug_getRawHeader": lambda client, named: to_data(
        views.raw_header(_block(client, named).header)
    ),
    "debug_getRawReceipts": lambda client, named: [
        to_data(one) for one in views.raw_receipts(_block(client, named))
    ],
    "debug_getRawTransaction": _raw_transaction,
    "eth_getRawTransactionByBlockHashAndIndex": _raw_in_hash,
    "eth_getRawTransactionByBlockNumberAndIndex": _raw_in_number,
    "eth_getRawTransactionByHash": _raw_transaction,
}
"""By name: called with the client and the parameters as they came."""
