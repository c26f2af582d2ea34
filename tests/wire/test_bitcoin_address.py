"""What is wrong with an address, in the words and at the places that bitcoind tells."""

import pytest

from alys.wire.bitcoin_address import address_fault

GOOD = "bcrt1qxc5etfhxjg4qfc9cx25qh3tvxdcf5skj6nx0yj"


@pytest.mark.parametrize(
    ("text", "reason", "places"),
    [
        ("", "Invalid checksum or length of Base58 address (P2PKH or P2SH)", []),
        ("nosuch", "Invalid checksum or length of Base58 address (P2PKH or P2SH)", []),
        ("0OIl", "Invalid or unsupported Segwit (Bech32) or Base58 encoding.", []),
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "Invalid or unsupported Segwit (Bech32) or Base58 encoding.",
            [],
        ),
        (
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "Invalid or unsupported Base58-encoded address.",
            [],
        ),
        ("bcrt1q", "Invalid separator position", [4]),
        ("bcrtqqqqqqqq", "Missing separator", []),
        (GOOD[:-1] + "J", "Invalid character or mixed case", [43]),
        (GOOD[:-1] + "b", "Invalid Base 32 character", [43]),
        (GOOD[:-1] + "q", "Invalid Bech32 checksum", [43]),
        (GOOD[:10] + "q" + GOOD[11:], "Invalid Bech32 checksum", [10]),
        (GOOD[:10] + "qqqqqqq" + GOOD[17:], "Invalid Bech32 checksum", []),
        ("bcrt1" + "q" * 90, "Bech32 string too long", [90, 91, 92, 93, 94]),
    ],
)
def test_the_fault_is_told_in_cores_words(text: str, reason: str, places: list[int]) -> None:
    assert address_fault(text) == (reason, places)
