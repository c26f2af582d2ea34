"""Keys stay where nobody sees them."""

import json
import pickle

import pytest

from alys.base.errors import ExitCode
from alys.config import errors, loader, secrets

KEY = "c0ffee" + "ab" * 29
ENVIRONMENT = {"TEST_BITCOIN_PRIVATE_KEY": KEY, "TEST_ETHEREUM_PRIVATE_KEY": f" 0x{KEY.upper()} "}


def test_a_key_is_read_with_and_without_its_prefix() -> None:
    found = secrets.read(ENVIRONMENT)
    assert {chain: key.reveal().hex() for chain, key in found.items()} == dict.fromkeys(
        ("bitcoin", "ethereum"), KEY
    )


def test_an_empty_variable_is_no_key() -> None:
    assert secrets.read({"TEST_BITCOIN_PRIVATE_KEY": " "}) == {}


def test_a_key_shows_nothing_of_itself() -> None:
    key = secrets.read(ENVIRONMENT)["bitcoin"]
    shown = f"{key} {key!r} {[key]} {key!s:>20}"
    assert "***" in shown
    assert "c0ffee" not in shown.lower()
    with pytest.raises(TypeError):
        json.dumps(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize(
    "text",
    ["placeholder-c0ffee", KEY[:-1], KEY + "0", "00" * 32, "ff" * 32, "zz" * 32],
)
@pytest.mark.parametrize("variable", secrets.VARIABLES.values())
def test_what_is_no_key_is_refused_without_being_repeated(variable: str, text: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        loader.load(None, {variable: text}, {})
    told = str(caught.value)
    assert told.startswith(f"environment variable {variable}: {variable} is no private key")
    assert "allowed: 64 hexadecimal digits" in told
    assert text not in told
    assert caught.value.exit_code == ExitCode.USAGE


def test_the_settings_and_their_dump_know_nothing_of_it() -> None:
    resolved = loader.resolve(None, ENVIRONMENT, {})
    everything = f"{resolved} {loader.dump(*resolved)} {loader.dump(resolved.settings)}"
    assert "c0ffee" not in everything.lower()


def test_a_token_is_read_and_shows_nothing_of_itself() -> None:
    found = secrets.token({"UPLOAD_TOKEN": " c0ffee! "}, secrets.UPLOAD_TOKEN)
    assert found is not None
    assert found.reveal() == b"c0ffee!"
    assert "c0ffee" not in f"{found}"
    assert secrets.token({"UPLOAD_TOKEN": ""}, secrets.UPLOAD_TOKEN) is None
    assert secrets.token({}, secrets.UPLOAD_TOKEN) is None


@pytest.mark.parametrize("text", ["c0ffee c0ffee", "c0ffee\r\nX-Header: 1", "c0ffee\u00e4"])
def test_what_could_not_stand_in_a_header_is_no_token(text: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        secrets.token({"UPLOAD_TOKEN": text}, secrets.UPLOAD_TOKEN)
    assert "UPLOAD_TOKEN is no token" in str(caught.value)
    assert "c0ffee" not in str(caught.value)
