"""What surrounds a stored value, and what it finds out."""

import pytest

from alys.node import records
from alys.node.errors import CorruptRecord
from alys.node.records import pack, unpack


def test_what_was_packed_under_a_key_comes_back() -> None:
    assert unpack(records.HEAD, pack(records.HEAD, b"value"), bytes) == b"value"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x01" + pack(records.HEAD, b"value")[1:],
        pack(records.HEAD, b"value")[:-1],
        pack(records.HEAD, b"value")[:-1] + b"f",
        pack(records.SEAL, b"value"),
        pack(records.HEAD, 7),
    ],
    ids=["empty", "version", "short", "one bit", "another key's", "another type"],
)
def test_what_was_not_written_under_the_key_is_named(damaged: bytes) -> None:
    with pytest.raises(CorruptRecord, match=r"stored record head: .*alys store restore"):
        unpack(records.HEAD, damaged, bytes)


def test_every_single_flipped_bit_of_a_value_is_found() -> None:
    sound = pack(records.HEAD, {"a": 1})
    for bit in range(8 * len(sound)):
        flipped = bytearray(sound)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptRecord):
            unpack(records.HEAD, bytes(flipped), dict)


def test_keys_are_shown_to_people() -> None:
    assert records.label(records.block_key(b"\xff" * 2)) == "block/ffff"
    assert records.label(records.height_key(258)) == "height/0000000000000102"
    assert records.label(records.record_key("pegin", "tx:0")) == "record/pegin/tx:0"


def test_heights_are_scanned_in_their_order() -> None:
    heights = [0, 255, 256, 70_000]
    assert sorted(map(records.height_key, heights)) == list(map(records.height_key, heights))
