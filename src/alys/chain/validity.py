"""Whether a block may stand on its parent: every rule of this chain, one small function each.

``check_block`` runs them in the order below against the state after the parent and the facts that the validator looked up
by itself. The execution client's own judgement of the payload is the caller's to ask for (``PAYLOAD_NOT_VALID`` is its
reason). What a block *must* contain (fees, refunds, the payout) is computed again by ``state.duties`` and compared as a
whole, so neither a withdrawal too few nor one too many passes.
"""

import enum

from alys.base.errors import AlysError
from alys.chain import approvals, auxpow, blocks, claim_checks, eras, payout, peg, slots, state
from alys.chain.approvals import Verifier
from alys.chain.blocks import AuxPowHeader, ConsensusBlock, PegInRef, SignedBlock
from alys.chain.claims import BadClaim
from alys.chain.federation_update import BadUpdate
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import ChainSpec
from alys.chain.state import ChainLink, Duties, Facts, PegState, SeenDeposit
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal

CLOCK_TOLERANCE_SECONDS = 1.0
"""How far the author's clock may be ahead of ours."""

LAST_OF_A_SECOND = 0.999_999
"""EVM time is whole seconds, so a timestamp may stand for any moment up to this much later."""


class Reason(enum.StrEnum):
    """Why a block is refused."""

    INVALID_HEIGHT = "invalid-height"
    """Not one above the head: old, from another fork, or of a height that skips."""
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
    WRONG_BITCOIN_CLAIM = "wrong-bitcoin-claim"
    """What it says about Bitcoin besides deposits is not so, by the validator's own Bitcoin node."""
    WRONG_SWEEP = "wrong-sweep-proposal"
    RETIRED_ADDRESS = "retired-address"
    """A deposit to an address that its federation has left too long ago, or has not come to yet."""
    BAD_FEDERATION_UPDATE = "bad-federation-update"
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


class AheadOfClock(Invalid):
    """Its time has not come yet, by our own clock; nothing else is said of it."""


def check_block(
    signed: SignedBlock, parent: PegState, facts: Facts, spec: ChainSpec, verifier: Verifier
) -> None:
    """Raise Invalid unless the block is a valid child of ``parent``; asks for its author's approval, not for a quorum."""
    block = signed.block
    check_parent(block, parent)
    check_height(block, parent)
    check_execution_parent(block, parent)
    check_slot_order(block, parent)
    check_slot_has_begun(block, facts.now, spec)
    check_slot_of_timestamp(block, spec)
    check_author(signed, spec)
    check_approvals(signed, spec, verifier)
    check_timestamp(block, parent, facts.now)
    if block.auxpow_header is None:
        check_work_not_overdue(block, parent, spec)
    else:
        check_auxpow_range(block.auxpow_header, parent, spec)
    deposits = check_deposits(block, parent, facts, spec)
    check_bitcoin_claims(block, parent, facts, spec)
    todo = state.duties(parent, facts, block.auxpow_header, spec, block.bitcoin)
    check_withdrawals(block, todo, deposits)
    check_payout(block, todo)
    check_sweep(block, todo)
    check_federation_update(block, parent, spec)
    check_finalized_payouts(block, parent, spec)


def check_parent(block: ConsensusBlock, parent: PegState) -> None:
    """It stands on the head; if not, it is old or from another fork, or we have fallen behind."""
    if block.parent_root == parent.head_root:
        return
    if block.height <= parent.height:
        raise Invalid(Reason.INVALID_HEIGHT, f"{block.height}, the head is {parent.height}")
    raise Invalid(
        Reason.MISSING_PARENT,
        f"parent {block.parent_root.hex()}, the head is {parent.head_root.hex()}",
    )


def check_height(block: ConsensusBlock, parent: PegState) -> None:
    """It is one above the head."""
    if block.height != parent.height + 1:
        raise Invalid(Reason.INVALID_HEIGHT, f"{block.height} after {parent.height}")


