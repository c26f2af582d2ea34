"""One block being executed by the executable specification (EELS): transactions in, outputs and a state out.

Execution is on a fork of the parent's state, so a run that is given up leaves nothing behind. What a fork does besides its
transactions is here too: the beacon root before them (EIP-4788), the DAO's ether, rewards or withdrawals after them.
"""

from collections.abc import Sequence
from typing import Any

from ethereum.crypto.hash import Hash32
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum import trie
from alys.models.ethereum.forks import Fork, Header, Receipt, Rules, State, made
from alys.models.ethereum.state import SealedState
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.models.ethereum.tree import Block
from alys.wire.engine import Withdrawal


class InvalidPayload(AlysError):
    """A block that breaks a rule of the fork; ``reason`` says which. The maker's fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"invalid payload: {reason}")
        self.reason = reason


class Run:
    """A block being executed: transactions go in one by one, ``finish`` pays what follows them."""

    def __init__(
        self, header: Header, parent: Block, rules: Rules, chain_id: int, hashes: Sequence[bytes]
    ) -> None:
        """``header`` is of ``rules``' fork; what execution gives need not be in it yet."""
        self.rules = rules
        self._parent = parent
        self._header = header
        self.state = parent.state.fork(rules)
        self.environment = environment_of(header, rules, self.state, chain_id, hashes)
        self.output = rules.vm.BlockOutput()
        self.included: list[SignedTransaction] = []
        if rules.has_blobs:
            rules.transition.process_unchecked_system_transaction(
                block_env=self.environment,
                target_address=rules.transition.BEACON_ROOTS_ADDRESS,
                data=header.parent_beacon_block_root,
            )

    def move_the_daos_ether(self) -> None:
        """The irregular state change of the DAO fork's first block."""
        dao = self.rules.transition.apply_dao
        dao(self.state)

    def apply(self, transaction: SignedTransaction) -> None:
        """Execute one transaction; raises InvalidPayload, with nothing changed, when it may not be in this block."""
        index = Uint(len(self.included))
        try:
            ours = transaction.of_fork(self.rules.fork)
            self.rules.transition.process_transaction(
                self.environment, self.output, ours.body, index
            )
        except BadTransaction as error:
            raise InvalidPayload(f"transaction {int(index)}: {error.reason}") from error
        except (EthereumException, OverflowError) as error:
            self.rules.trie.trie_set(self.output.transactions_trie, rlp.encode(index), None)
            why = str(error) or type(error).__name__
            raise InvalidPayload(f"transaction {int(index)}: {why}") from error
        self.included.append(ours)

    def finish(
        self, withdrawals: Sequence[Withdrawal], ommers: Sequence[Header] = ()
    ) -> SealedState:
        """Credit the withdrawals, or the reward for the work, and hash what changed."""
        if self.rules.has_withdrawals:
            self.rules.transition.process_withdrawals(
                self.environment,
                self.output,
                tuple(eels_withdrawal(one, self.rules) for one in withdrawals),
            )
        elif not self.rules.is_merged:
            self.rules.transition.pay_rewards(
                self.state, self._header.number, self._header.coinbase, tuple(ommers)
            )
        return self._parent.state.seal(self.state)

    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts of the transactions so far."""
        return tuple(
            self.rules.blocks.decode_receipt(one) if isinstance(one, bytes) else one
            for one in self._stored()
        )

    def receipts_root(self) -> bytes:
        """What the header commits to of them."""
        return trie.list_root(
            one if isinstance(one, bytes) else rlp.encode(one) for one in self._stored()
        )

    def _stored(self) -> list[Any]:
        """Receipts as the specification keeps them: as bytes with their type, or as they are."""
        trie_get = self.rules.trie.trie_get
        return [trie_get(self.output.receipts_trie, key) for key in self.output.receipt_keys]

    def gas_left(self) -> int:
        """What later transactions may still use."""
        return int(self.environment.block_gas_limit) - int(self.output.block_gas_used)

    def blob_gas_used(self) -> int:
        """What the included blobs used; 0 before Cancun."""
        return int(self.output.blob_gas_used) if self.rules.fork >= Fork.CANCUN else 0


def environment_of(
    header: Header, rules: Rules, state: State, chain_id: int, hashes: Sequence[bytes]
) -> Any:
    """What the opcodes see of a block; ``hashes`` are those before it, oldest first."""
    seen: dict[str, object] = {
        name: getattr(header, name) for name in type(header).__dataclass_fields__
    }
    seen.update(
        chain_id=U64(chain_id),
        state=state,
        block_gas_limit=header.gas_limit,
        block_hashes=[Hash32(h) for h in hashes],
        time=header.timestamp,
    )
    return made(rules.vm.BlockEnvironment, seen)


def eels_withdrawal(withdrawal: Withdrawal, rules: Rules) -> Any:
    """A withdrawal as the specification has it."""
    return rules.blocks.Withdrawal(
        index=U64(withdrawal.index),
        validator_index=U64(withdrawal.validator_index),
        address=rules.fork_types.Address(withdrawal.address),
        amount=U256(withdrawal.amount_gwei),
    )
