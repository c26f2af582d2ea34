"""What a block says about Bitcoin: cheap where it says nothing, and what its claims do to the state after it."""

import msgspec
import pytest

from alys.chain import claim_checks, claims, state
from alys.chain.claims import BitcoinClaims, BitcoinFacts, Bump, SettledRef
from alys.chain.state import PegState
from alys.wire import bitcoin
from tests.chain.chains import BITCOIN_BLOCK, SPEC, burn, deposit, genesis, grow, pow_header

START = state.genesis_state(genesis())
ONE, TWO = deposit(1).outpoint, deposit(2).outpoint
FUNDED = grow(START, deposits=[deposit(1), deposit(2)])
SCRIPT = SPEC.federation.script_pubkey


def final(sats: int = 2_000_000) -> PegState:
    """One payout, covered by an AuxPoW."""
    after = grow(FUNDED, facts={"parent_requests": (burn(1, sats),)})
    return grow(after, header=pow_header(after))


def bump_of(before: PegState, rate: int) -> Bump:
    (payment,) = before.unsettled
    tx = claim_checks.rebuilt(payment, rate, SPEC)
    return Bump(replaces=payment.txids[-1], fee_rate_sat_vb=rate, tx=tx)


def bumped(before: PegState, rate: int = 9, *, covered: bool = True) -> PegState:
    """The payout again at another rate; the replacement final or not yet."""
    after = grow(before, claims=BitcoinClaims(bumps=(bump_of(before, rate),)))
    return grow(after, header=pow_header(after)) if covered else after


def settled(before: PegState, txid: str) -> PegState:
    ref = SettledRef(txid=txid, block_hash=BITCOIN_BLOCK)
    return grow(before, claims=BitcoinClaims(settled=(ref,)))


def test_a_block_that_claims_nothing_pays_one_byte_for_it() -> None:
    assert msgspec.msgpack.encode(claims.NO_CLAIMS) == b"\x80"
    assert state.after_claims(FUNDED, claims.NO_CLAIMS, SPEC) is FUNDED


def test_what_is_lost_is_spent_by_nobody_until_it_is_found() -> None:
    lost = grow(FUNDED, claims=BitcoinClaims(lost_outputs=(ONE,)))
    assert (set(lost.utxos), set(lost.lost)) == ({TWO}, {ONE})
    asked = {"parent_requests": (burn(1, 150_000_000),)}
    short = grow(lost, facts=asked)
    assert short.unfinalised[-1].payout is None
    assert short.refunded == {burn(1).tx_hash + ":0"}
    found = grow(lost, claims=BitcoinClaims(found_outputs=(ONE,)))
    assert (set(found.utxos), found.lost) == ({ONE, TWO}, {})
    assert grow(found, facts=asked).unfinalised[-1].payout is not None


def test_a_loss_counts_for_the_payout_of_the_same_block() -> None:
    both = grow(
        FUNDED,
        facts={"parent_requests": (burn(1, 150_000_000),)},
        claims=BitcoinClaims(lost_outputs=(ONE,)),
    )
    assert both.unfinalised[-1].payout is None


def test_a_lost_deposit_is_never_minted_again() -> None:
    lost = grow(FUNDED, claims=BitcoinClaims(lost_outputs=(ONE,)))
    assert state.already_minted(lost, ONE)


def test_the_fee_rate_of_a_block_is_that_of_its_payout() -> None:
    asked = {"parent_requests": (burn(1),)}
    cheap = grow(FUNDED, facts=asked).unfinalised[-1].payout
    dear = grow(FUNDED, facts=asked, claims=BitcoinClaims(fee_rate_sat_vb=20)).unfinalised[-1]
    assert cheap is not None
    assert dear.payout is not None
    assert (cheap.fee_rate_sat_vb, dear.payout.fee_rate_sat_vb) == (SPEC.fee_rate_sat_vb, 20)
    fees = [
        sum(proposal.input_sats) - sum(out.value for out in bitcoin.parse_tx(proposal.tx).outputs)
        for proposal in (cheap, dear.payout)
    ]
    assert fees[1] == 10 * fees[0], "ten times the rate, at the same size"


def test_a_payout_is_open_from_finality_until_it_is_settled() -> None:
    proposed = grow(FUNDED, facts={"parent_requests": (burn(1),)})
    assert proposed.unsettled == ()
    after = final()
    (payment,) = after.unsettled
    assert payment.txids == (after.payouts_finalised[0].txid,)
    done = settled(after, payment.txids[0])
    assert (done.unsettled, done.payouts_finalised) == ((), ())
    assert done.utxos == after.utxos, "its change was there at once"


