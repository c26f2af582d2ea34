"""The peg's arithmetic, with the figures written out."""

import pytest

from alys.base.units import (
    Sats,
    Wei,
    sats_to_gwei,
    sats_to_wei,
    wei_to_gwei_floor,
    wei_to_sats_floor,
)


@pytest.mark.parametrize(
    ("sats", "gwei", "wei"),
    [(0, 0, 0), (1, 10, 10_000_000_000), (100_000_000, 1_000_000_000, 10**18)],
)
def test_a_bitcoin_is_an_ether(sats: int, gwei: int, wei: int) -> None:
    assert (sats_to_gwei(Sats(sats)), sats_to_wei(Sats(sats))) == (gwei, wei)


def test_what_is_below_the_smaller_unit_is_cut_off() -> None:
    assert wei_to_sats_floor(Wei(19_999_999_999)) == 1
    assert wei_to_gwei_floor(Wei(1_999_999_999)) == 1
