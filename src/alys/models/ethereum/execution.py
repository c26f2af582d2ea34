"""From a parent and a block's contents to a block with its state, by the executable specification (EELS).

Both ways run the same steps: ``judge`` and ``import_payload`` execute a block that somebody made, ``build`` makes one.
Execution is on a fork of the parent's state, so an exception leaves nothing behind.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec
from ethereum.crypto.hash import Hash32
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from alys.models.ethereum import headers, transactions, trie
from alys.models.ethereum.forks import Fork, Header, Rules, Schedule, rules_of
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.headers import hash_of, next_base_fee
from alys.models.ethereum.run import InvalidPayload, Run, eels_withdrawal
from alys.models.ethereum.state import SealedState, genesis_state
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.engine import ExecutionPayload, PayloadAttributes, Withdrawal

__all__ = ["hash_of", "next_base_fee"]

_GAS_OF_A_TRANSFER = 21_000
_FORKS = {1: Fork.PARIS, 2: Fork.SHANGHAI, 3: Fork.CANCUN}
"""The fork that a version of the payload is of."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A block that somebody made, before it is judged."""

    header: Header
    transactions: tuple[bytes, ...]
    """Each as its EIP-2718 bytes, or legacy RLP."""
    ommers: tuple[Header, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()


def genesis_block(genesis: Genesis) -> Block:
    """Block 0, as every client computes it from the same genesis."""
    rules = genesis.rules
    state = genesis_state(genesis.accounts)
    header = rules.header(
        {
            "parent_hash": Hash32(bytes(32)),
            "ommers_hash": Hash32(headers.EMPTY_OMMERS_HASH),
            "coinbase": rules.fork_types.Address(genesis.coinbase),
            "state_root": Hash32(state.root),
            "transactions_root": Hash32(trie.EMPTY_ROOT),
            "receipt_root": Hash32(trie.EMPTY_ROOT),
            "bloom": rules.fork_types.Bloom(bytes(256)),
            "difficulty": Uint(genesis.difficulty),
            "number": Uint(0),
            "gas_limit": Uint(genesis.gas_limit),
            "gas_used": Uint(0),
            "timestamp": U256(genesis.timestamp),
            "extra_data": Bytes(genesis.extra_data),
            "prev_randao": Bytes32(genesis.mix_hash),
            "mix_digest": Bytes32(genesis.mix_hash),
            "nonce": Bytes8(genesis.nonce),
            "base_fee_per_gas": Uint(genesis.base_fee_per_gas),
            "withdrawals_root": Hash32(trie.EMPTY_ROOT),
            "blob_gas_used": U64(genesis.blob_gas_used),
            "excess_blob_gas": U64(genesis.excess_blob_gas),
            "parent_beacon_block_root": Hash32(bytes(32)),
        }
    )
    return Block(
        hash=hash_of(header),
        rules=rules,
        header=header,
        total_difficulty=genesis.difficulty,
        transactions=(),
        withdrawals=(),
        receipts=(),
        state=state,
    )


def header_of(payload: ExecutionPayload, parent_beacon_block_root: bytes = bytes(32)) -> Header:
    """The header that a payload's contents amount to, whatever hash it claims. Raises InvalidPayload, OverflowError."""
    rules = rules_of(_FORKS[payload.version])
    return rules.header(
        {
            "parent_hash": Hash32(payload.parent_hash),
            "ommers_hash": Hash32(headers.EMPTY_OMMERS_HASH),
            "coinbase": rules.fork_types.Address(payload.fee_recipient),
            "state_root": Hash32(payload.state_root),
            "transactions_root": transactions_root(payload.transactions),
            "receipt_root": Hash32(payload.receipts_root),
            "bloom": rules.fork_types.Bloom(payload.logs_bloom),
            "difficulty": Uint(0),
            "number": Uint(payload.block_number),
            "gas_limit": Uint(payload.gas_limit),
            "gas_used": Uint(payload.gas_used),
            "timestamp": U256(payload.timestamp),
            "extra_data": Bytes(payload.extra_data),
            "prev_randao": Bytes32(payload.prev_randao),
            "nonce": Bytes8(headers.NO_NONCE),
            "base_fee_per_gas": Uint(payload.base_fee_per_gas),
            "withdrawals_root": _withdrawals_root(payload.withdrawals, rules),
            "blob_gas_used": U64(payload.blob_gas_used),
            "excess_blob_gas": U64(payload.excess_blob_gas),
            "parent_beacon_block_root": Hash32(parent_beacon_block_root),
        }
    )


def payload_of(block: Block) -> ExecutionPayload:
    """A merged block as the Engine API shows it, in the version of its fork."""
    header, rules = block.header, block.rules
    return ExecutionPayload(
        version=3 if rules.has_blobs else 2 if rules.has_withdrawals else 1,
        parent_hash=block.parent_hash,
        fee_recipient=bytes(header.coinbase),
        state_root=bytes(header.state_root),
        receipts_root=bytes(header.receipt_root),
        logs_bloom=bytes(header.bloom),
        prev_randao=bytes(header.prev_randao),
        block_number=block.number,
        gas_limit=int(header.gas_limit),
        gas_used=int(header.gas_used),
        timestamp=int(header.timestamp),
        extra_data=bytes(header.extra_data),
        base_fee_per_gas=int(header.base_fee_per_gas),
        block_hash=block.hash,
        transactions=tuple(t.raw for t in block.transactions),
        withdrawals=block.withdrawals,
        blob_gas_used=int(header.blob_gas_used) if rules.has_blobs else 0,
        excess_blob_gas=int(header.excess_blob_gas) if rules.has_blobs else 0,
    )


def import_payload(
    payload: ExecutionPayload,
    header: Header,
    parent: Block,
    genesis: Genesis,
    hashes: Callable[[], Sequence[bytes]],
) -> Block:
    """Execute a payload on its parent; raises InvalidPayload. ``header`` is ``header_of(payload)``, its hash checked."""
    candidate = Candidate(
        header=header, transactions=payload.transactions, withdrawals=payload.withdrawals
    )
    return judge(candidate, payload.block_hash, parent, genesis, hashes)


def judge(
    candidate: Candidate,
    block_hash: bytes,
    parent: Block,
    genesis: Genesis,
    hashes: Callable[[], Sequence[bytes]],
    ancestors: Callable[[], Sequence[Block]] = lambda: (),
) -> Block:
    """Execute a block on its parent; raises InvalidPayload.

    That the hash is the header's, and that the header's roots are those of the lists, is the caller's to have checked.

    ``hashes`` and ``ancestors`` are asked only where they matter: up to 256 hashes for BLOCKHASH and seven blocks for
    the judgement of ommers, both ending with the parent.
    """
    header, schedule = candidate.header, genesis.schedule
    rules = rules_after(parent, int(header.timestamp), schedule)
    if type(header) is not rules.blocks.Header:
        raise InvalidPayload(f"the header is not one of {rules.name}")
    try:
        headers.check(header, parent.header, rules, schedule)
    except (EthereumException, OverflowError) as error:
        raise InvalidPayload(f"the header does not follow from its parent: {error!r}") from error
    if not rules.is_merged:
        headers.check_ommers(candidate.ommers, header, ancestors(), schedule)
    run = Run(header, parent, rules, genesis.chain_id, hashes() if candidate.transactions else ())
    if int(header.number) == schedule.dao_block:
        run.move_the_daos_ether()
    for raw in candidate.transactions:
        try:
            transaction = transactions.decode(raw, genesis.chain_id, rules.fork)
        except BadTransaction as error:
            raise InvalidPayload(f"transaction {len(run.included)}: {error.reason}") from error
        run.apply(transaction)
    state = run.finish(candidate.withdrawals, candidate.ommers)
    _check_outcome(header, run, state)
    return Block(
        hash=block_hash,
        rules=rules,
        header=header,
        total_difficulty=parent.total_difficulty + int(header.difficulty),
        ommers=candidate.ommers,
        transactions=tuple(run.included),
        withdrawals=candidate.withdrawals,
        receipts=run.receipts(),
        state=state,
    )


def check_lists(candidate: Candidate, rules: Rules) -> None:
    """Raises InvalidPayload unless the header's roots are those of the transactions and withdrawals."""
    header = candidate.header
    found = transactions_root(candidate.transactions)
    if header.transactions_root != found:
        raise InvalidPayload(
            f"transactionsRoot differs: header {header.transactions_root.hex()}, list {found.hex()}"
        )
    if not rules.has_withdrawals:
        return
    found = _withdrawals_root(candidate.withdrawals, rules)
    if header.withdrawals_root != found:
        raise InvalidPayload(
            f"withdrawalsRoot differs: header {header.withdrawals_root.hex()}, list {found.hex()}"
        )


class Filled(Protocol):
    """A block in the making, of either profile."""

    def gas_left(self) -> int:
        """What transactions may still use."""
        ...

    def apply(self, signed: SignedTransaction) -> object:
        """Carry one out; raises InvalidPayload, and then nothing has changed."""
        ...


def fill(run: Filled, candidates: Iterable[SignedTransaction]) -> None:
    """Take those that fit, in their order; after a refusal the sender's others wait."""
    waiting: set[bytes] = set()
    for candidate in candidates:
        if run.gas_left() < _GAS_OF_A_TRANSFER:
            break
        if candidate.sender in waiting:
            continue
        try:
            run.apply(candidate)
        except InvalidPayload:
            waiting.add(candidate.sender)


def build(
    parent: Block,
    attributes: PayloadAttributes,
    candidates: Iterable[SignedTransaction],
    genesis: Genesis,
    hashes: Sequence[bytes],
) -> Block:
    """A valid block on ``parent`` with those candidates that fit, in their order; after a refusal the sender waits.

    Before the merge it is a block with the right difficulty and no seal.
    """
    draft = _draft(parent, attributes, genesis.schedule)
    rules = rules_after(parent, attributes.timestamp, genesis.schedule)
    run = Run(draft, parent, rules, genesis.chain_id, hashes)
    if int(draft.number) == genesis.schedule.dao_block:
        run.move_the_daos_ether()
    fill(run, candidates)
    state = run.finish(attributes.withdrawals)
    output = run.output
    header = _replaced(
        draft,
        rules,
        state_root=Hash32(state.root),
        transactions_root=transactions_root([tx.raw for tx in run.included]),
        receipt_root=Hash32(run.receipts_root()),
        bloom=rules.bloom.logs_bloom(output.block_logs),
        gas_used=output.block_gas_used,
        withdrawals_root=_withdrawals_root(attributes.withdrawals, rules)
        if rules.has_withdrawals
        else None,
        blob_gas_used=U64(run.blob_gas_used()),
    )
    return Block(
        hash=hash_of(header),
        rules=rules,
        header=header,
        total_difficulty=parent.total_difficulty + int(header.difficulty),
        transactions=tuple(run.included),
        withdrawals=attributes.withdrawals,
        receipts=run.receipts(),
        state=state,
    )


def rules_after(parent: Block, timestamp: int, schedule: Schedule) -> Rules:
    """The rules of a block of that time on that parent."""
    return schedule.rules_at(parent.number + 1, timestamp, parent.total_difficulty)


def _draft(parent: Block, attributes: PayloadAttributes, schedule: Schedule) -> Header:
    """The next header before execution: what depends on the body is still the parent's."""
    rules = rules_after(parent, attributes.timestamp, schedule)
    number = parent.number + 1
    marked = schedule.dao_block is not None and (
        schedule.dao_block <= number < schedule.dao_block + headers.DAO_MARKED_BLOCKS
    )
    before = parent.header
    return rules.header(
        {
            "parent_hash": Hash32(parent.hash),
            "ommers_hash": Hash32(headers.EMPTY_OMMERS_HASH),
            "coinbase": rules.fork_types.Address(attributes.suggested_fee_recipient),
            "state_root": before.state_root,
            "transactions_root": before.transactions_root,
            "receipt_root": before.receipt_root,
            "bloom": before.bloom,
            "difficulty": Uint(headers.difficulty_after(before, rules, attributes.timestamp)),
            "number": Uint(number),
            "gas_limit": Uint(headers.gas_limit_before(before, rules)),
            "gas_used": Uint(0),
            "timestamp": U256(attributes.timestamp),
            "extra_data": Bytes(headers.DAO_MARK if marked else b""),
            "prev_randao": Bytes32(attributes.prev_randao),
            "mix_digest": Bytes32(attributes.prev_randao),
            "nonce": Bytes8(headers.NO_NONCE),
            "base_fee_per_gas": Uint(headers.base_fee_after(before, rules) or 0),
            "withdrawals_root": Hash32(trie.EMPTY_ROOT),
            "blob_gas_used": U64(0),
            "excess_blob_gas": U64(headers.excess_blob_gas_after(before, rules) or 0),
            "parent_beacon_block_root": Hash32(attributes.parent_beacon_block_root),
        }
    )


def _replaced(header: Header, rules: Rules, **changes: object) -> Header:
    """The header with some fields changed; fields that it does not have are ignored."""
    fields = {name: getattr(header, name) for name in type(header).__dataclass_fields__}
    return rules.header(fields | changes)


def _check_outcome(header: Header, run: Run, state: SealedState) -> None:
    """What the header promises against what execution gave; raises InvalidPayload naming the field."""
    output = run.output
    outcome: list[tuple[str, Any, Any]] = [
        ("gasUsed", int(header.gas_used), int(output.block_gas_used)),
        ("stateRoot", header.state_root.hex(), state.root.hex()),
        ("receiptsRoot", header.receipt_root.hex(), run.receipts_root().hex()),
    ]
    if run.rules.has_blobs:
        outcome.append(("blobGasUsed", int(header.blob_gas_used), run.blob_gas_used()))
    for name, promised, found in outcome:
        if promised != found:
            raise InvalidPayload(f"{name} differs: header {promised}, execution {found}")
    if header.bloom != run.rules.bloom.logs_bloom(output.block_logs):
        raise InvalidPayload("logsBloom differs")


def transactions_root(transactions: Sequence[bytes]) -> Hash32:
    """What a header commits to of them. Raises InvalidPayload for an empty one."""
    for index, raw in enumerate(transactions):
        if not raw:
            raise InvalidPayload(f"item {index} is empty")
    return Hash32(trie.list_root(transactions))


def _withdrawals_root(withdrawals: Sequence[Withdrawal], rules: Rules) -> Hash32:
    return Hash32(trie.list_root(rlp.encode(eels_withdrawal(one, rules)) for one in withdrawals))
