"""A Shanghai header of plain numbers and bytes, with the names and the hash that the specification's own has.

The specification's classes check and convert each field whenever a header is made; in a simulation of many runs that is most of
what a block without transactions costs.
"""

import functools

import msgspec
from ethereum.crypto.hash import keccak256

from alys.models.ethereum.trie import integer, listed, string


class LightHeader(msgspec.Struct, frozen=True, kw_only=True, dict=True, eq=False):
    """The fields in the order in which they are hashed."""

    parent_hash: bytes
    ommers_hash: bytes
    coinbase: bytes
    state_root: bytes
    transactions_root: bytes
    receipt_root: bytes
    bloom: bytes
    difficulty: int = 0
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes = b""
    prev_randao: bytes
    nonce: bytes = bytes(8)
    base_fee_per_gas: int
    withdrawals_root: bytes

    @functools.cached_property
    def rlp(self) -> bytes:
        """The encoding that is hashed."""
        fields = (getattr(self, name) for name in self.__struct_fields__)
        parts = (string(integer(one) if isinstance(one, int) else one) for one in fields)
        return listed(b"".join(parts))

    @functools.cached_property
    def hash(self) -> bytes:
        """The block's hash."""
        return bytes(keccak256(self.rlp))
