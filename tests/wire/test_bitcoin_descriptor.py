"""Descriptors: BIP380's checksum, the scripts that bitcoind derives from them, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire.bitcoin_descriptor import (
    BadDescriptor,
    descriptor_of,
    descriptor_script,
    inferred_descriptor,
    parse_descriptor,
)
from alys.wire.bitcoin_descriptor_key import DescriptorError
from alys.wire.bitcoin_hd import master_key, wif_of
from alys.wire.bitcoin_keys import pubkey_of
from alys.wire.bitcoin_script import script_to_address

FEDERATION = "bcrt1pyjrtzxpj7vzpjz6kvps5c2ajhkupt8qk22ncdpdz23wdl5j7dp8qexkr43"
SECRET = (11).to_bytes(32, "big")
KEY = pubkey_of(SECRET).hex()
OTHER = pubkey_of((12).to_bytes(32, "big")).hex()
ROOT = master_key(bytes(16))


def test_the_checksum_is_that_of_bip380() -> None:
    assert descriptor_of(bytes.fromhex("deadbeef")) == "raw(deadbeef)#89f8spxm"


def test_a_descriptor_by_address_leads_to_the_addresss_script() -> None:
    script = descriptor_script(f"addr({FEDERATION})")
    assert script[:2] == b"\x51\x20"
    assert (
        descriptor_of(script)
        == "rawtr(2486b11832f304190b5660614c2bb2bdb8159c1652a78685a2545cdfd25e684e)#"
        + (descriptor_of(script)[-8:])
    )
    assert descriptor_script(descriptor_of(script)) == script


@given(st.binary(max_size=60))
def test_every_script_has_a_descriptor_that_leads_back(script: bytes) -> None:
    assert descriptor_script(descriptor_of(script)) == script


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (f"pkh({KEY})", "mkTLbm2sWCBSfbAZmQDco877B7RRrafoLn"),
        (f"wpkh({KEY})", "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"),
        (f"wpkh({wif_of(SECRET)})", "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"),
        (f"sh(wpkh({KEY}))", "2N8tV2pjXW34a1sj5jeBmtnGWmtUnUDzdW3"),
        (f"sh(multi(1,{KEY},{OTHER}))", "2N3sfGPdugiBNtRZMbbtz2HDoyw7FASwGqF"),
        (
            f"wsh(multi(1,{KEY},{OTHER}))",
            "bcrt1q6fpugyl42aw97f8jyklydr2dqw9p4dp374ke7s93y26l7c4ma4esph3ykh",
        ),
        (f"sh(wsh(multi(1,{KEY},{OTHER})))", "2NFSPb6YYRYebxUxDfutBFFgLmosVR1DWir"),
    ],
)
def test_addresses_are_those_that_bitcoind_derives(text: str, address: str) -> None:
    assert script_to_address(descriptor_script(text)) == address


def test_the_federations_address_is_a_tree_of_one_leaf() -> None:
    nums = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
    one = descriptor_script(f"tr({nums},multi_a(1,{KEY[2:]},{OTHER[2:]}))")
    other = descriptor_script(f"tr({nums},{{pk({KEY[2:]}),pk({OTHER[2:]})}})")
    swapped = descriptor_script(f"tr({nums},{{pk({OTHER[2:]}),pk({KEY[2:]})}})")
    assert one[:2] == b"\x51\x20"
    assert one != other == swapped


def test_a_ranged_descriptor_means_a_script_per_number() -> None:
    ranged = parse_descriptor(f"wpkh({ROOT.text}/84h/1h/0h/0/*)")
    assert (ranged.ranged, ranged.private) == (True, True)
    assert "tprv" not in ranged.text
    assert "tprv" in ranged.private_text
    first, second = (ranged.outputs(number)[0] for number in (0, 1))
    assert first.script != second.script
    assert second.keys[0].path == "/84h/1h/0h/0/1"
    assert second.keys[0].fingerprint == ROOT.fingerprint
    account = ROOT.descendant((84 + (1 << 31), 1 + (1 << 31), 1 << 31)).public.text
    public = parse_descriptor(f"wpkh([{ROOT.fingerprint.hex()}/84h/1h/0h]{account}/0/*)")
    assert public.outputs(1)[0].script == second.script
    assert public.outputs(1)[0].keys[0].path == "/84h/1h/0h/0/1"
    with pytest.raises(BadDescriptor, match="many scripts"):
        descriptor_script(ranged.text)


def test_hardened_children_of_a_public_key_cannot_be_had() -> None:
    blind = parse_descriptor(f"wpkh({ROOT.public.text}/0h/*)")
    with pytest.raises(DescriptorError, match="without private keys"):
        blind.outputs(0)


@pytest.mark.parametrize(
    "form", ["pk({})", "pkh({})", "wpkh({})", "sh(wpkh({}))", "wsh(multi(1,{}))", "multi(1,{})"]
)
def test_what_is_known_of_a_key_is_told_with_its_script(form: str) -> None:
    (output,) = parse_descriptor(form.format(KEY)).outputs()
    with_origin = form.format(f"[{output.keys[0].fingerprint.hex()}]{KEY}")
    assert inferred_descriptor(output).partition("#")[0] == with_origin


def test_combo_is_four_scripts() -> None:
    assert len(parse_descriptor(f"combo({KEY})").outputs()) == 4
    with pytest.raises(BadDescriptor, match="means 4 scripts"):
        descriptor_script(f"combo({KEY})")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "raw(deadbeef)#89f8spxn",
            "Provided checksum '89f8spxn' does not match computed checksum '89f8spxm'",
        ),
        ("raw(deadbeef)#", "Expected 8 character checksum, not 0 characters"),
        ("raw(51)#aaaaaaaa#", "Multiple '#' symbols"),
        ("raw(é)", "Invalid characters in payload"),
        ("raw(deadbeeg)", "Raw script is not hex"),
        ("wpkh(02)", "wpkh(): Pubkey '02' is invalid"),
        ("wpkh()", "wpkh(): No key provided"),
        ("wpkh(nosuch)", "wpkh(): key 'nosuch' is not valid"),
        ("raw(deadbeef", "'raw(deadbeef' is not a valid descriptor function"),
        ("", "'' is not a valid descriptor function"),
        ("addr(junk)", "Address is not valid"),
        ("addr(bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4)", "Address is not valid"),
        ("wsh(addr(x))", "Can only have addr() at top level"),
        (f"wsh(wpkh({KEY}))", "Can only have wpkh() at top level or inside sh()"),
        (f"multi(0,{KEY})", "Multisig threshold cannot be 0, must be at least 1"),
        (f"multi(a,{KEY})", "Multi threshold 'a' is not valid"),
    ],
)
def test_what_is_no_descriptor_here_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadDescriptor) as refused:
        descriptor_script(text)
    assert (refused.value.text, refused.value.reason) == (text, reason)


def test_a_checksum_may_be_demanded() -> None:
    assert parse_descriptor("raw(51)#8lvh9jxk", checksum_needed=True).text == "raw(51)"
    with pytest.raises(BadDescriptor, match="Missing checksum"):
        parse_descriptor("raw(51)", checksum_needed=True)
