"""The federation's Bitcoin side: a taproot output that only ``threshold`` of its keys can spend.

The output has an unspendable key path (BIP341's NUMS point) and one leaf (BIP342):
``<x1> OP_CHECKSIG <x2> OP_CHECKSIGADD ... <threshold> OP_GREATERTHANOREQUAL``, keys x-only and in the order of the
specification. The leaf would also accept more signatures than the threshold; ours always carry exactly the threshold.
"""

import functools
from collections.abc import Mapping

import msgspec

from alys.base.errors import AlysError
from alys.wire import bitcoin

NUMS_KEY = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
"""H of BIP341: nobody knows its discrete logarithm."""

LEAF_VERSION = 0xC0
XONLY_BYTES = 32
KEYS_MAX = 16
"""The threshold is pushed by a single opcode, OP_1 to OP_16."""

_PUSH_32 = b"\x20"
_OP_CHECKSIG = b"\xac"
_OP_CHECKSIGADD = b"\xba"
_OP_GREATERTHANOREQUAL = b"\xa2"
_OP_1_MINUS_1 = 0x50


class NotEnoughSignatures(AlysError):
    """Fewer signers than the threshold; try again when more have answered."""

    def __init__(self, have: int, need: int) -> None:
        super().__init__(f"{have} federation signatures, {need} are needed")
        self.have = have
        self.need = need


class Federation(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the deposits: x-only keys of 32 bytes in the specification's order, and how many must sign."""

    keys: tuple[bytes, ...]
    threshold: int

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= len(self.keys) <= KEYS_MAX:
            raise ValueError(f"threshold {self.threshold} of {len(self.keys)} keys is impossible")
        if any(len(key) != XONLY_BYTES for key in self.keys):
            raise ValueError("federation keys are x-only, 32 bytes each")
        if len(set(self.keys)) != len(self.keys):
            raise ValueError("federation keys must differ")

    @property
    def leaf_script(self) -> bytes:
        """The tapscript all spends reveal."""
        return _leaf_script(self.keys, self.threshold)

    @property
    def script_pubkey(self) -> bytes:
        """The 34 bytes that a deposit pays to: OP_1 and the output key."""
        output_key, _ = _output(self.keys, self.threshold)
        return b"\x51\x20" + output_key

    @property
    def control_block(self) -> bytes:
        """Leaf version with the output key's parity, then the internal key; the tree has one leaf, so no path."""
        _, parity = _output(self.keys, self.threshold)
        return bytes([LEAF_VERSION | parity]) + NUMS_KEY

    def address(self, network: str) -> str:
        """The deposit address (BIP350)."""
        text = bitcoin.script_to_address(self.script_pubkey, network)
        assert text is not None, "a taproot output always has an address"
        return text

    def signers(self, signatures: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        """The keys whose signatures a witness will carry: the first ``threshold`` that signed, in key order."""
        return tuple(key for key in self.keys if key in signatures)[: self.threshold]

    def witness(self, signatures: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        """The stack that spends an output, from x-only key to signature; raises NotEnoughSignatures.

        The script takes the first key's signature from the top, so signatures stand in reverse key order; who does
        not sign leaves an empty one. Signatures beyond the threshold are left out, signatures are not verified here.
        """
        chosen = self.signers(signatures)
        if len(chosen) < self.threshold:
            raise NotEnoughSignatures(len(chosen), self.threshold)
        stack = tuple(signatures[key] if key in chosen else b"" for key in reversed(self.keys))
        return (*stack, self.leaf_script, self.control_block)


@functools.lru_cache(maxsize=64)
def _leaf_script(keys: tuple[bytes, ...], threshold: int) -> bytes:
    checks = (
        _PUSH_32 + key + (_OP_CHECKSIG if position == 0 else _OP_CHECKSIGADD)
        for position, key in enumerate(keys)
    )
    return b"".join(checks) + bytes([_OP_1_MINUS_1 + threshold]) + _OP_GREATERTHANOREQUAL


@functools.lru_cache(maxsize=64)
def _output(keys: tuple[bytes, ...], threshold: int) -> tuple[bytes, int]:
    """The tweaked output key and its parity; the curve arithmetic is worth keeping."""
    return bitcoin.taproot_output(NUMS_KEY, _leaf_script(keys, threshold))
