"""An Ethereum execution client behind its two RPCs, sans I/O: method and params in, JSON values out.

``handle`` is the public port (eth_, net_, web3_, debug_), ``handle_engine`` the authenticated one for consensus clients,
which also serves the eth_ calls. Codes and words are geth's where clients match on them.
"""

import inspect
from collections.abc import Callable
from typing import Any

from alys.models.ethereum import execution, simulate, views
from alys.models.ethereum.client import Client, tips_paid
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.pool import PoolRefusal
from alys.models.ethereum.simulate import Call, CallFailed
from alys.models.ethereum.transactions import BadTransaction, decode
from alys.models.ethereum.tree import Block
from alys.wire import engine, ethereum
from alys.wire.ethereum import from_data, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import INVALID_PARAMS, Dialect, Params, RpcError, method_not_found

SERVER_ERROR = -32000
REVERTED = 3
CLIENT_VERSION = "alys-ethereum/1"
DEFAULT_TIP_WEI = 10**9
BODIES_MAX = 1024

ENGINE_METHODS = (
    "engine_exchangeCapabilities",
    "engine_forkchoiceUpdatedV2",
    "engine_getPayloadBodiesByHashV1",
    "engine_getPayloadBodiesByRangeV1",
    "engine_getPayloadV2",
    "engine_newPayloadV2",
)


class EthereumNode:
    """One client: chain, pool, and the calls of its two RPCs."""

    def __init__(self, genesis: Genesis, now: Callable[[], float]) -> None:
        self.client = Client(genesis, now)
        self.tree = self.client.tree

    @property
    def listeners(self) -> list[Callable[[Block], None]]:
        """Told of each new head."""
        return self.client.listeners

    def handle(self, method: str, params: Params) -> Any:
        """The result of a call on the public port; raises RpcError."""
        return self._call(METHODS, method, params)

    def handle_engine(self, method: str, params: Params) -> Any:
        """The result of a call on the Engine port; raises RpcError."""
        return self._call({**METHODS, **ENGINE}, method, params)

    def _call(self, table: "dict[str, Callable[..., Any]]", method: str, params: Params) -> Any:
        call = table.get(method)
        if call is None:
            raise method_not_found(method, Dialect.ETHEREUM)
        if isinstance(params, dict):
            raise RpcError(INVALID_PARAMS, "non-array args")
        try:
            inspect.signature(call).bind(self, *params)
        except TypeError as error:
            raise RpcError(INVALID_PARAMS, f"{method}: {error}") from error
        try:
            return call(self, *params)
        except ethereum.BadEthereumData as error:
            raise RpcError(INVALID_PARAMS, str(error)) from error

    def block(self, tag: object) -> Block | None:
        """The block a tag, a number or an EIP-1898 object names; None when there is none."""
        if isinstance(tag, dict):
            if "blockHash" in tag:
                return self.tree.get(from_data(tag["blockHash"], 32, "blockHash"))
            tag = tag.get("blockNumber")
        named = {
            "latest": self.tree.head,
            "pending": self.tree.head,
            "earliest": self.tree.genesis,
            "safe": self.tree.safe,
            "finalized": self.tree.finalized,
        }
        if isinstance(tag, str) and tag in named:
            return named[tag]
        return self.tree.at(from_quantity(tag, "block number"))

    def known(self, tag: object) -> Block:
        """The same, but one that must be there; raises RpcError."""
        found = self.block(tag)
        if found is None:
            raise RpcError(SERVER_ERROR, "header not found")
        return found


# State


def _balance(node: EthereumNode, address: object, tag: object = "latest") -> str:
    account = node.known(tag).state.account(from_data(address, 20, "address"))
    return to_quantity(int(account.balance))


def _code(node: EthereumNode, address: object, tag: object = "latest") -> str:
    return to_data(node.known(tag).state.account(from_data(address, 20, "address")).code)


def _nonce(node: EthereumNode, address: object, tag: object = "latest") -> str:
    sender = from_data(address, 20, "address")
    nonce = int(node.known(tag).state.account(sender).nonce)
    return to_quantity(node.client.pool.next_nonce(sender, nonce) if tag == "pending" else nonce)


def _storage(node: EthereumNode, address: object, slot: object, tag: object = "latest") -> str:
    key = int(str(slot), 16).to_bytes(32, "big")
    value = node.known(tag).state.storage(from_data(address, 20, "address"), key)
    return to_data(value.to_bytes(32, "big"))


def _dump(node: EthereumNode, tag: object = "latest") -> dict[str, Any]:
    """geth's debug_dumpBlock: every account with its balance in decimal."""
    state = node.known(tag).state
    accounts = {
        to_data(address): {"balance": str(int(account.balance)), "nonce": int(account.nonce)}
        for address, account in state.accounts()
    }
    return {"root": state.root.hex(), "accounts": accounts}


