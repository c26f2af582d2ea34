"""Validity: two blocks with everything in them are valid, and one change to either is refused for exactly one reason.

Each case also names the function that guards it: with that function taken away the same block passes, so no rule is
hidden behind another and a breakage of one function really removes the rule.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alys.base.units import Wei
from alys.chain import auxpow, blocks, payout, peg, slots, state, validity
from alys.chain.blocks import AuxPowHeader, SignedBlock
from alys.chain.validity import AheadOfClock, Invalid, Reason
from tests.chain.chains import (
    BOB,
    SCHEME,
    SPEC,
    announcement,
    confirmed,
    deposit,
    evidence,
    genesis,
    paying_to,
    pow_header,
    sign,
)
from tests.chain.offers import (
    NEXT,
    ONE,
    PARENT,
    PLAIN,
    PROVEN,
    REQUESTS,
    SWEEPING,
    TWO,
    Offer,
    badly_signed,
    cheaper_sweep,
    foreign_approval,
    late_deposit,
    listing,
    minting,
    never_proposed,
    numbered,
    overdue,
    overpaying,
    paying_more,
    plain,
    richer,
    seen,
    shifted,
    unseen,
    with_proof,
    with_withdrawals,
)


def test_the_blocks_have_everything_that_can_be_wrong() -> None:
    for offer in (PLAIN, PROVEN):
        block = offer.block
        assert len(block.pegins) == 2
        assert block.payout_proposal is not None
        assert BOB in {one.address for one in block.payload.withdrawals}
    assert len(PROVEN.block.finalized_payouts) == 2
    assert len(PROVEN.block.payload.withdrawals) == 2 + 4, "with the shares of miner and federation"


def test_both_are_valid() -> None:
    PLAIN.check()
    PROVEN.check()


def test_both_are_valid_with_more_approvals() -> None:
    msgspec.structs.replace(PLAIN, signers=(0, 1, 2)).check()
    msgspec.structs.replace(PROVEN, signers=(0, 1, 2)).check()


# One change, one reason


LATER = PLAIN.block.payload.timestamp + 1
START_OF_SLOT = slots.slot_start(PLAIN.block.slot, SPEC.slot_duration_ms)
NO_GUARD = ""
"""Where taking the guard away leaves nothing to go on with."""

CASES: dict[tuple[Reason, str], dict[str, Callable[[], Offer]]] = {
    (Reason.INVALID_HEIGHT, "check_height"): {
        "the height of the head": lambda: PLAIN.with_payload(block_number=PARENT.height),
        "a height that skips": lambda: PLAIN.with_payload(block_number=PARENT.height + 2),
    },
    (Reason.INVALID_HEIGHT, NO_GUARD): {
        "an old block of another branch": lambda: PLAIN.with_payload(block_number=1).with_block(
            parent_root=b"\x09" * 32
        ),
        "the genesis block": lambda: Offer(block=genesis().block, parent=PARENT, facts=PLAIN.facts),
    },
    (Reason.MISSING_PARENT, "check_parent"): {
        "an unknown parent": lambda: PLAIN.with_block(parent_root=b"\x09" * 32),
    },
    (Reason.EXECUTION_HASH_NOT_CONTIGUOUS, "check_execution_parent"): {
        "a payload on another payload": lambda: PLAIN.with_payload(parent_hash=b"\x09" * 32),
    },
    (Reason.SLOT_NOT_INCREASING, "check_slot_order"): {
        "the parent's slot": lambda: PLAIN.with_parent(slot=PLAIN.block.slot),
        "an earlier slot than the parent's": lambda: shifted(PLAIN, -3),
    },
    (Reason.SLOT_IN_FUTURE, "check_slot_has_begun"): {
        "a slot that has not begun": lambda: shifted(PLAIN, 1),
    },
    (Reason.SLOT_IN_FUTURE, "check_slot_of_timestamp"): {
        "a slot two after that of its time": lambda: shifted(PLAIN, 2).with_facts(
            now=PLAIN.facts.now + 4
        ),
    },
    (Reason.OUT_OF_TURN, "check_author"): {
        "signed by another authority": lambda: msgspec.structs.replace(
            PLAIN, signers=((PLAIN.author() + 1) % 3,)
        ),
    },
    (Reason.OUT_OF_TURN, NO_GUARD): {
        "signed by nobody": lambda: msgspec.structs.replace(
            PLAIN, signed=SignedBlock(block=PLAIN.block)
        ),
    },
    (Reason.BAD_APPROVAL, "check_approvals"): {
        "an approval of something else": lambda: msgspec.structs.replace(
            PLAIN, signed=foreign_approval()
        ),
    },
    (Reason.WRONG_TIMESTAMP, "check_timestamp"): {
        "the parent's time": lambda: PLAIN.with_parent(timestamp=PLAIN.block.payload.timestamp),
        "a time in the future": lambda: PLAIN.with_payload(timestamp=int(PLAIN.facts.now) + 2),
    },
    (Reason.ALREADY_MINTED, "check_not_minted"): {
        "a deposit of an earlier block": lambda: minting(PLAIN, 3, 1),
    },
    (Reason.ALREADY_MINTED, "check_listed_once"): {
        "a deposit twice": lambda: minting(PLAIN, 3, 3),
    },
    (Reason.DEPOSIT_NOT_FOUND, NO_GUARD): {
        "a deposit that is not on Bitcoin": lambda: PLAIN.with_facts(**unseen(3)),
        "a deposit in another Bitcoin block": lambda: PLAIN.with_facts(
            **seen(3, block_hash="cc" * 32)
        ),
    },
    (Reason.INSUFFICIENT_CONFIRMATIONS, "check_confirmations"): {
        "five confirmations": lambda: PLAIN.with_facts(**seen(3, confirmations=5)),
        "a deposit that fell off the best chain": lambda: PLAIN.with_facts(
            **seen(4, confirmations=0)
        ),
    },
    (Reason.WRONG_WITHDRAWALS, "check_withdrawals"): {
        "a withdrawal too few": lambda: with_withdrawals(lambda listed: listed.pop()),
        "a withdrawal too many": lambda: with_withdrawals(lambda listed: listed.append(listed[0])),
        "a gwei too much": lambda: with_withdrawals(richer),
        "withdrawals in another order": lambda: with_withdrawals(lambda listed: listed.reverse()),
        "a withdrawal with a number": lambda: with_withdrawals(numbered),
        "fees without an AuxPoW": lambda: PLAIN.with_payload(
            withdrawals=PROVEN.block.payload.withdrawals
        ),
        "another deposit amount than the validator sees": lambda: PLAIN.with_facts(
            **seen(3, deposit=deposit(3, 99_999_999))
        ),
        "tips that nobody paid": lambda: PROVEN.with_facts(parent_tips=Wei(0)),
    },
    (Reason.WRONG_PAYOUT, "check_payout"): {
        "no payout though one is due": lambda: PLAIN.with_block(payout_proposal=None),
        "a sat more for the payee": paying_more,
        "a payout that nobody asked for": lambda: PLAIN.with_facts(
            parent_requests=REQUESTS["parent_requests"][1:]
        ),
        "bytes that are no transaction": lambda: PLAIN.with_block(payout_proposal=b"\x01"),
    },
    (Reason.WRONG_BITCOIN_CLAIM, "check_bitcoin_claims"): {
        "a fee rate beyond all bounds": overpaying,
    },
    (Reason.WRONG_SWEEP, "check_sweep"): {
        "a sweep where nothing is retired": lambda: PLAIN.with_block(
            sweep_proposal=SWEEPING.block.sweep_proposal
        ),
        "no sweep though one is due": lambda: SWEEPING.with_block(sweep_proposal=None),
        "a sweep that costs less": cheaper_sweep,
    },
    (Reason.RETIRED_ADDRESS, "check_deposit_address"): {
        "a deposit to a federation that is still to come": lambda: PLAIN.with_facts(
            **seen(3, deposit=paying_to(deposit(3), NEXT.script_pubkey))
        ),
        "a deposit to an address that was left too long ago": lambda: late_deposit(
            SPEC.old_address_blocks
        ),
        "a deposit to nobody's script": lambda: PLAIN.with_facts(
            **seen(3, deposit=paying_to(deposit(3), b"\x51"))
        ),
    },
    (Reason.BAD_FEDERATION_UPDATE, "check_federation_update"): {
        "an update that too few signed": lambda: PLAIN.with_block(
            federation_update=evidence(announcement(50, 1, 2, 4), 1)
        ),
        "an update that nobody can read": lambda: PLAIN.with_block(federation_update=b"\xff"),
    },
    (Reason.MISSING_REQUIRED_POW, "check_work_not_overdue"): {
        "too many blocks without a proof": overdue,
    },
    (Reason.INVALID_POW_RANGE, NO_GUARD): {
        "a range that starts late": lambda: PROVEN.with_header(
            range_start=PARENT.unfinalised[1].root
        ),
        "a range that ends elsewhere": lambda: PROVEN.with_header(range_end=b"\x09" * 32),
        "a range that is final already": lambda: PROVEN.with_header(
            range_start=PARENT.finalised_root, range_end=PARENT.finalised_root
        ),
    },
    (Reason.INVALID_POW, "check_work"): {
        "work for another range": lambda: PROVEN.with_header(
            range_end=PARENT.unfinalised[0].root, height=4
        ),
        "work for something else": lambda: with_proof(bytes(32)),
        "no proof": lambda: PROVEN.with_header(auxpow=None),
        "easier bits": lambda: PROVEN.with_header(bits=0x2100FFFF),
        "another chain's header": lambda: PROVEN.with_header(chain_id=1),
        "another height than that of the range's end": lambda: PROVEN.with_header(height=3),
        "harder work than was done": lambda: msgspec.structs.replace(
            PROVEN.with_header(bits=0x1D00FFFF),
            parent=msgspec.structs.replace(PARENT, pow_bits=0x1D00FFFF),
        ),
    },
    (Reason.ILLEGAL_FINALIZATION, "check_finalized_payouts"): {
        "signed payouts without a proof": lambda: PLAIN.with_block(finalized_payouts=(ONE,)),
        "a payout twice": lambda: listing(ONE, ONE),
        "payouts out of order": lambda: listing(TWO, ONE),
        "a payout that nobody proposed": lambda: listing(never_proposed()),
        "a payout that is not final yet": lambda: PROVEN.with_parent(
            payouts_finalised=PARENT.payouts_finalised[:1]
        ),
        "bytes that are no payout": lambda: listing(b"\x01"),
    },
    (Reason.ILLEGAL_FINALIZATION, "check_payout_signed"): {
        "an unsigned payout": lambda: listing(PARENT.payouts_finalised[0].tx),
        "a payout with a false signature": lambda: listing(badly_signed()),
    },
}
"""By reason and guard; what is wrong with each block."""

BY_NAME = {
    name: (reason, guard, offer)
    for (reason, guard), cases in CASES.items()
    for name, offer in cases.items()
}


@pytest.mark.parametrize("name", BY_NAME)
def test_one_change_is_refused_for_one_reason(name: str) -> None:
    reason, _, offer = BY_NAME[name]
    with pytest.raises(Invalid) as caught:
        offer().check()
    assert caught.value.reason is reason, caught.value.detail
    assert caught.value.detail
    assert reason.value in str(caught.value)


@pytest.mark.parametrize("name", [name for name, (_, guard, _) in BY_NAME.items() if guard])
def test_nothing_but_its_guard_refuses_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, guard, offer = BY_NAME[name]
    made = offer()
    monkeypatch.setattr(validity, guard, lambda *_: None)
    made.check()


def test_every_reason_has_a_case() -> None:
    """PAYLOAD_NOT_VALID is the execution client's word, NO_QUORUM is asked for at import (below)."""
    covered = {reason for reason, _ in CASES}
    assert covered == set(Reason) - {Reason.PAYLOAD_NOT_VALID, Reason.NO_QUORUM}
    assert len(BY_NAME) == sum(len(cases) for cases in CASES.values())


