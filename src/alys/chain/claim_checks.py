"""Whether a block's claims about Bitcoin may stand on its parent, and whether the validator's own Bitcoin node bears them out."""

from collections.abc import Sequence

from alys.chain import payout, state
from alys.chain.blocks import ConsensusBlock
from alys.chain.claims import (
    CLAIMS_MAX,
    NO_CLAIMS,
    BadClaim,
    BitcoinClaims,
    BitcoinFacts,
    Bump,
    SettledRef,
)
from alys.chain.peg import deep_enough
from alys.chain.proposal import OpenPayout, script_of
from alys.chain.spec import ChainSpec
from alys.chain.state import Facts, PegState
from alys.wire import bitcoin


def check_claims(block: ConsensusBlock, parent: PegState, facts: Facts, spec: ChainSpec) -> None:
    """Raise BadClaim for the first claim that does not stand."""
    claims = block.bitcoin
    if claims == NO_CLAIMS:
        return
    check_fee_rate(claims.fee_rate_sat_vb, bool(facts.parent_requests), spec)
    check_form(claims)
    for outpoint in claims.lost_outputs:
        check_lost(outpoint, parent, facts.bitcoin)
    for outpoint in claims.found_outputs:
        check_found(outpoint, parent, facts.bitcoin, spec)
    settled: list[str] = []
    for ref in claims.settled:
        settled.append(check_settled(ref, parent, facts.bitcoin, spec).txids[0])
    check_once(settled, "settled")
    for bump in claims.bumps:
        payment = check_bump(bump, parent, spec)
        if payment.txids[0] in settled:
            raise BadClaim("bump", f"{bump.replaces} is settled in the same block")


def check_fee_rate(rate: int, anything_asked: bool, spec: ChainSpec) -> None:
    """A rate is named where something is to be paid, and above the least; zero stands for the least."""
    if rate == 0:
        return
    if not anything_asked:
        raise BadClaim("fee rate", f"{rate} sat/vB for a block that pays nothing")
    if not spec.fee_rate_sat_vb < rate <= spec.fee_rate_max_sat_vb:
        raise BadClaim(
            "fee rate",
            f"{rate} sat/vB, above {spec.fee_rate_sat_vb} and up to {spec.fee_rate_max_sat_vb} is possible",
        )


def check_form(claims: BitcoinClaims) -> None:
    """The lists are ascending, without repetition, and not too long."""
    lists: dict[str, Sequence[str]] = {
        "lost": claims.lost_outputs,
        "found": claims.found_outputs,
        "settled": [ref.txid for ref in claims.settled],
        "bump": [bump.replaces for bump in claims.bumps],
    }
    for what, names in lists.items():
        if len(names) > CLAIMS_MAX:
            raise BadClaim(what, f"{len(names)} in one block, at most {CLAIMS_MAX} are possible")
        check_once(names, what)
        if list(names) != sorted(names):
            raise BadClaim(what, "not in ascending order")


def check_once(names: Sequence[str], what: str) -> None:
    """Nothing is claimed twice."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadClaim(what, f"{twice} is claimed twice")


def check_lost(outpoint: str, parent: PegState, facts: BitcoinFacts) -> None:
    """A credited deposit that nothing has spent, and that our Bitcoin node does not have on its best chain."""
    if outpoint not in parent.minted or not state.unspent(parent, outpoint):
        raise BadClaim("lost", f"{outpoint} is no unspent credited deposit")
    if facts.outputs.get(outpoint) != 0:
        raise BadClaim("lost", f"{outpoint} is on the best chain, or nobody knows")


def check_found(outpoint: str, parent: PegState, facts: BitcoinFacts, spec: ChainSpec) -> None:
    """A lost deposit that has its confirmations again."""
    if outpoint not in parent.lost:
        raise BadClaim("found", f"{outpoint} was not lost")
    confirmations = facts.outputs.get(outpoint, 0)
    if not deep_enough(confirmations, spec.required_confirmations):
        raise BadClaim("found", f"{outpoint} has {confirmations} of {spec.required_confirmations}")


def check_settled(
    ref: SettledRef, parent: PegState, facts: BitcoinFacts, spec: ChainSpec
) -> OpenPayout:
    """A version of an open payout that has its confirmations; the payout."""
    payment = state.open_payout(parent, ref.txid)
    if payment is None:
        raise BadClaim("settled", f"{ref.txid} is no open payout")
    confirmations = facts.payments.get(ref.txid, 0)
    if not deep_enough(confirmations, spec.payout_confirmations):
        raise BadClaim("settled", f"{ref.txid} has {confirmations} of {spec.payout_confirmations}")
    return payment


def check_bump(bump: Bump, parent: PegState, spec: ChainSpec) -> OpenPayout:
    """The newest version of an open payout, again at a higher rate, while nothing spends its change; the payout."""
    payment = state.open_payout(parent, bump.replaces)
    if payment is None or payment.txids[-1] != bump.replaces:
        raise BadClaim("bump", f"{bump.replaces} is not the newest version of an open payout")
    if state.pending_bump(parent, payment) is not None:
        raise BadClaim("bump", f"another replacement of {bump.replaces} is not final yet")
    last = payment.versions[-1]
    if not last.fee_rate_sat_vb < bump.fee_rate_sat_vb <= spec.fee_rate_max_sat_vb:
        raise BadClaim(
            "bump",
            f"{bump.fee_rate_sat_vb} sat/vB after {last.fee_rate_sat_vb}, at most {spec.fee_rate_max_sat_vb}",
        )
    if not last.requests:
        raise BadClaim("bump", f"{bump.replaces} is a sweep, which has nobody to bear a higher fee")
    if len(payment.versions) == 1:
        change = last.change(script_of(last, spec))
        spent = [outpoint for outpoint in change if outpoint not in parent.utxos]
        if spent:
            raise BadClaim("bump", f"{spent[0]}, the change of {bump.replaces}, is spent")
    if bump.tx != rebuilt(payment, bump.fee_rate_sat_vb, spec):
        raise BadClaim("bump", f"{bump.tx.hex()} is not {bump.replaces} at that rate")
    return payment


def rebuilt(payment: OpenPayout, fee_rate: int, spec: ChainSpec) -> bytes:
    """The newest version of a payout at another fee rate; raises BadClaim where no transaction can pay that."""
    last = payment.versions[-1]
    try:
        holders = last.federation or spec.federation
        tx: bitcoin.Tx = payout.assemble(last.requests, last.inputs, holders, fee_rate)
    except payout.PayoutImpossible as error:
        raise BadClaim("bump", str(error)) from error
    return tx.serialize(witness=False)
