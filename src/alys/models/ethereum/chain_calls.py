"""The public calls that read the chain, and the one that sends to it: eth_ and debug_dumpBlock."""

from collections.abc import Callable
from typing import Any

from alys.models.ethereum import params, views
from alys.models.ethereum.client import Client
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.pool import PoolRefusal
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import from_data, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import RpcError

TRANSACTION_BYTES_MAX = 128 * 1024
"""Of one that is sent, as in geth's pool; those that were read are remembered by the thousand."""

# State


def _balance(client: Client, address: object, tag: object = "latest") -> str:
    account = params.block(client.tree, tag).state.account(from_data(address, 20, "address"))
    return to_quantity(int(account.balance))


def _code(client: Client, address: object, tag: object = "latest") -> str:
    account = params.block(client.tree, tag).state.account(from_data(address, 20, "address"))
    return to_data(account.code)


def _nonce(client: Client, address: object, tag: object = "latest") -> str:
    sender = from_data(address, 20, "address")
    of = client.tree.head if tag == "pending" else params.block(client.tree, tag)
    nonce = int(of.state.account(sender).nonce)
    return to_quantity(client.pool.next_nonce(sender, nonce) if tag == "pending" else nonce)


def _storage(client: Client, address: object, slot: object, tag: object = "latest") -> str:
    state = params.block(client.tree, tag).state
    value = state.storage(from_data(address, 20, "address"), params.storage_key(slot))
    return to_data(value.to_bytes(32, "big"))


def _dump(client: Client, tag: object = "latest") -> dict[str, Any]:
    """geth's debug_dumpBlock: every account."""
    state = params.block(client.tree, tag).state
    accounts = {
        to_data(address): views.account(state, address, account)
        for address, account in state.accounts()
    }
    return {"root": state.root.hex(), "accounts": accounts}


# Blocks and transactions


def _by_number(client: Client, tag: object, full: object) -> Any:
    whole = params.flag(full, "whole transactions")
    found = params.block_or_none(client.tree, tag)
    if found is None:
        return None
    view = views.block(found, full=whole)
    return {**view, "hash": None, "nonce": None, "miner": None} if tag == "pending" else view


def _by_hash(client: Client, block_hash: object, full: object) -> Any:
    whole = params.flag(full, "whole transactions")
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    return None if found is None else views.block(found, full=whole)


def _header_by_number(client: Client, tag: object) -> Any:
    found = params.block_or_none(client.tree, tag)
    return None if found is None else views.header(found)


def _header_by_hash(client: Client, block_hash: object) -> Any:
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    return None if found is None else views.header(found)


def _count_by_number(client: Client, tag: object) -> str | None:
    found = params.block_or_none(client.tree, tag)
    return None if found is None else to_quantity(len(found.transactions))


def _count_by_hash(client: Client, block_hash: object) -> str | None:
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    return None if found is None else to_quantity(len(found.transactions))


def _transaction(client: Client, tx_hash: object) -> Any:
    name = from_data(tx_hash, 32, "hash")
    place = client.tree.transaction(name)
    if place is not None:
        return views.transaction(place[0].transactions[place[1]], *place)
    waiting = client.pool.get(name)
    return None if waiting is None else views.transaction(waiting, None, 0)


def _transaction_in_number(client: Client, tag: object, index: object) -> Any:
    return _at(params.block_or_none(client.tree, tag), from_quantity(index, "index"))


def _transaction_in_hash(client: Client, block_hash: object, index: object) -> Any:
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    return _at(found, from_quantity(index, "index"))


def _at(found: Block | None, position: int) -> Any:
    if found is None or position >= len(found.transactions):
        return None
    return views.transaction(found.transactions[position], found, position)


def _receipt(client: Client, tx_hash: object) -> Any:
    place = client.tree.transaction(from_data(tx_hash, 32, "hash"))
    return None if place is None else views.receipts(place[0])[place[1]]


def _receipts(client: Client, tag: object) -> Any:
    found = _block_by_either(client, tag)
    return None if found is None else views.receipts(found)


def _uncle(client: Client, tag: object, index: object) -> Any:
    """By block and position; blocks after the merge have none."""
    found, position = _block_by_either(client, tag), from_quantity(index, "index")
    if found is None or position >= len(found.ommers):
        return None
    return views.uncle(found.ommers[position], found.rules)


def _uncle_count(client: Client, tag: object) -> str | None:
    found = _block_by_either(client, tag)
    return None if found is None else to_quantity(len(found.ommers))


def _block_by_either(client: Client, tag: object) -> Block | None:
    is_hash = isinstance(tag, str) and len(tag) == 66
    return params.block_or_none(client.tree, {"blockHash": tag} if is_hash else tag)


def _send(client: Client, raw: object) -> str:
    data = from_data(raw, what="transaction")
    if len(data) > TRANSACTION_BYTES_MAX:
        told = f"oversized data: transaction size {len(data)}, limit {TRANSACTION_BYTES_MAX}"
        raise RpcError(SERVER_ERROR, told)
    try:
        transaction = client.read_transaction(data)
        if not transaction.protected:
            raise BadTransaction("only replay-protected (EIP-155) transactions allowed over RPC")
    except BadTransaction as error:
        raise RpcError(SERVER_ERROR, error.reason) from error
    return send(client, transaction)


def send(client: Client, transaction: SignedTransaction) -> str:
    """Into the pool; its hash. Raises RpcError."""
    head = client.tree.head
    try:
        client.pool.add(transaction, head.state, int(head.header.gas_limit), client.now())
    except PoolRefusal as error:
        raise RpcError(SERVER_ERROR, error.reason) from error
    return to_data(transaction.hash)


METHODS: dict[str, Callable[..., Any]] = {
    "debug_dumpBlock": _dump,
    "eth_blockNumber": lambda client: to_quantity(client.tree.head.number),
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _by_hash,
    "eth_getBlockByNumber": _by_number,
    "eth_getBlockReceipts": _receipts,
    "eth_getBlockTransactionCountByHash": _count_by_hash,
    "eth_getBlockTransactionCountByNumber": _count_by_number,
    "eth_getCode": _code,
    "eth_getHeaderByHash": _header_by_hash,
    "eth_getHeaderByNumber": _header_by_number,
    "eth_getStorageAt": _storage,
    "eth_getTransactionByBlockHashAndIndex": _transaction_in_hash,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_in_number,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _nonce,
    "eth_getTransactionReceipt": _receipt,
    "eth_getUncleByBlockHashAndIndex": _uncle,
    "eth_getUncleByBlockNumberAndIndex": _uncle,
    "eth_getUncleCountByBlockHash": _uncle_count,
    "eth_getUncleCountByBlockNumber": _uncle_count,
    "eth_sendRawTransaction": _send,
}
"""By name: called with the client and the parameters as they came."""
