"""One federation after the other: coins retire and are swept, old addresses run out, the federation pays for it."""

import msgspec
import pytest

from alys.base.units import Sats, Wei
from alys.chain import eras, payout, state, validity
from alys.chain.eras import History, RetiredCoin
from alys.chain.federation_update import BadUpdate, UpdateRule
from alys.chain.state import PegState
from alys.wire import bitcoin
from tests.chain.chains import (
    MINER,
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
    signed_payout,
)
from tests.chain.offers import CHANGED, NEXT, SWEEPING, late_deposit

OLD = SPEC.federation
START = grow(state.genesis_state(genesis()), deposits=[deposit(1), deposit(2)])
UPDATE = evidence(announcement(5, 1, 2, 4), 1, 2)


def refused(history: History, given: bytes, height: int = 3) -> UpdateRule:
    with pytest.raises(BadUpdate) as caught:
        eras.plan(history, given, height, SPEC)
    return caught.value.rule


def until(after: PegState, height: int) -> PegState:
    while after.height < height:
        proven = after.blocks_since_pow == SPEC.max_blocks_without_pow
        after = grow(after, header=pow_header(after) if proven else None)
    return after


def test_an_update_waits_for_its_height_and_then_moves_the_coins() -> None:
    planned = grow(START, update=UPDATE)
    assert planned.federations.pending == eras.Era(federation=NEXT, from_height=5)
    assert eras.in_force(planned.federations, SPEC) == OLD
    before = until(planned, 4)
    assert before.utxos == START.utxos
    block, facts = next_block(before)
    after = state.apply(before, block, facts, SPEC)
    assert eras.in_force(after.federations, SPEC) == NEXT
    assert block.sweep_proposal is not None
    tx = bitcoin.parse_tx(block.sweep_proposal)
    (output,) = tx.outputs
    assert {txin.outpoint.label for txin in tx.inputs} == set(START.utxos)
    assert output.script == NEXT.script_pubkey
    assert after.utxos == {f"{tx.txid}:0": output.value}
    assert after.federations.retired == {}
    fee = sum(START.utxos.values()) - output.value
    assert after.federations.owed_gwei == 10 * fee
    assert fee == payout.fee_of(tx, OLD, SPEC.fee_rate_sat_vb)


def test_the_blocks_of_a_change_are_valid() -> None:
    SWEEPING.check()
    late_deposit(SPEC.old_address_blocks - 1).check()


def test_a_request_in_the_block_of_the_sweep_is_paid_out_of_it() -> None:
    block, parent = SWEEPING.block, SWEEPING.parent
    assert block.sweep_proposal is not None
    assert block.payout_proposal is not None
    sweep, paid = (bitcoin.parse_tx(raw) for raw in (block.sweep_proposal, block.payout_proposal))
    assert [txin.outpoint.txid for txin in paid.inputs] == [sweep.txid]
    after = state.apply(parent, block, SWEEPING.facts, SPEC)
    swept, payment = after.unfinalised[-1].proposals
    assert (swept.federation, swept.requests) == (OLD, ())
    assert (payment.federation, len(payment.requests)) == (NEXT, 1)
    assert all(name.startswith(paid.txid) for name in after.utxos)


def test_both_are_signed_by_those_who_hold_the_inputs() -> None:
    after = state.apply(SWEEPING.parent, SWEEPING.block, SWEEPING.facts, SPEC)
    final = grow(after, header=pow_header(after))
    ready = [one for one in final.payouts_finalised if one.height == SWEEPING.block.height]
    listed = tuple(signed_payout(one, 0, 1) for one in ready)
    block, facts = next_block(final, header=pow_header(final), finalized=listed)
    validity.check_finalized_payouts(block, final, SPEC)
    left = state.apply(final, block, facts, SPEC).payouts_finalised
    assert not {one.txid for one in left} & {one.txid for one in ready}


def test_a_payout_that_was_proposed_before_is_signed_by_the_old_members_and_its_change_is_swept() -> (
    None
):
    asked = grow(
        START,
        facts={"parent_requests": (burn(1),)},
        update=evidence(announcement(1, 1, 2, 4), 1, 2),
    )
    (change,) = (name for name in asked.utxos if name not in START.utxos)
    block, _ = next_block(asked)
    assert block.sweep_proposal is not None
    tx = bitcoin.parse_tx(block.sweep_proposal)
    assert change in {txin.outpoint.label for txin in tx.inputs}
    (link,) = (one for one in asked.unfinalised if one.payout is not None)
    assert link.payout is not None
    assert link.payout.federation == OLD


def test_a_late_announcement_takes_effect_with_the_next_block() -> None:
    planned = grow(until(START, 7), update=evidence(announcement(2, 1, 2, 4), 1, 2))
    assert planned.federations.pending is not None
    assert planned.federations.pending.from_height == planned.height + 1


def test_only_one_change_waits_at_a_time() -> None:
    planned = grow(START, update=UPDATE).federations
    assert refused(planned, evidence(announcement(9, 1, 2, 5), 1, 2)) is UpdateRule.PENDING


@pytest.mark.parametrize("effective", [0, 3 + 1_000_001])
def test_heights_that_make_no_sense_are_refused(effective: int) -> None:
    assert refused(History(), evidence(announcement(effective, 1, 2, 4), 1, 2)) is UpdateRule.HEIGHT


