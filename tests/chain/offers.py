"""Blocks as they are offered to a validator: two with everything in them, and ways to spoil them."""

from collections.abc import Callable
from typing import Any

import msgspec

from alys.base.units import Wei
from alys.chain import federation_update, payout, slots, state, validity
from alys.chain.blocks import ConsensusBlock, SignedBlock
from alys.chain.claims import BitcoinClaims
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState
from alys.wire import auxpow as wire
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal
from tests.chain.chains import (
    BOB,
    SCHEME,
    SPEC,
    announcement,
    burn,
    deposit,
    evidence,
    genesis,
    grow,
    next_block,
    paying_to,
    pow_header,
    proof,
    sign,
    signatures,
    signed_payout,
)


class Offer(msgspec.Struct, kw_only=True):
    """A block as it is offered to a validator."""

    block: ConsensusBlock
    parent: PegState
    facts: Facts
    spec: ChainSpec = SPEC
    signers: tuple[int, ...] = ()
    signed: SignedBlock | None = None
    """Instead of the block signed by the signers (by default its author)."""

    def check(self) -> None:
        signed = self.signed or sign(self.block, *self.signers)
        validity.check_block(signed, self.parent, self.facts, self.spec, SCHEME)

    def with_block(self, **changes: Any) -> "Offer":
        changed = msgspec.structs.replace(self.block, **changes)
        return msgspec.structs.replace(self, block=changed)

    def with_payload(self, **changes: Any) -> "Offer":
        return self.with_block(payload=msgspec.structs.replace(self.block.payload, **changes))

    def with_facts(self, **changes: Any) -> "Offer":
        return msgspec.structs.replace(self, facts=msgspec.structs.replace(self.facts, **changes))

    def with_parent(self, **changes: Any) -> "Offer":
        parent = msgspec.structs.replace(self.parent, **changes)
        return msgspec.structs.replace(self, parent=parent)

    def with_header(self, **changes: Any) -> "Offer":
        header = self.block.auxpow_header
        assert header is not None
        return self.with_block(auxpow_header=msgspec.structs.replace(header, **changes))

    def author(self) -> int:
        return slots.author_index(self.block.slot, 3)


def parent_state() -> PegState:
    """Height 5: two bitcoins in, two payouts proposed; block 4 finalised the first three blocks and so both payouts."""
    after = grow(state.genesis_state(genesis()), deposits=[deposit(1), deposit(2)])
    after = grow(after, facts={"parent_requests": (burn(1),)})
    after = grow(after, facts={"parent_requests": (burn(2),)})
    after = grow(after, header=pow_header(after))
    return grow(after, facts={"parent_tips": Wei(10**12)})


PARENT = parent_state()
REQUESTS: dict[str, Any] = {
    "parent_requests": (burn(3), burn(4, address="junk")),
    "parent_tips": Wei(10**12),
}


def plain() -> Offer:
    """Mints two deposits, refunds one request and proposes a payout for another."""
    block, facts = next_block(PARENT, deposits=[deposit(3), deposit(4, to=BOB)], facts=REQUESTS)
    return Offer(block=block, parent=PARENT, facts=facts)


def proven() -> Offer:
    """The same with an AuxPoW, and lists two signed payouts."""
    block, facts = next_block(
        PARENT,
        deposits=[deposit(3), deposit(4, to=BOB)],
        facts=REQUESTS,
        header=pow_header(PARENT),
        finalized=tuple(signed_payout(one) for one in PARENT.payouts_finalised),
    )
    return Offer(block=block, parent=PARENT, facts=facts)


PLAIN, PROVEN = plain(), proven()

NEXT = federation_update.change_of(announcement(1, 1, 2, 4)).federation
"""The federation that the third member left for a fourth."""

CHANGED = grow(PARENT, update=evidence(announcement(1, 1, 2, 4), 1, 2))
"""The next block is the first of ``NEXT``."""


def sweeping() -> Offer:
    """The first block of the new federation: it sweeps, and pays a request out of the sweep."""
    block, facts = next_block(CHANGED, facts=REQUESTS)
    return Offer(block=block, parent=CHANGED, facts=facts)


SWEEPING = sweeping()


def cheaper_sweep() -> Offer:
    raw = SWEEPING.block.sweep_proposal
    assert raw is not None
    tx = bitcoin.parse_tx(raw)
    more = msgspec.structs.replace(tx.outputs[0], value=tx.outputs[0].value + 1)
    return SWEEPING.with_block(
        sweep_proposal=msgspec.structs.replace(tx, outputs=(more,)).serialize()
    )


