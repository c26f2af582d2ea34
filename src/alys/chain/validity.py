"""Whether a block may stand on its parent: every rule of this chain, one small function each.

``check_block`` runs them in the order below against the state after the parent and the facts that the validator looked up
by itself. The execution client's own judgement of the payload is the caller's to ask for (``PAYLOAD_NOT_VALID`` is its
reason). What a block *must* contain (fees, refunds, the payout) is computed again by ``state.duties`` and compared as a
whole, so neither a withdrawal too few nor one too many passes.
"""

import enum

from alys.base.errors import AlysError
from alys.chain import approvals, auxpow, blocks, payout, peg, slots, state
from alys.chain.approvals import Verifier
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, SignedBlock
from alys.chain.peg import Deposit
from alys.chain.spec import ChainSpec
from alys.chain.state import Duties, Facts, PegState
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal

CLOCK_TOLERANCE_SECONDS = 1.0
"""How far the author's clock may be ahead of ours."""


class Reason(enum.StrEnum):
    """Why a block is refused."""

    INVALID_HEIGHT = "invalid-height"
    """Not one above the head: old, or from another fork."""
    MISSING_PARENT = "missing-parent"
    """It stands on a block that is not our head; we may have fallen behind."""
    EXECUTION_HASH_NOT_CONTIGUOUS = "execution-hash-not-contiguous"
    """Its payload does not stand on our head's payload."""
    SLOT_NOT_INCREASING = "slot-not-increasing"
    SLOT_IN_FUTURE = "slot-in-future"
    OUT_OF_TURN = "out-of-turn"
    """The authority whose slot it is has not signed it."""
    BAD_APPROVAL = "bad-approval"
    NO_QUORUM = "no-quorum"
    WRONG_TIMESTAMP = "wrong-timestamp"
    ALREADY_MINTED = "peg-in-already-included"
    DEPOSIT_NOT_FOUND = "deposit-not-found"
    INSUFFICIENT_CONFIRMATIONS = "insufficient-confirmations"
    WRONG_WITHDRAWALS = "unknown-withdrawal"
    """Its withdrawals are not exactly fees, refunds and deposits."""
    WRONG_PAYOUT = "wrong-payout-proposal"
    MISSING_REQUIRED_POW = "missing-required-pow"
    INVALID_POW_RANGE = "invalid-pow-range"
    INVALID_POW = "invalid-pow"
    ILLEGAL_FINALIZATION = "illegal-finalization"
    """It lists signed payouts where it may not, or ones that are none."""
    PAYLOAD_NOT_VALID = "payload-not-valid"
    """The validator's own execution client does not call the payload VALID."""


class Invalid(AlysError):
    """A block that breaks a rule; its author is at fault, or behind."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"block refused ({reason.value}): {detail}")
        self.reason = reason
        self.detail = detail


def check_block(
    signed: SignedBlock, parent: PegState, facts: Facts, spec: ChainSpec, verifier: Verifier
) -> None:
    """Raise Invalid unless the block is a valid child of ``parent``; asks for its author's approval, not for a quorum."""
    block = signed.block
    check_parent(block, parent)
    check_slot(block, parent, facts.now, spec)
    check_author(signed, spec)
    check_approvals(signed, spec, verifier)
    check_timestamp(block, parent, facts.now)
    if block.auxpow_header is None:
        check_work_not_overdue(block, parent, spec)
    else:
        check_auxpow_range(block.auxpow_header, parent, spec)
    deposits = check_deposits(block, parent, facts, spec)
    todo = state.duties(parent, facts, block.auxpow_header, spec)
    check_withdrawals(block, todo, deposits)
    check_payout(block, todo)
    check_finalized_payouts(block, parent, spec)


