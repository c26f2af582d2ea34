"""Frames on a stream: in any pieces, whole ones only, and what cannot be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import bitcoin_frames as frames
from alys.wire.bitcoin_codec import MalformedBitcoin
from alys.wire.bitcoin_frames import Frame, Frames, framed

# The verack of Bitcoin's protocol documentation, with regtest's magic.
VERACK = bytes.fromhex("fabfb5da76657261636b000000000000000000005df6e0e2")


def test_a_frame_has_the_documented_bytes() -> None:
    assert framed("verack", b"") == VERACK
    assert Frames().receive(VERACK) == [Frame(command="verack", payload=b"")]


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 30))
def test_frames_come_out_whole_however_the_stream_is_cut(payloads: list[bytes], size: int) -> None:
    stream = b"".join(framed("x", payload) for payload in payloads)
    reader = Frames()
    found = [
        frame.payload
        for at in range(0, len(stream), size)
        for frame in reader.receive(stream[at : at + size])
    ]
    assert found == payloads
    assert reader.held_bytes == 0


def test_another_networks_magic_is_seen_at_its_first_wrong_byte() -> None:
    reader = Frames()
    assert reader.receive(b"\xfa\xbf") == []
    with pytest.raises(MalformedBitcoin, match="another network's magic"):
        reader.receive(b"\x00")


def test_a_length_beyond_the_limit_is_refused_before_the_payload() -> None:
    head = framed("x", b"")[:16]
    most = frames.PAYLOAD_BYTES_MAX
    assert Frames().receive(head + most.to_bytes(4, "little") + bytes(4)) == []
    with pytest.raises(MalformedBitcoin, match="4000001 bytes are announced, 4000000 allowed"):
        Frames().receive(head + (most + 1).to_bytes(4, "little") + bytes(4))


@pytest.mark.parametrize("command", [b"a\x00b", b"\xff", b"a\n"])
def test_a_command_that_cannot_be_one_is_skipped(command: bytes) -> None:
    bad = bytearray(framed("ping", b""))
    bad[4:16] = command.ljust(12, b"\x00")
    reader = Frames()
    assert reader.receive(bytes(bad) + VERACK) == [Frame(command="verack", payload=b"")]
    assert reader.skipped == 1


def test_a_wrong_checksum_is_skipped() -> None:
    reader = Frames()
    assert reader.receive(framed("ping", b"12345678")[:-1] + b"9" + VERACK)[0].command == "verack"
    assert reader.skipped == 1
