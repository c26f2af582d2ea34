"""What a node knows after a block: the peg's state and the links that await finality, one value per block.

``apply`` makes the state after a block from the state before it, so two siblings have two states side by side and rolling
back is taking the parent's. ``duties`` says what a block on a given parent must contain; the producer builds from it and
every validator checks against it.

Facts about the *parent's* payload (its peg-out requests, its tips) enter in the child: they are known to everyone by then.
So the requests of payload N are answered in block N+1, and the fees that an AuxPoW block mints are the tips of all
payloads from the previous AuxPoW block to its own parent, both included.
"""

from collections.abc import Mapping

import msgspec

from alys.base.units import Gwei, Sats, Wei, wei_to_gwei_floor
from alys.chain import blocks, eras, payout, peg, retarget
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, SignedBlock
from alys.chain.burns import PayoutRequest
from alys.chain.claims import NO_CLAIMS, BitcoinClaims, BitcoinFacts
from alys.chain.eras import History, RetiredCoin, Sweep
from alys.chain.federation import Federation
from alys.chain.peg import Deposit, Refund
from alys.chain.proposal import (
    Coins,
    OpenPayout,
    PayoutProposal,
    opened,
    script_of,
    with_version,
)
from alys.chain.spec import ChainSpec
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal
from alys.wire.ethereum import ZERO_HASH, PegOutEvent

_TIPS_BYTES = 32
NO_FACTS = BitcoinFacts()


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """A block that no AuxPoW has finalised yet."""

    root: bytes
    height: int
    execution_hash: bytes
    payout: PayoutProposal | None = None
    sweep: PayoutProposal | None = None
    bumps: tuple[PayoutProposal, ...] = ()

    @property
    def proposals(self) -> tuple[PayoutProposal, ...]:
        """What is to be signed once it is final: the sweep first, as the payout may spend what it makes."""
        return tuple(one for one in (self.sweep, self.payout) if one is not None)


class PegState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a block's validity depends on, besides the facts of the two other chains."""

    head_root: bytes
    height: int
    slot: int
    timestamp: int
    """EVM timestamp of the head, whole seconds."""
    execution_hash: bytes
    finalised_root: bytes
    finalised_height: int
    finalised_execution_hash: bytes
    """Zero until the first AuxPoW, as the Engine API wants it."""
    pow_bits: int
    """Compact target of the last AuxPoW; until the first, of the genesis block's header."""
    unfinalised: tuple[ChainLink, ...] = ()
    """Blocks after the last finalised one up to the head, ascending."""
    utxos: dict[str, Sats]
    """Outputs of the federation in force that payouts may spend, ``txid:vout`` to sats; credited deposits and change."""
    minted: frozenset[str]
    """Deposits minted on this branch, ``txid:vout``."""
    refunded: frozenset[str]
    """Requests refunded or due to be, ``tx_hash:log_index``."""
    refunds_due: tuple[Refund, ...] = ()
    """Refunds that did not fit into a block yet, oldest first."""
    payouts_finalised: tuple[PayoutProposal, ...] = ()
    """Proposals that an AuxPoW covers and that no block lists as signed yet, oldest first: these may be signed."""
    federations: History = History()
    """Who holds the peg's coins, and held them."""
    tips: bytes = bytes(_TIPS_BYTES)
    """Tips since the last AuxPoW that are not minted yet, wei, big-endian (they may exceed 64 bits)."""
    lost: dict[str, RetiredCoin] = {}
    """Credited deposits that Bitcoin's best chain does not have (any more), by ``txid:vout``, and whose they are."""
    unsettled: tuple[OpenPayout, ...] = ()
    """Final payouts without their confirmations, oldest first."""

    @property
    def tips_wei(self) -> Wei:
        """``tips`` as a number: those of payloads before the head's."""
        return Wei(int.from_bytes(self.tips, "big"))

    @property
    def blocks_since_pow(self) -> int:
        """How far the head is above the last finalised block."""
        return self.height - self.finalised_height