def check_parent(block: ConsensusBlock, parent: PegState) -> None:
    """It stands on the head, in consensus and in execution."""
    if block.height <= parent.height:
        raise Invalid(Reason.INVALID_HEIGHT, f"{block.height}, the head is {parent.height}")
    if block.parent_root != parent.head_root:
        raise Invalid(
            Reason.MISSING_PARENT,
            f"parent {block.parent_root.hex()}, the head is {parent.head_root.hex()}",
        )
    if block.payload.parent_hash != parent.execution_hash:
        raise Invalid(
            Reason.EXECUTION_HASH_NOT_CONTIGUOUS,
            f"{block.payload.parent_hash.hex()}, the head is {parent.execution_hash.hex()}",
        )
    if block.height != parent.height + 1:
        raise Invalid(Reason.INVALID_HEIGHT, f"{block.height} after {parent.height}")


def check_slot(block: ConsensusBlock, parent: PegState, now: float, spec: ChainSpec) -> None:
    """Its slot is after the parent's and has begun."""
    if block.slot <= parent.slot:
        raise Invalid(Reason.SLOT_NOT_INCREASING, f"{block.slot} after {parent.slot}")
    start = slots.slot_start(block.slot, spec.slot_duration_ms)
    if start > now + CLOCK_TOLERANCE_SECONDS:
        raise Invalid(Reason.SLOT_IN_FUTURE, f"it begins in {start - now:.3f} s")


def check_author(signed: SignedBlock, spec: ChainSpec) -> None:
    """The authority whose turn the slot is has signed."""
    author = slots.author_index(signed.block.slot, len(spec.authorities))
    indices = () if signed.approvals is None else signed.approvals.indices
    if author not in indices:
        raise Invalid(
            Reason.OUT_OF_TURN,
            f"slot {signed.block.slot} is authority {author}'s, signed by {list(indices)}",
        )


def check_approvals(signed: SignedBlock, spec: ChainSpec, verifier: Verifier) -> None:
    """The approvals that it carries verify."""
    if signed.approvals is None:
        raise Invalid(Reason.BAD_APPROVAL, "there is none")
    root = blocks.root(signed.block)
    try:
        approvals.check_aggregate(signed.approvals, root, spec.authorities, verifier)
    except approvals.BadApproval as error:
        raise Invalid(Reason.BAD_APPROVAL, str(error)) from error


def check_quorum(signed: SignedBlock, spec: ChainSpec, verifier: Verifier) -> None:
    """Two thirds of the authorities have approved it."""
    if not approvals.has_quorum(signed.approvals, len(spec.authorities)):
        count = 0 if signed.approvals is None else len(signed.approvals.indices)
        raise Invalid(Reason.NO_QUORUM, f"{count} approvals, {spec.quorum} are needed")
    check_approvals(signed, spec, verifier)


def check_timestamp(block: ConsensusBlock, parent: PegState, now: float) -> None:
    """Its payload's time is after the parent's and not in the future."""
    time = block.payload.timestamp
    if time <= parent.timestamp:
        raise Invalid(Reason.WRONG_TIMESTAMP, f"{time} is not after the parent's")
    if time > now + CLOCK_TOLERANCE_SECONDS:
        raise Invalid(Reason.WRONG_TIMESTAMP, f"it is {time - now:.3f} s ahead")


def check_work_not_overdue(block: ConsensusBlock, parent: PegState, spec: ChainSpec) -> None:
    """Without an AuxPoW it is not too far above the last finalised block."""
    ahead = block.height - parent.finalised_height
    if ahead > spec.max_blocks_without_pow:
        raise Invalid(
            Reason.MISSING_REQUIRED_POW,
            f"{ahead} blocks above the last finalised, at most {spec.max_blocks_without_pow}",
        )


def check_auxpow_range(header: AuxPowHeader, parent: PegState, spec: ChainSpec) -> None:
    """The AuxPoW covers a range of this branch that begins after the last finalised block, and is work for it."""
    links = state.range_links(parent, header)
    if links is None:
        raise Invalid(
            Reason.INVALID_POW_RANGE,
            f"{header.range_start.hex()} to {header.range_end.hex()} is no range after "
            f"the last finalised block",
        )
    committed = auxpow.aux_hash([link.root for link in links])
    try:
        auxpow.check_header(header, links[-1].height, spec)
        auxpow.check_auxpow(auxpow.decode_proof(header), header, committed, spec)
    except auxpow.BadAuxPow as error:
        raise Invalid(Reason.INVALID_POW, str(error)) from error


