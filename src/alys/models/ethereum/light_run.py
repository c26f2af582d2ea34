"""One block being executed without opcodes: fees, nonces, transfers, burns at the bridge, withdrawals.

The rules are Shanghai's, written out for plain numbers. What takes opcodes is refused: making a contract, calling one that is not
the bridge, a precompiled one. The tests hold it to the specification: same transactions, same accounts, receipts and verdicts.
"""

import functools
from collections.abc import Sequence

import msgspec
from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException

from alys.models.ethereum import light_bridge
from alys.models.ethereum.forks import Fork, rules_of
from alys.models.ethereum.light_state import AnyState, LightAccount, LightState
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.transactions import BadTransaction, SignedTransaction
from alys.models.ethereum.trie import integer, list_root, listed, string
from alys.wire.engine import Withdrawal
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS

WEI_PER_GWEI = 10**9
PRECOMPILED_LAST = 9
BLOOM_BYTES = 256
NO_BLOOM = bytes(BLOOM_BYTES)


class LightLog(msgspec.Struct, frozen=True, kw_only=True):
    """As the specification's ``Log``."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes

    @property
    def rlp(self) -> bytes:
        """As a receipt holds it."""
        return listed(
            string(self.address) + listed(b"".join(map(string, self.topics))) + string(self.data)
        )


class LightReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """As the specification's ``Receipt``."""

    succeeded: bool
    cumulative_gas_used: int
    bloom: bytes
    logs: tuple[LightLog, ...]

    @property
    def rlp(self) -> bytes:
        """Without the type in front."""
        return listed(
            string(integer(int(self.succeeded)))
            + string(integer(self.cumulative_gas_used))
            + string(self.bloom)
            + listed(b"".join(log.rlp for log in self.logs))
        )


class LightRun:
    """See ``run.Run``."""

    def __init__(
        self, before: LightState, *, coinbase: bytes, gas_limit: int, base_fee: int
    ) -> None:
        self._before = before
        self._coinbase = coinbase
        self._gas_limit = gas_limit
        self._base_fee = base_fee
        self._changes: dict[bytes, LightAccount] = {}
        self.included: list[SignedTransaction] = []
        self.receipts: list[LightReceipt] = []
        self.gas_used = 0

    def gas_left(self) -> int:
        """What later transactions may still use."""
        return self._gas_limit - self.gas_used

    def apply(self, transaction: SignedTransaction) -> None:
        """Execute one transaction; raises InvalidPayload, with nothing changed, when it may not be in this block."""
        try:
            self._execute(transaction)
        except (BadTransaction, InvalidPayload) as error:
            why = f"transaction {len(self.included)}: {error.reason}"
            raise InvalidPayload(why) from error
        self.included.append(transaction)

    def finish(self, withdrawals: Sequence[Withdrawal]) -> LightState:
        """Credit the withdrawals (EIP-4895)."""
        for one in withdrawals:
            self._pay(one.address, one.amount_gwei * WEI_PER_GWEI)
        return self._before.changed(self._changes)

    def receipts_root(self) -> bytes:
        """What the header commits to of the receipts."""
        pairs = zip(self.included, self.receipts, strict=True)
        return list_root((bytes((tx.kind,)) if tx.kind else b"") + r.rlp for tx, r in pairs)

    def bloom(self) -> bytes:
        """Of all logs."""
        return bloom_of([log for receipt in self.receipts for log in receipt.logs])

    def _execute(self, transaction: SignedTransaction) -> None:
        require_light(transaction, self._before)
        intrinsic = intrinsic_gas(transaction.raw, transaction)
        tip = self._check(transaction)
        sender, body = transaction.sender, transaction.body
        gas, value, price = int(body.gas), int(body.value), self._base_fee + tip
        paying = self._account(sender)
        self._changes[sender] = msgspec.structs.replace(
            paying, nonce=paying.nonce + 1, balance=paying.balance - gas * price
        )
        used, log_data = intrinsic, None
        to = transaction.to
        assert to is not None, "creations are refused"
        if to != BRIDGE_ADDRESS:
            self._move(sender, to, value)
            succeeded = True
        else:
            answer = self._call_bridge(transaction)
            fits = intrinsic + answer.gas <= gas
            used = intrinsic + answer.gas if fits else gas
            succeeded = fits and answer.log_data is not None
            if succeeded:
                log_data = answer.log_data
                self._move(sender, BURN_ADDRESS, value)
        self._pay(sender, (gas - used) * price)
        self._pay(self._coinbase, used * tip)
        self.gas_used += used
        logs: tuple[LightLog, ...] = ()
        if log_data is not None:
            topics = light_bridge.topics(sender)
            logs = (LightLog(address=BRIDGE_ADDRESS, topics=topics, data=log_data),)
        self.receipts.append(
            LightReceipt(
                succeeded=succeeded,
                cumulative_gas_used=self.gas_used,
                bloom=bloom_of(logs),
                logs=logs,
            )
        )

    def _check(self, transaction: SignedTransaction) -> int:
        """What the fee recipient gets per gas; raises InvalidPayload unless the block may hold the transaction."""
        body, account = transaction.body, self._account(transaction.sender)
        gas, cap = int(body.gas), transaction.fee_cap
        if gas > self.gas_left():
            raise InvalidPayload("gas used exceeds limit")
        if transaction.kind >= 2 and cap < transaction.tip_cap:
            raise InvalidPayload("priority fee greater than max fee")
        if cap < self._base_fee:
            raise InvalidPayload("InsufficientMaxFeePerGasError")
        if account.nonce != transaction.nonce:
            raise InvalidPayload(
                "nonce too low" if account.nonce > transaction.nonce else "nonce too high"
            )
        if account.balance < gas * cap + int(body.value):
            raise InvalidPayload("insufficient sender balance")
        if account.code:
            raise InvalidPayload("not EOA")
        return transaction.tip(self._base_fee)

    def _call_bridge(self, transaction: SignedTransaction) -> light_bridge.Answer:
        body = transaction.body
        listed_too = transaction.kind >= 1 and any(
            bytes(one.account) == BURN_ADDRESS for one in body.access_list
        )
        return light_bridge.called(
            bytes(body.data),
            int(body.value),
            warm=listed_too or self._coinbase == BURN_ADDRESS,
            alive=not self._account(BURN_ADDRESS).empty,
        )

    def _account(self, address: bytes) -> LightAccount:
        found = self._changes.get(address)
        return self._before.account(address) if found is None else found

    def _pay(self, address: bytes, wei: int) -> None:
        if wei:
            old = self._account(address)
            self._changes[address] = msgspec.structs.replace(old, balance=old.balance + wei)

    def _move(self, sender: bytes, to: bytes, wei: int) -> None:
        self._pay(sender, -wei)
        self._pay(to, wei)


