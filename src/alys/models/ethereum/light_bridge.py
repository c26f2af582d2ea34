"""The bridge contract without opcodes: what ``bridge.sol`` does with a call, and the gas that it takes for it.

The figures were read off the compiled contract under the specification; the tests hold the two to each other, over all lengths
of an address. They change when the contract is compiled anew. A call is taken that has no selector of the contract, or
``requestPegOut`` in the one canonical encoding of the ABI; what the contract makes of other bytes is not known here, so such a
call is refused before it is in a block.
"""

import msgspec

from alys.wire.ethereum import REQUEST_PEG_OUT_SELECTOR, REQUEST_PEG_OUT_TOPIC

MINIMUM_WEI = 10**16
"""What ``bridge.sol`` demands."""

BURN_ADDRESS_SELECTOR = bytes.fromhex("fccc2813")
"""First four bytes of keccak256("BURN_ADDRESS()")."""

GAS_RECEIVE = 106
GAS_TOO_SHORT = 107
"""Of calldata that is shorter than a selector."""
GAS_FALLBACK = 157
GAS_BELOW_MINIMUM = 435
GAS_NO_ADDRESS = 425
GAS_PAID = 12_192
"""Of a burn whose address takes one word, where the burn address has been paid before."""
GAS_WORD = 262
"""For each further word of the address."""
GAS_NEW_ACCOUNT = 25_000
"""Where it has not (EIP-161)."""
GAS_WARM = 2_500
"""Less where the burn address is warm from the start: the fee recipient, or in the access list (EIP-2929, EIP-3651)."""
MEMORY_WORDS_BEFORE = 8
"""Of the memory that the contract uses besides the address; memory costs more than a word's price once there is much of it."""
_QUADRATIC = 512
_WORD = 32


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of a call: the gas it takes, and the data of its log when it does not revert."""

    gas: int
    log_data: bytes | None


def understood(data: bytes) -> bool:
    """Whether ``called`` knows what the contract makes of these bytes."""
    if data[:4] == BURN_ADDRESS_SELECTOR:
        return False
    return data[:4] != REQUEST_PEG_OUT_SELECTOR or _address_of(data) is not None


def called(data: bytes, value: int, *, warm: bool, alive: bool) -> Answer:
    """A call with ``value`` wei; ``warm`` and ``alive`` are about the burn address. The bytes are ``understood``."""
    if data[:4] != REQUEST_PEG_OUT_SELECTOR:
        gas = GAS_FALLBACK if len(data) >= 4 else GAS_TOO_SHORT if data else GAS_RECEIVE
        return Answer(gas=gas, log_data=None)
    address = _address_of(data)
    assert address is not None, "what is not understood is refused before"
    if value < MINIMUM_WEI:
        return Answer(gas=GAS_BELOW_MINIMUM, log_data=None)
    if not address:
        return Answer(gas=GAS_NO_ADDRESS, log_data=None)
    words = -(-len(address) // _WORD)
    gas = GAS_PAID + GAS_WORD * (words - 1) + (words + MEMORY_WORDS_BEFORE) ** 2 // _QUADRATIC
    gas += GAS_NEW_ACCOUNT * (not alive) - GAS_WARM * warm
    shown = _word(2 * _WORD) + _word(value) + _word(len(address)) + _padded(address)
    return Answer(gas=gas, log_data=shown)


def topics(caller: bytes) -> tuple[bytes, ...]:
    """Of the log of a burn."""
    return bytes.fromhex(REQUEST_PEG_OUT_TOPIC[2:]), bytes(12) + caller


def _address_of(data: bytes) -> bytes | None:
    """The argument of ``requestPegOut``; None where its encoding is not the canonical one."""
    length = int.from_bytes(data[36:68], "big")
    address = data[68 : 68 + min(length, len(data))]
    canonical = REQUEST_PEG_OUT_SELECTOR + _word(_WORD) + _word(len(address)) + _padded(address)
    return address if data == canonical else None


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _WORD)
