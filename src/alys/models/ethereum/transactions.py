"""Signed transactions: from raw bytes to the specification's types, with what it leaves to its caller checked.

The Shanghai specification takes the chain id of a typed transaction from the transaction itself and compares it with
nothing; a client must, or a transaction of another chain would be valid here.
"""

import functools

import msgspec
from ethereum.exceptions import EthereumException
from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.transactions import (
    FeeMarketTransaction,
    LegacyTransaction,
    Transaction,
    decode_transaction,
    encode_transaction,
    recover_sender,
)
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.numeric import U64

from alys.base.errors import AlysError
from alys.wire.ethereum import keccak256

_FIRST_LEGACY_BYTE = 0xC0
"""EIP-2718: a legacy transaction is an RLP list, so it begins at or above this byte."""


class BadTransaction(AlysError):
    """A transaction that can be in no block of this chain; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"transaction refused: {reason}")
        self.reason = reason


class SignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction whose signature was recovered for this chain."""

    raw: bytes
    hash: bytes
    sender: bytes
    body: Transaction

    @property
    def kind(self) -> int:
        """The EIP-2718 type: 0 legacy, 1 access list, 2 dynamic fee."""
        return 0 if self.raw[0] >= _FIRST_LEGACY_BYTE else self.raw[0]

    @property
    def protected(self) -> bool:
        """Whether the signature holds for one chain alone (EIP-155 and all typed transactions)."""
        return not isinstance(self.body, LegacyTransaction) or int(self.body.v) not in (27, 28)

    @property
    def nonce(self) -> int:
        """The sender's count of transactions before this one."""
        return int(self.body.nonce)

    @property
    def to(self) -> bytes | None:
        """The 20-byte recipient; None creates a contract."""
        return bytes(self.body.to) if isinstance(self.body.to, Address) else None

    @property
    def fee_cap(self) -> int:
        """The most the sender pays per gas, in wei."""
        body = self.body
        if isinstance(body, FeeMarketTransaction):
            return int(body.max_fee_per_gas)
        return int(body.gas_price)

    @property
    def tip_cap(self) -> int:
        """The most of it that goes to the fee recipient, in wei per gas."""
        body = self.body
        if isinstance(body, FeeMarketTransaction):
            return int(body.max_priority_fee_per_gas)
        return int(body.gas_price)

    def tip(self, base_fee: int) -> int:
        """What the fee recipient gets per gas under a base fee; negative when it cannot be paid (EIP-1559)."""
        return min(self.tip_cap, self.fee_cap - base_fee)


@functools.lru_cache(maxsize=8192)
def decode(raw: bytes, chain_id: int) -> SignedTransaction:
    """The transaction in its EIP-2718 bytes (or legacy RLP); raises BadTransaction. Remembered: recovery is dear."""
    body = _parse(raw)
    if not isinstance(body, LegacyTransaction) and int(body.chain_id) != chain_id:
        raise BadTransaction(
            f"invalid chain id for signer: have {int(body.chain_id)} want {chain_id}, it is for another chain"
        )
    try:
        sender = recover_sender(U64(chain_id), body)
    except (EthereumException, ValueError) as error:
        raise BadTransaction(f"invalid sender: {error}") from error
    return SignedTransaction(raw=raw, hash=keccak256(raw), sender=bytes(sender), body=body)


def _parse(raw: bytes) -> Transaction:
    """The fields; raises BadTransaction unless the bytes are the one canonical encoding."""
    if not raw:
        raise BadTransaction("it is empty")
    try:
        if raw[0] >= _FIRST_LEGACY_BYTE:
            body: Transaction = rlp.decode_to(LegacyTransaction, raw)
        else:
            body = decode_transaction(raw)
        encoded = encode_transaction(body)
    except (EthereumException, RLPException, ValueError, OverflowError, TypeError) as error:
        raise BadTransaction(f"its encoding is wrong: {error}") from error
    canonical = rlp.encode(encoded) if isinstance(encoded, LegacyTransaction) else bytes(encoded)
    if canonical != raw:
        raise BadTransaction("its encoding is not canonical")
    return body