# Blocks and transactions


def _get_block(node: EthereumNode, tag: object, full: bool = False) -> Any:
    found = node.block(tag)
    return None if found is None else views.block(found, full=bool(full))


def _get_block_by_hash(node: EthereumNode, block_hash: object, full: bool = False) -> Any:
    found = node.tree.get(from_data(block_hash, 32, "hash"))
    return None if found is None else views.block(found, full=bool(full))


def _get_transaction(node: EthereumNode, tx_hash: object) -> Any:
    name = from_data(tx_hash, 32, "hash")
    place = node.tree.transaction(name)
    if place is not None:
        return views.transaction(place[0].transactions[place[1]], *place)
    waiting = node.client.pool.get(name)
    return None if waiting is None else views.transaction(waiting, None, 0)


def _get_receipt(node: EthereumNode, tx_hash: object) -> Any:
    place = node.tree.transaction(from_data(tx_hash, 32, "hash"))
    return None if place is None else views.receipts(place[0])[place[1]]


def _block_receipts(node: EthereumNode, tag: object) -> Any:
    is_hash = isinstance(tag, str) and len(tag) == 66
    found = node.block({"blockHash": tag}) if is_hash else node.block(tag)
    return None if found is None else views.receipts(found)


def _get_logs(node: EthereumNode, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    given = wanted.get("address") or []
    addresses = {str(one).lower() for one in (given if isinstance(given, list) else [given])}
    topics = wanted.get("topics") or []
    return [
        log
        for block in _range(node, wanted)
        for log in views.logs(block)
        if views.matches(log, addresses, topics)
    ]


def _range(node: EthereumNode, wanted: dict[str, Any]) -> list[Block]:
    if "blockHash" in wanted:
        found = node.tree.get(from_data(wanted["blockHash"], 32, "blockHash"))
        if found is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return [found]
    first = node.known(wanted.get("fromBlock", "latest")).number
    last = node.block(wanted.get("toBlock", "latest"))
    end = node.tree.head.number if last is None else last.number
    if first > end:
        raise RpcError(INVALID_PARAMS, "invalid block range params")
    return node.tree.canonical[first : end + 1]


def _send(node: EthereumNode, raw: object) -> str:
    try:
        transaction = decode(from_data(raw, what="transaction"), node.client.chain_id)
        head = node.tree.head
        limit = int(head.header.gas_limit)
        node.client.pool.add(transaction, head.state, limit, node.client.now())
    except (BadTransaction, PoolRefusal) as error:
        raise RpcError(SERVER_ERROR, error.reason) from error
    return to_data(transaction.hash)


# Calls and fees


def _call_of(node: EthereumNode, asked: dict[str, Any], block: Block) -> Call:
    to = asked.get("to")
    data = asked.get("input", asked.get("data", "0x"))
    limit = int(block.header.gas_limit)
    gas = from_quantity(asked["gas"], "gas") if asked.get("gas") is not None else limit
    return Call(
        sender=from_data(asked.get("from") or to_data(bytes(20)), 20, "from"),
        to=None if to is None else from_data(to, 20, "to"),
        data=from_data(data, what="input"),
        value=from_quantity(asked.get("value") or "0x0", "value"),
        gas=min(gas, limit),
    )


def _failed(error: CallFailed) -> RpcError:
    if error.output is None:
        return RpcError(SERVER_ERROR, error.reason)
    return RpcError(REVERTED, error.reason, to_data(error.output))


def _eth_call(node: EthereumNode, asked: dict[str, Any], tag: object = "latest") -> str:
    block = node.known(tag)
    call = _call_of(node, asked, block)
    try:
        return to_data(simulate.run(call, block, block.header, node.client.chain_id).output)
    except CallFailed as error:
        raise _failed(error) from error


def _estimate(node: EthereumNode, asked: dict[str, Any], tag: object = "latest") -> str:
    block = node.known(tag)
    call = _call_of(node, asked, block)
    try:
        return to_quantity(simulate.estimate(call, block, block.header, node.client.chain_id))
    except CallFailed as error:
        raise _failed(error) from error


def _fee_history(
    node: EthereumNode, count: object, newest: object, percentiles: list[float] | None = None
) -> dict[str, Any]:
    amount = from_quantity(count, "blockCount") if isinstance(count, str) else int(str(count))
    last = node.known(newest)
    blocks = node.tree.canonical[max(0, last.number - amount + 1) : last.number + 1]
    fees = [int(block.header.base_fee_per_gas) for block in blocks]
    view: dict[str, Any] = {
        "oldestBlock": to_quantity(blocks[0].number if blocks else last.number),
        "baseFeePerGas": [
            to_quantity(fee) for fee in (*fees, execution.next_base_fee(last.header))
        ],
        "gasUsedRatio": [int(b.header.gas_used) / int(b.header.gas_limit) for b in blocks],
    }
    if percentiles:
        view["reward"] = [_rewards(block, percentiles) for block in blocks]
    return view


def _rewards(block: Block, percentiles: list[float]) -> list[str]:
    """Tips of the block's transactions at these percentiles of its gas."""
    base_fee = int(block.header.base_fee_per_gas)
    used, tips = 0, []
    for transaction, receipt in zip(block.transactions, block.receipts, strict=True):
        tips.append((transaction.tip(base_fee), int(receipt.cumulative_gas_used) - used))
        used = int(receipt.cumulative_gas_used)
    tips.sort()
    rewards = []
    for percentile in percentiles:
        reached, chosen = 0, 0
        for tip, gas in tips:
            chosen = tip
            reached += gas
            if reached >= used * percentile / 100:
                break
        rewards.append(to_quantity(chosen))
    return rewards


def _gas_price(node: EthereumNode) -> str:
    return to_quantity(execution.next_base_fee(node.tree.head.header) + DEFAULT_TIP_WEI)


# Engine API


def _forkchoice(node: EthereumNode, state: object, attributes: object = None) -> dict[str, Any]:
    wanted = None if attributes is None else engine.PayloadAttributes.from_json(attributes)
    answer = node.client.forkchoice_updated(engine.ForkchoiceState.from_json(state), wanted)
    return answer.to_json()


def _new_payload(node: EthereumNode, payload: object) -> dict[str, Any]:
    return node.client.new_payload(engine.ExecutionPayload.from_json(payload)).to_json()


def _get_payload(node: EthereumNode, payload_id: object) -> dict[str, Any]:
    block = node.client.get_payload(from_data(payload_id, 8, "payloadId"))
    return {
        "executionPayload": execution.payload_of(block).to_json(),
        "blockValue": to_quantity(tips_paid(block)),
    }


def _body(block: Block | None) -> dict[str, Any] | None:
    if block is None:
        return None
    return {
        "transactions": [to_data(transaction.raw) for transaction in block.transactions],
        "withdrawals": [withdrawal.to_json() for withdrawal in block.withdrawals],
    }


def _bodies_by_hash(node: EthereumNode, hashes: list[object]) -> list[Any]:
    return [_body(node.tree.get(from_data(one, 32, "hash"))) for one in hashes[:BODIES_MAX]]


def _bodies_by_range(node: EthereumNode, start: object, count: object) -> list[Any]:
    first = from_quantity(start, "start")
    amount = min(from_quantity(count, "count"), BODIES_MAX)
    return [_body(block) for block in node.tree.canonical[first : first + amount]]


METHODS: dict[str, Callable[..., Any]] = {
    "debug_dumpBlock": _dump,
    "eth_accounts": lambda node: [],
    "eth_blockNumber": lambda node: to_quantity(node.tree.head.number),
    "eth_call": _eth_call,
    "eth_chainId": lambda node: to_quantity(node.client.chain_id),
    "eth_estimateGas": _estimate,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": _gas_price,
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _get_block_by_hash,
    "eth_getBlockByNumber": _get_block,
    "eth_getBlockReceipts": _block_receipts,
    "eth_getCode": _code,
    "eth_getLogs": _get_logs,
    "eth_getStorageAt": _storage,
    "eth_getTransactionByHash": _get_transaction,
    "eth_getTransactionCount": _nonce,
    "eth_getTransactionReceipt": _get_receipt,
    "eth_maxPriorityFeePerGas": lambda node: to_quantity(DEFAULT_TIP_WEI),
    "eth_sendRawTransaction": _send,
    "eth_syncing": lambda node: False,
    "net_listening": lambda node: True,
    "net_peerCount": lambda node: "0x0",
    "net_version": lambda node: str(node.client.chain_id),
    "web3_clientVersion": lambda node: CLIENT_VERSION,
}

ENGINE: dict[str, Callable[..., Any]] = {
    "engine_exchangeCapabilities": lambda node, theirs: list(ENGINE_METHODS),
    "engine_forkchoiceUpdatedV2": _forkchoice,
    "engine_getPayloadBodiesByHashV1": _bodies_by_hash,
    "engine_getPayloadBodiesByRangeV1": _bodies_by_range,
    "engine_getPayloadV2": _get_payload,
    "engine_newPayloadV2": _new_payload,
}