# Edges of the rules


def test_the_last_block_without_a_proof_is_still_allowed() -> None:
    height = PARENT.height + 1 - SPEC.max_blocks_without_pow
    PLAIN.with_parent(finalised_height=height).check()


def test_a_proof_is_welcome_at_any_time_and_pays_an_overdue_debt() -> None:
    height = PARENT.height + 1 - SPEC.max_blocks_without_pow - 1
    PROVEN.with_parent(finalised_height=height).check()


def test_clocks_may_differ_by_a_second() -> None:
    PLAIN.with_facts(now=START_OF_SLOT - 1).check()
    with pytest.raises(Invalid) as caught:
        PLAIN.with_facts(now=START_OF_SLOT - 1.01).check()
    assert caught.value.reason is Reason.SLOT_IN_FUTURE


def test_a_time_that_has_not_come_is_told_apart_from_one_that_is_wrong_by_any_clock() -> None:
    for broken, ahead in (
        (PLAIN.with_payload(timestamp=int(PLAIN.facts.now) + 2), True),
        (PLAIN.with_parent(timestamp=PLAIN.block.payload.timestamp), False),
    ):
        with pytest.raises(Invalid) as caught:
            broken.check()
        assert isinstance(caught.value, AheadOfClock) is ahead
        assert caught.value.reason is Reason.WRONG_TIMESTAMP


