"""Consensus blocks as the node shows them: claims, which the two chains must bear out.

A claim is tied to the chains by the hash of its execution payload and, for payouts, by the txid of the proposal (a segwit
txid does not change when the transaction is signed).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from alys.oracles.statement import BrokenFeed
from alys.wire import bitcoin


class PegInClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The deposit that a block says it credits."""

    txid: str
    vout: int
    block_hash: str

    @property
    def key(self) -> str:
        """``txid:vout``, the name of a deposit everywhere."""
        return f"{self.txid}:{self.vout}"


class BumpClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A payout proposed again at a higher fee rate."""

    replaces: str
    txid: str
    fee_rate: int
    outputs: tuple[tuple[int, bytes], ...]
    """Sats and script of each."""


class AuxPowClaim(msgspec.Struct, frozen=True, kw_only=True):
    """The range that a merged-mined header finalises, and who is paid for it."""

    range_end: str
    fee_recipient: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One consensus block, reduced to what touches money."""

    root: str
    height: int
    execution_hash: str
    auxpow: AuxPowClaim | None
    pegins: tuple[PegInClaim, ...]
    proposal_txid: str | None
    proposal: bitcoin.Tx | None
    """Unsigned."""
    sweep: bitcoin.Tx | None
    """Likewise; it moves coins of a former federation."""
    federation_update: bytes | None
    """The evidence of a change of the federation."""
    signed_txids: tuple[str, ...]
    """Payouts that the block lists with their signatures."""
    fee_rate: int = 0
    """Of what it proposes, sats per virtual byte; 0 is the least that the terms allow."""
    bumps: tuple[BumpClaim, ...] = ()
    lost: tuple[str, ...] = ()
    """Credited deposits (``txid:vout``) that Bitcoin does not have any more."""
    found: tuple[str, ...] = ()
    settled_txids: tuple[str, ...] = ()
    """Payouts that have their confirmations."""


def read_claim(block: Mapping[str, Any]) -> Claim:
    """The claim in a consensus block's JSON; raises BrokenFeed naming the field that is missing or malformed."""
    try:
        payload = block["executionPayload"]
        said = block.get("bitcoin") or {}
        proposal = _tx(block.get("payoutProposal"))
        return Claim(
            root=plain_hex(block["root"]),
            height=number(payload["blockNumber"]),
            execution_hash="0x" + plain_hex(payload["blockHash"]),
            auxpow=_auxpow(block.get("auxpowHeader")),
            pegins=tuple(_pegin(entry) for entry in block["pegins"]),
            proposal_txid=None if proposal is None else proposal.txid,
            proposal=proposal,
            sweep=_tx(block.get("sweepProposal")),
            federation_update=_bytes(block.get("federationUpdate")),
            signed_txids=tuple(_txid(raw) for raw in block["finalizedPayouts"]),
            fee_rate=number(said.get("feeRate", 0)),
            bumps=tuple(_bump(entry) for entry in said.get("bumps", ())),
            lost=tuple(said.get("lostOutputs", ())),
            found=tuple(said.get("foundOutputs", ())),
            settled_txids=tuple(plain_hex(entry["txid"]) for entry in said.get("settled", ())),
        )
    except KeyError as missing:
        raise BrokenFeed("consensus", f"a block without {missing}") from missing
    except (AttributeError, TypeError, ValueError, bitcoin.MalformedBitcoin) as bad:
        raise BrokenFeed("consensus", f"a malformed block: {bad}") from bad


def plain_hex(text: str) -> str:
    """Hex digits in lower case without 0x."""
    return text.lower().removeprefix("0x")


def number(value: int | str) -> int:
    """A JSON number or a hex quantity."""
    return value if isinstance(value, int) else int(value, 16)


def _auxpow(value: Mapping[str, Any] | None) -> AuxPowClaim | None:
    if value is None:
        return None
    recipient = "0x" + plain_hex(value["feeRecipient"])
    return AuxPowClaim(range_end=plain_hex(value["rangeEnd"]), fee_recipient=recipient)


def _pegin(value: Mapping[str, Any]) -> PegInClaim:
    return PegInClaim(
        txid=plain_hex(value["txid"]),
        vout=number(value["vout"]),
        block_hash=plain_hex(value["blockHash"]),
    )


def _bump(value: Mapping[str, Any]) -> BumpClaim:
    tx = bitcoin.parse_tx(bytes.fromhex(plain_hex(value["transaction"])))
    return BumpClaim(
        replaces=plain_hex(value["replaces"]),
        txid=tx.txid,
        fee_rate=number(value["feeRate"]),
        outputs=tuple((out.value, out.script) for out in tx.outputs),
    )


def _bytes(value: str | None) -> bytes | None:
    return bytes.fromhex(plain_hex(value)) if value else None


def _tx(value: str | None) -> bitcoin.Tx | None:
    raw = _bytes(value)
    return None if raw is None else bitcoin.parse_tx(raw)


def _txid(raw_hex: str) -> str:
    return bitcoin.parse_tx(bytes.fromhex(plain_hex(raw_hex))).txid
