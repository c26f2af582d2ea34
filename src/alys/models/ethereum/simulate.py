"""Calls that change nothing: eth_call and eth_estimateGas, by the same specification that executes blocks."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.utils.address import compute_contract_address
from ethereum_types.bytes import Bytes, Bytes0, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum import steps
from alys.models.ethereum.forks import Fork, Rules, State, made
from alys.models.ethereum.run import environment_of
from alys.models.ethereum.tree import Block
from alys.wire.ethereum import checksum_address

CALL_STIPEND = 2300
"""What a call with value gets on top; a hint in the search for the least limit, nothing depends on it."""

REFUND_SHARE = 5
"""At most one part in so many of the gas is refunded (EIP-3529)."""

OLD_REFUND_SHARE = 2
"""Before London."""

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""First four bytes of keccak256("Error(string)"): how Solidity encodes the reason of a revert."""

_GETH_WORDS = {
    "Revert": "execution reverted",
    "OutOfGasError": "out of gas",
    "InvalidOpcode": "invalid opcode",
    "InvalidJumpDestError": "invalid jump destination",
    "StackUnderflowError": "stack underflow",
    "StackOverflowError": "stack limit reached 1024",
    "WriteInStaticContext": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "AddressCollision": "contract address collision",
    "InvalidContractPrefix": "invalid code: must not begin with 0xef",
}


AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]
"""Addresses of 20 bytes, each with storage keys of 32."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom with what; ``to`` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int
    gas: int
    fee_cap: int = 0
    """The most per gas, in wei; 0: the call is free, and there is no base fee."""
    access_list: AccessList = ()


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What is different about an account for one call; None: as it is."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: Mapping[bytes, int] = {}
    """Slots by 32-byte key."""
    cleared: bool = False
    """Whether all other slots are empty."""


class CallFailed(AlysError):
    """The call did not end well; ``reason`` in geth's words. ``output`` is the revert data, None for other ends."""

    def __init__(self, reason: str, output: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


class OutOfGas(CallFailed):
    """It might end well with a higher limit."""


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a call gave back and what it cost."""

    output: bytes
    gas_needed: int
    """Before refunds: a limit below it would not have done."""
    gas_used: int
    """After refunds: what a transaction would pay for."""
    accessed: AccessList
    """What it touched, by ascending address and key, precompiles not counted; nothing before Berlin."""


class Simulator:
    """Executes calls on the state after one block, as if in that block."""

    def __init__(
        self,
        block: Block,
        chain_id: int,
        hashes: Sequence[bytes],
        overrides: Mapping[bytes, Override] | None = None,
    ) -> None:
        """``hashes`` are those of the blocks before ``block``, oldest first: what BLOCKHASH sees."""
        self._block = block
        self._chain_id = chain_id
        self._hashes = hashes
        self._overrides = overrides or {}

    def run(self, call: Call) -> CallResult:
        """Execute once; raises CallFailed."""
        return _result(call, self.executed(call), self._block.rules)

    def executed(self, call: Call) -> Any:
        """The specification's EVM after the call, whatever its end; raises CallFailed when the call cannot be made."""
        try:
            with steps.limited():
                return self._executed(call)
        except steps.TooManySteps as error:
            raise CallFailed(str(error)) from error
        except OverflowError as error:
            raise CallFailed("a balance or a nonce would not fit in its bits") from error

    def _executed(self, call: Call) -> Any:
        rules, header = self._block.rules, self._block.header
        state = self._block.state.fork(rules)
        for address, override in self._overrides.items():
            _overridden(rules, state, rules.fork_types.Address(address), override)
        sender = rules.fork_types.Address(call.sender)
        account = rules.state.get_account(state, sender)
        tx = _transaction(call, rules, self._chain_id, int(account.nonce))
        intrinsic = int(rules.transactions.calculate_intrinsic_cost(tx))
        if call.gas < intrinsic:
            raise OutOfGas(f"intrinsic gas too low: have {call.gas}, want {intrinsic}")
        self._check_funds(call, int(account.balance))
        rules.state.increment_nonce(state, sender)
        outer = _outer(call, rules, header.coinbase, call.gas - intrinsic)
        inner = environment_of(header, rules, state, self._chain_id, self._hashes)
        if rules.has_base_fee and not call.fee_cap:
            inner.base_fee_per_gas = Uint(0)
        return _execute(rules, rules.message.prepare_message(inner, outer, tx))

    def gas_used(self, call: Call, evm: Any) -> int:
        """What a transaction would pay for, however the call ended."""
        return _gas_used(call, evm, self._block.rules)

    def created_by(self, call: Call) -> bytes:
        """The address of the contract that a call without a recipient creates."""
        nonce = Uint(self._block.state.account(call.sender).nonce)
        return bytes(compute_contract_address(Address(call.sender), nonce))

    def _check_funds(self, call: Call, balance: int) -> None:
        rules, who = self._block.rules, f"address {checksum_address(call.sender)}"
        base_fee = int(self._block.header.base_fee_per_gas) if rules.has_base_fee else 0
        if 0 < call.fee_cap < base_fee:
            raise CallFailed(
                f"max fee per gas less than block base fee: {who}, "
                f"maxFeePerGas: {call.fee_cap}, baseFee: {base_fee}"
            )
        cost = call.gas * call.fee_cap + call.value
        if balance < cost:
            raise CallFailed(
                f"insufficient funds for gas * price + value: {who} have {balance} want {cost}"
            )

    def estimate(self, call: Call) -> int:
        """The lowest gas limit with which the call ends well; raises CallFailed when the given limit does not suffice."""
        call = self._affordable(call)
        try:
            first = self.run(call)
        except OutOfGas as error:
            raise OutOfGas(f"gas required exceeds allowance ({call.gas})") from error
        low, high = first.gas_needed - 1, call.gas
        # A call passes on at most 63/64 of its gas (EIP-150), so the limit is mostly just above what was needed.
        guess = (first.gas_needed + CALL_STIPEND) * 64 // 63
        while low + 1 < high:
            middle = guess if guess < high else (low + high) // 2
            if self._suffices(call, middle):
                high = middle
            else:
                low = middle
                guess = high
        return high

    def _affordable(self, call: Call) -> Call:
        """The call with no more gas than its sender can pay."""
        if not call.fee_cap:
            return call
        override = self._overrides.get(call.sender, Override())
        found = override.balance
        balance = int(self._block.state.account(call.sender).balance) if found is None else found
        allowance = max(0, balance - call.value) // call.fee_cap
        return msgspec.structs.replace(call, gas=min(call.gas, allowance))

    def _suffices(self, call: Call, gas: int) -> bool:
        try:
            self.run(msgspec.structs.replace(call, gas=gas))
        except CallFailed:
            return False
        return True


def _execute(rules: Rules, message: Any) -> Any:
    """The specification's process_message_call, which would keep the output to itself."""
    if message.target != Bytes0(b""):
        return rules.interpreter.process_message(message)
    target = rules.state.get_account(message.block_env.state, message.current_target)
    if target.nonce or target.code:
        raise CallFailed(_GETH_WORDS["AddressCollision"])
    return rules.interpreter.process_create_message(message)


def _outer(call: Call, rules: Rules, coinbase: bytes, gas: int) -> Any:
    """What the EVM sees of the transaction that the call stands for."""
    address = rules.fork_types.Address
    told: dict[str, object] = {
        "origin": address(call.sender),
        "gas_price": Uint(call.fee_cap),
        "gas": Uint(gas),
        "access_list_addresses": {coinbase, *(address(a) for a, _ in call.access_list)},
        "access_list_storage_keys": {
            (address(a), Bytes32(key)) for a, keys in call.access_list for key in keys
        },
        "blob_versioned_hashes": (),
        "index_in_block": Uint(0),
        "tx_hash": None,
    }
    if rules.has_blobs:
        told["transient_storage"] = rules.state.TransientStorage()
    return made(rules.vm.TransactionEnvironment, told)


def _overridden(rules: Rules, state: State, address: bytes, override: Override) -> None:
    account = rules.state.get_account(state, address)
    changed = rules.fork_types.Account(
        nonce=account.nonce if override.nonce is None else Uint(override.nonce),
        balance=account.balance if override.balance is None else U256(override.balance),
        code=account.code if override.code is None else Bytes(override.code),
    )
    rules.state.set_account(state, address, changed)
    if override.cleared:
        rules.state.destroy_storage(state, address)
    for key, value in override.storage.items():
        rules.state.set_storage(state, address, Bytes32(key), U256(value))


def _result(call: Call, evm: Any, rules: Rules) -> CallResult:
    """What the EVM left behind; raises CallFailed when that is an error."""
    if type(evm.error).__name__ == "Revert":
        output = bytes(evm.output)
        raise CallFailed(_revert_words(output), output)
    if evm.error is not None:
        name = type(evm.error).__name__
        kind = OutOfGas if name == "OutOfGasError" else CallFailed
        raise kind(failure_words(evm.error))
    return CallResult(
        output=bytes(evm.output),
        gas_needed=call.gas - int(evm.gas_left),
        gas_used=_gas_used(call, evm, rules),
        accessed=_accessed(evm, rules) if rules.has_typed_transactions else (),
    )


def _gas_used(call: Call, evm: Any, rules: Rules) -> int:
    used = call.gas - int(evm.gas_left)
    if evm.error is not None:
        return used
    share = REFUND_SHARE if rules.has_base_fee else OLD_REFUND_SHARE
    return used - min(used // share, int(evm.refund_counter))


def _accessed(evm: Any, rules: Rules) -> AccessList:
    """Every address and slot that is warm at the end of a call, those that are so from the start not counted."""
    touched: dict[bytes, set[bytes]] = {
        bytes(address): set()
        for address in evm.accessed_addresses
        if address not in rules.interpreter.PRE_COMPILED_CONTRACTS
    }
    for address, key in evm.accessed_storage_keys:
        touched.setdefault(bytes(address), set()).add(bytes(key))
    return tuple((address, tuple(sorted(touched[address]))) for address in sorted(touched))


def failure_words(error: Exception) -> str:
    """geth's words for how an EVM ended."""
    name = type(error).__name__
    return _GETH_WORDS.get(name, name)


def revert_reason(output: bytes) -> str | None:
    """What a contract that reverted gave as text, None where it gave none."""
    if output[:4] != ERROR_SELECTOR or len(output) < 4 + 64:
        return None
    length = int.from_bytes(output[36:68], "big")
    return output[68 : 68 + length].decode("utf-8", "replace")


def _revert_words(output: bytes) -> str:
    reason = revert_reason(output)
    return _GETH_WORDS["Revert"] if reason is None else f"{_GETH_WORDS['Revert']}: {reason}"


def _transaction(call: Call, rules: Rules, chain_id: int, nonce: int) -> Any:
    fields: dict[str, object] = {
        "chain_id": U64(chain_id),
        "nonce": U256(nonce),
        "gas_price": Uint(call.fee_cap),
        "max_priority_fee_per_gas": Uint(0),
        "max_fee_per_gas": Uint(call.fee_cap),
        "gas": Uint(call.gas),
        "to": Bytes0(b"") if call.to is None else rules.fork_types.Address(call.to),
        "value": U256(call.value),
        "data": Bytes(call.data),
        "access_list": _eels_access_list(call, rules),
        "v": U256(27),
        "y_parity": U256(0),
        "r": U256(0),
        "s": U256(0),
    }
    if rules.has_base_fee:
        return made(rules.transactions.FeeMarketTransaction, fields)
    return made(rules.legacy_transaction, fields)


def _eels_access_list(call: Call, rules: Rules) -> tuple[Any, ...]:
    if rules.fork < Fork.BERLIN:
        return ()
    return tuple(
        rules.transactions.Access(
            account=rules.fork_types.Address(address),
            slots=tuple(Bytes32(key) for key in keys),
        )
        for address, keys in call.access_list
    )