def test_a_late_validator_does_not_mind() -> None:
    PLAIN.with_facts(now=PLAIN.facts.now + 3_600).check()


def test_a_block_may_stand_one_slot_after_that_of_its_time() -> None:
    shifted(PLAIN, 1).with_facts(now=PLAIN.facts.now + 2).check()


def test_slots_shorter_than_a_second_work() -> None:
    """EVM time is whole seconds, so up to two slots of 400 ms share one with the slot it falls into."""
    brisk = msgspec.structs.replace(SPEC, slot_duration_ms=400)
    for slot in range(slots.slot_at(LATER, 400), slots.slot_at(LATER + 1, 400)):
        block = msgspec.structs.replace(
            PLAIN.block, payload=msgspec.structs.replace(PLAIN.block.payload, timestamp=LATER)
        )
        offer = Offer(
            block=msgspec.structs.replace(block, slot=slot),
            parent=PARENT,
            facts=msgspec.structs.replace(PLAIN.facts, now=LATER + 1.0),
            spec=brisk,
        )
        offer.check()


def test_more_confirmations_than_needed_are_fine() -> None:
    PLAIN.with_facts(**seen(3, confirmations=700)).check()


def test_signed_payouts_may_wait_for_a_later_block() -> None:
    listing().check()
    listing(ONE).check()
    listing(TWO).check()


