"""Calls that change nothing: eth_call and eth_estimateGas, by the same specification that executes blocks."""

import msgspec
from ethereum.forks.shanghai import vm
from ethereum.forks.shanghai.blocks import Header
from ethereum.forks.shanghai.fork_types import Address
from ethereum.forks.shanghai.state import get_account, set_account_balance
from ethereum.forks.shanghai.transactions import (
    FeeMarketTransaction,
    Transaction,
    calculate_intrinsic_cost,
)
from ethereum.forks.shanghai.utils.message import prepare_message
from ethereum.forks.shanghai.vm.exceptions import Revert
from ethereum.forks.shanghai.vm.interpreter import process_create_message, process_message
from ethereum_types.bytes import Bytes, Bytes0
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum.execution import environment_of
from alys.models.ethereum.tree import Block

REFUND_QUOTIENT = 5
"""EIP-3529: at most a fifth of the gas comes back."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom with what; ``to`` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int
    gas: int


class CallFailed(AlysError):
    """The call did not end well: reverted (then ``output`` is the revert data) or an exception of the EVM."""

    def __init__(self, reason: str, output: bytes | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a call gave back and what it cost."""

    output: bytes
    gas_used: int
    """After refunds, as a transaction would be charged."""
    gas_needed: int
    """Before refunds: the limit may not be below it."""


def run(call: Call, block: Block, header: Header, chain_id: int) -> CallResult:
    """Execute on the state after ``block`` as if in a block with ``header``; raises CallFailed."""
    state = block.state.fork()
    sender = Address(call.sender)
    environment = environment_of(header, state, chain_id, [block.hash])
    tx = _transaction(call, chain_id, int(get_account(state, sender).nonce))
    intrinsic = int(calculate_intrinsic_cost(tx))
    if call.gas < intrinsic:
        raise CallFailed(f"intrinsic gas too low: have {call.gas}, want {intrinsic}", None)
    balance = int(get_account(state, sender).balance)
    if balance < call.value:
        raise CallFailed("insufficient funds for transfer", None)
    tx_environment = vm.TransactionEnvironment(
        origin=sender,
        gas_price=Uint(0),
        gas=Uint(call.gas - intrinsic),
        access_list_addresses={header.coinbase},
        access_list_storage_keys=set(),
        index_in_block=Uint(0),
        tx_hash=None,
    )
    set_account_balance(state, sender, U256(balance))
    message = prepare_message(environment, tx_environment, tx)
    evm = process_create_message(message) if call.to is None else process_message(message)
    if evm.error is not None:
        if isinstance(evm.error, Revert):
            raise CallFailed("execution reverted", bytes(evm.output))
        raise CallFailed(type(evm.error).__name__, None)
    needed = call.gas - int(evm.gas_left)
    refund = min(needed // REFUND_QUOTIENT, int(evm.refund_counter))
    return CallResult(output=bytes(evm.output), gas_used=needed - refund, gas_needed=needed)


def estimate(call: Call, block: Block, header: Header, chain_id: int) -> int:
    """The lowest gas limit with which the call ends well; raises CallFailed when the given limit does not suffice."""
    high = call.gas
    low = run(call, block, header, chain_id).gas_used - 1
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            run(msgspec.structs.replace(call, gas=middle), block, header, chain_id)
        except CallFailed:
            low = middle
        else:
            high = middle
    return high


def _transaction(call: Call, chain_id: int, nonce: int) -> Transaction:
    return FeeMarketTransaction(
        chain_id=U64(chain_id),
        nonce=U256(nonce),
        max_priority_fee_per_gas=Uint(0),
        max_fee_per_gas=Uint(0),
        gas=Uint(call.gas),
        to=Bytes0(b"") if call.to is None else Address(call.to),
        value=U256(call.value),
        data=Bytes(call.data),
        access_list=(),
        y_parity=U256(0),
        r=U256(0),
        s=U256(0),
    )