class SeenDeposit(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit as the validator's own Bitcoin node shows it."""

    deposit: Deposit
    block_hash: str
    confirmations: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a validator looked up by itself for one block."""

    now: float
    """Node time, Unix seconds."""
    deposits: Mapping[str, SeenDeposit] = {}
    """By ``txid:vout``; a deposit the block lists and that is absent here was not found."""
    parent_requests: tuple[PegOutEvent, ...] = ()
    """RequestPegOut events of the parent's payload, in log order."""
    parent_tips: Wei = Wei(0)
    """Tips of the parent's payload (``peg.block_tips``)."""
    bitcoin: BitcoinFacts = NO_FACTS
    """What Bitcoin says to the block's claims."""


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """What a block on a given parent must do, whatever deposits it mints."""

    fees: tuple[tuple[bytes, Wei], ...]
    refunds: tuple[Refund, ...]
    """To pay in this block."""
    refunds_left: tuple[Refund, ...]
    """To pay later, for lack of room."""
    new_refunds: tuple[Refund, ...]
    """Those of ``refunds`` and ``refunds_left`` that arise from the parent's payload."""
    payout: bitcoin.Tx | None
    """Unsigned; None when there is nothing to pay."""
    requests: tuple[PayoutRequest, ...]
    """What ``payout`` pays, in order."""
    federation: Federation
    """Who is in force, holds what ``payout`` spends and gets its change."""
    sweep: Sweep | None = None
    """To propose as well; the payout may spend what it makes."""
    paid_back: Gwei = Gwei(0)
    """Of the federation's fees, kept back for what sweeps cost."""

    @property
    def addresses(self) -> frozenset[bytes]:
        """Whom fees and refunds credit, for ``peg.fit_pegins``."""
        fees = (address for address, wei in self.fees if wei)
        return frozenset((*fees, *(refund.address for refund in self.refunds)))


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(PegState)


def encode(state: PegState) -> bytes:
    """Canonical bytes, for storage."""
    return _encoder.encode(state)


def decode(data: bytes) -> PegState:
    """The state in the bytes; raises msgspec.MsgspecError."""
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError) as error:  # texts that are none, and depth
        raise msgspec.DecodeError(str(error)) from error


def genesis_state(genesis: SignedBlock) -> PegState:
    """The state after the genesis block: final, nothing minted, nothing owed."""
    root = blocks.root(genesis.block)
    payload = genesis.block.payload
    header = genesis.block.auxpow_header
    assert header is not None, "a genesis block has an AuxPoW header"
    return PegState(
        head_root=root,
        height=payload.block_number,
        slot=genesis.block.slot,
        timestamp=payload.timestamp,
        execution_hash=payload.block_hash,
        finalised_root=root,
        finalised_height=payload.block_number,
        finalised_execution_hash=ZERO_HASH,
        pow_bits=header.bits,
        utxos={},
        minted=frozenset(),
        refunded=frozenset(),
    )


def duties(
    parent: PegState,
    facts: Facts,
    header: AuxPowHeader | None,
    spec: ChainSpec,
    claims: BitcoinClaims = NO_CLAIMS,
) -> Duties:
    """What a block on ``parent`` must do; with ``header`` it also mints the fees. Its claims count first."""
    parent = after_claims(at_next_height(parent, spec), claims, spec)
    history = parent.federations
    fees: tuple[tuple[bytes, Wei], ...] = ()
    kept = Wei(0)
    if header is not None:
        pot = Wei(parent.tips_wei + facts.parent_tips)
        kept = peg.paying_back(pot, eras.owed(history))
        fees = peg.split_fees(pot, header.fee_recipient, spec.federation_fee_addresses, kept)
    sweep = eras.sweep(history, spec, spec.fee_rate_sat_vb)
    settlement = payout.settle(
        facts.parent_requests,
        parent.utxos if sweep is None else {**parent.utxos, **dict([sweep.coin])},
        eras.in_force(history, spec),
        network=spec.network,
        minimum_sats=spec.pegout_minimum_sats,
        maximum_sats=spec.pegout_maximum_sats,
        fee_rate=claims.fee_rate_sat_vb or spec.fee_rate_sat_vb,
        former_scripts=eras.scripts(history, spec),
    )
    new = tuple(r for r in settlement.refunds if r.request not in parent.refunded)
    taken = {address for address, _ in fees}
    now, later = peg.fit_refunds(taken, (*parent.refunds_due, *new))
    return Duties(
        fees=fees,
        refunds=now,
        refunds_left=later,
        new_refunds=new,
        payout=settlement.tx,
        requests=settlement.requests,
        federation=eras.in_force(history, spec),
        sweep=sweep,
        paid_back=wei_to_gwei_floor(kept),
    )


def at_next_height(state: PegState, spec: ChainSpec) -> PegState:
    """The state as the rules for the next block see it: a change of the federation that is due has come about."""
    history, utxos = eras.advance(state.federations, state.utxos, state.height + 1, spec)
    if history is state.federations:
        return state
    return msgspec.structs.replace(state, federations=history, utxos=utxos)


def already_minted(state: PegState, outpoint: str) -> bool:
    """Whether this branch has minted a deposit (``txid:vout``): it never may again."""
    return outpoint in state.minted


def withdrawals(todo: Duties, pegins: tuple[Deposit, ...]) -> tuple[Withdrawal, ...]:
    """The exact withdrawals of a block with these duties that mints these deposits."""
    return peg.expected_withdrawals(todo.fees, pegins, todo.refunds)


