"""Blocks, transactions, receipts and logs as JSON-RPC shows them."""

from collections.abc import Iterator
from typing import Any

from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.utils.address import compute_contract_address
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from alys.models.ethereum import trie
from alys.models.ethereum.forks import Account, Header, Log, Receipt, Rules
from alys.models.ethereum.headers import hash_of
from alys.models.ethereum.light import encoded_withdrawal
from alys.models.ethereum.light_header import LightHeader
from alys.models.ethereum.light_run import LightReceipt
from alys.models.ethereum.light_state import AnyState
from alys.models.ethereum.run import eels_withdrawal
from alys.models.ethereum.transactions import SignedTransaction, encoded
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import keccak256, to_data, to_quantity


def block(found: Block, *, full: bool) -> dict[str, Any]:
    """eth_getBlockBy...: with transaction hashes, or with whole transactions."""
    view: dict[str, Any] = {
        **header(found),
        "size": to_quantity(len(raw(found))),
        "uncles": [to_data(hash_of(ommer)) for ommer in found.ommers],
        "transactions": [
            transaction(tx, found, index) if full else to_data(tx.hash)
            for index, tx in enumerate(found.transactions)
        ],
    }
    if found.rules.has_withdrawals:
        view["withdrawals"] = [withdrawal.to_json() for withdrawal in found.withdrawals]
    return view


def header(found: Block) -> dict[str, Any]:
    """A header as subscriptions to newHeads show it."""
    view = header_fields(found.header, found.rules)
    return {
        "hash": to_data(found.hash),
        **view,
        "totalDifficulty": to_quantity(found.total_difficulty),
    }


def header_fields(header: Header, rules: Rules) -> dict[str, Any]:
    """What a header itself has."""
    mix = header.prev_randao if rules.is_merged else header.mix_digest
    view: dict[str, Any] = {
        "parentHash": to_data(header.parent_hash),
        "sha3Uncles": to_data(header.ommers_hash),
        "miner": to_data(header.coinbase),
        "stateRoot": to_data(header.state_root),
        "transactionsRoot": to_data(header.transactions_root),
        "receiptsRoot": to_data(header.receipt_root),
        "logsBloom": to_data(header.bloom),
        "difficulty": to_quantity(int(header.difficulty)),
        "number": to_quantity(int(header.number)),
        "gasLimit": to_quantity(int(header.gas_limit)),
        "gasUsed": to_quantity(int(header.gas_used)),
        "timestamp": to_quantity(int(header.timestamp)),
        "extraData": to_data(header.extra_data),
        "mixHash": to_data(mix),
        "nonce": to_data(header.nonce),
    }
    if rules.has_base_fee:
        view["baseFeePerGas"] = to_quantity(int(header.base_fee_per_gas))
    if rules.has_withdrawals:
        view["withdrawalsRoot"] = to_data(header.withdrawals_root)
    if rules.has_blobs:
        view["blobGasUsed"] = to_quantity(int(header.blob_gas_used))
        view["excessBlobGas"] = to_quantity(int(header.excess_blob_gas))
        view["parentBeaconBlockRoot"] = to_data(header.parent_beacon_block_root)
    return view


def uncle(ommer: Header, rules: Rules) -> dict[str, Any]:
    """eth_getUncleBy...: an uncle as a block without a body."""
    size = len(rlp.encode((ommer, (), ())))
    view = header_fields(ommer, rules)
    return {"hash": to_data(hash_of(ommer)), **view, "size": to_quantity(size), "uncles": []}


def raw_header(header: Header) -> bytes:
    """A header in RLP."""
    return header.rlp if isinstance(header, LightHeader) else bytes(rlp.encode(header))


def raw(found: Block) -> bytes:
    """The whole block in RLP."""
    if isinstance(found.header, LightHeader):
        return _raw_light(found, found.header)
    rules = found.rules
    bodies = tuple(encoded(tx.body, rules) for tx in found.transactions)
    parts: tuple[Any, ...] = (found.header, bodies, found.ommers)
    if rules.has_withdrawals:
        parts += (tuple(eels_withdrawal(one, rules) for one in found.withdrawals),)
    return bytes(rlp.encode(parts))


def _raw_light(found: Block, header: LightHeader) -> bytes:
    bodies = b"".join(trie.string(tx.raw) if tx.kind else tx.raw for tx in found.transactions)
    withdrawals = b"".join(map(encoded_withdrawal, found.withdrawals))
    parts = (header.rlp, trie.listed(bodies), trie.listed(b""), trie.listed(withdrawals))
    return trie.listed(b"".join(parts))


