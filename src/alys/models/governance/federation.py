"""The federation as a signer knows it: its keys, its leaf script, its output script.

Written here a second time on purpose. A model that borrowed the node's rules would agree with the
node's mistakes; two derivations that must meet on one address catch each other's.

The output is P2TR (BIP341) with an internal key nobody holds and one leaf (version 0xc0)::

    <x1> OP_CHECKSIG <x2> OP_CHECKSIGADD ... <threshold> OP_GREATERTHANOREQUAL
"""

from collections.abc import Sequence

import msgspec

from alys.base.errors import UsageError
from alys.wire import bitcoin

# BIP341, "Constructing and spending Taproot outputs": lift_x of the hash of the generator, so that
# no key path spend exists.
NUMS_KEY = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")

KEY_BYTES = 32
MEMBERS_MAX = 16  # a threshold above this has no one-byte opcode; far above any federation of ours

OP_1 = 0x51
OP_CHECKSIG = 0xAC
OP_CHECKSIGADD = 0xBA
OP_GREATERTHANOREQUAL = 0xA2


class BadFederation(UsageError):
    """The keys and threshold given make no federation; ``rule`` says which rule they break."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"bad federation: {rule}")
        self.rule = rule


class Federation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may sign and how many must. ``keys`` are x-only (32 bytes), in the order of the spec."""

    keys: tuple[bytes, ...]
    threshold: int

    @classmethod
    def of(cls, keys: Sequence[bytes], threshold: int) -> "Federation":
        """A checked federation; raises BadFederation."""
        if not 1 <= len(keys) <= MEMBERS_MAX:
            raise BadFederation(f"1 to {MEMBERS_MAX} keys, not {len(keys)}")
        if any(len(key) != KEY_BYTES for key in keys):
            raise BadFederation(f"every key is x-only, {KEY_BYTES} bytes")
        if len(set(keys)) != len(keys):
            raise BadFederation("no key twice")
        if not 1 <= threshold <= len(keys):
            raise BadFederation(f"threshold between 1 and {len(keys)}, not {threshold}")
        return cls(keys=tuple(keys), threshold=threshold)

    def leaf_script(self) -> bytes:
        """The one script by which federation outputs are spent."""
        script = bytearray()
        for position, key in enumerate(self.keys):
            script += bytes([KEY_BYTES]) + key
            script.append(OP_CHECKSIGADD if position else OP_CHECKSIG)
        script += bytes([OP_1 + self.threshold - 1, OP_GREATERTHANOREQUAL])
        return bytes(script)

    def output_script(self) -> bytes:
        """``OP_1 <output key>``: what a deposit pays to and what change comes back to."""
        output_key, _parity = bitcoin.taproot_output(NUMS_KEY, self.leaf_script())
        return bytes([OP_1, KEY_BYTES]) + output_key

    def address(self, network: str) -> str | None:
        """The deposit address on a network."""
        return bitcoin.script_to_address(self.output_script(), network)
