"""Every planted lie about payouts is the first thing the ledger names, with the Bitcoin transaction to look at."""

from collections.abc import Sequence

import pytest

from alys.oracles.causes import Cause
from alys.oracles.statement import RequestStatus
from alys.wire import bitcoin
from tests.oracles.builders import (
    COIN,
    FEDERATION,
    RETIRED,
    Coin,
    PegOut,
    address,
    asked_town,
    deposit_tx,
    funded_town,
    payee,
    payout,
    request,
    sign,
    unsigned,
)

THIEF = payee(66)


def settle(
    peg_out: PegOut, tx: bitcoin.Tx, signers: Sequence[int] = (0, 1), *, spoil: bool = False
) -> bitcoin.Tx:
    """Propose it, finalise the proposal, sign and confirm it."""
    signed = sign(tx, peg_out.coins, signers, spoil=spoil)
    peg_out.finalise(signed)
    peg_out.town.mine(signed)
    return signed


def first_cause(peg_out: PegOut, culprit: bitcoin.Tx) -> Cause:
    first = peg_out.town.first()
    assert first.culprit == culprit.txid
    return first.cause


def test_an_honest_payout_settles_and_its_parts_add_up() -> None:
    peg_out = asked_town()
    signed = settle(peg_out, peg_out.honest())
    statement = peg_out.town.check()
    (line,) = statement.requests
    assert (line.status, line.txid) == (RequestStatus.SETTLED, signed.txid)
    assert line.output_sats + line.fee_share_sats == COIN // 2
    assert line.fee_share_sats == signed.vsize * 2
    assert statement.federation_sats == 2 * COIN - COIN // 2
    statement.require_samples("payouts", "signatures", "payout_fees", "fee_shares")
    assert statement.samples["signatures"] == 2


@pytest.mark.parametrize("signers", [(0, 1), (0, 2), (1, 2)])
def test_any_two_of_three_will_do(signers: tuple[int, int]) -> None:
    peg_out = asked_town()
    settle(peg_out, peg_out.honest(), signers)
    peg_out.town.check()


def test_a_payout_to_somebody_else_is_named() -> None:
    peg_out = asked_town()
    stolen = payout(peg_out.coins, [(THIEF, peg_out.sats)])
    signed = settle(peg_out, stolen)
    assert first_cause(peg_out, signed) is Cause.PAYOUT_WITHOUT_REQUEST
    assert THIEF.hex() in str(peg_out.town.first())


def test_a_payee_too_many_is_named() -> None:
    peg_out = asked_town()
    stolen = payout(peg_out.coins, [(peg_out.script, peg_out.sats), (THIEF, 5000)])
    assert first_cause(peg_out, settle(peg_out, stolen)) is Cause.PAYOUT_WITHOUT_REQUEST


def test_a_payout_of_too_much_costs_the_federation() -> None:
    peg_out = asked_town()
    signed = settle(peg_out, payout(peg_out.coins, [(peg_out.script, peg_out.sats)], pay_more=1))
    assert first_cause(peg_out, signed) is Cause.FEDERATION_BORE_FEE
    first = peg_out.town.first()
    assert (first.expected, first.actual) == ("50000000 sats", "50000001 sats")


def test_a_payout_of_too_little_shorts_the_payee() -> None:
    peg_out = asked_town()
    signed = settle(peg_out, payout(peg_out.coins, [(peg_out.script, peg_out.sats)], pay_more=-1))
    assert first_cause(peg_out, signed) is Cause.PAYEES_SHORTED


def test_a_fee_that_the_federation_pays_as_well_is_named() -> None:
    """Once in the payees' shares and once out of the change: the fee is there twice."""
    peg_out = asked_town()
    fee = sign(peg_out.honest(), peg_out.coins).vsize * 2
    twice = payout(peg_out.coins, [(peg_out.script, peg_out.sats)], change_less=fee)
    assert first_cause(peg_out, settle(peg_out, twice)) is Cause.FEDERATION_BORE_FEE


