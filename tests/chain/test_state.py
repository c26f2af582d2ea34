"""What a node knows after a block: what follows from it, from which facts, and that siblings do not touch each other."""

from typing import Any

import msgspec
import pytest

from alys.base.units import Wei
from alys.chain import blocks, state
from alys.chain.peg import RefundReason
from alys.chain.state import Facts, PegState
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal
from tests.chain.chains import (
    ALICE,
    BOB,
    GENESIS_HASH,
    MINER,
    PAYEE,
    SPEC,
    burn,
    deposit,
    genesis,
    grow,
    next_block,
    pow_header,
    signed_payout,
)

START = state.genesis_state(genesis())
FUNDED = grow(START, deposits=[deposit(1)])
"""One bitcoin is in."""


def asked(*numbers: int, **wishes: Any) -> dict[str, Any]:
    """Facts with these peg-out requests in the parent's payload."""
    return {"parent_requests": tuple(burn(number, **wishes) for number in numbers)}


def test_at_genesis_everything_is_final_and_nothing_is_owed() -> None:
    root = blocks.root(genesis().block)
    assert (START.head_root, START.finalised_root) == (root, root)
    assert (START.height, START.finalised_height, START.blocks_since_pow) == (0, 0, 0)
    assert START.execution_hash == GENESIS_HASH
    assert START.finalised_execution_hash == bytes(32), "no AuxPoW yet"
    assert (START.utxos, START.minted, START.unfinalised, START.tips_wei) == (
        {},
        frozenset(),
        (),
        0,
    )


def test_a_state_is_stored_and_read_back_equal() -> None:
    full = grow(FUNDED, deposits=[deposit(2), deposit(3)], facts=asked(1))
    full = grow(full, facts={**asked(2, address="junk"), "parent_tips": Wei(2**70)})
    full = grow(full, header=pow_header(full))
    assert full.payouts_finalised
    assert full.refunded
    assert state.decode(state.encode(full)) == full


def test_equal_states_have_equal_bytes() -> None:
    """Sets and maps filled in another order must not show."""
    names = [f"{number:064x}:0" for number in range(50)]
    one = msgspec.structs.replace(START, minted=frozenset(names), refunded=frozenset(names))
    two = msgspec.structs.replace(
        START, minted=frozenset(names[::-1]), refunded=frozenset(names[::-1])
    )
    assert state.encode(one) == state.encode(two)
    coins = {name: deposit(1).sats for name in names}
    back = dict(reversed(list(coins.items())))
    assert state.encode(msgspec.structs.replace(one, utxos=coins)) == state.encode(
        msgspec.structs.replace(one, utxos=back)
    )


def test_a_block_moves_the_head() -> None:
    block, facts = next_block(START)
    after = state.apply(START, block, facts, SPEC)
    assert (after.head_root, after.height, after.slot) == (blocks.root(block), 1, block.slot)
    assert (after.execution_hash, after.timestamp) == (
        block.payload.block_hash,
        block.payload.timestamp,
    )
    assert (after.blocks_since_pow, len(after.unfinalised)) == (1, 1)
    assert after.unfinalised[0].root == blocks.root(block)


# Deposits


def test_a_minted_deposit_is_known_and_may_be_spent() -> None:
    assert FUNDED.minted == {deposit(1).outpoint}
    assert FUNDED.utxos == {deposit(1).outpoint: 100_000_000}
    assert state.already_minted(FUNDED, deposit(1).outpoint)
    assert not state.already_minted(FUNDED, deposit(2).outpoint)
    assert not state.already_minted(START, deposit(1).outpoint)


def test_another_output_of_the_same_transaction_is_another_deposit() -> None:
    other = msgspec.structs.replace(deposit(1), vout=1)
    assert not state.already_minted(FUNDED, other.outpoint)


def test_siblings_do_not_touch_each_other() -> None:
    before = state.encode(FUNDED)
    one = grow(FUNDED, deposits=[deposit(2)])
    two = grow(FUNDED, deposits=[deposit(3)], facts=asked(1))
    assert state.encode(FUNDED) == before
    assert one.minted & two.minted == FUNDED.minted
    assert deposit(2).outpoint not in two.utxos


# Duties


def duties(parent: PegState, header: Any = None, **facts: Any) -> state.Duties:
    return state.duties(parent, Facts(now=0.0, **facts), header, SPEC)


def test_an_ordinary_block_owes_nothing() -> None:
    todo = duties(FUNDED)
    assert (todo.fees, todo.refunds, todo.payout, todo.requests) == ((), (), None, ())
    assert state.withdrawals(todo, ()) == ()


def test_fees_are_minted_with_an_auxpow_alone() -> None:
    rich = msgspec.structs.replace(FUNDED, tips=(10**18).to_bytes(32, "big"))
    assert duties(rich, parent_tips=Wei(10**18)).fees == ()
    fees = duties(rich, pow_header(rich), parent_tips=Wei(10**18)).fees
    assert fees[0] == (MINER, 16 * 10**17)
    assert [address for address, _ in fees[1:]] == list(SPEC.federation_fee_addresses)


def test_withdrawals_are_fees_refunds_and_deposits() -> None:
    todo = duties(FUNDED, pow_header(FUNDED), parent_tips=Wei(10**10), **asked(1, address="junk"))
    listed = {one.address: one.amount_gwei for one in state.withdrawals(todo, (deposit(2),))}
    assert listed[MINER] == 8
    assert listed[BOB] == 20_000_000
    assert listed[ALICE] == 10**9
    assert len(listed) == 3, "a fifth of ten gwei is less than one gwei for each of three"
    assert todo.addresses == {MINER, BOB}


