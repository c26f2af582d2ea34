"""BIP380's checksum, with its own examples."""

import pytest

from alys.wire.bitcoin_checksum import checksum, with_checksum


@pytest.mark.parametrize(
    ("text", "sum_"),
    [
        ("raw(deadbeef)", "89f8spxm"),
        ("addr(bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj)", "p4d89c5k"),
        ("raw(51)", "8lvh9jxk"),
    ],
)
def test_the_checksum_is_that_of_bip380(text: str, sum_: str) -> None:
    assert checksum(text) == sum_
    assert with_checksum(text) == f"{text}#{checksum(text)}"


def test_a_character_that_descriptors_do_not_have_has_none() -> None:
    assert checksum("raw(é)") == ""
