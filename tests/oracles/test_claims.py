"""Consensus blocks are read as the node shows them, and what is no block is the feeder's fault."""

from typing import Any

import msgspec
import pytest

from alys.chain import blocks as node_blocks
from alys.chain.blocks import AuxPowHeader, PegInRef
from alys.oracles.claims import number, plain_hex, read_claim
from alys.oracles.statement import BrokenFeed
from tests.chain import chains
from tests.oracles.builders import COIN, FEDERATION, Coin, payee, sign, unsigned

COINS = [Coin(txid="12" * 32, vout=3, sats=COIN)]
PROPOSAL = unsigned(COINS, [(payee(1), 5000), (FEDERATION.script, COIN - 6000)])
SIGNED = sign(PROPOSAL, COINS)


def shown() -> dict[str, Any]:
    """A block with everything in it, through the node's own view."""
    genesis = chains.genesis()
    header = AuxPowHeader(
        range_start=b"\x01" * 32,
        range_end=b"\x02" * 32,
        bits=0x207FFFFF,
        chain_id=7,
        height=4,
        fee_recipient=chains.MINER,
    )
    block = msgspec.structs.replace(
        genesis.block,
        payload=chains.payload(b"\x05" * 32, 9, chains.GENESIS_TIME + 18),
        auxpow_header=header,
        pegins=(PegInRef(txid="ab" * 32, vout=1, block_hash="cd" * 32),),
        payout_proposal=PROPOSAL.serialize(witness=False),
        finalized_payouts=(SIGNED.serialize(),),
    )
    found = node_blocks.to_json(msgspec.structs.replace(genesis, block=block))
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))  # over the wire
    return decoded


def test_all_that_touches_money_is_read() -> None:
    block = shown()
    claim = read_claim(block)
    assert "0x" + claim.root == block["root"]
    assert claim.execution_hash == block["executionPayload"]["blockHash"]
    assert claim.height == 9
    assert claim.auxpow is not None
    assert claim.auxpow.range_end == "02" * 32
    assert claim.auxpow.fee_recipient == "0x" + chains.MINER.hex()
    assert [pegin.key for pegin in claim.pegins] == ["ab" * 32 + ":1"]
    assert claim.pegins[0].block_hash == "cd" * 32
    assert claim.proposal_txid == PROPOSAL.txid
    assert claim.signed_txids == (SIGNED.txid,)
    assert SIGNED.txid == PROPOSAL.txid  # signing does not change it: that is what ties the two


def test_a_block_without_peg_or_work_has_none() -> None:
    block = {**shown(), "auxpowHeader": None, "pegins": [], "payoutProposal": None}
    claim = read_claim({**block, "finalizedPayouts": []})
    assert (claim.auxpow, claim.pegins, claim.proposal_txid, claim.signed_txids) == (
        None,
        (),
        None,
        (),
    )


@pytest.mark.parametrize("field", ["root", "executionPayload", "pegins", "finalizedPayouts"])
def test_a_missing_field_is_named(field: str) -> None:
    block = shown()
    del block[field]
    with pytest.raises(BrokenFeed, match=field):
        read_claim(block)


@pytest.mark.parametrize(
    ("field", "junk"),
    [("payoutProposal", "00"), ("finalizedPayouts", ["zz"]), ("pegins", [5]), ("root", None)],
)
def test_junk_in_a_field_is_refused(field: str, junk: object) -> None:
    with pytest.raises(BrokenFeed, match="malformed"):
        read_claim({**shown(), field: junk})


def test_hex_and_numbers_come_in_two_manners() -> None:
    assert plain_hex("0xABcd") == plain_hex("abCD") == "abcd"
    assert number(17) == number("0x11") == 17