def test_deposits_that_a_validator_sees_beyond_those_listed_do_not_matter() -> None:
    more = {**PLAIN.facts.deposits, deposit(9).outpoint: confirmed(deposit(9))}
    PLAIN.with_facts(deposits=more).check()


# The single functions that breakages replace


BREAKAGES: dict[str, tuple[Any, str, Any, str]] = {
    "confirmations": (peg, "deep_enough", lambda *_: True, "five confirmations"),
    "duplicates": (state, "already_minted", lambda *_: False, "a deposit of an earlier block"),
    "signatures": (payout, "check_signature", lambda *_: None, "a payout with a false signature"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_with_one_function_broken_the_rule_is_gone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nothing in this room holds up a rule that a breakage means to remove: others must notice."""
    module, function, broken, case = BREAKAGES[name]
    made = BY_NAME[case][2]()
    with pytest.raises(Invalid):
        made.check()
    monkeypatch.setattr(module, function, broken)
    made.check()


@pytest.mark.parametrize(
    ("module", "function", "reason"),
    [
        (peg, "mint_amount", Reason.WRONG_WITHDRAWALS),
        (state, "withdrawals", Reason.WRONG_WITHDRAWALS),
        (payout, "fee_shares", Reason.WRONG_PAYOUT),
    ],
)
def test_a_validator_computes_with_the_same_functions_as_a_producer(
    module: Any, function: str, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken for the validator alone the honest block is refused; broken for both it passes."""
    honest = getattr(module, function)
    broken: dict[str, Callable[..., Any]] = {
        "mint_amount": lambda sats: honest(sats) // 10,
        "withdrawals": lambda *given: honest(*given)[1:],
        "fee_shares": lambda burden, payees: honest(2 * burden, payees),
    }
    monkeypatch.setattr(module, function, broken[function])
    with pytest.raises(Invalid) as caught:
        PLAIN.check()
    assert caught.value.reason is reason
    plain().check()


# Quorum and range on their own


@pytest.mark.parametrize(
    ("signers", "enough"), [((0,), False), ((0, 1), True), ((1, 2), True), ((0, 1, 2), True)]
)
def test_a_quorum_is_two_of_three(signers: tuple[int, ...], enough: bool) -> None:
    signed = sign(PLAIN.block, *signers)
    if enough:
        validity.check_quorum(signed, SPEC, SCHEME)
        return
    with pytest.raises(Invalid) as caught:
        validity.check_quorum(signed, SPEC, SCHEME)
    assert caught.value.reason is Reason.NO_QUORUM


def test_no_approvals_are_no_quorum() -> None:
    with pytest.raises(Invalid) as caught:
        validity.check_quorum(SignedBlock(block=PLAIN.block), SPEC, SCHEME)
    assert caught.value.reason is Reason.NO_QUORUM


def test_a_quorum_for_another_block_is_none() -> None:
    other = sign(msgspec.structs.replace(PLAIN.block, pegins=()), 0, 1)
    moved = SignedBlock(block=PLAIN.block, approvals=other.approvals)
    with pytest.raises(Invalid) as caught:
        validity.check_quorum(moved, SPEC, SCHEME)
    assert caught.value.reason is Reason.BAD_APPROVAL


def header_over(covered: int) -> AuxPowHeader:
    return pow_header(PARENT, covered)


@pytest.mark.parametrize("covered", [1, 2])
def test_a_proof_may_cover_a_part_of_what_is_not_final(covered: int) -> None:
    validity.check_auxpow_range(header_over(covered), PARENT, SPEC)
    links = validity.covered_range(header_over(covered), PARENT)
    assert [link.height for link in links] == [4, 5][:covered]
    committed = auxpow.aux_hash([link.root for link in links])
    validity.check_work(header_over(covered), committed, 3 + covered, SPEC.bits, SPEC)


def test_an_invalid_block_says_why_in_a_sentence() -> None:
    error = Invalid(Reason.MISSING_PARENT, "it is unknown")
    assert str(error) == "block refused (missing-parent): it is unknown"
    assert (error.reason, error.detail) == (Reason.MISSING_PARENT, "it is unknown")


def test_the_root_that_is_checked_is_the_blocks_own() -> None:
    assert blocks.root(sign(PLAIN.block).block) == blocks.root(PLAIN.block)
