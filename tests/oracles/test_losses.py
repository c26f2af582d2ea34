"""Reorganisations of Bitcoin in the ledger: what they took is an incident with its transaction and its satoshis, and excuses nothing else."""

from typing import Any

import pytest

from alys.oracles.causes import Cause
from alys.oracles.statement import DepositStatus, RequestStatus
from alys.wire import bitcoin
from tests.oracles.builders import (
    ALICE,
    COIN,
    TERMS,
    Town,
    address,
    asked_town,
    deposit_tx,
    payee,
    payout,
    request,
    sign,
)
from tests.oracles.test_payouts import first_cause

PAYEE = payee(2)
ITEM = "deposits that a reorganisation took"


def lost_town(depth: int = 6) -> tuple[Town, str]:
    """Two coins are minted; a reorganisation took the block of the first."""
    town = Town()
    first = town.deposit(COIN, depth=6)
    second = town.deposit(COIN, depth=depth, salt=1)
    town.block(mints=[first, second])
    town.check()
    return town, second


@pytest.mark.parametrize("depth", range(1, 8))
def test_before_the_mint_a_reorganisation_of_any_depth_leaves_the_books_balanced(
    depth: int,
) -> None:
    town = Town()
    key = town.deposit(COIN, depth=depth)
    town.block()
    town.reorganise(depth)
    statement = town.check()
    assert (statement.deposited_sats, statement.incidents) == (0, ())
    tx = deposit_tx(COIN, bytes.fromhex(ALICE[2:]))
    found = town.mine(tx, more=5)
    town.deposits[key] = (found, ALICE, COIN)
    town.block(mints=[key])
    statement = town.check()
    assert (statement.credited_sats, statement.incidents) == (COIN, ())


@pytest.mark.parametrize("depth", range(6, 12))
def test_after_the_mint_the_shortfall_is_an_incident_with_the_transaction_named(depth: int) -> None:
    town, key = lost_town(depth)
    town.reorganise(depth)
    statement = town.check()
    (incident,) = statement.incidents
    assert (incident.kind, incident.key, incident.sats) == ("deposit_lost", key, COIN)
    assert incident.txid == key.partition(":")[0]
    assert town.hashes[-1] in incident.meaning
    assert (statement.lost_sats, statement.credited_sats) == (COIN, COIN)
    assert {item.name: item.wei for item in statement.surplus}[ITEM] == -COIN * 10**10
    tx = deposit_tx(COIN, bytes.fromhex(ALICE[2:]), salt=1)
    town.mine(tx)
    statement = town.check()
    assert (statement.incidents, statement.lost_sats) == ((), 0)
    assert [line.status for line in statement.deposits] == [DepositStatus.CREDITED] * 2


def test_a_loss_that_no_block_could_foresee_is_not_taken_for_one_that_was_hurried() -> None:
    town = Town()
    key = town.deposit(COIN, depth=5)
    town.block(mints=[key])
    town.reorganise(5)
    assert town.first().cause is Cause.DEPOSIT_REORGED


def test_another_shortfall_beside_a_loss_is_not_covered_by_it() -> None:
    town, _ = lost_town()
    town.reorganise(6)
    town.block(stray_wei=1)
    assert town.first().cause is Cause.SUPPLY_UNEXPLAINED
    assert Cause.UNEXPLAINED_WEI in [v.cause for v in town.ledger.violations]


def test_a_mint_of_a_deposit_that_is_mined_elsewhere_by_now_is_no_wrong_reference() -> None:
    town, key = lost_town()
    tx = deposit_tx(COIN, bytes.fromhex(ALICE[2:]), salt=1)
    town.reorganise(6, tx)
    assert town.check().credited_sats == 2 * COIN
    town.deposits[key] = ("dd" * 32, ALICE, COIN)
    town.block(mints=[key])
    assert town.first().cause is Cause.DOUBLE_MINT


def asked_of(town: Town, sats: int) -> Any:
    """Alice asks for so much in the next block."""
    ask = request("more", sats * 10**10, address(PAYEE))
    town.block(ask)
    return ask