def test_a_replacement_spends_the_same_for_the_same_and_only_payees_feel_it() -> None:
    before = final()
    first = before.unsettled[0].versions[0]
    after = bumped(before)
    (payment,) = after.unsettled
    assert len(payment.versions) == 2
    second = payment.versions[1]
    assert (second.inputs, second.requests) == (first.inputs, first.requests)
    assert list(second.change(SCRIPT).values()) == list(first.change(SCRIPT).values())
    paid = [bitcoin.parse_tx(one.tx).outputs[0].value for one in (first, second)]
    assert paid[1] < paid[0]
    assert [one.txid for one in after.payouts_finalised] == [first.txid, second.txid]


@pytest.mark.parametrize("version", [0, 1])
def test_the_change_of_what_has_two_versions_waits_for_the_one_that_is_mined(version: int) -> None:
    before = final()
    change = before.unsettled[0].versions[0].change(SCRIPT)
    assert set(change) <= set(before.utxos)
    after = bumped(before)
    assert not set(change) & set(after.utxos)
    mined = after.unsettled[0].versions[version]
    done = settled(after, mined.txid)
    assert set(mined.change(SCRIPT)) <= set(done.utxos)
    assert sum(done.utxos.values()) == sum(before.utxos.values())
    assert done.payouts_finalised == ()


def test_a_replacement_that_comes_too_late_is_forgotten() -> None:
    before = final()
    waiting = bumped(before, covered=False)
    done = settled(waiting, before.unsettled[0].txids[0])
    assert done.utxos == before.utxos
    after = grow(done, header=pow_header(done))
    assert (after.unsettled, after.payouts_finalised) == ((), ())


def test_a_replacement_can_be_replaced() -> None:
    after = bumped(bumped(final(), 5), 7)
    (payment,) = after.unsettled
    assert [one.fee_rate_sat_vb for one in payment.versions] == [2, 5, 7]
    done = settled(after, payment.txids[1])
    assert set(payment.versions[1].change(SCRIPT)) <= set(done.utxos)


def test_what_a_proposal_reserved_is_free_again_when_its_block_is_rolled_back_or_replaced() -> None:
    """Rolling back is taking the parent's state; a sibling spends what the abandoned block would have spent."""
    before = msgspec.structs.replace(FUNDED)
    proposed = grow(FUNDED, facts={"parent_requests": (burn(1, 150_000_000),)})
    reserved = proposed.unfinalised[-1].payout
    assert reserved is not None
    assert not {outpoint for outpoint, _ in reserved.inputs} & set(proposed.utxos)
    assert before == FUNDED
    sibling = grow(FUNDED, facts={"parent_requests": (burn(2, 150_000_000),)})
    other = sibling.unfinalised[-1].payout
    assert other is not None
    assert other.inputs == reserved.inputs
    assert state.decode(state.encode(sibling)) == sibling


def test_a_state_with_all_of_it_is_stored_and_read_back_equal() -> None:
    full = bumped(grow(final(), claims=BitcoinClaims(lost_outputs=(TWO,))))
    assert full.lost
    assert len(full.unsettled[0].versions) == 2
    assert state.decode(state.encode(full)) == full


def test_claims_that_are_believed_need_nobody_to_look() -> None:
    made = BitcoinClaims(
        lost_outputs=("a:0",),
        found_outputs=("b:0",),
        settled=(SettledRef(txid="c", block_hash="d"),),
    )
    assert claims.believed(made, 6) == BitcoinFacts(outputs={"a:0": 0, "b:0": 6}, payments={"c": 6})


def test_claims_are_shown_as_json() -> None:
    shown = claims.to_json(
        BitcoinClaims(
            fee_rate_sat_vb=3,
            lost_outputs=("a:0",),
            settled=(SettledRef(txid="c", block_hash="d"),),
            bumps=(Bump(replaces="e", fee_rate_sat_vb=9, tx=b"\x01"),),
        )
    )
    assert shown == {
        "feeRate": 3,
        "lostOutputs": ["a:0"],
        "foundOutputs": [],
        "settled": [{"txid": "c", "blockHash": "d"}],
        "bumps": [{"replaces": "e", "feeRate": 9, "transaction": "01"}],
    }