def test_a_fee_that_the_payees_pay_twice_is_named() -> None:
    peg_out = asked_town()
    twice = payout(peg_out.coins, [(peg_out.script, peg_out.sats)], fee_times=2)
    assert first_cause(peg_out, settle(peg_out, twice)) is Cause.PAYOUT_FEE_WRONG


def test_a_fee_that_nobody_pays_is_named() -> None:
    peg_out = asked_town()
    free = payout(peg_out.coins, [(peg_out.script, peg_out.sats)], fee_times=0)
    assert first_cause(peg_out, settle(peg_out, free)) is Cause.PAYOUT_FEE_WRONG


def test_a_second_payment_is_named_with_the_first() -> None:
    peg_out = asked_town()
    first = settle(peg_out, peg_out.honest())
    peg_out.town.check()
    second = sign(peg_out.honest(), peg_out.coins)  # out of the change
    peg_out.town.mine(second)
    assert first_cause(peg_out, second) is Cause.DOUBLE_PAYMENT
    assert peg_out.town.first().items == {"request": peg_out.key, "first": first.txid}


def test_a_second_payment_shows_before_it_is_confirmed() -> None:
    peg_out = asked_town()
    settle(peg_out, peg_out.honest())
    second = sign(peg_out.honest(), peg_out.coins)
    peg_out.town.ledger.feed_mempool_tx(second.serialize().hex())
    assert first_cause(peg_out, second) is Cause.DOUBLE_PAYMENT


def test_two_equal_requests_are_two_payments() -> None:
    peg_out = asked_town()
    first = settle(peg_out, peg_out.honest())
    town = peg_out.town
    town.block(request("again", peg_out.sats * 10**10, address(peg_out.script)))
    second = sign(peg_out.honest(), peg_out.coins)
    town.block(proposal=second)
    town.block(auxpow=6)
    town.mine(second)
    assert [line.txid for line in town.check().requests] == [first.txid, second.txid]


@pytest.mark.parametrize(
    ("signers", "cause"),
    [
        ((), Cause.TOO_FEW_SIGNATURES),
        ((1,), Cause.TOO_FEW_SIGNATURES),
        ((0, 1, 2), Cause.TOO_MANY_SIGNATURES),
    ],
)
def test_another_number_of_signatures_than_the_threshold_is_named(
    signers: tuple[int, ...], cause: Cause
) -> None:
    peg_out = asked_town()
    assert first_cause(peg_out, settle(peg_out, peg_out.honest(), signers)) is cause


def test_a_signature_that_nobody_checked_is_named() -> None:
    peg_out = asked_town()
    signed = settle(peg_out, peg_out.honest(), spoil=True)
    assert first_cause(peg_out, signed) is Cause.BAD_SIGNATURE
    causes = [found.cause for found in peg_out.town.ledger.judge().violations]
    assert causes[:2] == [Cause.BAD_SIGNATURE, Cause.TOO_FEW_SIGNATURES]


def test_a_payout_before_its_proposal_is_final_is_named() -> None:
    peg_out = asked_town()
    signed = sign(peg_out.honest(), peg_out.coins)
    peg_out.town.block(proposal=signed)
    peg_out.town.block(auxpow=2)  # covers the request, not the proposal
    peg_out.town.mine(signed)
    assert first_cause(peg_out, signed) is Cause.PAYOUT_BEFORE_FINALITY


def test_a_payout_that_spends_somebody_elses_coin_is_named() -> None:
    peg_out = asked_town()
    foreign = Coin(txid="ab" * 32, vout=0, sats=1000, script=THIEF)
    coins = [*peg_out.coins, foreign]
    signed = sign(payout(coins, [(peg_out.script, peg_out.sats)]), coins)
    peg_out.finalise(signed)
    peg_out.town.mine(signed)
    assert first_cause(peg_out, signed) is Cause.FOREIGN_INPUT


