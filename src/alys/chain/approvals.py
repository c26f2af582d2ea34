"""Approvals: BLS12-381 signatures of authorities over a block's root, and their aggregate.

An aggregate is the sum of the signatures plus the positions of their signers in the specification's list. The scheme is the
proof-of-possession one (draft-irtf-cfrg-bls-signature, PopSchemeMPL): all sign the same 32 bytes, so one pairing check
covers them, and rogue keys are ruled out by the specification, which lists keys whose owners proved possession.
``Verifier`` is a protocol so that a campaign can put a light scheme in its place.
"""

from collections.abc import Sequence
from typing import Protocol

import blspy
import msgspec

from alys.base.errors import AlysError
from alys.chain import slots

AUTHORITIES_MAX = 15
"""Upstream's bit list has room for fifteen authorities."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One authority's word for one block; what travels between authorities."""

    block_root: bytes
    authority_index: int
    signature: bytes


class AggregateApproval(msgspec.Struct, frozen=True, kw_only=True):
    """The approvals a block has gathered. ``indices`` is strictly ascending."""

    indices: tuple[int, ...]
    signature: bytes


class BadApproval(AlysError):
    """An approval, or an aggregate of them, that does not hold; the sender's fault."""

    def __init__(self, reason: str, indices: Sequence[int]) -> None:
        super().__init__(f"approval by authority {', '.join(map(str, indices))} refused: {reason}")
        self.reason = reason
        self.indices = tuple(indices)


class Signer(Protocol):
    """Holds one authority's secret key."""

    @property
    def public_key(self) -> bytes:
        """The key under which the signatures verify."""
        ...

    def sign(self, root: bytes) -> bytes:
        """The signature over a 32-byte block root."""
        ...


class Verifier(Protocol):
    """Checks and adds up signatures; holds no secret."""

    def verify(self, public_key: bytes, root: bytes, signature: bytes) -> bool:
        """Whether one signature holds; False also for malformed bytes."""
        ...

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """The sum of well-formed signatures."""
        ...

    def verify_aggregate(self, public_keys: Sequence[bytes], root: bytes, signature: bytes) -> bool:
        """Whether an aggregate holds for exactly these keys; False also for malformed bytes."""
        ...


class BlsSigner:
    """A BLS secret key in memory. Signing is deterministic."""

    __slots__ = ("_secret", "public_key")

    def __init__(self, secret: bytes) -> None:
        self._secret = blspy.PrivateKey.from_bytes(secret)
        self.public_key = bytes(self._secret.get_g1())

    def sign(self, root: bytes) -> bytes:
        """96 bytes over a 32-byte root."""
        return bytes(blspy.PopSchemeMPL.sign(self._secret, root))


class BlsScheme:
    """The real scheme, on blspy. Keys are 48 bytes (G1), signatures 96 (G2)."""

    def signer(self, secret: bytes) -> BlsSigner:
        """A signer from 32 bytes, big-endian."""
        return BlsSigner(secret)

    def verify(self, public_key: bytes, root: bytes, signature: bytes) -> bool:
        """Whether one signature holds."""
        return self.verify_aggregate((public_key,), root, signature)

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """The sum; raises ValueError when a signature is malformed."""
        points = [blspy.G2Element.from_bytes(signature) for signature in signatures]
        return bytes(blspy.PopSchemeMPL.aggregate(points))

    def verify_aggregate(self, public_keys: Sequence[bytes], root: bytes, signature: bytes) -> bool:
        """Whether the aggregate holds for all keys; no keys never verify."""
        if not public_keys:
            return False
        try:
            keys = [blspy.G1Element.from_bytes(key) for key in public_keys]
            point = blspy.G2Element.from_bytes(signature)
        except ValueError:
            return False
        return bool(blspy.PopSchemeMPL.fast_aggregate_verify(keys, root, point))


def approve(signer: Signer, authority_index: int, root: bytes) -> Approval:
    """Sign a block root as the authority at a position."""
    return Approval(block_root=root, authority_index=authority_index, signature=signer.sign(root))


def check_approval(
    approval: Approval, root: bytes, authorities: Sequence[bytes], verifier: Verifier
) -> None:
    """Raise BadApproval unless the approval is for this root, by a listed authority, and verifies."""
    index = approval.authority_index
    if approval.block_root != root:
        raise BadApproval("it is for another block", (index,))
    if not 0 <= index < len(authorities):
        raise BadApproval("no such authority", (index,))
    if not verifier.verify(authorities[index], root, approval.signature):
        raise BadApproval("the signature does not verify", (index,))


def merge(
    aggregate: AggregateApproval | None, approval: Approval, verifier: Verifier
) -> AggregateApproval:
    """Add a checked approval; one that is already in changes nothing (duplicates are ignored)."""
    if aggregate is None:
        return AggregateApproval(indices=(approval.authority_index,), signature=approval.signature)
    if approval.authority_index in aggregate.indices:
        return aggregate
    return AggregateApproval(
        indices=tuple(sorted((*aggregate.indices, approval.authority_index))),
        signature=verifier.aggregate((aggregate.signature, approval.signature)),
    )


def check_aggregate(
    aggregate: AggregateApproval, root: bytes, authorities: Sequence[bytes], verifier: Verifier
) -> None:
    """Raise BadApproval unless every listed signer is in the aggregate, once. Asks for no quorum."""
    indices = aggregate.indices
    if list(indices) != sorted(set(indices)) or not indices:
        raise BadApproval("signers must be listed once, in ascending order", indices)
    if indices[0] < 0 or indices[-1] >= len(authorities):
        raise BadApproval("no such authority", indices)
    keys = [authorities[index] for index in indices]
    if not verifier.verify_aggregate(keys, root, aggregate.signature):
        raise BadApproval("the aggregate signature does not verify", indices)


def has_quorum(aggregate: AggregateApproval | None, authorities: int) -> bool:
    """Whether two thirds of the authorities (``slots.quorum``) have approved."""
    return aggregate is not None and len(aggregate.indices) >= slots.quorum(authorities)
