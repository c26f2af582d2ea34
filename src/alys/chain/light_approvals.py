"""A light scheme of approvals, for simulations of many runs: keyed hashes in the place of BLS signatures.

It has the interface of ``approvals.BlsScheme`` and its verdicts: a signature holds for one key and one root, an aggregate for
exactly the keys whose signatures went into it, each as often as it did. The tests hold both schemes to one contract. What it has
not is secrecy: a public key is all that it takes to sign. So it is never on a network; ``world.profile`` says where it is used.
"""

import functools
import hashlib
from collections.abc import Sequence

from alys.chain import approvals

SIGNATURE_BYTES = 96
"""As of BLS, so that blocks are as long as they would be."""

PUBLIC_KEY_BYTES = 48

_MODULUS = 1 << (8 * SIGNATURE_BYTES)


class LightSigner:
    """A key; its public key is the BLS one of the same secret, so one specification serves both schemes."""

    __slots__ = ("public_key",)

    def __init__(self, secret: bytes) -> None:
        self.public_key = approvals.BlsSigner(secret).public_key

    def sign(self, root: bytes) -> bytes:
        """96 bytes over a 32-byte root."""
        return _word(self.public_key, root)


class LightScheme:
    """See the module's docstring. An aggregate is the sum of its signatures."""

    def signer(self, secret: bytes) -> LightSigner:
        """A signer from 32 bytes, big-endian."""
        return LightSigner(secret)

    def verify(self, public_key: bytes, root: bytes, signature: bytes) -> bool:
        """Whether one signature holds."""
        return len(public_key) == PUBLIC_KEY_BYTES and signature == _word(public_key, root)

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """The sum; raises ValueError when a signature has not the length of one."""
        if any(len(one) != SIGNATURE_BYTES for one in signatures):
            raise ValueError(f"a signature is {SIGNATURE_BYTES} bytes long")
        total = sum(int.from_bytes(one, "big") for one in signatures)
        return (total % _MODULUS).to_bytes(SIGNATURE_BYTES, "big")

    def verify_aggregate(self, public_keys: Sequence[bytes], root: bytes, signature: bytes) -> bool:
        """Whether the aggregate holds for all keys; no keys never verify."""
        if not public_keys or any(len(key) != PUBLIC_KEY_BYTES for key in public_keys):
            return False
        return self.aggregate([_word(key, root) for key in public_keys]) == signature


@functools.lru_cache(maxsize=4096)
def _word(key: bytes, root: bytes) -> bytes:
    """What the holder of a key says of a root. The key has its length, so no two pairs are one input."""
    return hashlib.shake_256(key + root).digest(SIGNATURE_BYTES)