def apply(state: PegState, block: ConsensusBlock, facts: Facts, spec: ChainSpec) -> PegState:
    """The state after a valid block, from the state after its parent and the same facts it was checked with.

    Inputs of a payout proposal are spent and its change is there at once: the txid is final before it is signed. So with a sweep.
    """
    todo = duties(state, facts, block.auxpow_header, spec, block.bitcoin)
    root = blocks.root(block)
    bumps = _bumps(state, block, root)
    state = after_claims(at_next_height(state, spec), block.bitcoin, spec)
    proposal = _proposal(_with_sweep(state, todo), block, root, todo, spec)
    link = ChainLink(
        root=root,
        height=block.height,
        execution_hash=block.payload.block_hash,
        payout=proposal,
        bumps=bumps,
        sweep=_sweep_proposal(block, root, todo),
    )
    minted = tuple(facts.deposits[ref.outpoint].deposit for ref in block.pegins)
    moved = msgspec.structs.replace(
        state,
        head_root=root,
        height=block.height,
        slot=block.slot,
        timestamp=block.payload.timestamp,
        execution_hash=block.payload.block_hash,
        unfinalised=(*state.unfinalised, link),
        utxos=_utxos_after(
            _with_sweep(state, todo), minted, proposal, todo.federation.script_pubkey
        ),
        federations=_federations_after(state.federations, block, minted, todo, spec),
        minted=state.minted | {deposit.outpoint for deposit in minted},
        refunded=state.refunded | {refund.request for refund in todo.new_refunds},
        refunds_due=todo.refunds_left,
        tips=_tips_bytes(Wei(state.tips_wei + facts.parent_tips)),
    )
    if block.auxpow_header is None:
        return moved
    return _finalise(moved, block, block.auxpow_header)


def range_links(state: PegState, header: AuxPowHeader) -> tuple[ChainLink, ...] | None:
    """The blocks an AuxPoW header covers on this branch, or None when it does not start right after the last
    finalised block or ends outside the branch.
    """
    links = state.unfinalised
    if not links or links[0].root != header.range_start:
        return None
    ends = [n for n, link in enumerate(links) if link.root == header.range_end]
    return links[: ends[0] + 1] if ends else None


def after_claims(state: PegState, claims: BitcoinClaims, spec: ChainSpec) -> PegState:
    """The state as a block's claims about Bitcoin change it, before anything else in the block counts.

    A payout with more than one version gives its change back when one of them is settled, and not before.
    """
    if claims == NO_CLAIMS:
        return state
    coins = Coins(state.utxos, state.lost, state.federations, spec)
    for outpoint in claims.lost_outputs:
        coins.lose(outpoint)
    for outpoint in claims.found_outputs:
        coins.add(outpoint, coins.lost.pop(outpoint))
    gone: set[str] = set()
    for ref in claims.settled:
        payment = open_payout(state, ref.txid)
        assert payment is not None, "a valid block settles what is open"
        gone.update(payment.txids)
        if is_bumped(state, payment):
            mined = payment.versions[payment.txids.index(ref.txid)]
            coins.give_back(mined.change(script_of(mined, spec)), script_of(mined, spec))
    for bump in claims.bumps:
        payment = open_payout(state, bump.replaces)
        assert payment is not None, "a valid block bumps what is open"
        last = payment.versions[-1]
        for outpoint in last.change(script_of(last, spec)):
            coins.utxos.pop(outpoint, None)
    return msgspec.structs.replace(
        state,
        utxos=coins.utxos,
        lost=coins.lost,
        federations=msgspec.structs.replace(state.federations, retired=coins.retired),
        unsettled=tuple(one for one in state.unsettled if one.txids[0] not in gone),
        payouts_finalised=tuple(p for p in state.payouts_finalised if p.txid not in gone),
    )


def unspent(state: PegState, outpoint: str) -> bool:
    """Whether a payout or a sweep may still spend an output."""
    return outpoint in state.utxos or outpoint in state.federations.retired


def open_payout(state: PegState, txid: str) -> OpenPayout | None:
    """The final payout without its confirmations that has a version of this txid."""
    return next((one for one in state.unsettled if txid in one.txids), None)


def pending_bump(state: PegState, payment: OpenPayout) -> PayoutProposal | None:
    """The replacement of a payout that no AuxPoW covers yet: while there is one there can be no other."""
    proposed = (bump for link in state.unfinalised for bump in link.bumps)
    return next((bump for bump in proposed if bump.replaces == payment.txids[-1]), None)


def is_bumped(state: PegState, payment: OpenPayout) -> bool:
    """Whether there is more than one version, so that nobody knows yet which change there will be."""
    return len(payment.versions) > 1 or pending_bump(state, payment) is not None


def required_bits(state: PegState, end_height: int, spec: ChainSpec) -> int:
    """The compact target of work over this branch's blocks after the last finalised one up to a height above it."""
    return retarget.required_bits(
        spec.retarget,
        last_bits=state.pow_bits,
        last_height=state.finalised_height,
        end_height=end_height,
    )


