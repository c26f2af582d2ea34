"""Payments out of a wallet: coins, change and fees."""

import pytest

from alys.models.bitcoin import wallet_spend
from alys.models.bitcoin.node import BitcoinNode
from alys.models.bitcoin.wallet import Wallet
from alys.models.bitcoin.wallet_spend import Payment, Plan
from alys.wire import bitcoin
from alys.wire.bitcoin import TxOut
from alys.wire.jsonrpc import RpcError
from tests.models.bitcoin import builders
from tests.models.bitcoin.builders import COIN, SCRIPT
from tests.models.bitcoin.test_wallet import funded


@pytest.fixture(scope="module")
def world() -> tuple[BitcoinNode, Wallet]:
    return funded()


def pay(world: tuple[BitcoinNode, Wallet], **changes: object) -> Payment:
    outputs = (TxOut(value=COIN, script=SCRIPT),)
    return wallet_spend.plan_payment(*world, Plan(**{"outputs": outputs, **changes}))  # type: ignore[arg-type]


def refusal(world: tuple[BitcoinNode, Wallet], **changes: object) -> tuple[int, str]:
    with pytest.raises(RpcError) as refused:
        pay(world, **changes)
    return refused.value.code, refused.value.message


def test_what_is_left_goes_back_to_the_wallet(world: tuple[BitcoinNode, Wallet]) -> None:
    payment = pay(world)
    change = payment.tx.outputs[payment.change]
    assert change.value == 50 * COIN - COIN - payment.fee
    assert world[1].is_change(change.script)
    assert bitcoin.script_type(change.script) == bitcoin.script_type(SCRIPT)


@pytest.mark.parametrize("rate", [1_000, 10_000, 123_456])
def test_the_fee_is_that_of_the_signed_size(world: tuple[BitcoinNode, Wallet], rate: int) -> None:
    payment = pay(world, rate=rate)
    coins = world[0].mempool.coins_of(payment.tx)
    spent = {place: coin.output for place, coin in coins.items()}
    signed = wallet_spend.signed_by(world[1], payment.tx, spent)
    assert signed.errors == {}
    paid = sum(coin.value for coin in spent.values()) - sum(o.value for o in signed.tx.outputs)
    assert paid == payment.fee
    exact = -(-rate * signed.tx.vsize // 1000)
    assert exact <= payment.fee <= exact + rate // 1000 + 1


def test_the_payees_may_bear_the_fee(world: tuple[BitcoinNode, Wallet]) -> None:
    outputs = tuple(TxOut(value=COIN, script=script) for script in (SCRIPT, builders.PAYEE))
    payment = pay(world, outputs=outputs, subtract=(0, 1))
    lowered = [out.value for out in payment.tx.outputs[:2]]
    assert 2 * COIN - sum(lowered) == payment.fee
    assert lowered[1] - lowered[0] in (0, 1)
    whole = pay(world, outputs=(TxOut(value=50 * COIN, script=SCRIPT),), subtract=(0,))
    assert (whole.change, len(whole.tx.outputs)) == (-1, 1)
    assert whole.tx.outputs[0].value == 50 * COIN - whole.fee


def test_change_too_small_to_spend_is_left_to_the_miner(
    world: tuple[BitcoinNode, Wallet],
) -> None:
    exact = pay(world).fee
    outputs = (TxOut(value=50 * COIN - exact - 100, script=SCRIPT),)
    payment = pay(world, outputs=outputs)
    assert (payment.change, payment.fee) == (-1, exact + 100)


def test_change_goes_where_it_is_wanted(world: tuple[BitcoinNode, Wallet]) -> None:
    payment = pay(world, change_script=builders.PAYEE, change_place=0)
    assert payment.tx.outputs[0].script == builders.PAYEE
    assert payment.change == 0


def test_a_locked_coin_is_left_alone(world: tuple[BitcoinNode, Wallet]) -> None:
    (coin,) = world[1].coins()
    world[1].locked.add(coin.place)
    assert refusal(world) == (-6, "Insufficient funds")
    world[1].locked.clear()


def test_what_cannot_be_paid(world: tuple[BitcoinNode, Wallet]) -> None:
    assert refusal(world, outputs=())[0] == -6
    assert refusal(world, add_inputs=False) == (-6, "Insufficient funds")
    assert refusal(world, outputs=(TxOut(value=50 * COIN, script=SCRIPT),))[0] == -6
    told = (-6, "Transaction amount too small")
    assert refusal(world, outputs=(TxOut(value=1, script=SCRIPT),)) == told
    told = (-6, "The transaction amount is too small to pay the fee")
    assert refusal(world, outputs=(TxOut(value=1, script=SCRIPT),), subtract=(0,)) == told
    missing = bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid="ab" * 32, vout=0))
    assert refusal(world, inputs=(missing,))[0] == -4
