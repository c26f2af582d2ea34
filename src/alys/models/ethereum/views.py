"""Blocks, transactions, receipts and logs as JSON-RPC shows them."""

from collections.abc import Iterator
from typing import Any

from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.transactions import FeeMarketTransaction, LegacyTransaction
from ethereum.forks.shanghai.utils.address import compute_contract_address
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from alys.models.ethereum.transactions import SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import checksum_address, to_data, to_quantity


def block(found: Block, *, full: bool) -> dict[str, Any]:
    """eth_getBlockBy...: with transaction hashes, or with whole transactions."""
    header = found.header
    size = len(rlp.encode(header)) + sum(len(t.raw) for t in found.transactions)
    return {
        "hash": to_data(found.hash),
        "parentHash": to_data(found.parent_hash),
        "sha3Uncles": to_data(header.ommers_hash),
        "miner": to_data(header.coinbase),
        "stateRoot": to_data(header.state_root),
        "transactionsRoot": to_data(header.transactions_root),
        "receiptsRoot": to_data(header.receipt_root),
        "logsBloom": to_data(header.bloom),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "number": to_quantity(found.number),
        "gasLimit": to_quantity(int(header.gas_limit)),
        "gasUsed": to_quantity(int(header.gas_used)),
        "timestamp": to_quantity(int(header.timestamp)),
        "extraData": to_data(header.extra_data),
        "mixHash": to_data(header.prev_randao),
        "nonce": to_data(header.nonce),
        "baseFeePerGas": to_quantity(int(header.base_fee_per_gas)),
        "size": to_quantity(size),
        "uncles": [],
        "transactions": [
            transaction(tx, found, index) if full else to_data(tx.hash)
            for index, tx in enumerate(found.transactions)
        ],
        "withdrawalsRoot": to_data(header.withdrawals_root),
        "withdrawals": [withdrawal.to_json() for withdrawal in found.withdrawals],
    }


def transaction(tx: SignedTransaction, where: Block | None, index: int) -> dict[str, Any]:
    """eth_getTransactionByHash; ``where`` None for one in the pool."""
    body = tx.body
    to = tx.to
    view: dict[str, Any] = {
        "hash": to_data(tx.hash),
        "type": to_quantity(tx.kind),
        "nonce": to_quantity(tx.nonce),
        "from": checksum_address(tx.sender),
        "to": None if to is None else checksum_address(to),
        "value": to_quantity(int(body.value)),
        "gas": to_quantity(int(body.gas)),
        "gasPrice": to_quantity(_price(tx, where)),
        "input": to_data(body.data),
        "r": to_quantity(int(body.r)),
        "s": to_quantity(int(body.s)),
        "blockHash": None if where is None else to_data(where.hash),
        "blockNumber": None if where is None else to_quantity(where.number),
        "transactionIndex": None if where is None else to_quantity(index),
    }
    if isinstance(body, LegacyTransaction):
        return {**view, "v": to_quantity(int(body.v))}
    view.update(
        chainId=to_quantity(int(body.chain_id)),
        v=to_quantity(int(body.y_parity)),
        yParity=to_quantity(int(body.y_parity)),
        accessList=[
            {"address": to_data(item.account), "storageKeys": [to_data(s) for s in item.slots]}
            for item in body.access_list
        ],
    )
    if isinstance(body, FeeMarketTransaction):
        view.update(
            maxFeePerGas=to_quantity(tx.fee_cap), maxPriorityFeePerGas=to_quantity(tx.tip_cap)
        )
    return view


def _price(tx: SignedTransaction, where: Block | None) -> int:
    if where is None:
        return tx.fee_cap
    base_fee = int(where.header.base_fee_per_gas)
    return base_fee + tx.tip(base_fee)


def receipts(found: Block) -> list[dict[str, Any]]:
    """eth_getBlockReceipts: one per transaction, log indices counted through the block."""
    views = []
    gas_before, first_log = 0, 0
    for index, (tx, receipt) in enumerate(zip(found.transactions, found.receipts, strict=True)):
        gas_after = int(receipt.cumulative_gas_used)
        created = None
        if tx.to is None:
            created = to_data(compute_contract_address(Address(tx.sender), Uint(tx.nonce)))
        views.append(
            {
                "transactionHash": to_data(tx.hash),
                "transactionIndex": to_quantity(index),
                "blockHash": to_data(found.hash),
                "blockNumber": to_quantity(found.number),
                "from": checksum_address(tx.sender),
                "to": None if tx.to is None else checksum_address(tx.to),
                "cumulativeGasUsed": to_quantity(gas_after),
                "gasUsed": to_quantity(gas_after - gas_before),
                "effectiveGasPrice": to_quantity(_price(tx, found)),
                "contractAddress": created,
                "logs": [
                    _log(found, tx, index, log, first_log + n) for n, log in enumerate(receipt.logs)
                ],
                "logsBloom": to_data(receipt.bloom),
                "type": to_quantity(tx.kind),
                "status": "0x1" if receipt.succeeded else "0x0",
            }
        )
        gas_before = gas_after
        first_log += len(receipt.logs)
    return views


def logs(found: Block) -> Iterator[dict[str, Any]]:
    """All logs of a block, in order."""
    for receipt in receipts(found):
        yield from receipt["logs"]


def _log(found: Block, tx: SignedTransaction, index: int, log: Any, number: int) -> dict[str, Any]:
    return {
        "address": to_data(log.address),
        "topics": [to_data(topic) for topic in log.topics],
        "data": to_data(log.data),
        "blockHash": to_data(found.hash),
        "blockNumber": to_quantity(found.number),
        "transactionHash": to_data(tx.hash),
        "transactionIndex": to_quantity(index),
        "logIndex": to_quantity(number),
        "removed": False,
    }


def matches(log: dict[str, Any], addresses: set[str], topics: list[Any]) -> bool:
    """eth_getLogs' filter: any of the addresses (none: all), and each topic position null, one or any of a list."""
    if addresses and log["address"] not in addresses:
        return False
    if len(topics) > len(log["topics"]):
        return False
    for wanted, actual in zip(topics, log["topics"], strict=False):
        choices = wanted if isinstance(wanted, list) else [wanted]
        if wanted is not None and actual not in [str(choice).lower() for choice in choices]:
            return False
    return True
