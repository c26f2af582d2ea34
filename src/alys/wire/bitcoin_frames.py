"""The frames on a stream between Bitcoin nodes: magic, command, length, checksum, payload (part of ``wire.bitcoin_p2p``).

A stream whose magic is another's, or that announces more than a message may hold, is beyond repair (``MalformedBitcoin``); a
frame with a wrong checksum or a command that cannot be one is skipped and counted, as Core does.
"""

import struct

import msgspec

from alys.wire import bitcoin_codec as codec
from alys.wire.bitcoin_codec import MalformedBitcoin

REGTEST_MAGIC = bytes.fromhex("fabfb5da")
PAYLOAD_BYTES_MAX = 4_000_000
FRAME_HEAD_BYTES = 24

_COMMAND_BYTES = 12
_HEAD = struct.Struct("<4s12sI4s")


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A command and its payload, not yet read."""

    command: str
    payload: bytes


class Frames:
    """The receiving side of a stream: bytes in any pieces in, whole frames out. Holds at most one frame and one piece."""

    def __init__(self, magic: bytes = REGTEST_MAGIC) -> None:
        #: Frames that were skipped.
        self.skipped = 0
        self._magic = magic
        self._data = bytearray()

    @property
    def held_bytes(self) -> int:
        """What waits for the rest of its frame."""
        return len(self._data)

    def receive(self, data: bytes) -> list[Frame]:
        """The frames that are complete now; raises MalformedBitcoin when the stream cannot be one."""
        self._data += data
        frames: list[Frame] = []
        at = 0
        try:
            while True:
                taken = self._next(at)
                if taken is None:
                    return frames
                at, frame = taken
                if frame is not None:
                    frames.append(frame)
        finally:
            del self._data[:at]

    def _next(self, at: int) -> tuple[int, Frame | None] | None:
        """Where the frame at ``at`` ends, and the frame unless it is to be skipped; None when it is not whole."""
        got = bytes(self._data[at : at + len(self._magic)])
        if not self._magic.startswith(got):
            raise MalformedBitcoin(
                "message", f"it begins with {got.hex()}, another network's magic"
            )
        if len(self._data) - at < FRAME_HEAD_BYTES:
            return None
        _, command, size, checksum = _HEAD.unpack_from(self._data, at)
        if size > PAYLOAD_BYTES_MAX:
            raise MalformedBitcoin(
                "message", f"{size} bytes are announced, {PAYLOAD_BYTES_MAX} allowed"
            )
        end = at + FRAME_HEAD_BYTES + size
        if len(self._data) < end:
            return None
        payload = bytes(self._data[at + FRAME_HEAD_BYTES : end])
        name = _command_name(command)
        if name is None or checksum_of(payload) != checksum:
            self.skipped += 1
            return end, None
        return end, Frame(command=name, payload=payload)


def checksum_of(payload: bytes) -> bytes:
    """The four bytes that vouch for a payload."""
    return codec.sha256d(payload)[:4]


def framed(command: str, payload: bytes, magic: bytes = REGTEST_MAGIC) -> bytes:
    """A frame."""
    name = command.encode("ascii").ljust(_COMMAND_BYTES, b"\x00")
    return _HEAD.pack(magic, name, len(payload), checksum_of(payload)) + payload


def _command_name(field: bytes) -> str | None:
    name = field.rstrip(b"\x00")
    if all(0x20 <= byte <= 0x7E for byte in name):
        return name.decode("ascii")
    return None
