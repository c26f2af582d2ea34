"""The public calls that read the chain, and the one that sends to it: eth_, net_, web3_ and debug_dumpBlock."""

from collections.abc import Callable, Mapping
from typing import Any

from alys.models.ethereum import params, views
from alys.models.ethereum.client import Client
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.pool import PoolRefusal
from alys.models.ethereum.transactions import BadTransaction
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import from_data, from_quantity, keccak256, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, RpcError

CLIENT_VERSION = "alys-ethereum/1"


# State


def _balance(client: Client, address: object, tag: object = "latest") -> str:
    account = params.block(client.tree, tag).state.account(from_data(address, 20, "address"))
    return to_quantity(int(account.balance))


def _code(client: Client, address: object, tag: object = "latest") -> str:
    account = params.block(client.tree, tag).state.account(from_data(address, 20, "address"))
    return to_data(account.code)


def _nonce(client: Client, address: object, tag: object = "latest") -> str:
    sender = from_data(address, 20, "address")
    nonce = int(params.block(client.tree, tag).state.account(sender).nonce)
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


def _by_number(client: Client, tag: object, full: object = False) -> Any:
    found = params.block_or_none(client.tree, tag)
    return None if found is None else views.block(found, full=full is True)


def _by_hash(client: Client, block_hash: object, full: object = False) -> Any:
    found = client.tree.get(from_data(block_hash, 32, "hash"))
    return None if found is None else views.block(found, full=full is True)


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


def _transaction_in(client: Client, tag: object, index: object) -> Any:
    """By block number or hash, and position."""
    found, position = _block_by_either(client, tag), from_quantity(index, "index")
    if found is None or position >= len(found.transactions):
        return None
    return views.transaction(found.transactions[position], found, position)


def _receipt(client: Client, tx_hash: object) -> Any:
    place = client.tree.transaction(from_data(tx_hash, 32, "hash"))
    return None if place is None else views.receipts(place[0])[place[1]]


def _receipts(client: Client, tag: object) -> Any:
    found = _block_by_either(client, tag)
    return None if found is None else views.receipts(found)


def _block_by_either(client: Client, tag: object) -> Block | None:
    is_hash = isinstance(tag, str) and len(tag) == 66
    return params.block_or_none(client.tree, {"blockHash": tag} if is_hash else tag)


def _logs(client: Client, asked: object = None) -> list[dict[str, Any]]:
    wanted = params.as_object({} if asked is None else asked, "filter")
    addresses = params.addresses(wanted.get("address"))
    topics = params.topics(wanted.get("topics"))
    return [log for block in _range(client, wanted) for log in views.logs(block, addresses, topics)]


def _range(client: Client, wanted: Mapping[str, Any]) -> list[Block]:
    """The blocks a filter covers; those above the head are not there yet."""
    tree = client.tree
    if wanted.get("blockHash") is not None:
        if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
            raise RpcError(INVALID_PARAMS, "cannot specify both BlockHash and FromBlock/ToBlock")
        found = tree.get(from_data(wanted["blockHash"], 32, "blockHash"))
        if found is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return [found]
    first = _height(client, wanted.get("fromBlock"))
    last = _height(client, wanted.get("toBlock"))
    if first > last:
        raise RpcError(INVALID_PARAMS, "invalid block range params")
    return tree.canonical[first : last + 1]


def _height(client: Client, tag: object) -> int:
    """Where a filter begins or ends; a number may lie above the head."""
    if isinstance(tag, str) and tag.startswith("0x"):
        return from_quantity(tag, "block number")
    return params.block(client.tree, "latest" if tag is None else tag).number


def _send(client: Client, raw: object) -> str:
    data = from_data(raw, what="transaction")
    try:
        transaction = client.read_transaction(data)
        if not transaction.protected:
            raise BadTransaction("only replay-protected (EIP-155) transactions allowed over RPC")
        head = client.tree.head
        client.pool.add(transaction, head.state, int(head.header.gas_limit), client.now())
    except (BadTransaction, PoolRefusal) as error:
        raise RpcError(SERVER_ERROR, error.reason) from error
    return to_data(transaction.hash)


METHODS: dict[str, Callable[..., Any]] = {
    "debug_dumpBlock": _dump,
    "eth_accounts": lambda client: [],
    "eth_blockNumber": lambda client: to_quantity(client.tree.head.number),
    "eth_chainId": lambda client: to_quantity(client.chain_id),
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _by_hash,
    "eth_getBlockByNumber": _by_number,
    "eth_getBlockReceipts": _receipts,
    "eth_getBlockTransactionCountByHash": _count_by_hash,
    "eth_getBlockTransactionCountByNumber": _count_by_number,
    "eth_getCode": _code,
    "eth_getLogs": _logs,
    "eth_getStorageAt": _storage,
    "eth_getTransactionByBlockHashAndIndex": _transaction_in,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_in,
    "eth_getTransactionByHash": _transaction,
    "eth_getTransactionCount": _nonce,
    "eth_getTransactionReceipt": _receipt,
    "eth_sendRawTransaction": _send,
    "eth_syncing": lambda client: False,
    "net_listening": lambda client: True,
    "net_peerCount": lambda client: "0x0",
    "net_version": lambda client: str(client.chain_id),
    "web3_clientVersion": lambda client: CLIENT_VERSION,
    "web3_sha3": lambda client, data: to_data(keccak256(from_data(data))),
}
"""By name: called with the client and the parameters as they came."""