def test_an_update_of_the_past_does_not_come_again_when_its_signers_are_back() -> None:
    away = until(grow(START, update=UPDATE), 6)
    back = grow(away, update=evidence(announcement(8, 1, 2, 3), 1, 2))
    home = until(back, 9)
    assert eras.in_force(home.federations, SPEC) == OLD
    assert refused(home.federations, UPDATE, 10) is UpdateRule.HEIGHT
    assert eras.era_of(home.federations, SPEC, OLD.script_pubkey) == 2


def test_the_new_federation_alone_changes_the_next() -> None:
    changed = until(grow(START, update=UPDATE), 6).federations
    wanted = announcement(9, 4, 5, 6)
    assert refused(changed, evidence(wanted, 1, 3), 7) is UpdateRule.SIGNATURE
    assert eras.plan(changed, evidence(wanted, 1, 4), 7, SPEC).pending is not None


def test_a_deposit_to_the_old_address_is_credited_retired_and_swept() -> None:
    late = paying_to(deposit(7), OLD.script_pubkey)
    after = grow(grow(CHANGED), deposits=[late])
    assert late.outpoint in after.minted
    assert after.federations.retired == {late.outpoint: RetiredCoin(sats=late.sats, era=0)}
    block, _ = next_block(after)
    assert block.sweep_proposal is not None
    (txin,) = bitcoin.parse_tx(block.sweep_proposal).inputs
    assert txin.outpoint.label == late.outpoint


def test_a_deposit_to_the_new_address_is_spendable_at_once() -> None:
    fresh = paying_to(deposit(7), NEXT.script_pubkey)
    assert fresh.outpoint in grow(CHANGED, deposits=[fresh]).utxos


def test_old_addresses_run_out() -> None:
    history = grow(CHANGED).federations
    first = history.eras[1].from_height
    last = first + SPEC.old_address_blocks - 1
    assert eras.accepts(history, SPEC, OLD.script_pubkey, last)
    assert not eras.accepts(history, SPEC, OLD.script_pubkey, last + 1)
    assert eras.accepts(history, SPEC, NEXT.script_pubkey, last + 1)
    assert not eras.accepts(history, SPEC, b"\x51", first)
    ends = [eras.over(history, SPEC, OLD.script_pubkey, height) for height in (last, last + 1)]
    assert ends == [False, True]
    assert not eras.over(history, SPEC, NEXT.script_pubkey, 10**9)
    assert not eras.over(history, SPEC, b"\x51", 10**9)


def test_nobody_is_paid_to_a_federation_that_was_or_will_be() -> None:
    for parent, script in (
        (grow(CHANGED), OLD.script_pubkey),
        (grow(START, update=UPDATE), NEXT.script_pubkey),
    ):
        address = bitcoin.script_to_address(script, SPEC.network) or ""
        _, facts = next_block(parent, facts={"parent_requests": (burn(3, address=address),)})
        todo = state.duties(parent, facts, None, SPEC)
        assert [one.reason.value for one in todo.refunds] == ["federation-address"]


def test_dust_is_not_swept_at_the_federations_cost() -> None:
    coins = {f"{1:064x}:0": RetiredCoin(sats=Sats(1_000), era=0)}
    history = msgspec.structs.replace(grow(CHANGED).federations, retired=coins)
    assert eras.sweep(history, SPEC, 2) is None
    more = {**coins, f"{2:064x}:0": RetiredCoin(sats=Sats(100_000), era=0)}
    found = eras.sweep(msgspec.structs.replace(history, retired=more), SPEC, 2)
    assert found is not None
    assert len(found.input_sats) == 2


def test_a_sweep_is_as_large_as_nodes_relay_and_the_rest_follows() -> None:
    coins = {f"{n:064x}:0": RetiredCoin(sats=Sats(1_000_000 + n), era=0) for n in range(1_200)}
    history = msgspec.structs.replace(grow(CHANGED).federations, retired=coins)
    first = eras.sweep(history, SPEC, 2)
    assert first is not None
    assert payout.signed_weight(first.tx, OLD) <= payout.WEIGHT_MAX
    assert 500 < len(first.input_sats) < 1_200
    assert min(first.input_sats) > max(
        coin.sats for coin in eras.swept(history, first).retired.values()
    )


def test_the_federation_pays_the_sweep_back_out_of_its_fifth() -> None:
    after = grow(CHANGED)
    owed = after.federations.owed_gwei * 10**9
    assert owed > 0
    tips = Wei(owed - after.tips_wei)  # a fifth of all of them does not do
    facts = {"parent_tips": tips}
    todo = state.duties(after, next_block(after, facts=facts)[1], pow_header(after), SPEC)
    assert todo.fees == ((MINER, Wei(owed * 4 // 5)),)
    assert todo.paid_back == owed // 5 // 10**9
    less = grow(after, facts=facts, header=pow_header(after))
    assert less.federations.owed_gwei == after.federations.owed_gwei - todo.paid_back
    more = grow(less, facts={"parent_tips": Wei(10 * owed)}, header=pow_header(less))
    assert more.federations.owed_gwei == 0
