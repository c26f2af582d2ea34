"""From a parent and a payload to a block with its state, by the executable specification (EELS, Shanghai).

Both ways run the same steps: ``import_payload`` judges a block that somebody made, ``build`` makes one. Execution is
on a fork of the parent's state, so an exception leaves nothing behind.
"""

from collections.abc import Callable, Iterable, Sequence

from ethereum.crypto.hash import Hash32
from ethereum.crypto.hash import keccak256 as eels_keccak256
from ethereum.exceptions import EthereumException
from ethereum.forks.shanghai import blocks as eels_blocks
from ethereum.forks.shanghai import fork, trie, vm
from ethereum.forks.shanghai.blocks import Header
from ethereum.forks.shanghai.bloom import logs_bloom
from ethereum.forks.shanghai.fork_types import Address, Bloom, Root
from ethereum.forks.shanghai.state import State
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from alys.models.ethereum import transactions
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.run import InvalidPayload, Run, eels_withdrawal
from alys.models.ethereum.state import SealedState, genesis_state
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.engine import ExecutionPayload, PayloadAttributes

_EMPTY_OMMERS_HASH = fork.EMPTY_OMMER_HASH
_NO_NONCE = Bytes8(bytes(8))
_GAS_OF_A_TRANSFER = 21_000


def genesis_block(genesis: Genesis) -> Block:
    """Block 0, as every client computes it from the same genesis."""
    state = genesis_state(genesis.accounts)
    header = Header(
        parent_hash=Hash32(bytes(32)),
        ommers_hash=_EMPTY_OMMERS_HASH,
        coinbase=Address(bytes(20)),
        state_root=Root(state.root),
        transactions_root=trie.EMPTY_TRIE_ROOT,
        receipt_root=trie.EMPTY_TRIE_ROOT,
        bloom=Bloom(bytes(256)),
        difficulty=Uint(0),
        number=Uint(0),
        gas_limit=Uint(genesis.gas_limit),
        gas_used=Uint(0),
        timestamp=U256(genesis.timestamp),
        extra_data=Bytes(genesis.extra_data),
        prev_randao=Bytes32(bytes(32)),
        nonce=_NO_NONCE,
        base_fee_per_gas=Uint(genesis.base_fee_per_gas),
        withdrawals_root=trie.EMPTY_TRIE_ROOT,
    )
    return Block(
        hash=hash_of(header),
        header=header,
        transactions=(),
        withdrawals=(),
        receipts=(),
        state=state,
    )


def hash_of(header: Header) -> bytes:
    """The block hash: Keccak of the header's RLP."""
    return bytes(eels_keccak256(rlp.encode(header)))


def header_of(payload: ExecutionPayload) -> Header:
    """The header that a payload's contents amount to, whatever hash it claims."""
    return Header(
        parent_hash=Hash32(payload.parent_hash),
        ommers_hash=_EMPTY_OMMERS_HASH,
        coinbase=Address(payload.fee_recipient),
        state_root=Root(payload.state_root),
        transactions_root=_list_root(payload.transactions),
        receipt_root=Root(payload.receipts_root),
        bloom=Bloom(payload.logs_bloom),
        difficulty=Uint(0),
        number=Uint(payload.block_number),
        gas_limit=Uint(payload.gas_limit),
        gas_used=Uint(payload.gas_used),
        timestamp=U256(payload.timestamp),
        extra_data=Bytes(payload.extra_data),
        prev_randao=Bytes32(payload.prev_randao),
        nonce=_NO_NONCE,
        base_fee_per_gas=Uint(payload.base_fee_per_gas),
        withdrawals_root=_list_root([rlp.encode(eels_withdrawal(w)) for w in payload.withdrawals]),
    )


def payload_of(block: Block) -> ExecutionPayload:
    """A block as the Engine API shows it."""
    header = block.header
    return ExecutionPayload(
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
    )


