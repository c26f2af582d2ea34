"""What the bridge does with a call; that its gas is the compiled contract's is shown in ``test_light``."""

import pytest

from alys.models.ethereum import light_bridge
from alys.wire.ethereum import encode_request_peg_out, keccak256

MINIMUM = 10**16


def call(data: bytes, value: int = MINIMUM) -> light_bridge.Answer:
    assert light_bridge.understood(data)
    return light_bridge.called(data, value, warm=False, alive=True)


def test_the_selector_is_that_of_the_constant() -> None:
    assert keccak256(b"BURN_ADDRESS()")[:4] == light_bridge.BURN_ADDRESS_SELECTOR


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (encode_request_peg_out("bc1q"), MINIMUM - 1),
        (encode_request_peg_out(""), MINIMUM),
        (b"", MINIMUM),
        (b"\1\2\3", MINIMUM),
        (b"\1\2\3\4", 0),
    ],
)
def test_what_is_no_request_reverts(data: bytes, value: int) -> None:
    assert call(data, value).log_data is None


def test_a_request_is_logged_with_its_address_and_value() -> None:
    said = call(encode_request_peg_out("a" * 33)).log_data
    assert said is not None
    assert len(said) == 5 * 32
    assert said[32:64] == MINIMUM.to_bytes(32, "big")
    assert said[96:129] == b"a" * 33


@pytest.mark.parametrize(
    "data",
    [
        light_bridge.BURN_ADDRESS_SELECTOR,
        encode_request_peg_out("abc")[:-1],
        encode_request_peg_out("abc") + b"\0",
        encode_request_peg_out("abc")[:-1] + b"\1",
        encode_request_peg_out("abc")[:4],
        encode_request_peg_out("abc")[:4] + b"\xff" * 96,
    ],
    ids=["constant", "short", "long", "padding", "selector", "offset"],
)
def test_other_encodings_are_not_guessed_at(data: bytes) -> None:
    assert not light_bridge.understood(data)