def require_light(transaction: SignedTransaction, state: AnyState) -> None:
    """Raises BadTransaction for one that takes opcodes."""
    to = transaction.to
    if to is None:
        raise _takes_opcodes("it makes a contract")
    if 1 <= int.from_bytes(to, "big") <= PRECOMPILED_LAST:
        raise _takes_opcodes("it calls a precompiled contract")
    if to == BRIDGE_ADDRESS:
        if not light_bridge.understood(bytes(transaction.body.data)):
            raise _takes_opcodes("its call of the bridge is not in the canonical encoding")
    elif state.account(to).code:
        raise _takes_opcodes("it calls a contract that is not the bridge")


def _takes_opcodes(what: str) -> BadTransaction:
    return BadTransaction(
        f"{what}, and the light profile executes no opcodes: set world.profile to full"
    )


def intrinsic_gas(raw: bytes, transaction: SignedTransaction) -> int:
    """What a transaction costs before anything is executed; raises InvalidPayload when it has not as much or is unsound."""
    try:
        return int(rules_of(Fork.SHANGHAI).transactions.validate_transaction(transaction.body))
    except EthereumException as error:
        raise InvalidPayload(str(error) or type(error).__name__) from error


def bloom_of(logs: Sequence[LightLog]) -> bytes:
    """The filter over addresses and topics (yellow paper, 4.4.1)."""
    if not logs:
        return NO_BLOOM
    bits = 0
    for log in logs:
        for item in (log.address, *log.topics):
            bits |= _bits(item)
    return bits.to_bytes(BLOOM_BYTES, "big")


@functools.lru_cache(maxsize=4096)
def _bits(item: bytes) -> int:
    digest = keccak256(item)
    places = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    return functools.reduce(lambda bits, place: bits | 1 << place, places, 0)
