"""Transactions that wait for a block: one per sender and nonce, the best tip first, then the oldest.

Refusals copy geth's words, since clients match on them.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator

import msgspec
from ethereum.exceptions import EthereumException

from alys.base.errors import AlysError
from alys.models.ethereum.forks import rules_of
from alys.models.ethereum.light_state import AnyState
from alys.models.ethereum.transactions import SignedTransaction

POOL_TRANSACTIONS_MAX = 8192
"""Beyond this a new transaction is refused, so that a flood cannot eat the memory."""

POOL_LIFETIME_SECONDS = 3 * 60 * 60
"""A transaction that no block took in this time is dropped (geth's txpool.lifetime)."""

REPLACEMENT_PERCENT = 110
"""Both fees of a replacement must reach this share of the old ones (geth's txpool.pricebump)."""


class PoolRefusal(AlysError):
    """A transaction the pool does not take; ``reason`` in geth's words. The sender's fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A pooled transaction, when it came and as which."""

    transaction: SignedTransaction
    arrival: int
    since: float


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What waited at some moment."""

    senders: dict[bytes, dict[int, _Waiting]] = {}


class TransactionPool:
    """The waiting transactions of all senders."""

    def __init__(self) -> None:
        self._senders: dict[bytes, dict[int, _Waiting]] = {}
        self._hashes: dict[bytes, SignedTransaction] = {}
        self._arrived: deque[bytes] = deque(maxlen=POOL_TRANSACTIONS_MAX)
        self.arrivals = 0
        """How many transactions it ever took."""
        self.listeners: list[Callable[[SignedTransaction], None]] = []
        """Told of each transaction it takes; they must not change the pool."""

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, tx_hash: bytes) -> SignedTransaction | None:
        """A waiting transaction."""
        return self._hashes.get(tx_hash)

    def add(
        self, transaction: SignedTransaction, state: AnyState, gas_limit: int, now: float
    ) -> None:
        """Take a transaction that can be paid under ``state``; raises PoolRefusal."""
        if transaction.hash in self._hashes:
            raise PoolRefusal("already known")
        _check(transaction, state, gas_limit)
        queue = self._senders.setdefault(transaction.sender, {})
        old = queue.get(transaction.nonce)
        if old is not None:
            _check_replacement(old.transaction, transaction)
            del self._hashes[old.transaction.hash]
        elif len(self._hashes) >= POOL_TRANSACTIONS_MAX:
            raise PoolRefusal("txpool is full")
        self.arrivals += 1
        queue[transaction.nonce] = _Waiting(
            transaction=transaction, arrival=self.arrivals, since=now
        )
        self._hashes[transaction.hash] = transaction
        self._arrived.append(transaction.hash)
        for listener in list(self.listeners):
            listener(transaction)

    def in_order(self, base_fee: int) -> Iterator[SignedTransaction]:
        """All that can pay the base fee: per sender by nonce, among senders by tip, then by arrival."""
        queues = {
            sender: [queue[nonce] for nonce in sorted(queue)]
            for sender, queue in self._senders.items()
        }
        heap = [_rank(queue[0], base_fee, sender, 0) for sender, queue in queues.items() if queue]
        heapq.heapify(heap)
        while heap:
            lost_tip, _, sender, position = heapq.heappop(heap)
            if lost_tip > 0:
                continue
            queue = queues[sender]
            yield queue[position].transaction
            if position + 1 < len(queue):
                heapq.heappush(heap, _rank(queue[position + 1], base_fee, sender, position + 1))

    def next_nonce(self, sender: bytes, nonce: int) -> int:
        """The nonce after the sender's waiting transactions that follow ``nonce`` without a gap."""
        queue = self._senders.get(sender, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def arrived_since(self, arrivals: int) -> list[bytes]:
        """The hashes of those it took after so many, in order; of very many only the last."""
        late = self.arrivals - arrivals
        return list(self._arrived)[-late:] if late > 0 else []

    def by_sender(self) -> dict[bytes, list[SignedTransaction]]:
        """All that wait, by ascending address and nonce."""
        return {
            sender: [queue[nonce].transaction for nonce in sorted(queue)]
            for sender, queue in sorted(self._senders.items())
            if queue
        }

    def drop(self, tx_hash: bytes) -> bool:
        """Forget a waiting transaction; whether there was one."""
        transaction = self._hashes.pop(tx_hash, None)
        if transaction is None:
            return False
        queue = self._senders[transaction.sender]
        del queue[transaction.nonce]
        if not queue:
            del self._senders[transaction.sender]
        return True

    def saved(self) -> Saved:
        """What waits now, to be brought back by ``restore``."""
        return Saved(senders={sender: dict(queue) for sender, queue in self._senders.items()})

    def restore(self, saved: Saved) -> None:
        """Let wait what waited then, and nothing else."""
        self._senders = {sender: dict(queue) for sender, queue in saved.senders.items()}
        every = (one.transaction for queue in self._senders.values() for one in queue.values())
        self._hashes = {one.hash: one for one in every}

    def prune(self, state: AnyState, now: float) -> None:
        """Drop what ``state`` has behind it and what waited too long."""
        for sender, queue in list(self._senders.items()):
            nonce = int(state.account(sender).nonce)
            for waiting in list(queue.values()):
                done = waiting.transaction.nonce < nonce
                if done or now - waiting.since > POOL_LIFETIME_SECONDS:
                    del queue[waiting.transaction.nonce]
                    del self._hashes[waiting.transaction.hash]
            if not queue:
                del self._senders[sender]


def _rank(
    waiting: _Waiting, base_fee: int, sender: bytes, position: int
) -> tuple[int, int, bytes, int]:
    return (-waiting.transaction.tip(base_fee), waiting.arrival, sender, position)


def _check(transaction: SignedTransaction, state: AnyState, gas_limit: int) -> None:
    """Whether a block on this state could ever hold the transaction; raises PoolRefusal."""
    body = transaction.body
    account = state.account(transaction.sender)
    if transaction.nonce < int(account.nonce):
        raise PoolRefusal(f"nonce too low: next nonce {account.nonce}, tx nonce {body.nonce}")
    if int(body.gas) > gas_limit:
        raise PoolRefusal("exceeds block gas limit")
    if transaction.tip_cap > transaction.fee_cap:
        raise PoolRefusal("max priority fee per gas higher than max fee per gas")
    rules = rules_of(transaction.fork)
    least = int(rules.transactions.calculate_intrinsic_cost(body))
    if int(body.gas) < least:
        raise PoolRefusal(f"intrinsic gas too low: gas {body.gas}, minimum needed {least}")
    try:
        rules.transactions.validate_transaction(body)
    except EthereumException as error:
        raise PoolRefusal(_GETH_WORDS.get(type(error).__name__, str(error))) from error
    cost = int(body.gas) * transaction.fee_cap + int(body.value)
    if cost > int(account.balance):
        raise PoolRefusal(
            "insufficient funds for gas * price + value: "
            f"balance {account.balance}, tx cost {cost}, overshot {cost - int(account.balance)}"
        )


def _check_replacement(old: SignedTransaction, new: SignedTransaction) -> None:
    fee_enough = new.fee_cap * 100 >= old.fee_cap * REPLACEMENT_PERCENT
    tip_enough = new.tip_cap * 100 >= old.tip_cap * REPLACEMENT_PERCENT
    if not (fee_enough and tip_enough):
        raise PoolRefusal("replacement transaction underpriced")


_GETH_WORDS = {
    "NonceOverflowError": "nonce has max value",
    "InitCodeTooLargeError": "max initcode size exceeded",
}
