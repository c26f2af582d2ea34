"""The figures written out, held against where they come from."""

import hashlib

import coincurve

from alys.oracles import terms


def test_the_factors_agree_with_each_other() -> None:
    assert terms.SAT_GWEI * terms.GWEI_WEI == terms.SAT_WEI
    assert terms.SAT_WEI * 100_000_000 == 10**18  # one bitcoin is one ether


def test_the_internal_key_is_the_one_of_bip341() -> None:
    """The hash of the generator, in the uncompressed encoding: nobody knows its logarithm."""
    one = (1).to_bytes(32, "big")
    generator = coincurve.PrivateKey(one).public_key.format(compressed=False)
    assert hashlib.sha256(generator).digest() == terms.NUMS_KEY


def test_the_burn_address_is_lower_case_as_all_that_it_is_compared_with() -> None:
    assert terms.BURN_ADDRESS == "0x" + "0" * 36 + "dead"