def check_execution_parent(block: ConsensusBlock, parent: PegState) -> None:
    """Its payload stands on the head's payload."""
    if block.payload.parent_hash != parent.execution_hash:
        raise Invalid(
            Reason.EXECUTION_HASH_NOT_CONTIGUOUS,
            f"{block.payload.parent_hash.hex()}, the head is {parent.execution_hash.hex()}",
        )


def check_slot_order(block: ConsensusBlock, parent: PegState) -> None:
    """Its slot is after the parent's."""
    if block.slot <= parent.slot:
        raise Invalid(Reason.SLOT_NOT_INCREASING, f"{block.slot} after {parent.slot}")


def check_slot_has_begun(block: ConsensusBlock, now: float, spec: ChainSpec) -> None:
    """Its slot is not in the future, by the validator's clock."""
    start = slots.slot_start(block.slot, spec.slot_duration_ms)
    if start > now + CLOCK_TOLERANCE_SECONDS:
        raise Invalid(Reason.SLOT_IN_FUTURE, f"it begins in {start - now:.3f} s")


def check_slot_of_timestamp(block: ConsensusBlock, spec: ChainSpec) -> None:
    """Its slot is at most one after the slot of its payload's time, whose second counts to its end."""
    latest = slots.slot_at(block.payload.timestamp + LAST_OF_A_SECOND, spec.slot_duration_ms) + 1
    if block.slot > latest:
        raise Invalid(
            Reason.SLOT_IN_FUTURE,
            f"{block.slot}, its payload's time {block.payload.timestamp} allows {latest}",
        )


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
        raise AheadOfClock(Reason.WRONG_TIMESTAMP, f"it is {time - now:.3f} s ahead")


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
    links = covered_range(header, parent)
    committed = auxpow.aux_hash([link.root for link in links])
    height = links[-1].height
    check_work(header, committed, height, state.required_bits(parent, height, spec), spec)


def covered_range(header: AuxPowHeader, parent: PegState) -> tuple[ChainLink, ...]:
    """The blocks that the AuxPoW covers: a range of this branch that begins right after the last finalised one."""
    links = state.range_links(parent, header)
    if links is None:
        raise Invalid(
            Reason.INVALID_POW_RANGE,
            f"{header.range_start.hex()} to {header.range_end.hex()} is no range after "
            f"the last finalised block",
        )
    return links


def check_work(
    header: AuxPowHeader, committed: bytes, height: int, bits: int, spec: ChainSpec
) -> None:
    """The AuxPoW is work for these blocks, at the required bits and for this chain."""
    try:
        auxpow.check_header(header, height, bits, spec)
        auxpow.check_auxpow(auxpow.decode_proof(header), header, committed, spec)
    except auxpow.BadAuxPow as error:
        raise Invalid(Reason.INVALID_POW, str(error)) from error


def check_deposits(
    block: ConsensusBlock, parent: PegState, facts: Facts, spec: ChainSpec
) -> tuple[Deposit, ...]:
    """Each deposit it mints passes the five checks below; the deposits, in the block's order."""
    check_listed_once(block)
    deposits: list[Deposit] = []
    for ref in block.pegins:
        check_not_minted(ref, parent)
        seen = found_deposit(ref, facts)
        check_confirmations(seen, spec)
        check_deposit_address(seen, parent, spec)
        deposits.append(seen.deposit)
    return tuple(deposits)


def check_listed_once(block: ConsensusBlock) -> None:
    """It lists no deposit twice."""
    listed: set[str] = set()
    for ref in block.pegins:
        if ref.outpoint in listed:
            raise Invalid(Reason.ALREADY_MINTED, f"{ref.outpoint} is listed twice")
        listed.add(ref.outpoint)


def check_not_minted(ref: PegInRef, parent: PegState) -> None:
    """No block before it on this branch minted the deposit."""
    if state.already_minted(parent, ref.outpoint):
        raise Invalid(Reason.ALREADY_MINTED, ref.outpoint)


def found_deposit(ref: PegInRef, facts: Facts) -> SeenDeposit:
    """The deposit as the validator found it itself, in the Bitcoin block that the reference names."""
    seen = facts.deposits.get(ref.outpoint)
    if seen is None or seen.block_hash != ref.block_hash:
        raise Invalid(Reason.DEPOSIT_NOT_FOUND, f"{ref.outpoint} in Bitcoin block {ref.block_hash}")
    return seen