def _finalise(state: PegState, block: ConsensusBlock, header: AuxPowHeader) -> PegState:
    """The range is final; its proposals may be signed; what the block lists as signed is done with; fees are minted."""
    covered = range_links(state, header)
    assert covered is not None, "a valid AuxPoW covers a range of its own branch"
    last = covered[-1]
    listed = {bitcoin.parse_tx(raw).txid for raw in block.finalized_payouts}
    waiting = tuple(p for p in state.payouts_finalised if p.txid not in listed)
    fresh = tuple(proposal for link in covered for proposal in link.proposals)
    unsettled = (*state.unsettled, *(opened(proposal) for proposal in fresh))
    for bump in (bump for link in covered for bump in link.bumps):
        if any(bump.replaces in one.txids for one in unsettled):  # else settled meanwhile
            fresh = (*fresh, bump)
            unsettled = tuple(with_version(one, bump) for one in unsettled)
    return msgspec.structs.replace(
        state,
        finalised_root=last.root,
        finalised_height=last.height,
        finalised_execution_hash=last.execution_hash,
        pow_bits=header.bits,
        unfinalised=state.unfinalised[len(covered) :],
        payouts_finalised=(*waiting, *fresh),
        unsettled=unsettled,
        tips=bytes(_TIPS_BYTES),
    )


def _bumps(state: PegState, block: ConsensusBlock, root: bytes) -> tuple[PayoutProposal, ...]:
    found: list[PayoutProposal] = []
    for bump in block.bitcoin.bumps:
        payment = open_payout(state, bump.replaces)
        assert payment is not None, "a valid block bumps what is open"
        found.append(
            msgspec.structs.replace(
                payment.versions[-1],
                block_root=root,
                height=block.height,
                tx=bump.tx,
                fee_rate_sat_vb=bump.fee_rate_sat_vb,
                replaces=bump.replaces,
            )
        )
    return tuple(found)


def _proposal(
    utxos: Mapping[str, Sats], block: ConsensusBlock, root: bytes, todo: Duties, spec: ChainSpec
) -> PayoutProposal | None:
    if block.payout_proposal is None:
        return None
    tx = bitcoin.parse_tx(block.payout_proposal)
    return PayoutProposal(
        block_root=root,
        height=block.height,
        tx=block.payout_proposal,
        input_sats=tuple(utxos[txin.outpoint.label] for txin in tx.inputs),
        requests=todo.requests,
        federation=todo.federation,
        fee_rate_sat_vb=block.bitcoin.fee_rate_sat_vb or spec.fee_rate_sat_vb,
    )


def _sweep_proposal(block: ConsensusBlock, root: bytes, todo: Duties) -> PayoutProposal | None:
    if todo.sweep is None:
        return None
    return PayoutProposal(
        block_root=root,
        height=block.height,
        tx=todo.sweep.tx.serialize(witness=False),
        input_sats=todo.sweep.input_sats,
        requests=(),
        federation=todo.sweep.federation,
    )


def _with_sweep(state: PegState, todo: Duties) -> dict[str, Sats]:
    """The spendable outputs with that of the block's sweep."""
    return dict(state.utxos) if todo.sweep is None else {**state.utxos, **dict([todo.sweep.coin])}


def _utxos_after(
    utxos: Mapping[str, Sats],
    minted: tuple[Deposit, ...],
    proposal: PayoutProposal | None,
    script: bytes,
) -> dict[str, Sats]:
    """What can be spent after the block; ``script`` is that of the federation in force."""
    after = dict(utxos)
    after.update(
        (deposit.outpoint, deposit.sats) for deposit in minted if deposit.script in (b"", script)
    )
    if proposal is None:
        return after
    for outpoint, _ in proposal.inputs:
        del after[outpoint]
    after.update(proposal.change(script))
    return after


def _federations_after(
    history: History,
    block: ConsensusBlock,
    minted: tuple[Deposit, ...],
    todo: Duties,
    spec: ChainSpec,
) -> History:
    """What the block swept, what it credited of deposits to former addresses, what it paid back, what it announces."""
    history = eras.paid_back(eras.swept(history, todo.sweep), todo.paid_back)
    late = {
        deposit.outpoint: RetiredCoin(sats=deposit.sats, era=number)
        for deposit in minted
        if (number := eras.era_of(history, spec, deposit.script)) is not None
        and deposit.script != todo.federation.script_pubkey
    }
    if late:
        history = msgspec.structs.replace(history, retired={**history.retired, **late})
    if block.federation_update is None:
        return history
    return eras.plan(history, block.federation_update, block.height, spec)


def _tips_bytes(wei: Wei) -> bytes:
    return wei.to_bytes(_TIPS_BYTES, "big")
