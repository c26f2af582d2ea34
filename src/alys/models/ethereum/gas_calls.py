"""The public calls about what a transaction would do and cost: eth_call, eth_estimateGas, prices and their history."""

from collections.abc import Callable
from typing import Any

import msgspec
from ethereum_types.numeric import U64

from alys.models.ethereum import execution, params
from alys.models.ethereum.client import Client
from alys.models.ethereum.params import SERVER_ERROR
from alys.models.ethereum.simulate import AccessList, Call, CallFailed, Simulator
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import BadEthereumData, from_quantity, to_data, to_quantity
from alys.wire.jsonrpc import RpcError

REVERTED = 3
"""The code that says: the error's ``data`` is what the contract reverted with."""

DEFAULT_TIP_WEI = 10**9
"""What eth_maxPriorityFeePerGas advises."""

HISTORY_BLOCKS_MAX = 1024


def _call(client: Client, asked: object, tag: object = "latest", overrides: object = None) -> str:
    block = params.block(client.tree, "latest" if tag is None else tag)
    call = params.call(asked, int(block.header.gas_limit))
    try:
        return to_data(simulator(client, block, overrides).run(call).output)
    except CallFailed as error:
        raise failed(error) from error


def _estimate(
    client: Client, asked: object, tag: object = "latest", overrides: object = None
) -> str:
    block = params.block(client.tree, "latest" if tag is None else tag)
    call = params.call(asked, int(block.header.gas_limit))
    return to_quantity(estimate(client, call, block, overrides))


def estimate(
    client: Client, call: Call, block: Block | None = None, overrides: object = None
) -> int:
    """The gas limit that a call needs on a block (the head unless told); raises RpcError."""
    try:
        return simulator(client, block or client.tree.head, overrides).estimate(call)
    except CallFailed as error:
        raise failed(error) from error


def _access_list(client: Client, asked: object, tag: object = "latest") -> dict[str, Any]:
    """What the call touches beside its sender and recipient, run again with that list until it is the whole of it."""
    block = params.block(client.tree, "latest" if tag is None else tag)
    call = params.call(asked, int(block.header.gas_limit))
    simulated = simulator(client, block, None)
    bare = {call.sender, call.to, bytes(block.header.coinbase)}
    bare.add(None if call.to else simulated.created_by(call))
    while True:
        try:
            result = simulated.run(call)
        except CallFailed as error:
            listed = _listed(call.access_list)
            return {"accessList": listed, "error": error.reason, "gasUsed": to_quantity(call.gas)}
        touched = tuple(one for one in result.accessed if one[1] or one[0] not in bare)
        if touched == call.access_list:
            return {"accessList": _listed(touched), "gasUsed": to_quantity(result.gas_used)}
        call = msgspec.structs.replace(call, access_list=touched)


def _listed(access_list: AccessList) -> list[dict[str, Any]]:
    return [
        {"address": to_data(address), "storageKeys": [to_data(key) for key in keys]}
        for address, keys in access_list
    ]


def simulator(client: Client, block: Block, overrides: object = None) -> Simulator:
    """Calls on the state after a block; ``overrides`` as callers write them. Raises BadEthereumData."""
    parent = client.tree.get(block.parent_hash)
    hashes = [] if parent is None else client.tree.hashes_before(parent)
    return Simulator(block, client.chain_id, hashes, params.overrides(overrides))


def failed(error: CallFailed) -> RpcError:
    """How a call that did not end well is answered."""
    if error.output is None:
        return RpcError(SERVER_ERROR, error.reason)
    return RpcError(REVERTED, error.reason, to_data(error.output))


def _gas_price(client: Client) -> str:
    return to_quantity(execution.next_base_fee(client.tree.head.header) + DEFAULT_TIP_WEI)


def _fee_history(
    client: Client, count: object, newest: object, percentiles: object = None
) -> dict[str, Any]:
    """One base fee more than blocks: the last is the next block's."""
    amount = count if isinstance(count, int) else from_quantity(count, "blockCount")
    wanted = _percentiles(percentiles)
    last = params.block(client.tree, "latest" if newest == "pending" else newest)
    if amount < 1:
        return {"oldestBlock": "0x0", "gasUsedRatio": None}
    first = max(0, last.number + 1 - min(amount, HISTORY_BLOCKS_MAX))
    blocks = client.tree.canonical[first : last.number + 1]
    fees = [_base_fee(block) for block in blocks]
    view: dict[str, Any] = {
        "oldestBlock": to_quantity(first),
        "baseFeePerGas": [
            to_quantity(fee) for fee in (*fees, execution.next_base_fee(last.header))
        ],
        "gasUsedRatio": [int(b.header.gas_used) / int(b.header.gas_limit) for b in blocks],
    }
    if last.rules.has_blobs:
        excess = [_excess_blob_gas(block) for block in blocks] + [_next_excess(last)]
        view["baseFeePerBlobGas"] = [to_quantity(_blob_fee(last, one)) for one in excess]
        limit = int(last.rules.transition.MAX_BLOB_GAS_PER_BLOCK)
        view["blobGasUsedRatio"] = [
            int(getattr(block.header, "blob_gas_used", 0)) / limit for block in blocks
        ]
    if wanted:
        view["reward"] = [_rewards(block, wanted) for block in blocks]
    return view


def _base_fee(block: Block) -> int:
    """0 before London."""
    return int(getattr(block.header, "base_fee_per_gas", 0))


def _blob_base_fee(client: Client) -> str | None:
    """Of a block on the head; null before Cancun, as geth answers."""
    head = client.tree.head
    if not head.rules.has_blobs:
        return None
    return to_quantity(_blob_fee(head, _next_excess(head)))


def _blob_fee(block: Block, excess: int) -> int:
    return int(block.rules.vm.gas.calculate_blob_gas_price(U64(excess)))


def _excess_blob_gas(block: Block) -> int:
    return int(getattr(block.header, "excess_blob_gas", 0))


def _next_excess(block: Block) -> int:
    return int(block.rules.vm.gas.calculate_excess_blob_gas(block.header))


def _percentiles(value: object) -> list[float]:
    """Ascending numbers from 0 to 100; raises BadEthereumData for others than numbers, RpcError for others than those."""
    listed = [] if value is None else params.as_list(value, "reward percentiles")
    before = 0.0
    for one in listed:
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise BadEthereumData("reward percentiles", f"{one!r} is not a number")
        if not before <= one <= 100:
            raise RpcError(SERVER_ERROR, f"invalid reward percentile: {one}")
        before = one
    return listed


def _rewards(block: Block, percentiles: list[float]) -> list[str]:
    """Tips of the block's transactions at these percentiles of its gas; zeros for an empty block."""
    base_fee = _base_fee(block)
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


METHODS: dict[str, Callable[..., Any]] = {
    "eth_blobBaseFee": _blob_base_fee,
    "eth_call": _call,
    "eth_createAccessList": _access_list,
    "eth_estimateGas": _estimate,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": _gas_price,
    "eth_maxPriorityFeePerGas": lambda client: to_quantity(DEFAULT_TIP_WEI),
}
"""By name: called with the client and the parameters as they came."""
