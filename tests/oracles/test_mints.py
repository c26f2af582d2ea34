"""Every planted lie about minting is the first thing the ledger names, with the deposit or request to look at."""

from alys.oracles.causes import Cause
from alys.oracles.statement import DepositStatus, RequestStatus, Violation
from tests.oracles.builders import (
    ALICE,
    BOB,
    COIN,
    MEMBERS,
    MINER,
    Town,
    address,
    asked_town,
    deposit_tx,
    evm_tx,
    funded_town,
    key_of,
    payee,
    payout,
    request,
    sign,
)

STRANGER = "0x" + "ee" * 20
SMALL = 2_000_000
"""Sats of a request above the minimum."""


def told(violation: Violation) -> tuple[Cause, str, object, object]:
    return violation.cause, violation.culprit, violation.expected, violation.actual


def test_a_mint_at_ten_to_the_ninth_is_a_wrong_amount() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key], extra=[(ALICE, COIN - COIN * 10)])
    first = town.first()
    assert told(first) == (Cause.MINT_AMOUNT_WRONG, key, f"{COIN * 10} gwei", f"{COIN} gwei")


def test_a_mint_one_gwei_off_is_a_wrong_amount() -> None:
    for off in (-1, 1):
        town = Town()
        key = town.deposit(COIN)
        town.block(mints=[key], extra=[(ALICE, off)])
        assert told(town.first())[:2] == (Cause.MINT_AMOUNT_WRONG, key)


def test_five_confirmations_are_too_few_and_six_enough() -> None:
    town = Town()
    key = town.deposit(COIN, depth=5)
    town.block(mints=[key])
    assert told(town.first()) == (Cause.MINT_BEFORE_CONFIRMATIONS, key, "6 confirmations", 5)
    town.mine()
    assert town.first().cause is Cause.MINT_BEFORE_CONFIRMATIONS  # it does not heal
    enough = Town()
    enough.block(mints=[enough.deposit(COIN, depth=6)])
    assert enough.check().samples["confirmations"] == 1


def test_a_deposit_listed_again_is_a_double_mint() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key])
    town.block(mints=[key])
    assert told(town.first()) == (Cause.DOUBLE_MINT, key, "one mint", "a second")


def test_a_deposit_listed_twice_in_one_block_is_a_double_mint() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key, key])
    assert told(town.first())[:2] == (Cause.DOUBLE_MINT, key)


def test_a_deposit_credited_again_without_being_listed_is_a_double_mint() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key])
    town.block(extra=[(ALICE, COIN * 10)])
    assert told(town.first())[:2] == (Cause.DOUBLE_MINT, key)


def test_a_credit_without_a_listing_is_named() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(extra=[(ALICE, COIN * 10)])
    assert told(town.first())[:2] == (Cause.MINT_NOT_LISTED, key)


def test_a_listing_without_a_credit_is_named() -> None:
    town = Town()
    key = town.deposit(COIN)
    town.block(mints=[key], extra=[(ALICE, -COIN * 10)])
    assert told(town.first())[:2] == (Cause.MINT_MISSING, key)


def test_a_mint_of_what_bitcoin_does_not_have_is_named() -> None:
    town = Town()
    town.block(mints=["ab" * 32 + ":0"])
    assert told(town.first())[:2] == (Cause.MINT_WITHOUT_DEPOSIT, "ab" * 32 + ":0")


def test_a_mint_of_what_names_no_address_is_named() -> None:
    town = Town()
    tx = deposit_tx(COIN, b"nobody")
    found = town.mine(tx, more=5)
    key = f"{tx.txid}:0"
    town.deposits[key] = (found, ALICE, COIN)
    town.block(mints=[key])
    assert told(town.first())[:2] == (Cause.MINT_OF_UNCLAIMABLE, key)


def test_a_deposit_that_was_minted_too_early_and_is_reorganised_away_is_named() -> None:
    town = Town()
    key = town.deposit(COIN, depth=5)
    town.block(mints=[key])
    town.ledger.unwind_bitcoin_block(town.deposits[key][0])
    assert told(town.first())[:2] == (Cause.DEPOSIT_REORGED, key)


def test_a_reference_to_another_bitcoin_block_is_named() -> None:
    town = Town()
    key = town.deposit(COIN)
    real, to, sats = town.deposits[key]
    town.deposits[key] = ("dd" * 32, to, sats)
    town.block(mints=[key])
    assert told(town.first()) == (Cause.PEGIN_REFERENCE_WRONG, key, real, "dd" * 32)


def test_one_withdrawal_too_many_is_unexplained() -> None:
    town = Town()
    key = town.deposit(COIN)
    found = town.block(mints=[key], extra=[(STRANGER, 1)])
    assert told(town.first()) == (
        Cause.UNEXPLAINED_WITHDRAWAL,
        f"{STRANGER} in {found}",
        "0 gwei",
        "1 gwei",
    )


