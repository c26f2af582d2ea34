"""Calls that change nothing: eth_call and eth_estimateGas, by the same specification that executes blocks."""

from collections.abc import Mapping, Sequence

import msgspec
from ethereum.forks.shanghai import vm
from ethereum.forks.shanghai.fork_types import Account, Address
from ethereum.forks.shanghai.state import (
    State,
    destroy_storage,
    get_account,
    increment_nonce,
    set_account,
    set_storage,
)
from ethereum.forks.shanghai.transactions import (
    Access,
    FeeMarketTransaction,
    Transaction,
    calculate_intrinsic_cost,
)
from ethereum.forks.shanghai.utils.address import compute_contract_address
from ethereum.forks.shanghai.utils.message import prepare_message
from ethereum.forks.shanghai.vm.exceptions import AddressCollision, Revert
from ethereum.forks.shanghai.vm.interpreter import process_create_message, process_message
from ethereum.forks.shanghai.vm.precompiled_contracts.mapping import PRE_COMPILED_CONTRACTS
from ethereum_types.bytes import Bytes, Bytes0, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum.run import environment_of
from alys.models.ethereum.tree import Block

CALL_STIPEND = 2300
"""What a call with value gets on top; a hint in the search for the least limit, nothing depends on it."""

REFUND_SHARE = 5
"""At most one part in so many of the gas is refunded (EIP-3529)."""

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""First four bytes of keccak256("Error(string)"): how Solidity encodes the reason of a revert."""

_GETH_WORDS = {
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
    """What it touched, by ascending address and key; precompiles not counted."""


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
        message = self.message(call)
        return _result(call, _execute(message), int(message.tx_env.gas))

    def message(self, call: Call) -> vm.Message:
        """The call as the EVM takes it, on a state of its own; raises CallFailed when it cannot begin."""
        header, state = self._block.header, self._block.state.fork()
        for address, override in self._overrides.items():
            _overridden(state, Address(address), override)
        sender = Address(call.sender)
        account = get_account(state, sender)
        tx = _transaction(call, self._chain_id, int(account.nonce))
        intrinsic = int(calculate_intrinsic_cost(tx))
        if call.gas < intrinsic:
            raise OutOfGas(f"intrinsic gas too low: have {call.gas}, want {intrinsic}")
        self._check_funds(call, int(account.balance))
        increment_nonce(state, sender)
        outer = vm.TransactionEnvironment(
            origin=sender,
            gas_price=Uint(call.fee_cap),
            gas=Uint(call.gas - intrinsic),
            access_list_addresses={header.coinbase, *(Address(a) for a, _ in call.access_list)},
            access_list_storage_keys={
                (Address(a), Bytes32(key)) for a, keys in call.access_list for key in keys
            },
            index_in_block=Uint(0),
            tx_hash=None,
        )
        inner = environment_of(header, state, self._chain_id, self._hashes)
        if not call.fee_cap:
            inner.base_fee_per_gas = Uint(0)
        return prepare_message(inner, outer, tx)

    def created_by(self, call: Call) -> bytes:
        """The address of the contract that a call without a recipient creates."""
        nonce = self._block.state.account(call.sender).nonce
        return bytes(compute_contract_address(Address(call.sender), nonce))

    def _check_funds(self, call: Call, balance: int) -> None:
        base_fee, who = int(self._block.header.base_fee_per_gas), f"address 0x{call.sender.hex()}"
        if not call.fee_cap:
            if balance < call.value:
                raise CallFailed(f"insufficient funds for transfer: {who}")
            return
        if call.fee_cap < base_fee:
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


def _execute(message: vm.Message) -> vm.Evm:
    """The specification's process_message_call, which would keep the output to itself."""
    if message.target != Bytes0(b""):
        return process_message(message)
    target = get_account(message.block_env.state, message.current_target)
    if target.nonce or target.code:
        raise CallFailed(_GETH_WORDS[AddressCollision.__name__])
    return process_create_message(message)


def _overridden(state: State, address: Address, override: Override) -> None:
    account = get_account(state, address)
    changed = Account(
        nonce=account.nonce if override.nonce is None else Uint(override.nonce),
        balance=account.balance if override.balance is None else U256(override.balance),
        code=account.code if override.code is None else Bytes(override.code),
    )
    set_account(state, address, changed)
    if override.cleared:
        destroy_storage(state, address)
    for key, value in override.storage.items():
        set_storage(state, address, Bytes32(key), U256(value))


def _result(call: Call, evm: vm.Evm, gas: int) -> CallResult:
    """What the EVM left behind; raises CallFailed when that is an error."""
    if isinstance(evm.error, Revert):
        output = bytes(evm.output)
        raise CallFailed(_revert_words(output), output)
    if evm.error is not None:
        name = type(evm.error).__name__
        kind = OutOfGas if name == "OutOfGasError" else CallFailed
        raise kind(_GETH_WORDS.get(name, name))
    needed = call.gas - int(evm.gas_left)
    return CallResult(
        output=bytes(evm.output),
        gas_needed=needed,
        gas_used=needed - min(needed // REFUND_SHARE, evm.refund_counter),
        accessed=_accessed(evm),
    )


def _accessed(evm: vm.Evm) -> AccessList:
    """Every address and slot that is warm at the end of a call, those that are so from the start not counted."""
    touched: dict[bytes, set[bytes]] = {
        bytes(address): set()
        for address in evm.accessed_addresses
        if address not in PRE_COMPILED_CONTRACTS
    }
    for address, key in evm.accessed_storage_keys:
        touched.setdefault(bytes(address), set()).add(bytes(key))
    return tuple((address, tuple(sorted(touched[address]))) for address in sorted(touched))


def _revert_words(output: bytes) -> str:
    """geth's message: with the reason where the contract gave one as text."""
    if output[:4] != ERROR_SELECTOR or len(output) < 4 + 64:
        return "execution reverted"
    length = int.from_bytes(output[36:68], "big")
    return f"execution reverted: {output[68 : 68 + length].decode('utf-8', 'replace')}"


def _transaction(call: Call, chain_id: int, nonce: int) -> Transaction:
    return FeeMarketTransaction(
        chain_id=U64(chain_id),
        nonce=U256(nonce),
        max_priority_fee_per_gas=Uint(0),
        max_fee_per_gas=Uint(call.fee_cap),
        gas=Uint(call.gas),
        to=Bytes0(b"") if call.to is None else Address(call.to),
        value=U256(call.value),
        data=Bytes(call.data),
        access_list=tuple(
            Access(account=Address(address), slots=tuple(Bytes32(key) for key in keys))
            for address, keys in call.access_list
        ),
        y_parity=U256(0),
        r=U256(0),
        s=U256(0),
    )
