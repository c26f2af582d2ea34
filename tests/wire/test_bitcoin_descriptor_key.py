"""Keys in descriptors: how they are written, what they are at a number, and what is refused."""

import pytest

from alys.wire.bitcoin_descriptor_key import DescriptorError, read_key
from alys.wire.bitcoin_hd import HARDENED, master_key, wif_of
from alys.wire.bitcoin_keys import hash160, pubkey_of

SECRET = (11).to_bytes(32, "big")
PUBKEY = pubkey_of(SECRET)
ROOT = master_key(bytes(16))


def test_a_key_in_hex_is_its_own_origin() -> None:
    found = read_key(PUBKEY.hex()).at(5)
    assert (found.pubkey, found.secret, found.path) == (PUBKEY, None, "")
    assert found.origin_text == f"[{hash160(PUBKEY)[:4].hex()}]"


def test_a_secret_is_shown_by_its_public_key_alone() -> None:
    key = read_key(wif_of(SECRET))
    assert (key.text, key.private) == (PUBKEY.hex(), True)
    assert key.at(0).secret == SECRET


def test_an_x_only_key_stays_as_it_is() -> None:
    key = read_key(PUBKEY[1:].hex(), xonly=True)
    assert key.text == PUBKEY[1:].hex()
    assert key.at(0).xonly == PUBKEY[1:]
    assert read_key(PUBKEY.hex(), xonly=True).text == PUBKEY.hex()


def test_an_extended_key_keeps_its_marks_and_its_origin() -> None:
    key = read_key(f"[d34db33f/84'/1']{ROOT.text}/0'/7/*")
    assert key.text == f"[d34db33f/84'/1']{ROOT.public.text}/0'/7/*"
    found = key.at(3)
    assert found.path == "/84'/1'/0'/7/3"
    assert found.fingerprint.hex() == "d34db33f"
    assert found.pubkey == ROOT.descendant((HARDENED, 7, 3)).pubkey


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[d34db33f/84h", "Key origin start '[ character expected but not found"),
        (
            "[d34d]" + PUBKEY.hex(),
            "Fingerprint is not 4 bytes (4 characters instead of 8 characters)",
        ),
        ("[zzzzzzzz]" + PUBKEY.hex(), "Fingerprint 'zzzzzzzz' is not hex"),
        (ROOT.text + "/x", "Key path value 'x' is not a valid uint32"),
        (ROOT.text + "/2147483648", "Key path value 2147483648 is out of range"),
        ("04" + "11" * 64, f"Pubkey '{'04' + '11' * 64}' is invalid"),
    ],
)
def test_what_is_no_key(text: str, reason: str) -> None:
    with pytest.raises(
        DescriptorError,
        match="^" + reason.replace("(", r"\(").replace(")", r"\)").replace("[", r"\["),
    ):
        read_key(text)