def test_two_deposits_for_one_address_are_one_withdrawal() -> None:
    town = Town()
    keys = [town.deposit(COIN), town.deposit(COIN // 2, salt=1)]
    town.block(mints=keys)
    statement = town.check()
    assert statement.samples["withdrawals"] == 1
    assert statement.samples["mints"] == 2
    assert [line.status for line in statement.deposits] == [DepositStatus.CREDITED] * 2


def test_more_than_sixteen_addresses_are_too_many() -> None:
    town = Town()
    keys = [town.deposit(COIN, to=f"0x{n:040x}", salt=n) for n in range(1, 18)]
    town.block(mints=keys)
    assert town.first().cause is Cause.WITHDRAWALS_NOT_CANONICAL
    just = Town()
    just.block(mints=[just.deposit(COIN, to=f"0x{n:040x}", salt=n) for n in range(1, 17)])
    just.check()


def test_a_refund_comes_once_and_at_once() -> None:
    town = funded_town()
    ask = request("bad", SMALL * 10**10, "nowhere", caller=BOB)
    town.block(ask)
    assert town.check().requests[0].status is RequestStatus.REFUND_DUE
    town.block(extra=[(BOB, SMALL * 10)])
    statement = town.check()
    assert statement.requests[0].status is RequestStatus.REFUNDED
    assert (statement.samples["refunds"], statement.refund_mints_wei) == (1, SMALL * 10**10)
    town.block(extra=[(BOB, SMALL * 10)])
    assert told(town.first())[:2] == (Cause.DOUBLE_REFUND, key_of(ask))


def test_a_refund_left_out_or_of_another_amount_is_named() -> None:
    for gwei, cause in ((0, Cause.REFUND_MISSING), (SMALL * 10 - 1, Cause.REFUND_AMOUNT_WRONG)):
        town = funded_town()
        ask = request("bad", SMALL * 10**10, "nowhere", caller=BOB)
        town.block(ask)
        town.block(extra=[(BOB, gwei)])
        assert told(town.first())[:2] == (cause, key_of(ask))


def test_a_refund_of_what_can_be_paid_is_named() -> None:
    peg_out = asked_town()
    peg_out.town.block(extra=[(ALICE, peg_out.sats * 10)])
    assert told(peg_out.town.first())[:2] == (Cause.REFUND_OF_PAYABLE, peg_out.key)


def test_requests_that_the_federation_cannot_cover_may_be_refunded_the_last_first() -> None:
    """More ether than was deposited asks to leave; the builder asks no caller for its balance."""
    town = funded_town(COIN)
    asks = [
        request("covered", COIN // 2 * 10**10, address(payee(1))),
        request("not covered", COIN * 10**10, address(payee(2)), caller=BOB),
    ]
    town.block(*asks)
    coins = list(town.coins.values())
    tx = sign(payout(coins, [(payee(1), COIN // 2)]), coins)
    town.block(proposal=tx, extra=[(BOB, COIN * 10)])
    town.block(auxpow=3)
    town.mine(tx)
    statement = town.check()
    assert [line.status for line in statement.requests] == [
        RequestStatus.SETTLED,
        RequestStatus.REFUNDED,
    ]


def test_fees_are_four_fifths_to_the_miner_and_the_rest_in_equal_parts() -> None:
    town = funded_town()
    town.block(evm_tx("a", tip=10**6))  # 50 gwei of tips: 40, and 10 in three parts of 3
    town.block(auxpow=2)
    assert town.check().fee_mints_wei == 49 * 10**9
    for address_, off in ((MINER, 1), (MINER, -1), (MEMBERS[2], 1), (MEMBERS[0], -3)):
        lying = funded_town()
        lying.block(evm_tx("a", tip=10**6))
        found = lying.block(auxpow=2, extra=[(address_, off)])
        assert told(lying.first())[:2] == (Cause.FEE_MINT_WRONG, f"AuxPoW in {found}")


def test_tips_are_minted_once() -> None:
    town = funded_town()
    town.block(evm_tx("a", tip=10**6))
    town.block(auxpow=2)
    town.block(auxpow=3)
    assert town.check().fee_mints_wei == 49 * 10**9
    again = funded_town()
    again.block(evm_tx("a", tip=10**6))
    again.block(auxpow=2)
    again.block(auxpow=3, extra=[(MINER, 40)])
    assert again.first().cause is Cause.UNEXPLAINED_WITHDRAWAL


def test_fees_without_work_are_unexplained() -> None:
    town = funded_town()
    town.block(evm_tx("a", tip=10**6))
    town.block(extra=[(MINER, 40)])
    assert town.first().cause is Cause.UNEXPLAINED_WITHDRAWAL


def test_a_block_that_no_consensus_block_explains_is_named() -> None:
    town = funded_town()
    gap = town.block(claimed=False)
    town.block()
    assert told(town.first())[:2] == (Cause.CLAIM_MISSING, gap)


def test_nothing_minted_is_no_sample() -> None:
    town = Town()
    town.block()
    samples = town.check().samples
    assert [samples[name] for name in ("mints", "refunds", "fee_mints", "confirmations")] == [0] * 4
