"""Signed transactions: from raw bytes to the specification's types, with what it leaves to its caller checked.

The specification takes the chain id of a typed transaction from the transaction itself and compares it with nothing; a
client must, or a transaction of another chain would be valid here. Each fork has classes of its own for transactions, so
what was decoded for one fork is decoded anew for a block of another (``of_fork``).
"""

import functools
from typing import Any

import msgspec
from ethereum.exceptions import EthereumException
from ethereum_rlp import rlp
from ethereum_rlp.exceptions import RLPException
from ethereum_types.numeric import U64

from alys.base.errors import AlysError
from alys.models.ethereum.forks import Fork, Rules, rules_of
from alys.wire.ethereum import keccak256

_FIRST_LEGACY_BYTE = 0xC0
"""EIP-2718: a legacy transaction is an RLP list, so it begins at or above this byte."""

_DYNAMIC_FEE = 2
_BLOB = 3
"""EIP-2718 types."""


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
    chain_id: int
    """Of the chain it was decoded for."""
    fork: Fork
    """Whose classes ``body`` is made of."""
    body: Any

    @property
    def kind(self) -> int:
        """The EIP-2718 type: 0 legacy, 1 access list, 2 dynamic fee, 3 blob."""
        return 0 if self.raw[0] >= _FIRST_LEGACY_BYTE else self.raw[0]

    @property
    def protected(self) -> bool:
        """Whether the signature holds for one chain alone (EIP-155 and all typed transactions)."""
        return self.kind != 0 or int(self.body.v) not in (27, 28)

    @property
    def nonce(self) -> int:
        """The sender's count of transactions before this one."""
        return int(self.body.nonce)

    @property
    def to(self) -> bytes | None:
        """The 20-byte recipient; None creates a contract."""
        return bytes(self.body.to) or None

    @property
    def fee_cap(self) -> int:
        """The most the sender pays per gas, in wei."""
        return int(self.body.max_fee_per_gas if self.kind >= _DYNAMIC_FEE else self.body.gas_price)

    @property
    def tip_cap(self) -> int:
        """The most of it that goes to the fee recipient, in wei per gas."""
        body = self.body
        return int(body.max_priority_fee_per_gas if self.kind >= _DYNAMIC_FEE else body.gas_price)

    @property
    def blob_hashes(self) -> tuple[bytes, ...]:
        """The versioned hashes of its blobs (EIP-4844)."""
        return tuple(map(bytes, self.body.blob_versioned_hashes)) if self.kind == _BLOB else ()

    def tip(self, base_fee: int) -> int:
        """What the fee recipient gets per gas under a base fee; negative when it cannot be paid (EIP-1559)."""
        return min(self.tip_cap, self.fee_cap - base_fee)

    def of_fork(self, fork: Fork) -> "SignedTransaction":
        """The same transaction for a block of another fork; raises BadTransaction when there is none like it there."""
        return self if fork is self.fork else decode(self.raw, self.chain_id, fork)


@functools.lru_cache(maxsize=8192)
def decode(raw: bytes, chain_id: int, fork: Fork = Fork.SHANGHAI) -> SignedTransaction:
    """The transaction in its EIP-2718 bytes (or legacy RLP); raises BadTransaction. Remembered: recovery is dear."""
    rules = rules_of(fork)
    body = _parse(raw, rules)
    typed = raw[0] < _FIRST_LEGACY_BYTE
    if typed and int(body.chain_id) != chain_id:
        raise BadTransaction(
            f"invalid chain id for signer: have {int(body.chain_id)} want {chain_id}, it is for another chain"
        )
    try:
        if fork < Fork.SPURIOUS_DRAGON:
            sender = rules.transactions.recover_sender(body)
        else:
            sender = rules.transactions.recover_sender(U64(chain_id), body)
    except (EthereumException, ValueError) as error:
        raise BadTransaction(f"invalid sender: {error}") from error
    return SignedTransaction(
        raw=raw,
        hash=keccak256(raw),
        sender=bytes(sender),
        chain_id=chain_id,
        fork=fork,
        body=body,
    )


def versioned_hashes(raw: bytes) -> tuple[bytes, ...]:
    """What a blob transaction names its blobs by; raises BadTransaction. Nobody has judged the transaction by then."""
    return tuple(map(bytes, _parse(raw, rules_of(Fork.CANCUN)).blob_versioned_hashes))


def encoded(body: Any, rules: Rules) -> Any:
    """A transaction as a block's list holds it: its class when legacy, its bytes when typed."""
    return rules.transactions.encode_transaction(body) if rules.has_typed_transactions else body


def _parse(raw: bytes, rules: Rules) -> Any:
    """The fields; raises BadTransaction unless the bytes are the one canonical encoding."""
    if not raw:
        raise BadTransaction("it is empty")
    typed = raw[0] < _FIRST_LEGACY_BYTE
    if typed and raw[0] not in _types_of(rules.fork):
        raise BadTransaction(f"transaction type not supported: {raw[0]} in {rules.name}")
    try:
        if typed:
            body = rules.transactions.decode_transaction(raw)
        else:
            body = rlp.decode_to(rules.legacy_transaction, raw)
        shown = encoded(body, rules)
    except (EthereumException, RLPException, ValueError, OverflowError, TypeError) as error:
        raise BadTransaction(f"its encoding is wrong: {error}") from error
    if (bytes(shown) if typed else rlp.encode(shown)) != raw:
        raise BadTransaction("its encoding is not canonical")
    return body


def _types_of(fork: Fork) -> range:
    """The typed transactions that a fork has."""
    if fork >= Fork.CANCUN:
        return range(1, _BLOB + 1)
    if fork >= Fork.LONDON:
        return range(1, _DYNAMIC_FEE + 1)
    return range(1, 2) if fork >= Fork.BERLIN else range(0)
