"""Calls that change nothing: eth_call and eth_estimateGas, by the same specification that executes blocks."""

from collections.abc import Sequence
from typing import Any

import msgspec
from ethereum_types.bytes import Bytes, Bytes0
from ethereum_types.numeric import U64, U256, Uint

from alys.base.errors import AlysError
from alys.models.ethereum import steps
from alys.models.ethereum.forks import Rules, made
from alys.models.ethereum.run import environment_of
from alys.models.ethereum.tree import Block

CALL_STIPEND = 2300
"""What a call with value gets on top; a hint in the search for the least limit, nothing depends on it."""

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


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom with what; ``to`` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int
    gas: int


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


class Simulator:
    """Executes calls on the state after one block, as if in that block."""

    def __init__(self, block: Block, chain_id: int, hashes: Sequence[bytes]) -> None:
        """``hashes`` are those of the blocks before ``block``, oldest first: what BLOCKHASH sees."""
        self._block = block
        self._chain_id = chain_id
        self._hashes = hashes

    def run(self, call: Call) -> CallResult:
        """Execute once; raises CallFailed."""
        rules, header = self._block.rules, self._block.header
        state = self._block.state.fork(rules)
        sender = rules.fork_types.Address(call.sender)
        account = rules.state.get_account(state, sender)
        tx = _transaction(call, rules, self._chain_id, int(account.nonce))
        intrinsic = int(rules.transactions.calculate_intrinsic_cost(tx))
        if call.gas < intrinsic:
            raise OutOfGas(f"intrinsic gas too low: have {call.gas}, want {intrinsic}")
        if int(account.balance) < call.value:
            raise CallFailed(f"insufficient funds for transfer: address 0x{call.sender.hex()}")
        rules.state.increment_nonce(state, sender)
        told: dict[str, object] = {
            "origin": sender,
            "gas_price": Uint(0),
            "gas": Uint(call.gas - intrinsic),
            "access_list_addresses": {header.coinbase},
            "access_list_storage_keys": set(),
            "blob_versioned_hashes": (),
            "index_in_block": Uint(0),
            "tx_hash": None,
        }
        if rules.has_blobs:
            told["transient_storage"] = rules.state.TransientStorage()
        outer = made(rules.vm.TransactionEnvironment, told)
        inner = environment_of(header, rules, state, self._chain_id, self._hashes)
        try:
            with steps.limited():
                evm = _execute(rules, rules.message.prepare_message(inner, outer, tx))
        except steps.TooManySteps as error:
            raise CallFailed(str(error)) from error
        return _result(call, evm)

    def estimate(self, call: Call) -> int:
        """The lowest gas limit with which the call ends well; raises CallFailed when the given limit does not suffice."""
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


def _result(call: Call, evm: Any) -> CallResult:
    """What the EVM left behind; raises CallFailed when that is an error."""
    if type(evm.error).__name__ == "Revert":
        output = bytes(evm.output)
        raise CallFailed(_revert_words(output), output)
    if evm.error is not None:
        name = type(evm.error).__name__
        kind = OutOfGas if name == "OutOfGasError" else CallFailed
        raise kind(_GETH_WORDS.get(name, name))
    return CallResult(output=bytes(evm.output), gas_needed=call.gas - int(evm.gas_left))


def _revert_words(output: bytes) -> str:
    """geth's message: with the reason where the contract gave one as text."""
    if output[:4] != ERROR_SELECTOR or len(output) < 4 + 64:
        return "execution reverted"
    length = int.from_bytes(output[36:68], "big")
    return f"execution reverted: {output[68 : 68 + length].decode('utf-8', 'replace')}"


def _transaction(call: Call, rules: Rules, chain_id: int, nonce: int) -> Any:
    fields: dict[str, object] = {
        "chain_id": U64(chain_id),
        "nonce": U256(nonce),
        "gas_price": Uint(0),
        "max_priority_fee_per_gas": Uint(0),
        "max_fee_per_gas": Uint(0),
        "gas": Uint(call.gas),
        "to": Bytes0(b"") if call.to is None else rules.fork_types.Address(call.to),
        "value": U256(call.value),
        "data": Bytes(call.data),
        "access_list": (),
        "v": U256(27),
        "y_parity": U256(0),
        "r": U256(0),
        "s": U256(0),
    }
    if rules.has_base_fee:
        return made(rules.transactions.FeeMarketTransaction, fields)
    return made(rules.legacy_transaction, fields)