def test_a_refund_for_want_of_what_is_lost_is_in_order_where_a_block_said_so() -> None:
    town, key = lost_town()
    town.reorganise(6)
    asked_of(town, COIN + COIN // 2)
    refund = [(ALICE, (COIN + COIN // 2) * 10)]
    town.block(extra=refund, said={"lostOutputs": [key]})
    statement = town.check()
    assert [line.status for line in statement.requests] == [RequestStatus.REFUNDED]


def test_a_refund_for_want_of_what_nobody_called_lost_is_not() -> None:
    town, _ = lost_town()
    town.reorganise(6)
    asked_of(town, COIN + COIN // 2)
    town.block(extra=[(ALICE, (COIN + COIN // 2) * 10)])
    assert town.first().cause is Cause.REFUND_OF_PAYABLE


def test_what_was_found_again_excuses_nothing() -> None:
    town, key = lost_town()
    town.reorganise(6, deposit_tx(COIN, bytes.fromhex(ALICE[2:]), salt=1))
    town.block(said={"lostOutputs": [key]})
    town.block(said={"foundOutputs": [key]})
    town.check()
    asked_of(town, COIN + COIN // 2)
    town.block(extra=[(ALICE, (COIN + COIN // 2) * 10)])
    assert town.first().cause is Cause.REFUND_OF_PAYABLE


@pytest.mark.parametrize("credited", [True, False])
def test_a_loss_that_never_was_is_named(credited: bool) -> None:
    town, key = lost_town()
    claimed = key if credited else "ee" * 32 + ":0"
    town.block(said={"lostOutputs": [claimed]})
    first = town.first()
    assert (first.cause, first.culprit) == (Cause.LOSS_INVENTED, claimed)


# Payouts


def test_the_rate_that_a_block_names_is_the_rate_that_its_payout_pays() -> None:
    peg_out = asked_town()
    tx = sign(payout(peg_out.coins, [(peg_out.script, peg_out.sats)], fee_times=5), peg_out.coins)
    town = peg_out.town
    town.block(proposal=tx, said={"feeRate": 10})
    town.block(auxpow=3)
    town.mine(tx)
    assert town.check().requests[0].fee_share_sats == tx.vsize * 10


def test_a_rate_beyond_the_terms_is_named_even_if_it_was_paid() -> None:
    peg_out = asked_town()
    tx = sign(payout(peg_out.coins, [(peg_out.script, peg_out.sats)], fee_times=251), peg_out.coins)
    town = peg_out.town
    town.block(proposal=tx, said={"feeRate": 502})
    town.block(auxpow=3)
    town.mine(tx)
    first = town.first()
    assert first_cause(peg_out, tx) is Cause.PAYOUT_FEE_WRONG
    assert (first.expected, first.actual) == ("2 to 500 sat/vB", "502 sat/vB")


def test_a_request_for_more_than_the_terms_allow_is_refunded() -> None:
    assert TERMS.pegout_maximum_sats == 10 * COIN
    town = Town()
    town.block(mints=[town.deposit(11 * COIN)])
    asked_of(town, 10 * COIN + 1)
    town.block(extra=[(ALICE, (10 * COIN + 1) * 10)])
    statement = town.check()
    assert [line.status for line in statement.requests] == [RequestStatus.REFUNDED]


def replaced() -> tuple[Any, bitcoin.Tx, bitcoin.Tx]:
    """A payout and its replacement at five times the rate, both final."""
    peg_out = asked_town()
    coins = peg_out.coins
    asked = [(peg_out.script, peg_out.sats)]
    first = sign(payout(coins, asked), coins)
    second = sign(payout(coins, asked, fee_times=5), coins)
    peg_out.finalise(first)
    bump = {"replaces": first.txid, "feeRate": 10, "transaction": second.serialize().hex()}
    peg_out.town.block(said={"bumps": [bump]})
    return peg_out, first, second


@pytest.mark.parametrize("mined", [0, 1])
def test_either_version_settles_the_request_once(mined: int) -> None:
    peg_out, *versions = replaced()
    town = peg_out.town
    town.block(auxpow=5)
    for tx in versions:
        town.ledger.feed_mempool_tx(tx.serialize().hex())
    assert town.check().samples["payouts"] == 1, "the pool has the one that was fed last"
    town.mine(versions[mined])
    statement = town.check()
    (line,) = statement.requests
    assert (line.status, line.txid) == (RequestStatus.SETTLED, versions[mined].txid)
    assert line.fee_share_sats == versions[mined].vsize * (2 if mined == 0 else 10)
    assert statement.federation_sats == 2 * COIN - peg_out.sats


def test_a_replacement_that_is_signed_before_it_is_final_is_named() -> None:
    peg_out, _, second = replaced()
    peg_out.town.mine(second)
    assert first_cause(peg_out, second) is Cause.PAYOUT_BEFORE_FINALITY


@pytest.mark.parametrize("settled", [False, True])
def test_the_change_of_what_was_replaced_is_not_there_until_a_version_is_settled(
    settled: bool,
) -> None:
    peg_out, first, _ = replaced()
    town = peg_out.town
    town.block(auxpow=5)
    town.mine(first, more=5)
    if settled:
        town.block(said={"settled": [{"txid": first.txid, "blockHash": "ab" * 32}]})
    asked_of(town, COIN)
    town.block(extra=[(ALICE, COIN * 10)])
    if settled:
        assert town.first().cause is Cause.REFUND_OF_PAYABLE
    else:
        town.check()


@pytest.mark.parametrize("depth", range(1, 8))
def test_a_payout_that_a_reorganisation_took_out_moves_the_money_back_and_forth(depth: int) -> None:
    peg_out = asked_town()
    tx = sign(peg_out.honest(), peg_out.coins)
    peg_out.finalise(tx)
    town = peg_out.town
    town.mine(tx, more=depth - 1)
    town.check()
    town.reorganise(depth)
    statement = town.check()
    assert (statement.paid_sats, statement.federation_sats) == (0, 2 * COIN)
    assert [line.status for line in statement.requests] == [RequestStatus.OWED]
    town.ledger.feed_mempool_tx(tx.serialize().hex())
    town.check()
    town.mine(tx)
    statement = town.check()
    assert [line.status for line in statement.requests] == [RequestStatus.SETTLED]
    assert statement.federation_sats == 2 * COIN - peg_out.sats


def test_a_payout_of_a_deposit_that_is_unconfirmed_again_waits_with_it() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key])
    ask = asked_of(town, COIN // 2)
    coins = list(town.coins.values())
    tx = sign(payout(coins, [(PAYEE, COIN // 2)]), coins)
    town.block(proposal=tx)
    town.block(auxpow=3)
    town.reorganise(6)
    town.ledger.feed_mempool_tx(tx.serialize().hex())
    assert town.check().samples["payouts"] == 0, "nobody can mine it"
    deposit = deposit_tx(COIN, bytes.fromhex(ALICE[2:]))
    town.ledger.feed_mempool_tx(deposit.serialize().hex())
    statement = town.check()
    assert statement.samples["payouts"] == 1
    assert ask is not None
    town.mine(deposit, tx)
    statement = town.check()
    assert ([line.status for line in statement.requests], statement.incidents) == (
        [RequestStatus.SETTLED],
        (),
    )
