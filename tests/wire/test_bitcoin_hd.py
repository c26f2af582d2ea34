"""BIP32 against its first test vector, in a test network's prefixes, and WIF."""

import pytest

from alys.wire.bitcoin_hd import (
    HARDENED,
    BadKey,
    master_key,
    parse_extended_key,
    parse_wif,
    wif_of,
)

SEED = bytes.fromhex("000102030405060708090a0b0c0d0e0f")


def test_the_master_key_and_its_children_are_those_of_the_vector() -> None:
    root = master_key(SEED)
    assert root.fingerprint.hex() == "3442193e"
    child = root.descendant((HARDENED, 1))
    assert child.secret is not None
    assert child.secret.hex() == "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368"
    public = root.child(HARDENED).public.child(1)
    assert (public.pubkey, public.secret) == (child.pubkey, None)
    assert (child.depth, child.number) == (2, 1)


def test_a_hardened_child_needs_the_private_key() -> None:
    with pytest.raises(BadKey):
        master_key(SEED).public.child(HARDENED)


def test_texts_are_read_back() -> None:
    key = master_key(SEED).child(7)
    assert key.text.startswith("tprv")
    assert key.public.text.startswith("tpub")
    assert parse_extended_key(key.text) == key
    assert parse_extended_key(key.public.text) == key.public
    secret = (11).to_bytes(32, "big")
    assert parse_wif(wif_of(secret)) == secret


@pytest.mark.parametrize("text", ["", "tpub", "xpub661MyMwAqRbc", "é", wif_of(bytes(31) + b"\x01")])
def test_what_is_no_extended_key(text: str) -> None:
    with pytest.raises(BadKey):
        parse_extended_key(text)


@pytest.mark.parametrize("text", ["", "nosuch", master_key(SEED).text])
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(BadKey):
        parse_wif(text)
