"""Descriptors of fixed scripts: BIP380's checksum, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire.bitcoin_descriptor import BadDescriptor, descriptor_of, descriptor_script

FEDERATION = "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"


def test_the_checksum_is_that_of_bip380() -> None:
    assert descriptor_of(bytes.fromhex("deadbeef")) == "raw(deadbeef)#89f8spxm"


def test_a_descriptor_by_address_leads_to_the_addresss_script() -> None:
    script = descriptor_script(f"addr({FEDERATION})")
    assert script[:2] == b"\x51\x20"
    assert descriptor_of(script).startswith(f"addr({FEDERATION})#")
    assert descriptor_script(descriptor_of(script)) == script


@given(st.binary(max_size=60))
def test_every_script_has_a_descriptor_that_leads_back(script: bytes) -> None:
    assert descriptor_script(descriptor_of(script)) == script


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raw(deadbeef)#89f8spxn", "the checksum should be 89f8spxm"),
        ("raw(deadbeef)#", "the checksum should be 89f8spxm"),
        ("raw(deadbeeg)", "raw() wants hex"),
        ("wpkh(02)", "only addr() and raw() are known here"),
        ("raw(deadbeef", "only addr() and raw() are known here"),
        ("", "only addr() and raw() are known here"),
        ("addr(junk)", "neither bech32 nor base58check"),
        ("addr(bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4)", "not an address of regtest"),
    ],
)
def test_what_is_no_descriptor_here_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadDescriptor) as refused:
        descriptor_script(text)
    assert (refused.value.text, refused.value.reason) == (text, reason)
