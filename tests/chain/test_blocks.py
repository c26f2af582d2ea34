"""Blocks: canonical bytes, a root that covers everything, and what outsiders see of them."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.chain import blocks, state
from alys.chain.blocks import BadBlock, ConsensusBlock, SignedBlock
from alys.chain.claims import BitcoinClaims
from tests.chain.chains import (
    GENESIS_HASH,
    MINER,
    SPEC,
    announcement,
    burn,
    deposit,
    evidence,
    genesis,
    grow,
    next_block,
    pow_header,
    sign,
    signed_payout,
)


def full_block() -> SignedBlock:
    """A block with everything a block can have."""
    after = grow(state.genesis_state(genesis()), deposits=[deposit(1)])
    after = grow(after, facts={"parent_requests": (burn(1),)})
    after = grow(after, header=pow_header(after))
    block, _ = next_block(
        after,
        deposits=[deposit(2)],
        facts={"parent_requests": (burn(2),)},
        header=pow_header(after),
        finalized=(signed_payout(after.payouts_finalised[0]),),
        claims=BitcoinClaims(fee_rate_sat_vb=3),
        update=evidence(announcement(50, 1, 2, 4), 1, 2),
    )
    return sign(msgspec.structs.replace(block, sweep_proposal=b"\x01"), 0, 2)


FULL = full_block()


def test_a_block_is_read_back_equal() -> None:
    assert blocks.decode(blocks.encode(FULL)) == FULL
    assert blocks.decode(blocks.encode(genesis())) == genesis()


def test_equal_blocks_have_equal_bytes() -> None:
    assert blocks.encode(full_block()) == blocks.encode(FULL)


@pytest.mark.parametrize(
    "field",
    [name for name in ConsensusBlock.__struct_fields__ if name != "slot"],
)
def test_the_root_covers_every_field(field: str) -> None:
    """Each field of another block, put into this one, makes another root."""
    other = genesis().block
    changed = msgspec.structs.replace(FULL.block, **{field: getattr(other, field)})
    assert changed != FULL.block
    assert blocks.root(changed) != blocks.root(FULL.block)


def test_the_root_covers_the_slot_but_not_the_approvals() -> None:
    later = msgspec.structs.replace(FULL.block, slot=FULL.block.slot + 1)
    assert blocks.root(later) != blocks.root(FULL.block)
    assert blocks.root(sign(FULL.block, 1).block) == blocks.root(FULL.block)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"nonsense",
        blocks.encode(FULL)[:-1],
        blocks.encode(FULL) + b"\x00",
        msgspec.msgpack.encode({"block": None}),
    ],
)
def test_bytes_that_are_no_block_are_refused(data: bytes) -> None:
    with pytest.raises(BadBlock):
        blocks.decode(data)


def test_a_block_in_other_bytes_is_refused() -> None:
    """The same block with its two fields swapped would be a second encoding of one root."""
    fields = msgspec.msgpack.decode(blocks.encode(FULL))
    swapped = msgspec.msgpack.encode(dict(reversed(list(fields.items()))))
    assert msgspec.msgpack.decode(swapped, type=SignedBlock) == FULL
    with pytest.raises(BadBlock, match="not canonical"):
        blocks.decode(swapped)


def test_a_block_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(BadBlock, match="8388609 bytes"):
        blocks.decode(bytes(blocks.BLOCK_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("field", "value"),
    [("range_start", bytes(31)), ("range_end", b""), ("fee_recipient", bytes(32))],
)
def test_a_header_with_a_field_of_another_length_is_refused(field: str, value: bytes) -> None:
    header = FULL.block.auxpow_header
    assert header is not None
    with pytest.raises(ValueError, match=field):
        msgspec.structs.replace(header, **{field: value})
    fields: Any = msgspec.msgpack.decode(blocks.encode(FULL))
    fields["block"]["auxpow_header"][field] = value
    with pytest.raises(BadBlock, match=field):
        blocks.decode(msgspec.msgpack.encode(fields))


def test_a_parent_root_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="parent_root"):
        msgspec.structs.replace(FULL.block, parent_root=bytes(31))


def plain_merkle_root(data: bytes) -> bytes:
    """As the SSZ specification words it: pad to a power of two first, then hash pairs."""
    chunks = [data[n : n + 32].ljust(32, b"\0") for n in range(0, len(data), 32)] or [bytes(32)]
    size = 1
    while size < len(chunks):
        size *= 2
    chunks += [bytes(32)] * (size - len(chunks))
    while len(chunks) > 1:
        chunks = [
            hashlib.sha256(chunks[n] + chunks[n + 1]).digest() for n in range(0, len(chunks), 2)
        ]
    return hashlib.sha256(chunks[0] + len(data).to_bytes(32, "little")).digest()


@given(st.binary(max_size=1_000))
def test_the_merkle_root_is_that_of_ssz(data: bytes) -> None:
    assert blocks.merkle_root(data) == plain_merkle_root(data)


@given(st.binary(max_size=100))
def test_a_zero_byte_at_the_end_makes_another_root(data: bytes) -> None:
    assert blocks.merkle_root(data + b"\0") != blocks.merkle_root(data)


def test_the_genesis_block_has_no_parent_no_slot_and_no_work() -> None:
    first = genesis()
    assert first.approvals is None
    assert (first.block.parent_root, first.block.slot, first.block.height) == (bytes(32), 0, 0)
    header = first.block.auxpow_header
    assert header is not None
    assert (header.auxpow, header.height) == (None, 0)
    assert first.block.payload.block_hash == GENESIS_HASH


def test_the_payload_of_a_genesis_block_comes_from_the_public_rpc() -> None:
    payload = genesis().block.payload
    told = payload.to_json()
    names = {
        "miner": "feeRecipient",
        "mixHash": "prevRandao",
        "number": "blockNumber",
        "hash": "blockHash",
    }
    shown = {theirs: told.pop(ours) for theirs, ours in names.items()}
    block = {**told, **shown}
    assert blocks.payload_from_rpc_block(block) == payload
    del block["withdrawals"]
    assert blocks.payload_from_rpc_block(block).withdrawals == ()
    earlier = blocks.payload_from_rpc_block({**block, "transactions": ["0x01"]})
    assert earlier == payload, "what an earlier chain did is not ours"


def test_the_json_view_names_everything() -> None:
    shown = blocks.to_json(FULL)
    assert json.loads(json.dumps(shown)) == shown
    block = FULL.block
    assert shown["root"] == "0x" + blocks.root(block).hex()
    assert shown["parentRoot"] == "0x" + block.parent_root.hex()
    assert (shown["height"], shown["slot"]) == (4, block.slot)
    assert shown["executionPayload"] == block.payload.to_json()
    assert shown["pegins"] == [{"txid": f"{2:064x}", "vout": 0, "blockHash": "bb" * 32}]
    assert block.payout_proposal is not None
    assert shown["payoutProposal"] == block.payout_proposal.hex()
    assert shown["finalizedPayouts"] == [block.finalized_payouts[0].hex()]
    assert shown["approvals"]["indices"] == [0, 2]
    header = shown["auxpowHeader"]
    assert (header["bits"], header["chainId"]) == ("207fffff", SPEC.aux_chain_id)
    assert header["feeRecipient"] == "0x" + MINER.hex()


def test_the_json_view_of_an_empty_block_says_null() -> None:
    block, _ = next_block(state.genesis_state(genesis()))
    shown = blocks.to_json(SignedBlock(block=block))
    assert shown["auxpowHeader"] is None
    assert shown["payoutProposal"] is None
    assert shown["approvals"] is None
    assert shown["pegins"] == shown["finalizedPayouts"] == []