def test_what_must_be_done_for_deposits_is_the_list_of_the_peg() -> None:
    assert state.withdrawals(duties(START), (deposit(1, 7),)) == (
        Withdrawal(index=0, validator_index=0, address=ALICE, amount_gwei=70),
    )


# Tips


def test_tips_gather_until_an_auxpow_mints_them() -> None:
    after = grow(FUNDED, facts={"parent_tips": Wei(5 * 10**9)})
    after = grow(after, facts={"parent_tips": Wei(2**65)})
    assert after.tips_wei == 5 * 10**9 + 2**65
    paid = grow(after, header=pow_header(after), facts={"parent_tips": Wei(7)})
    assert paid.tips_wei == 0
    assert grow(paid, facts={"parent_tips": Wei(3)}).tips_wei == 3


# Payouts


PROPOSED = grow(FUNDED, facts=asked(1))
"""A payout of two million sats out of the one bitcoin."""


def test_a_proposal_spends_its_inputs_and_its_change_is_there_at_once() -> None:
    link = PROPOSED.unfinalised[-1].payout
    assert link is not None
    assert PROPOSED.utxos == {f"{link.txid}:1": 98_000_000}
    assert link.input_sats == (100_000_000,)
    assert (link.height, link.block_root) == (2, PROPOSED.head_root)
    assert [request.tx_hash for request in link.requests] == [f"0x{1:064x}"]
    tx = bitcoin.parse_tx(link.tx)
    assert (tx.txid, tx.outputs[0].script) == (link.txid, PAYEE)


def test_change_can_be_spent_again() -> None:
    again = grow(PROPOSED, facts=asked(2))
    first, second = (link.payout for link in again.unfinalised[1:])
    assert first is not None
    assert second is not None
    assert bitcoin.parse_tx(second.tx).inputs[0].outpoint.label == f"{first.txid}:1"
    assert list(again.utxos.values()) == [96_000_000]


def test_a_proposal_may_be_signed_when_an_auxpow_covers_it_and_not_before() -> None:
    assert PROPOSED.payouts_finalised == ()
    not_covered = grow(PROPOSED, header=pow_header(PROPOSED, 1))
    assert not_covered.payouts_finalised == ()
    covered = grow(PROPOSED, header=pow_header(PROPOSED))
    assert [one.height for one in covered.payouts_finalised] == [2]


def test_a_listed_payout_is_done_with() -> None:
    covered = grow(PROPOSED, header=pow_header(PROPOSED))
    raw = signed_payout(covered.payouts_finalised[0])
    done = grow(covered, header=pow_header(covered), finalized=(raw,))
    assert done.payouts_finalised == ()
    waiting = grow(covered, header=pow_header(covered))
    assert waiting.payouts_finalised == covered.payouts_finalised


# Refunds


def test_a_refund_is_owed_once() -> None:
    facts = asked(1, address="junk")
    assert [one.reason for one in duties(FUNDED, **facts).refunds] == [
        RefundReason.UNPARSABLE_ADDRESS
    ]
    after = grow(FUNDED, facts=facts)
    assert after.refunded == {f"0x{1:064x}:0"}
    assert duties(after, **facts).refunds == ()


def test_refunds_beyond_the_room_of_a_block_are_paid_in_the_next() -> None:
    callers = [number.to_bytes(20, "big") for number in range(1, 21)]
    events = tuple(
        msgspec.structs.replace(burn(number, address="junk"), caller=caller)
        for number, caller in enumerate(callers, 1)
    )
    todo = duties(FUNDED, parent_requests=events)
    assert [one.address for one in todo.refunds] == callers[:16]
    after = grow(FUNDED, facts={"parent_requests": events})
    assert [one.address for one in after.refunds_due] == callers[16:]
    assert len(after.refunded) == 20
    assert [one.address for one in duties(after).refunds] == callers[16:]
    assert grow(after).refunds_due == ()


# Finality


def test_an_auxpow_finalises_its_range_and_leaves_the_rest() -> None:
    three = grow(grow(FUNDED))
    header = pow_header(three, 2)
    after = grow(three, header=header)
    assert (after.finalised_height, after.finalised_root) == (2, three.unfinalised[1].root)
    assert after.finalised_execution_hash == three.unfinalised[1].execution_hash
    assert [link.height for link in after.unfinalised] == [3, 4]
    assert after.blocks_since_pow == 2


def test_a_range_begins_right_after_the_last_finalised_block_and_ends_on_the_branch() -> None:
    three = grow(grow(FUNDED))
    links = three.unfinalised
    header = pow_header(three, 2)
    assert state.range_links(three, header) == links[:2]
    late = msgspec.structs.replace(header, range_start=links[1].root)
    beyond = msgspec.structs.replace(header, range_end=bytes(32))
    assert state.range_links(three, late) is None
    assert state.range_links(three, beyond) is None
    assert state.range_links(START, header) is None


@pytest.mark.parametrize("covered", [1, 2, 3])
def test_the_same_work_does_not_finalise_twice(covered: int) -> None:
    three = grow(grow(FUNDED))
    header = pow_header(three, covered)
    assert state.range_links(grow(three, header=header), header) is None
