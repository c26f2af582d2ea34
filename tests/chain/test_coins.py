"""Coin selection: the same coins for everybody, enough of them, and none that a rule does not ask for."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.units import Sats
from alys.chain.coins import DUST_SATS, InsufficientFunds, select_coins


def chosen(needed: int, *sats: int) -> list[int]:
    utxos = {f"{number:064x}:0": Sats(value) for number, value in enumerate(sats)}
    return [value for _, value in select_coins(needed, utxos)]


def test_the_largest_come_first_and_no_more_than_needed() -> None:
    assert chosen(9_000, 1_000, 8_000, 5_000, 4_000) == [8_000, 5_000]


def test_an_exact_sum_needs_no_change() -> None:
    assert chosen(8_000, 1_000, 8_000, 5_000) == [8_000]


def test_change_that_would_be_dust_asks_for_one_more() -> None:
    assert chosen(8_000 - DUST_SATS, 1_000, 8_000) == [8_000, 1_000]
    assert chosen(8_000 - DUST_SATS - 1, 1_000, 8_000) == [8_000]
    assert chosen(7_999, 8_000) == [8_000]  # there is none more


def test_equal_coins_are_taken_by_name() -> None:
    utxos = {name: Sats(5) for name in ("b:1", "a:9", "b:0")}
    assert select_coins(10, utxos) == (("a:9", 5), ("b:0", 5))


def test_too_little_is_told_in_figures() -> None:
    with pytest.raises(InsufficientFunds) as caught:
        chosen(101, 60, 40)
    assert (caught.value.needed, caught.value.available) == (101, 100)


VALUES = st.lists(st.integers(1, 10_000), max_size=12)


@given(values=VALUES, needed=st.integers(1, 40_000), order=st.randoms(use_true_random=False))
def test_it_depends_on_the_coins_alone(values: list[int], needed: int, order: Random) -> None:
    utxos = {f"{number:064x}:0": Sats(value) for number, value in enumerate(values)}
    names = list(utxos)
    order.shuffle(names)
    again = {name: utxos[name] for name in names}
    if sum(values) < needed:
        with pytest.raises(InsufficientFunds):
            select_coins(needed, utxos)
        return
    picked = select_coins(needed, utxos)
    assert picked == select_coins(needed, again)
    total = sum(sats for _, sats in picked)
    assert total >= needed
    assert len(picked) == len(values) or total == needed or total - needed > DUST_SATS
