"""Maturity, amounts and BIP68's ages, at their edges."""

import msgspec
import pytest

from alys.models.bitcoin import coins
from alys.models.bitcoin.coins import Coin
from alys.models.bitcoin.rules import Missing, Rejected
from alys.wire.bitcoin import OutPoint, Tx, TxIn, TxOut

PLACE = OutPoint(txid="aa" * 32, vout=0)
UNITS = coins.SEQUENCE_IS_TIME
MEDIAN = 1_000_000


def coin(height: int = 10, *, coinbase: bool = False, sats: int = 1000) -> Coin:
    return Coin(output=TxOut(value=sats, script=b"\x51"), height=height, coinbase=coinbase)


def tx(sats: int = 900, sequence: int = 0, version: int = 2) -> Tx:
    return Tx(
        version=version,
        inputs=(TxIn(outpoint=PLACE, sequence=sequence),),
        outputs=(TxOut(value=sats, script=b"\x51"),),
    )


def locked(one: Tx, *, height: int = 11, median: int = MEDIAN) -> bool:
    return coins.locked_by_age(one, [coin()], height, median, lambda _: MEDIAN)


def test_a_fee_is_what_is_left_and_may_be_nothing() -> None:
    assert coins.spend(tx(900), {PLACE: coin()}, 11).fee == 100
    assert coins.spend(tx(1000), {PLACE: coin()}, 11).fee == 0
    assert coins.spend(tx(), {PLACE: coin()}, 11).outputs == [coin().output]


def test_paying_out_more_than_in_is_refused_by_one_satoshi() -> None:
    with pytest.raises(Rejected) as refused:
        coins.spend(tx(1001), {PLACE: coin()}, 11)
    assert refused.value.reason == "bad-txns-in-belowout"
    assert "1000 sats" in refused.value.detail
    assert "1001 sats" in refused.value.detail


def test_a_coin_that_is_not_there_is_missing_and_named() -> None:
    with pytest.raises(Missing) as refused:
        coins.spend(tx(), {}, 11)
    assert refused.value.reason == "bad-txns-inputs-missingorspent"
    assert refused.value.detail.endswith(f"in transaction {tx().txid}")


def test_a_coinbase_is_mature_at_depth_100_and_not_at_99() -> None:
    view = {PLACE: coin(10, coinbase=True)}
    assert coins.spend(tx(), view, 110).fee == 100
    with pytest.raises(Rejected) as refused:
        coins.spend(tx(), view, 109)
    assert refused.value.reason == "bad-txns-premature-spend-of-coinbase"
    assert refused.value.detail == "tried to spend coinbase at depth 99"


def test_any_other_coin_may_be_spent_in_its_own_block() -> None:
    assert coins.spend(tx(), {PLACE: coin(10)}, 10).fee == 100


def test_an_age_in_blocks_counts_from_the_coins_block() -> None:
    assert locked(tx(sequence=3), height=12)
    assert not locked(tx(sequence=3), height=13)
    assert not locked(tx(sequence=0), height=10)


def test_an_age_in_time_counts_units_of_512_seconds() -> None:
    assert locked(tx(sequence=UNITS | 2), median=MEDIAN + 1023)
    assert not locked(tx(sequence=UNITS | 2), median=MEDIAN + 1024)


@pytest.mark.parametrize(
    "free",
    [
        tx(sequence=coins.SEQUENCE_NO_LOCK | 500),
        tx(sequence=0xFFFFFFFF),
        tx(sequence=500, version=1),
    ],
)
def test_no_age_is_asked_without_the_flag_or_before_version_2(free: Tx) -> None:
    assert not locked(free)
    assert locked(msgspec.structs.replace(tx(sequence=500), version=2))