def raw_receipts(found: Block) -> list[bytes]:
    """Each receipt as the receipts trie holds it (EIP-2718)."""
    return [
        (bytes([tx.kind]) if tx.kind else b"") + _encoded_receipt(receipt)
        for tx, receipt in zip(found.transactions, found.receipts, strict=True)
    ]


def _encoded_receipt(receipt: Receipt) -> bytes:
    return receipt.rlp if isinstance(receipt, LightReceipt) else bytes(rlp.encode(receipt))


def transaction(tx: SignedTransaction, where: Block | None, index: int) -> dict[str, Any]:
    """eth_getTransactionByHash; ``where`` None for one in the pool."""
    body = tx.body
    to = tx.to
    view: dict[str, Any] = {
        "hash": to_data(tx.hash),
        "type": to_quantity(tx.kind),
        "nonce": to_quantity(tx.nonce),
        "from": to_data(tx.sender),
        "to": None if to is None else to_data(to),
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
    if tx.kind == 0:
        if tx.protected:  # EIP-155
            view["chainId"] = to_quantity(tx.chain_id)
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
    if tx.kind >= 2:
        view.update(
            maxFeePerGas=to_quantity(tx.fee_cap), maxPriorityFeePerGas=to_quantity(tx.tip_cap)
        )
    if tx.kind == 3:
        view.update(
            maxFeePerBlobGas=to_quantity(int(body.max_fee_per_blob_gas)),
            blobVersionedHashes=[to_data(one) for one in tx.blob_hashes],
        )
    return view


def _price(tx: SignedTransaction, where: Block | None) -> int:
    if where is None:
        return tx.fee_cap
    if not where.rules.has_base_fee:
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
        view: dict[str, Any] = {
            "transactionHash": to_data(tx.hash),
            "transactionIndex": to_quantity(index),
            "blockHash": to_data(found.hash),
            "blockNumber": to_quantity(found.number),
            "from": to_data(tx.sender),
            "to": None if tx.to is None else to_data(tx.to),
            "cumulativeGasUsed": to_quantity(gas_after),
            "gasUsed": to_quantity(gas_after - gas_before),
            "effectiveGasPrice": to_quantity(_price(tx, found)),
            "contractAddress": created,
            "logs": [
                _log(found, tx, index, log, first_log + n) for n, log in enumerate(receipt.logs)
            ],
            "logsBloom": to_data(receipt.bloom),
            "type": to_quantity(tx.kind),
        }
        if found.rules.has_status:
            view["status"] = "0x1" if receipt.succeeded else "0x0"
        else:
            view["root"] = to_data(receipt.post_state)
        if tx.kind == 3:
            gas = found.rules.vm.gas
            view["blobGasUsed"] = to_quantity(int(gas.calculate_total_blob_gas(tx.body)))
            price = gas.calculate_blob_gas_price(found.header.excess_blob_gas)
            view["blobGasPrice"] = to_quantity(int(price))
        views.append(view)
        gas_before = gas_after
        first_log += len(receipt.logs)
    return views


def logs(
    found: Block, addresses: frozenset[bytes], topics: tuple[frozenset[bytes], ...]
) -> Iterator[dict[str, Any]]:
    """The logs of a block that pass a filter, in order; empty sets let everything pass."""
    number = 0
    for index, (tx, receipt) in enumerate(zip(found.transactions, found.receipts, strict=True)):
        for log in receipt.logs:
            if matches(log, addresses, topics):
                yield _log(found, tx, index, log, number)
            number += 1


def matches(log: Log, addresses: frozenset[bytes], topics: tuple[frozenset[bytes], ...]) -> bool:
    """eth_getLogs' filter: one of the addresses, and at each position one of the topics."""
    if addresses and bytes(log.address) not in addresses:
        return False
    if len(topics) > len(log.topics):
        return False
    pairs = zip(topics, log.topics, strict=False)
    return all(not choices or bytes(topic) in choices for choices, topic in pairs)


def _log(found: Block, tx: SignedTransaction, index: int, log: Log, number: int) -> dict[str, Any]:
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


def account(state: AnyState, address: bytes, found: Account) -> dict[str, Any]:
    """One entry of geth's debug_dumpBlock: the balance in decimal, code and storage only where there are any."""
    view: dict[str, Any] = {
        "balance": str(int(found.balance)),
        "nonce": int(found.nonce),
        "root": to_data(state.storage_root(address)),
        "codeHash": to_data(keccak256(found.code)),
        "address": to_data(address),
    }
    if found.code:
        view["code"] = to_data(found.code)
    slots = state.storage_of(address)
    if slots:
        view["storage"] = {to_data(key): f"{slots[key]:x}" for key in sorted(slots)}
    return view
