"""What the node's RPC asks of its Chain actor, and merged mining's own requests."""

import msgspec

from alys.actors.message import Request
from alys.chain.blocks import AuxPowHeader, SignedBlock

HEAD = -1
"""As a height: that of the head."""


class PauseProduction(Request[None], frozen=True, kw_only=True):
    """Make no more blocks until told to, or for so many node seconds. It outlives a restart."""

    reason: str
    seconds: float | None = None


class ResumeProduction(Request[None], frozen=True, kw_only=True):
    """Make blocks again."""


class GetBlockAt(Request[SignedBlock | None], frozen=True, kw_only=True):
    """The canonical block at a height (``HEAD``: the last), None above the head."""

    height: int


class GetBlockByRoot(Request[SignedBlock | None], frozen=True, kw_only=True):
    """A stored block."""

    root: bytes


class AuxWork(msgspec.Struct, frozen=True, kw_only=True):
    """What to mine on: the range's hash and what the header will say."""

    aux_hash: bytes
    range_start: bytes
    range_end: bytes
    height: int
    bits: int
    chain_id: int
    previous: bytes
    fee_recipient: bytes


class CreateAuxBlock(Request[AuxWork], frozen=True, kw_only=True):
    """Work over all blocks after the last finalised one. Fails with RpcError -32000 when there is none, -32606 while syncing."""

    fee_recipient: bytes


class SubmitAuxBlock(Request[None], frozen=True, kw_only=True):
    """Proof of that work. Fails with RpcError naming the check that it does not pass."""

    aux_hash: bytes
    auxpow: bytes


class GetQueuedPow(Request[AuxPowHeader | None], frozen=True, kw_only=True):
    """The proof that the next block will carry."""
