"""No secret in what is written down, whatever it is wrapped in."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.worlds.redaction import redactor

SECRET = b"gov-hush-token"


@pytest.mark.parametrize("lead", range(4))
@pytest.mark.parametrize("tail", range(4))
@pytest.mark.parametrize("secret", [SECRET, SECRET[:-1], SECRET[:-2]])
def test_base64_at_every_alignment(lead: int, tail: int, secret: bytes) -> None:
    line = base64.b64encode(b"\x0a" * lead + secret + b"\x01" * tail).decode()
    cleaned = redactor([secret])(line)
    assert "***" in cleaned
    assert len(cleaned.replace("***", "")) <= 4 + (lead + tail) * 4 // 3 + 2


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_what_is_left_holds_its_neighbours_and_at_most_a_character_of_it_on_each_side(
    before: bytes, after: bytes
) -> None:
    line = base64.b64encode(before + SECRET + after).decode().rstrip("=")
    front, back = redactor([SECRET])(line).split("***")
    assert len(front) <= len(before) * 8 // 6 + 1
    assert len(back) <= len(after) * 8 // 6 + 2


def test_text_json_and_hex() -> None:
    clean = redactor([SECRET, b'say "hush"'])
    assert clean(f"Bearer {SECRET.decode()}!") == "Bearer ***!"
    assert clean(json.dumps({"token": 'say "hush"'})) == '{"token": "***"}'
    assert clean(SECRET.hex()) == "***"


def test_what_is_no_secret_stays() -> None:
    assert redactor([SECRET, b"ab"])("abab in a line without it") == "abab in a line without it"
