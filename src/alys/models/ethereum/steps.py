"""A bound on how long a simulated call may run, counted in opcodes, so that it does not depend on the machine.

geth ends a call after five seconds of its clock. The specification's interpreter needs two or three for half a million
opcodes; the same words are said then. Precompiled contracts that are slow in Python for the gas they cost count as many
opcodes as take the same time. Blocks have no such bound: what their gas pays for is executed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ethereum.trace import OpStart, PrecompileStart, TraceEvent, discard_evm_trace, set_evm_trace

from alys.base.errors import AlysError

STEPS_MAX = 500_000

STEPS_OF_A_PAIRING = 40_000
"""Of the alt_bn128 curve (EIP-197): a quarter of a second for 34,000 gas."""

STEPS_OF_A_ROUND = 5
"""Of BLAKE2's F (EIP-152): 25 microseconds for one gas."""

_PAIRING, _BLAKE2 = 8, 9
_BYTES_OF_A_PAIRING = 192


class _Message(Protocol):
    data: bytes


class _Evm(Protocol):
    message: _Message


class TooManySteps(AlysError):
    """The call ran for longer than calls may."""

    def __init__(self) -> None:
        super().__init__("execution aborted (timeout = 5s)")


@contextmanager
def limited(steps: int | None = None) -> Iterator[None]:
    """While inside, the interpreter raises TooManySteps at the opcode after so many; who listened before still hears all."""
    left = STEPS_MAX if steps is None else steps

    def count(evm: object, event: TraceEvent) -> None:
        nonlocal left
        if listened:
            before(evm, event)
        if isinstance(event, OpStart):
            left -= 1
        elif isinstance(event, PrecompileStart):
            left -= _cost(event, evm)  # type: ignore[arg-type]  # the trace hands it on as an object
        if left < 0:
            raise TooManySteps

    before = set_evm_trace(count)
    listened = before is not discard_evm_trace
    try:
        yield
    finally:
        set_evm_trace(before)


def _cost(started: PrecompileStart, evm: _Evm) -> int:
    number = int.from_bytes(started.address, "big")
    data = bytes(evm.message.data)
    if number == _PAIRING:
        return len(data) // _BYTES_OF_A_PAIRING * STEPS_OF_A_PAIRING
    if number == _BLAKE2:
        return int.from_bytes(data[:4], "big") * STEPS_OF_A_ROUND
    return 1