def import_payload(
    payload: ExecutionPayload,
    header: Header,
    parent: Block,
    chain_id: int,
    hashes: Callable[[], Sequence[bytes]],
) -> Block:
    """Execute a payload on its parent; raises InvalidPayload. ``header`` is ``header_of(payload)``, its hash checked."""
    _check_header(header, parent)
    run = Run(header, parent, chain_id, hashes() if payload.transactions else ())
    for raw in payload.transactions:
        try:
            transaction = transactions.decode(raw, chain_id)
        except BadTransaction as error:
            raise InvalidPayload(f"transaction {len(run.included)}: {error.reason}") from error
        run.apply(transaction)
    state = run.finish(payload.withdrawals)
    _check_outcome(header, run.output, state)
    return Block(
        hash=payload.block_hash,
        header=header,
        transactions=tuple(run.included),
        withdrawals=payload.withdrawals,
        receipts=run.receipts(),
        state=state,
    )


def build(
    parent: Block,
    attributes: PayloadAttributes,
    candidates: Iterable[SignedTransaction],
    chain_id: int,
    hashes: Sequence[bytes],
) -> Block:
    """A valid block on ``parent`` with those candidates that fit, in their order; after a refusal the sender waits."""
    draft = _draft(parent, attributes)
    run = Run(draft, parent, chain_id, hashes)
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
    state = run.finish(attributes.withdrawals)
    output = run.output
    header = _replaced(
        draft,
        state_root=Root(state.root),
        transactions_root=trie.root(output.transactions_trie),
        receipt_root=trie.root(output.receipts_trie),
        bloom=logs_bloom(output.block_logs),
        gas_used=output.block_gas_used,
        withdrawals_root=trie.root(output.withdrawals_trie),
    )
    return Block(
        hash=hash_of(header),
        header=header,
        transactions=tuple(run.included),
        withdrawals=attributes.withdrawals,
        receipts=run.receipts(),
        state=state,
    )


def next_base_fee(header: Header) -> int:
    """The base fee of the block after this one, in wei, at an unchanged gas limit (EIP-1559)."""
    return int(
        fork.calculate_base_fee_per_gas(
            header.gas_limit, header.gas_limit, header.gas_used, header.base_fee_per_gas
        )
    )


def _draft(parent: Block, attributes: PayloadAttributes) -> Header:
    """The next header before execution: what depends on the body is still the parent's."""
    return _replaced(
        parent.header,
        parent_hash=Hash32(parent.hash),
        coinbase=Address(attributes.suggested_fee_recipient),
        number=parent.header.number + Uint(1),
        timestamp=U256(attributes.timestamp),
        extra_data=Bytes(b""),
        prev_randao=Bytes32(attributes.prev_randao),
        base_fee_per_gas=Uint(next_base_fee(parent.header)),
    )


def _replaced(header: Header, **changes: object) -> Header:
    """The header with some fields changed."""
    fields = {name: getattr(header, name) for name in Header.__dataclass_fields__}
    return Header(**(fields | changes))


def _check_header(header: Header, parent: Block) -> None:
    """The specification's header rules against the parent; raises InvalidPayload."""
    before = eels_blocks.Block(parent.header, (), (), ())
    try:
        fork.validate_header(fork.BlockChain([before], State(), U64(0)), header)
    except (EthereumException, OverflowError) as error:
        raise InvalidPayload(
            str(error)
            or "the header does not follow from its parent (number, time, gas limit, gas used or base fee)"
        ) from error


def _check_outcome(header: Header, output: vm.BlockOutput, state: SealedState) -> None:
    """What the header promises against what execution gave; raises InvalidPayload naming the field."""
    outcome = (
        ("gasUsed", int(header.gas_used), int(output.block_gas_used)),
        ("stateRoot", header.state_root.hex(), state.root.hex()),
        ("receiptsRoot", header.receipt_root.hex(), trie.root(output.receipts_trie).hex()),
    )
    for name, promised, found in outcome:
        if promised != found:
            raise InvalidPayload(f"{name} differs: header {promised}, execution {found}")
    if header.bloom != logs_bloom(output.block_logs):
        raise InvalidPayload("logsBloom differs")


def _list_root(items: Sequence[bytes]) -> Root:
    """The root of an index-keyed trie of encoded items; raises InvalidPayload for an empty item."""
    if not items:
        return trie.EMPTY_TRIE_ROOT
    listed: trie.Trie[Bytes, Bytes | None] = trie.Trie(secured=False, default=None)
    for index, item in enumerate(items):
        if not item:
            raise InvalidPayload(f"item {index} is empty")
        trie.trie_set(listed, rlp.encode(Uint(index)), Bytes(item))
    return trie.root(listed)
