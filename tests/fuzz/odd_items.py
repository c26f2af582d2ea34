"""What a peer may say that is no item, or one that cannot be true: sound items, damaged in every way that MessagePack allows."""

from collections.abc import Callable, Sequence

from alys.base.prng import SeededRandom
from alys.node import gossip

DEEP = b"\x91" * 50_000 + b"\xc0"
LENGTHS = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\x7f\xff\xff\xff",
)
NUMBERS = (
    b"\xcf" + b"\xff" * 8,
    b"\xd3\x80" + bytes(7),
    b"\xff",
    b"\x00",
    b"\xcb\x7f\xf0" + bytes(6),
    b"\xcb\x7f\xf8" + bytes(6),
    b"\xc0",
    b"\xc3",
    b"\xa0",
    b"\x90",
    b"\x80",
    b"\xc1",
    b"\xd4\x00\x00",
)
"""The largest, the least, minus one, none, infinite, not a number, nil, true, empty, never used, an extension."""


class OddItems:
    """A row without end, from sound items."""

    def __init__(self, random: SeededRandom, sound: Sequence[gossip.Item]) -> None:
        self._random = random
        self._sound = [gossip.encode(item) for item in sound]
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._flipped,
            self._cut,
            self._longer,
            self._spliced,
            self._valued,
            self._lengthened,
            self._renamed,
            self._nested,
            self._versioned,
            self._twice,
            self._random_bytes,
        )

    def item(self) -> bytes:
        """The next; now and then two kinds of damage at once, or none."""
        random = self._random
        data = self._sound[random.below(len(self._sound))]
        for _ in range(random.below(3)):
            data = self._ways[random.below(len(self._ways))](data)
        return data

    def _place(self, data: bytes) -> int:
        return self._random.below(len(data)) if data else 0

    def _flipped(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + bytes((self._random.below(256),)) + data[place + 1 :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _longer(self, data: bytes) -> bytes:
        return data + self._random.randbytes(1 + self._random.below(40))

    def _spliced(self, data: bytes) -> bytes:
        other = self._sound[self._random.below(len(self._sound))]
        return data[: self._place(data)] + other[self._place(other) :]

    def _valued(self, data: bytes) -> bytes:
        place = self._place(data)
        odd = NUMBERS[self._random.below(len(NUMBERS))]
        return data[:place] + odd + data[place + 1 :]

    def _lengthened(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + LENGTHS[self._random.below(len(LENGTHS))] + data[place:]

    def _renamed(self, data: bytes) -> bytes:
        kinds = (b"status", b"sealed", b"blocks", b"payout", b"blocks?", b"", b"nonsense")
        return data.replace(kinds[self._random.below(3)], kinds[self._random.below(len(kinds))])

    def _nested(self, data: bytes) -> bytes:
        if self._random.below(50):
            return data[:1] + b"\x81\xa4type\x91" + data[1:]
        return data[:1] + b"\x82\xa4type\xa6status\xa1x" + DEEP

    def _versioned(self, data: bytes) -> bytes:
        return bytes((self._random.below(256),)) + data[1:]

    def _twice(self, data: bytes) -> bytes:
        return data + data

    def _random_bytes(self, data: bytes) -> bytes:
        return b"\x01" + self._random.randbytes(self._random.below(200))