def check_deposits(
    block: ConsensusBlock, parent: PegState, facts: Facts, spec: ChainSpec
) -> tuple[Deposit, ...]:
    """Each deposit it mints is on Bitcoin, deep enough, and not minted yet; their amounts, in the block's order."""
    deposits: list[Deposit] = []
    for ref in block.pegins:
        listed = [one.outpoint for one in block.pegins].count(ref.outpoint)
        if state.already_minted(parent, ref.outpoint) or listed > 1:
            raise Invalid(Reason.ALREADY_MINTED, ref.outpoint)
        seen = facts.deposits.get(ref.outpoint)
        if seen is None or seen.block_hash != ref.block_hash:
            raise Invalid(
                Reason.DEPOSIT_NOT_FOUND, f"{ref.outpoint} in Bitcoin block {ref.block_hash}"
            )
        if not peg.deep_enough(seen.confirmations, spec.required_confirmations):
            raise Invalid(
                Reason.INSUFFICIENT_CONFIRMATIONS,
                f"{ref.outpoint} has {seen.confirmations} of {spec.required_confirmations}",
            )
        deposits.append(seen.deposit)
    return tuple(deposits)


def check_withdrawals(block: ConsensusBlock, todo: Duties, deposits: tuple[Deposit, ...]) -> None:
    """Its withdrawals are exactly fees, refunds and deposits."""
    try:
        expected = state.withdrawals(todo, deposits)
    except peg.TooManyWithdrawals as error:
        raise Invalid(Reason.WRONG_WITHDRAWALS, str(error)) from error
    if block.payload.withdrawals != expected:
        raise Invalid(
            Reason.WRONG_WITHDRAWALS,
            f"{_listed(block.payload.withdrawals)}, expected {_listed(expected)}",
        )


def _listed(withdrawals: tuple[Withdrawal, ...]) -> str:
    return "[" + ", ".join(f"{w.address.hex()}: {w.amount_gwei} gwei" for w in withdrawals) + "]"


def check_payout(block: ConsensusBlock, todo: Duties) -> None:
    """It proposes exactly the payout that the parent's requests ask for, or none."""
    expected = None if todo.payout is None else todo.payout.serialize(witness=False)
    if block.payout_proposal != expected:
        raise Invalid(
            Reason.WRONG_PAYOUT,
            f"{_shown(block.payout_proposal)}, expected {_shown(expected)}",
        )


def _shown(raw: bytes | None) -> str:
    return "none" if raw is None else raw.hex()


def check_finalized_payouts(block: ConsensusBlock, parent: PegState, spec: ChainSpec) -> None:
    """Signed payouts stand only with an AuxPoW; each is a finalised proposal, fully signed, in their order."""
    if block.finalized_payouts and block.auxpow_header is None:
        raise Invalid(Reason.ILLEGAL_FINALIZATION, "signed payouts without an AuxPoW")
    waiting = list(parent.payouts_finalised)
    for raw in block.finalized_payouts:
        try:
            signed = payout.parse_proposal(raw)
            proposal = next((p for p in waiting if p.txid == signed.txid), None)
            if proposal is None:
                raise Invalid(
                    Reason.ILLEGAL_FINALIZATION, f"{signed.txid} is no finalised proposal in order"
                )
            waiting = waiting[waiting.index(proposal) + 1 :]
            prevouts = payout.prevouts_of(proposal.input_sats, spec.federation)
            unsigned = bitcoin.parse_tx(proposal.tx)
            payout.check_signed(signed, unsigned, prevouts, spec.federation)
        except payout.BadPayout as error:
            raise Invalid(Reason.ILLEGAL_FINALIZATION, str(error)) from error
