"""A request on its way: each stage shows, and the books balance at every one of them."""

from alys.oracles.ledger import Ledger
from alys.oracles.statement import RequestLine, RequestStatus, Stage
from alys.wire import bitcoin
from tests.oracles.builders import (
    COIN,
    Coin,
    PegOut,
    address,
    asked_town,
    payee,
    payout,
    request,
    sign,
)


def line(peg_out: PegOut) -> RequestLine:
    """The one request, in a statement that must be green."""
    (found,) = peg_out.town.check().requests
    return found


def pool(ledger: Ledger, tx: bitcoin.Tx) -> None:
    ledger.feed_mempool_tx(tx.serialize().hex())


def test_a_request_goes_through_every_stage_and_the_books_balance_at_each() -> None:
    peg_out = asked_town()
    town, tx = peg_out.town, peg_out.honest()
    coins = peg_out.coins
    stages = [line(peg_out)]
    town.block(proposal=tx)
    stages.append(line(peg_out))
    town.block(auxpow=3)
    stages.append(line(peg_out))
    signed = sign(tx, coins)
    town.block(auxpow=4, signed=[signed])
    stages.append(line(peg_out))
    pool(town.ledger, signed)
    stages.append(line(peg_out))
    town.mine(signed)
    stages.append(line(peg_out))
    assert [found.stage for found in stages] == [
        Stage.WAITING,
        Stage.PROPOSED,
        Stage.FINALISED,
        Stage.SIGNED,
        Stage.IN_MEMPOOL,
        Stage.CONFIRMED,
    ]
    assert [found.status for found in stages] == [RequestStatus.OWED] * 5 + [RequestStatus.SETTLED]
    assert [found.txid for found in stages] == [None] + [tx.txid] * 5


def test_owed_money_is_owed_until_bitcoin_confirms_it() -> None:
    peg_out = asked_town()
    tx = sign(peg_out.honest(), peg_out.coins)
    peg_out.finalise(tx)
    pool(peg_out.town.ledger, tx)
    before = peg_out.town.check()
    assert before.owed_wei == COIN // 2 * 10**10
    assert before.paid_sats == 0
    peg_out.town.mine(tx)
    after = peg_out.town.check()
    assert after.owed_wei == 0
    assert after.paid_sats == COIN // 2


def test_a_payout_that_a_reorganisation_takes_away_is_owed_again() -> None:
    peg_out = asked_town()
    tx = sign(peg_out.honest(), peg_out.coins)
    peg_out.finalise(tx)
    found = peg_out.town.mine(tx)
    assert line(peg_out).stage is Stage.CONFIRMED
    peg_out.town.ledger.unwind_bitcoin_block(found)
    assert line(peg_out).stage is Stage.FINALISED


def test_a_refunded_request_is_not_paid_and_waits_for_nothing() -> None:
    peg_out = asked_town()
    wei = COIN // 50 * 10**10
    peg_out.town.block(request("bad", wei, "nowhere"), proposal=peg_out.honest())
    peg_out.town.block(extra=[("0x" + "a1" * 20, wei // 10**9)])
    paid, refunded = peg_out.town.check().requests
    assert (refunded.status, refunded.stage) == (RequestStatus.REFUNDED, Stage.NOT_PAID)
    assert (refunded.txid, paid.stage) == (None, Stage.PROPOSED)


def test_work_below_the_request_makes_no_proposal_final() -> None:
    peg_out = asked_town()
    peg_out.town.block(proposal=peg_out.honest())
    peg_out.town.block(auxpow=2)
    assert peg_out.town.check().finalised_height == 2
    assert line(peg_out).stage is Stage.PROPOSED


def test_unconfirmed_payouts_may_spend_each_others_change() -> None:
    peg_out = asked_town()
    town = peg_out.town
    first = sign(peg_out.honest(), peg_out.coins)
    ask = request("second", COIN // 4 * 10**10, address(payee(2)))
    town.block(ask, proposal=first)
    change = [Coin(txid=first.txid, vout=1, sats=first.outputs[1].value)]
    second = sign(payout(change, [(payee(2), COIN // 4)]), change)
    town.block(proposal=second)
    town.block(auxpow=4)
    pool(town.ledger, first)
    pool(town.ledger, second)
    assert [r.stage for r in town.check().requests] == [Stage.IN_MEMPOOL] * 2
    town.mine(first)
    assert [r.stage for r in town.check().requests] == [Stage.CONFIRMED, Stage.IN_MEMPOOL]
    town.mine(second)
    assert [r.stage for r in town.check().requests] == [Stage.CONFIRMED] * 2