def late_deposit(blocks: int) -> Offer:
    """A block so many blocks after the change that mints a deposit to the old address."""
    late = paying_to(deposit(7), SPEC.federation.script_pubkey)
    height = CHANGED.height + blocks
    parent = msgspec.structs.replace(
        grow(CHANGED), height=height, finalised_height=height, unfinalised=()
    )
    block, facts = next_block(parent, deposits=[late])
    return Offer(block=block, parent=parent, facts=facts)


def overpaying() -> Offer:
    """The plain block as it would be at a fee rate above the specification's highest."""
    claims = BitcoinClaims(fee_rate_sat_vb=SPEC.fee_rate_max_sat_vb + 1)
    block, facts = next_block(
        PARENT, deposits=[deposit(3), deposit(4, to=BOB)], facts=REQUESTS, claims=claims
    )
    return Offer(block=block, parent=PARENT, facts=facts)


def shifted(offer: Offer, slot: int) -> Offer:
    return offer.with_block(slot=offer.block.slot + slot)


def with_proof(committed: bytes) -> Offer:
    return PROVEN.with_header(auxpow=wire.encode(proof(committed)))


def with_withdrawals(change: Callable[[list[Withdrawal]], Any]) -> Offer:
    listed = list(PLAIN.block.payload.withdrawals)
    change(listed)
    return PLAIN.with_payload(withdrawals=tuple(listed))


def richer(listed: list[Withdrawal]) -> None:
    listed[0] = msgspec.structs.replace(listed[0], amount_gwei=listed[0].amount_gwei + 1)


def numbered(listed: list[Withdrawal]) -> None:
    listed[0] = msgspec.structs.replace(listed[0], index=1)


def paying_more() -> Offer:
    raw = PLAIN.block.payout_proposal
    assert raw is not None
    tx = bitcoin.parse_tx(raw)
    first = msgspec.structs.replace(tx.outputs[0], value=tx.outputs[0].value + 1)
    changed = msgspec.structs.replace(tx, outputs=(first, *tx.outputs[1:]))
    return PLAIN.with_block(payout_proposal=changed.serialize())


def listing(*payouts: bytes) -> Offer:
    return PROVEN.with_block(finalized_payouts=payouts)


ONE, TWO = PROVEN.block.finalized_payouts


def badly_signed() -> bytes:
    """The script's own threshold is met, but one signature is over something else."""
    proposal = PARENT.payouts_finalised[0]
    tx = bitcoin.parse_tx(proposal.tx)
    prevouts = payout.prevouts_of(proposal.input_sats, SPEC.federation)
    given = signatures(tx, prevouts, 0)[0]
    key = SPEC.federation.keys[1]
    given[key] = bitcoin.schnorr_sign(bytes(31) + b"\x02", bytes(32), bytes(32))
    stack = SPEC.federation.witness(given)
    txin = msgspec.structs.replace(tx.inputs[0], witness=stack)
    return msgspec.structs.replace(tx, inputs=(txin, *tx.inputs[1:])).serialize()


def never_proposed() -> bytes:
    tx = bitcoin.parse_tx(ONE)
    return msgspec.structs.replace(tx, locktime=1).serialize()


def foreign_approval() -> SignedBlock:
    """The author's approval of another block."""
    other = msgspec.structs.replace(PLAIN.block, pegins=())
    return SignedBlock(block=PLAIN.block, approvals=sign(other).approvals)


def overdue() -> Offer:
    """Without a proof, one block further from the last finalised one than allowed."""
    height = PARENT.height + 1 - SPEC.max_blocks_without_pow - 1
    return PLAIN.with_parent(finalised_height=height)


def minting(offer: Offer, *numbers: int) -> Offer:
    """The same block with other deposits, and the withdrawals that belong to them."""
    chosen = [deposit(number) for number in numbers]
    block, facts = next_block(offer.parent, deposits=chosen, facts=REQUESTS)
    return Offer(block=block, parent=offer.parent, facts=facts)


def seen(number: int, **changes: Any) -> dict[str, Any]:
    found = dict(PLAIN.facts.deposits)
    name = deposit(number).outpoint
    found[name] = msgspec.structs.replace(found[name], **changes)
    return {"deposits": found}


def unseen(number: int) -> dict[str, Any]:
    found = dict(PLAIN.facts.deposits)
    del found[deposit(number).outpoint]
    return {"deposits": found}