def test_several_requests_share_the_fee_and_the_first_takes_the_rest() -> None:
    town = funded_town()
    asked = [(payee(n), 2_000_000 + n) for n in range(3)]
    town.block(
        *[request(n, sats * 10**10, address(script)) for n, (script, sats) in enumerate(asked)]
    )
    peg_out = PegOut(town=town, ask=request("x", 0, ""), script=payee(0), sats=0)
    tx = payout(peg_out.coins, asked)
    signed = settle(peg_out, tx)
    shares = [line.fee_share_sats for line in town.check().requests]
    assert sum(shares) == signed.vsize * 2
    assert shares[1] == shares[2] <= shares[0] <= shares[1] + 2


def test_unequal_shares_of_the_fee_are_named() -> None:
    town = funded_town()
    asked = [(payee(n), 2_000_000) for n in range(2)]
    town.block(
        *[request(n, sats * 10**10, address(script)) for n, (script, sats) in enumerate(asked)]
    )
    peg_out = PegOut(town=town, ask=request("x", 0, ""), script=payee(0), sats=0)
    fair = payout(peg_out.coins, asked).outputs
    outputs = [(out.script, out.value + off) for out, off in zip(fair, (-9, 9, 0), strict=True)]
    signed = settle(peg_out, unsigned(peg_out.coins, outputs))
    assert first_cause(peg_out, signed) is Cause.PAYOUT_SHARE_WRONG


@pytest.mark.parametrize(("left", "fine"), [(0, True), (546, True), (547, False)])
def test_dust_change_goes_to_the_payees_and_only_dust(left: int, fine: bool) -> None:
    peg_out = asked_town(2 * COIN - left)
    coins = peg_out.coins
    shape = sign(unsigned(coins, [(peg_out.script, 1)]), coins)
    paid = 2 * COIN - shape.vsize * 2  # all there is, but for the fee
    signed = settle(peg_out, unsigned(coins, [(peg_out.script, paid)]))
    if not fine:
        assert first_cause(peg_out, signed) is Cause.FEDERATION_BORE_FEE
        return
    gifts = {item.name: item.wei for item in peg_out.town.check().surplus}
    assert gifts.get("dust change given to payees", 0) == -left * 10**10


def test_a_sweep_from_a_retired_script_costs_its_fee_and_pays_nobody() -> None:
    town = funded_town()
    town.mine(deposit_tx(COIN, bytes.fromhex("b0" * 20), script=RETIRED.script))
    (coin,) = [coin for coin in town.coins.values() if coin.script == RETIRED.script]
    tx = sign(unsigned([coin], [(FEDERATION.script, COIN - 300)]), [coin], federation=RETIRED)
    town.mine(tx)
    statement = town.ledger.judge()
    assert statement.samples["sweeps"] == 1
    assert {item.name: item.wei for item in statement.surplus}["fees of sweeps"] == -300 * 10**10
    # The ledger calls the federation 300 sats short: nobody but it can have paid for the sweep.
    assert Cause.UNEXPLAINED_WEI not in [found.cause for found in statement.violations]


def test_a_proposal_tells_equal_requests_apart() -> None:
    """Two blocks ask for the same; the later proposal is mined first."""
    peg_out = asked_town()
    town = peg_out.town
    spare = town.deposit(COIN, salt=9)
    coin_a, coin_b = ([c] for c in town.coins.values())
    first = sign(payout(coin_a, [(peg_out.script, peg_out.sats)]), coin_a)
    second = sign(payout(coin_b, [(peg_out.script, peg_out.sats)]), coin_b)
    again = request("again", peg_out.sats * 10**10, address(peg_out.script))
    town.block(again, mints=[spare], proposal=first)
    town.block(proposal=second)
    town.block(auxpow=4)
    town.mine(second)
    assert [line.status for line in town.check().requests] == [
        RequestStatus.OWED,
        RequestStatus.SETTLED,
    ]
    town.mine(first)
    assert [line.txid for line in town.check().requests] == [first.txid, second.txid]
