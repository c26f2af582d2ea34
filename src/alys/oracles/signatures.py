"""How many federation members really signed an input, counted from its witness.

The script path of the federation's output shows everything needed: the leaf names the keys and the threshold, the control
block ties the leaf to the output (BIP341), and each signature is verified under BIP340 over the BIP342 signature hash.
"""

from collections.abc import Sequence

import msgspec

from alys.oracles.terms import NUMS_KEY
from alys.wire import bitcoin

_OP_CHECKSIG = 0xAC
_OP_CHECKSIGADD = 0xBA
_OP_GREATERTHANOREQUAL = 0xA2
_OP_1 = 0x51
_LEAF_VERSION = 0xC0
_KEY_PART_BYTES = 34
"""A push of 32 bytes and one opcode."""


class WitnessCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one input's witness shows. All zero when it is no spend through the federation's leaf."""

    valid: int = 0
    invalid: int = 0
    """Elements that are neither empty nor a valid signature of the key they stand for."""
    keys: int = 0
    leaf_threshold: int = 0
    """What the script itself asks for."""

    @property
    def required(self) -> int:
        """Two thirds of the keys, rounded up: (2n + 2) // 3."""
        return (2 * self.keys + 2) // 3


def count(tx: bitcoin.Tx, index: int, prevouts: Sequence[bitcoin.TxOut]) -> WitnessCount:
    """The signatures of input ``index``; ``prevouts`` has the spent output of every input, in order."""
    witness = tx.inputs[index].witness
    if len(witness) < 2:
        return WitnessCount()
    *signatures, leaf, control = witness
    parsed = _read_leaf(leaf)
    if parsed is None or not _commits(prevouts[index].script, leaf, control):
        return WitnessCount()
    keys, threshold = parsed
    message = bitcoin.taproot_script_path_sighash(tx, index, prevouts, leaf)
    # The script reads the top of the stack first, so the last element belongs to the first key.
    pairs = list(zip(keys, reversed(signatures), strict=False))
    good = sum(1 for key, sig in pairs if sig and bitcoin.schnorr_verify(key, message, sig))
    given = sum(1 for sig in signatures if sig)
    return WitnessCount(valid=good, invalid=given - good, keys=len(keys), leaf_threshold=threshold)


def _read_leaf(leaf: bytes) -> tuple[list[bytes], int] | None:
    """Keys and threshold of ``<x1> CHECKSIG <x2> CHECKSIGADD ... <t> GREATERTHANOREQUAL``; None for anything else."""
    size, tail = divmod(len(leaf), _KEY_PART_BYTES)
    if size == 0 or tail != 2 or leaf[-1] != _OP_GREATERTHANOREQUAL:
        return None
    parts = [leaf[n * _KEY_PART_BYTES : (n + 1) * _KEY_PART_BYTES] for n in range(size)]
    opcodes = [_OP_CHECKSIG] + [_OP_CHECKSIGADD] * (size - 1)
    if any(p[0] != 32 or p[-1] != op for p, op in zip(parts, opcodes, strict=True)):
        return None
    return [part[1:33] for part in parts], leaf[-2] - _OP_1 + 1


def _commits(script: bytes, leaf: bytes, control: bytes) -> bool:
    """Whether the output is a taproot output of the unspendable key with this one leaf."""
    if len(control) != 33 or control[1:] != NUMS_KEY:
        return False
    key, parity = bitcoin.taproot_output(NUMS_KEY, leaf)
    return script == b"\x51\x20" + key and control[0] == _LEAF_VERSION | parity
