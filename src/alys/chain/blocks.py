"""Consensus blocks: their structures, canonical bytes, root and JSON view.

A consensus block wraps one execution payload and says what the peg did with it. Nothing outside a node needs its bytes,
so the encoding is MessagePack of the fields in declared order; the root is the SSZ-style Merkle root of those bytes
(SHA-256 over 32-byte chunks, padded to a power of two, byte length mixed in), the 32 bytes that authorities sign and that
merged mining commits to.
"""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from alys.base.errors import AlysError
from alys.chain import claims
from alys.chain.approvals import AggregateApproval
from alys.chain.claims import NO_CLAIMS, BitcoinClaims
from alys.wire.engine import ExecutionPayload
from alys.wire.ethereum import to_data

ROOT_BYTES = 32
ZERO_ROOT = bytes(ROOT_BYTES)
BLOCK_BYTES_MAX = 8 * 1024 * 1024
"""Upstream's limit for one block."""

_CHUNK_BYTES = 32

_REMEMBERED_BYTES_MAX = 64 * 1024
"""Blocks up to this size are read once for all who get the same bytes, so that large ones cannot fill the memory."""


class BadBlock(AlysError):
    """Bytes that are no block; the sender's fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a consensus block: {reason}")
        self.reason = reason


class PegInRef(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit that a block mints: where every validator finds it. Hashes as Bitcoin displays them."""

    txid: str
    vout: int
    block_hash: str

    @property
    def outpoint(self) -> str:
        """``txid:vout``, the deposit's identity for ever."""
        return f"{self.txid}:{self.vout}"


class AuxPowHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of merged mining over a range of blocks, first and last root inclusive; finalises the range."""

    range_start: bytes
    range_end: bytes
    bits: int
    chain_id: int
    height: int
    """Height of ``range_end``."""
    fee_recipient: bytes
    """EVM address of the miner, for four fifths of the fees."""
    auxpow: bytes | None = None
    """``wire.auxpow`` encoding; None only in the genesis block."""

    def __post_init__(self) -> None:
        for name, size in (("range_start", 32), ("range_end", 32), ("fee_recipient", 20)):
            if len(getattr(self, name)) != size:
                raise ValueError(f"{name} has {len(getattr(self, name))} bytes, not {size}")


class ConsensusBlock(msgspec.Struct, frozen=True, kw_only=True):
    """What authorities sign. Its height is its payload's block number."""

    parent_root: bytes
    """Root of the parent consensus block, not its execution hash."""
    slot: int
    payload: ExecutionPayload
    auxpow_header: AuxPowHeader | None = None
    pegins: tuple[PegInRef, ...] = ()
    payout_proposal: bytes | None = None
    """Unsigned Bitcoin transaction that pays the peg-out requests of the parent's payload."""
    finalized_payouts: tuple[bytes, ...] = ()
    """Fully signed Bitcoin transactions of earlier finalised proposals; only in blocks with an AuxPoW."""
    bitcoin: BitcoinClaims = NO_CLAIMS
    """What it says about Bitcoin besides."""
    federation_update: bytes | None = None
    """A change of the federation, signed by the one in force (``chain.federation_update``)."""
    sweep_proposal: bytes | None = None
    """Unsigned Bitcoin transaction that moves coins of a former federation to the one in force."""

    def __post_init__(self) -> None:
        if len(self.parent_root) != ROOT_BYTES:
            raise ValueError(f"parent_root has {len(self.parent_root)} bytes, not {ROOT_BYTES}")

    @property
    def height(self) -> int:
        """Height in this chain and in the execution chain: they are one."""
        return self.payload.block_number


class SignedBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A block and the approvals gathered so far, the author's first; the genesis block has none."""

    block: ConsensusBlock
    approvals: AggregateApproval | None = None


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_signed_decoder = msgspec.msgpack.Decoder(SignedBlock)


def encode(signed: SignedBlock) -> bytes:
    """Canonical bytes of a block with its approvals."""
    return _encoder.encode(signed)


def decode(data: bytes) -> SignedBlock:
    """The block in the bytes; raises BadBlock when malformed, too large or not canonical."""
    if len(data) > BLOCK_BYTES_MAX:
        raise BadBlock(f"{len(data)} bytes, at most {BLOCK_BYTES_MAX} are allowed")
    return _decoded(data) if len(data) > _REMEMBERED_BYTES_MAX else _remembered(data)