def check_confirmations(seen: SeenDeposit, spec: ChainSpec) -> None:
    """The deposit is as deep as the specification asks."""
    if not peg.deep_enough(seen.confirmations, spec.required_confirmations):
        raise Invalid(
            Reason.INSUFFICIENT_CONFIRMATIONS,
            f"{seen.deposit.outpoint} has {seen.confirmations} of {spec.required_confirmations}",
        )


def check_bitcoin_claims(
    block: ConsensusBlock, parent: PegState, facts: Facts, spec: ChainSpec
) -> None:
    """Each of its claims about Bitcoin stands (``claim_checks``)."""
    try:
        claim_checks.check_claims(block, state.at_next_height(parent, spec), facts, spec)
    except BadClaim as error:
        raise Invalid(Reason.WRONG_BITCOIN_CLAIM, str(error)) from error


def check_deposit_address(seen: SeenDeposit, parent: PegState, spec: ChainSpec) -> None:
    """It paid to the federation in force, or to a former one not too long ago."""
    script = seen.deposit.script
    history = state.at_next_height(parent, spec).federations
    if script and not eras.accepts(history, spec, script, parent.height + 1):
        raise Invalid(Reason.RETIRED_ADDRESS, f"{seen.deposit.outpoint} paid to {script.hex()}")


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


def check_sweep(block: ConsensusBlock, todo: Duties) -> None:
    """It proposes exactly the sweep that coins of a former federation ask for, or none."""
    expected = None if todo.sweep is None else todo.sweep.tx.serialize(witness=False)
    if block.sweep_proposal != expected:
        raise Invalid(
            Reason.WRONG_SWEEP,
            f"{_shown(block.sweep_proposal)}, expected {_shown(expected)}",
        )


def check_federation_update(block: ConsensusBlock, parent: PegState, spec: ChainSpec) -> None:
    """A change of the federation that it announces is the will of the one in force, and possible."""
    if block.federation_update is None:
        return
    history = state.at_next_height(parent, spec).federations
    try:
        eras.plan(history, block.federation_update, block.height, spec)
    except BadUpdate as error:
        raise Invalid(Reason.BAD_FEDERATION_UPDATE, str(error)) from error


def _shown(raw: bytes | None) -> str:
    return "none" if raw is None else raw.hex()


def check_finalized_payouts(block: ConsensusBlock, parent: PegState, spec: ChainSpec) -> None:
    """Signed payouts stand only with an AuxPoW; each is a finalised proposal, fully signed, in their order."""
    if block.finalized_payouts and block.auxpow_header is None:
        raise Invalid(Reason.ILLEGAL_FINALIZATION, "signed payouts without an AuxPoW")
    waiting = parent.payouts_finalised
    for raw in block.finalized_payouts:
        try:
            signed = payout.parse_proposal(raw)
            position = _position_of(signed, waiting)
            check_payout_signed(signed, waiting[position], spec)
        except payout.BadPayout as error:
            raise Invalid(Reason.ILLEGAL_FINALIZATION, str(error)) from error
        waiting = waiting[position + 1 :]


def check_payout_signed(signed: bitcoin.Tx, proposal: PayoutProposal, spec: ChainSpec) -> None:
    """It is the proposal with exactly the threshold of valid signatures on every input; raises payout.BadPayout."""
    federation = proposal.federation or spec.federation
    prevouts = payout.prevouts_of(proposal.input_sats, federation)
    payout.check_signed(signed, bitcoin.parse_tx(proposal.tx), prevouts, federation)


def _position_of(signed: bitcoin.Tx, waiting: tuple[PayoutProposal, ...]) -> int:
    for position, proposal in enumerate(waiting):
        if proposal.txid == signed.txid:
            return position
    raise Invalid(
        Reason.ILLEGAL_FINALIZATION, f"{signed.txid} is no finalised proposal that is next in order"
    )
