"""Execution without opcodes, with the doors of ``execution``: for simulations of many runs (profile light).

Fork tree, pool, Engine API and JSON-RPC are those of the full client; what lies between a parent and a block's state is of
``light_run``. Block hashes are real, but for the state root, which is no Merkle root. The clients of one network share one
``Light``: what one of them has executed the others look up by its hash, which commits to the block, its ancestors and the state
after it. A payload whose hash is not known is executed by whoever gets it.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

from alys.models.ethereum import execution, headers, trie
from alys.models.ethereum.forks import Schedule
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.light_header import LightHeader
from alys.models.ethereum.light_run import NO_BLOOM, LightRun, require_light
from alys.models.ethereum.light_state import LightState, NotLight, light_genesis_state
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction, decode
from alys.models.ethereum.tree import Block
from alys.wire.engine import ExecutionPayload, PayloadAttributes, Withdrawal

BLOCKS_SHARED_MAX = 256
"""Executed blocks that are remembered for the other clients; the oldest goes first."""

PAYLOAD_VERSION = 2


class Light:
    """What the clients of one network execute with."""

    def __init__(self) -> None:
        self._shared: dict[bytes, Block] = {}

    def genesis_block(self, genesis: Genesis) -> Block:
        """Block 0; raises NotLight unless the chain is in Shanghai from it on, without storage."""
        if genesis.schedule != Schedule():
            raise NotLight("the light profile knows Shanghai alone, from the genesis block on")
        state = light_genesis_state(genesis.accounts)
        header = LightHeader(
            parent_hash=bytes(32),
            ommers_hash=headers.EMPTY_OMMERS_HASH,
            coinbase=genesis.coinbase,
            state_root=state.root,
            transactions_root=trie.EMPTY_ROOT,
            receipt_root=trie.EMPTY_ROOT,
            bloom=NO_BLOOM,
            difficulty=genesis.difficulty,
            number=0,
            gas_limit=genesis.gas_limit,
            gas_used=0,
            timestamp=genesis.timestamp,
            extra_data=genesis.extra_data,
            prev_randao=genesis.mix_hash,
            nonce=genesis.nonce,
            base_fee_per_gas=genesis.base_fee_per_gas,
            withdrawals_root=trie.EMPTY_ROOT,
        )
        return Block(
            hash=header.hash,
            rules=genesis.rules,
            header=header,
            total_difficulty=genesis.difficulty,
            transactions=(),
            withdrawals=(),
            receipts=(),
            state=state,
        )

    def header_of(
        self, payload: ExecutionPayload, parent_beacon_block_root: bytes = bytes(32)
    ) -> LightHeader:
        """See ``execution.header_of``."""
        if payload.version != PAYLOAD_VERSION:
            raise InvalidPayload(f"a payload of version {payload.version} is not one of shanghai")
        return _header_of(payload)

    def import_payload(
        self,
        payload: ExecutionPayload,
        header: LightHeader,
        parent: Block,
        genesis: Genesis,
        hashes: Callable[[], Sequence[bytes]],
    ) -> Block:
        """See ``execution.import_payload``."""
        known = self._shared.get(header.hash)
        if known is not None:
            return known
        headers.check(header, parent.header, parent.rules, genesis.schedule)
        run = _run(parent, header.coinbase, header.gas_limit, header.base_fee_per_gas)
        for index, raw in enumerate(payload.transactions):
            try:
                transaction = decode(raw, genesis.chain_id, parent.rules.fork)
            except BadTransaction as error:
                raise InvalidPayload(f"transaction {index}: {error.reason}") from error
            run.apply(transaction)
        state = run.finish(payload.withdrawals)
        _check_outcome(header, run, state)
        return self._shared_by_all(_block(header, parent, run, payload.withdrawals, state))

    def build(
        self,
        parent: Block,
        attributes: PayloadAttributes,
        candidates: Iterable[SignedTransaction],
        genesis: Genesis,
        hashes: Sequence[bytes],
    ) -> Block:
        """See ``execution.build``."""
        before = parent.header
        base_fee = headers.next_base_fee(before)
        coinbase = attributes.suggested_fee_recipient
        run = _run(parent, coinbase, int(before.gas_limit), base_fee)
        execution.fill(run, candidates)
        state = run.finish(attributes.withdrawals)
        header = LightHeader(
            parent_hash=parent.hash,
            ommers_hash=headers.EMPTY_OMMERS_HASH,
            coinbase=coinbase,
            state_root=state.root,
            transactions_root=trie.list_root(tx.raw for tx in run.included),
            receipt_root=run.receipts_root(),
            bloom=run.bloom(),
            number=parent.number + 1,
            gas_limit=int(before.gas_limit),
            gas_used=run.gas_used,
            timestamp=attributes.timestamp,
            prev_randao=attributes.prev_randao,
            base_fee_per_gas=base_fee,
            withdrawals_root=withdrawals_root(attributes.withdrawals),
        )
        return self._shared_by_all(_block(header, parent, run, attributes.withdrawals, state))

    def require(self, transaction: SignedTransaction, head: Block) -> None:
        """Raises BadTransaction for one that cannot be executed here."""
        require_light(transaction, head.state)

    def _shared_by_all(self, block: Block) -> Block:
        self._shared[block.hash] = block
        if len(self._shared) > BLOCKS_SHARED_MAX:
            del self._shared[next(iter(self._shared))]
        return block


def _run(parent: Block, coinbase: bytes, gas_limit: int, base_fee: int) -> LightRun:
    before = parent.state
    assert isinstance(before, LightState), "a light client has no other blocks"
    return LightRun(before, coinbase=coinbase, gas_limit=gas_limit, base_fee=base_fee)


def _block(
    header: LightHeader,
    parent: Block,
    run: LightRun,
    withdrawals: tuple[Withdrawal, ...],
    state: LightState,
) -> Block:
    return Block(
        hash=header.hash,
        rules=parent.rules,
        header=header,
        total_difficulty=parent.total_difficulty,
        transactions=tuple(run.included),
        withdrawals=withdrawals,
        receipts=tuple(run.receipts),
        state=state,
    )


def _check_outcome(header: LightHeader, run: LightRun, state: LightState) -> None:
    """See ``execution``: what the header promises against what execution gave."""
    outcome = (
        ("gasUsed", header.gas_used, run.gas_used),
        ("stateRoot", header.state_root.hex(), state.root.hex()),
        ("receiptsRoot", header.receipt_root.hex(), run.receipts_root().hex()),
    )
    for name, promised, found in outcome:
        if promised != found:
            raise InvalidPayload(f"{name} differs: header {promised}, execution {found}")
    if header.bloom != run.bloom():
        raise InvalidPayload("logsBloom differs")


@functools.lru_cache(maxsize=64)
def _header_of(payload: ExecutionPayload) -> LightHeader:
    """A function of the payload alone, so the clients that get one payload make its header once."""
    return LightHeader(
        parent_hash=payload.parent_hash,
        ommers_hash=headers.EMPTY_OMMERS_HASH,
        coinbase=payload.fee_recipient,
        state_root=payload.state_root,
        transactions_root=execution.transactions_root(payload.transactions),
        receipt_root=payload.receipts_root,
        bloom=payload.logs_bloom,
        number=payload.block_number,
        gas_limit=payload.gas_limit,
        gas_used=payload.gas_used,
        timestamp=payload.timestamp,
        extra_data=payload.extra_data,
        prev_randao=payload.prev_randao,
        base_fee_per_gas=payload.base_fee_per_gas,
        withdrawals_root=withdrawals_root(payload.withdrawals),
    )


def withdrawals_root(withdrawals: Sequence[Withdrawal]) -> bytes:
    """What a header commits to of them."""
    return trie.list_root(encoded_withdrawal(one) for one in withdrawals)


def encoded_withdrawal(one: Withdrawal) -> bytes:
    """In RLP."""
    numbers = trie.string(trie.integer(one.index)) + trie.string(trie.integer(one.validator_index))
    amount = trie.string(trie.integer(one.amount_gwei))
    return trie.listed(numbers + trie.string(one.address) + amount)