def _decoded(data: bytes) -> SignedBlock:
    try:
        signed = _signed_decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # texts, and depth
        raise BadBlock(str(error)) from error
    if encode(signed) != data:
        raise BadBlock("the encoding is not canonical")
    return signed


_remembered = functools.lru_cache(maxsize=256)(_decoded)
"""A block comes as a proposal, sealed, and from the store, and its value is never changed."""


def block_bytes(block: ConsensusBlock) -> bytes:
    """Canonical bytes of the signed part."""
    return _encoder.encode(block)


@functools.lru_cache(maxsize=64)
def root(block: ConsensusBlock) -> bytes:
    """The block's 32-byte identity."""
    return merkle_root(block_bytes(block))


def merkle_root(data: bytes) -> bytes:
    """Merkle root of bytes as SSZ takes it of a list: chunks, zero-padded to a power of two, then the length."""
    chunks = [
        data[start : start + _CHUNK_BYTES].ljust(_CHUNK_BYTES, b"\0")
        for start in range(0, len(data), _CHUNK_BYTES)
    ] or [bytes(_CHUNK_BYTES)]
    padding = bytes(_CHUNK_BYTES)
    while len(chunks) > 1:
        if len(chunks) % 2:
            chunks.append(padding)
        chunks = [_hash(chunks[i] + chunks[i + 1]) for i in range(0, len(chunks), 2)]
        padding = _hash(padding + padding)
    return _hash(chunks[0] + len(data).to_bytes(_CHUNK_BYTES, "little"))


def genesis_block(payload: ExecutionPayload, *, bits: int, aux_chain_id: int) -> SignedBlock:
    """The block no one signs: zero parent, slot 0, an AuxPoW header without work, finalised from the start."""
    header = AuxPowHeader(
        range_start=ZERO_ROOT,
        range_end=ZERO_ROOT,
        bits=bits,
        chain_id=aux_chain_id,
        height=payload.block_number,
        fee_recipient=bytes(20),
    )
    block = ConsensusBlock(parent_root=ZERO_ROOT, slot=0, payload=payload, auxpow_header=header)
    return SignedBlock(block=block)


_PAYLOAD_NAMES = {
    "feeRecipient": "miner",
    "prevRandao": "mixHash",
    "blockNumber": "number",
    "blockHash": "hash",
}


def payload_from_rpc_block(block: Mapping[str, Any]) -> ExecutionPayload:
    """The payload of a block as eth_getBlockByHash shows it, without its transactions: for a genesis block, which nobody executes.

    Raises BadEthereumData (from the wire) for missing fields.
    """
    renamed = {ours: block.get(theirs) for ours, theirs in _PAYLOAD_NAMES.items()}
    rest = {"transactions": [], "withdrawals": block.get("withdrawals") or []}
    return ExecutionPayload.from_json({**block, **renamed, **rest})


def to_json(signed: SignedBlock) -> dict[str, Any]:
    """A block as the node's RPC shows it: roots and EVM data with 0x, Bitcoin's hex without, numbers as numbers.

    ``executionPayload`` is the Engine API's own JSON.
    """
    block = signed.block
    approvals = signed.approvals
    header = block.auxpow_header
    return {
        "root": to_data(root(block)),
        "parentRoot": to_data(block.parent_root),
        "height": block.height,
        "slot": block.slot,
        "executionPayload": block.payload.to_json(),
        "auxpowHeader": None if header is None else header_to_json(header),
        "pegins": [
            {"txid": ref.txid, "vout": ref.vout, "blockHash": ref.block_hash}
            for ref in block.pegins
        ],
        "payoutProposal": _plain(block.payout_proposal),
        "finalizedPayouts": [raw.hex() for raw in block.finalized_payouts],
        "bitcoin": claims.to_json(block.bitcoin),
        "federationUpdate": _plain(block.federation_update),
        "sweepProposal": _plain(block.sweep_proposal),
        "approvals": None
        if approvals is None
        else {"indices": list(approvals.indices), "signature": to_data(approvals.signature)},
    }


def _plain(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


def header_to_json(header: AuxPowHeader) -> dict[str, Any]:
    """An AuxPoW header as the node's RPC shows it."""
    return {
        "rangeStart": to_data(header.range_start),
        "rangeEnd": to_data(header.range_end),
        "bits": f"{header.bits:08x}",
        "chainId": header.chain_id,
        "height": header.height,
        "feeRecipient": to_data(header.fee_recipient),
        "auxpow": None if header.auxpow is None else header.auxpow.hex(),
    }


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
