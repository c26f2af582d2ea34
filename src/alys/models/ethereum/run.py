"""One block being executed by the executable specification (EELS, Shanghai): transactions in, outputs and a state out.

Execution is on a fork of the parent's state, so a run that is given up leaves nothing behind.
"""

from collections.abc import Sequence

from ethereum.crypto.hash import Hash32
from ethereum.exceptions import EthereumException
from ethereum.forks.shanghai import blocks as eels_blocks
from ethereum.forks.shanghai import fork, trie, vm
from ethereum.forks.shanghai.blocks import Header, Receipt
from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.state import State
from ethereum_rlp import rlp
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum.state import SealedState
from alys.models.ethereum.transactions import SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.engine import Withdrawal


class InvalidPayload(AlysError):
    """A block that breaks a rule of the fork; ``reason`` says which. The maker's fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"invalid payload: {reason}")
        self.reason = reason


class Run:
    """A block being executed: transactions go in one by one, ``finish`` pays the withdrawals."""

    def __init__(
        self, header: Header, parent: Block, chain_id: int, hashes: Sequence[bytes]
    ) -> None:
        self._parent = parent
        self._chain_id = chain_id
        self.state = parent.state.fork()
        self.environment = environment_of(header, self.state, chain_id, hashes)
        self.output = vm.BlockOutput()
        self.included: list[SignedTransaction] = []

    def apply(self, transaction: SignedTransaction) -> None:
        """Execute one transaction; raises InvalidPayload, with nothing changed, when it may not be in this block."""
        index = Uint(len(self.included))
        try:
            fork.process_transaction(self.environment, self.output, transaction.body, index)
        except (EthereumException, OverflowError) as error:
            trie.trie_set(self.output.transactions_trie, rlp.encode(index), None)
            why = str(error) or type(error).__name__
            raise InvalidPayload(f"transaction {int(index)}: {why}") from error
        self.included.append(transaction)

    def finish(self, withdrawals: Sequence[Withdrawal]) -> SealedState:
        """Credit the withdrawals and hash what changed."""
        fork.process_withdrawals(
            self.environment, self.output, tuple(eels_withdrawal(w) for w in withdrawals)
        )
        return self._parent.state.seal(self.state)

    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts of the transactions so far."""
        stored = (trie.trie_get(self.output.receipts_trie, key) for key in self.output.receipt_keys)
        return tuple(eels_blocks.decode_receipt(r) for r in stored if r is not None)

    def gas_left(self) -> int:
        """What later transactions may still use."""
        return int(self.environment.block_gas_limit) - int(self.output.block_gas_used)


def environment_of(
    header: Header, state: State, chain_id: int, hashes: Sequence[bytes]
) -> vm.BlockEnvironment:
    """What the opcodes see of a block; ``hashes`` are those before it, oldest first."""
    return vm.BlockEnvironment(
        chain_id=U64(chain_id),
        state=state,
        block_gas_limit=header.gas_limit,
        block_hashes=[Hash32(h) for h in hashes],
        coinbase=header.coinbase,
        number=header.number,
        base_fee_per_gas=header.base_fee_per_gas,
        time=header.timestamp,
        prev_randao=header.prev_randao,
    )


def eels_withdrawal(withdrawal: Withdrawal) -> eels_blocks.Withdrawal:
    """A withdrawal as the specification has it."""
    return eels_blocks.Withdrawal(
        index=U64(withdrawal.index),
        validator_index=U64(withdrawal.validator_index),
        address=Address(withdrawal.address),
        amount=U256(withdrawal.amount_gwei),
    )
