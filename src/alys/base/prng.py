"""Chance as it is passed in: one seed, and a child generator for every name.

The generator is splitmix64 (Steele, Lea, Flood 2014): 64 bits of state, passes BigCrush, and is a few lines that give the
same numbers on every machine and Python. It is not for keys. ``fork`` derives a child by BLAKE2b over the seed and
a label, so that adding a consumer does not shift the numbers of another.
"""

import functools
import hashlib
import struct
from collections.abc import MutableSequence, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


class Random(Protocol):
    """What an actor or a model may ask of chance."""

    def bits(self) -> int:
        """64 fresh bits."""
        ...

    def random(self) -> float:
        """A float in [0, 1)."""
        ...

    def below(self, bound: int) -> int:
        """An int in [0, bound)."""
        ...

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        ...

    def randbytes(self, count: int) -> bytes:
        """``count`` bytes."""
        ...

    def fork(self, label: str) -> "Random":
        """An independent generator, named."""
        ...


class SeededRandom:
    """The generator above. Equal seeds give equal sequences."""

    __slots__ = ("_seed", "_state")

    def __init__(self, seed: int) -> None:
        self._seed = seed & _MASK
        self._state = self._seed

    def bits(self) -> int:
        """64 fresh bits."""
        self._state = (self._state + _GAMMA) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def batch(self, count: int) -> list[int]:
        """What so many calls of ``bits`` would give, for a fraction of their cost.

        The states lie side by side in one long integer, each in 128 bits of its own, so that one operation serves all.
        """
        ones = _ones(count)
        low = ones * _MASK
        z = (ones * self._state + _multiples(count)) & low
        self._state = (self._state + count * _GAMMA) & _MASK
        z = ((z ^ ((z >> 30) & ones * (_MASK >> 30))) * 0xBF58476D1CE4E5B9) & low
        z = ((z ^ ((z >> 27) & ones * (_MASK >> 27))) * 0x94D049BB133111EB) & low
        z ^= (z >> 31) & ones * (_MASK >> 31)
        return list(struct.unpack(f"<{2 * count}Q", z.to_bytes(16 * count, "little"))[::2])

    def random(self) -> float:
        """A float in [0, 1) with 53 bits of precision."""
        return (self.bits() >> 11) / (1 << 53)

    def below(self, bound: int) -> int:
        """An int in [0, bound); the bias of the multiply-shift is under bound / 2^64."""
        if bound <= 0:
            raise ValueError(f"bound must be positive, not {bound}")
        return (self.bits() * bound) >> 64

    def choice(self, items: Sequence[T]) -> T:
        """One of the items; raises ValueError when there are none."""
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffle in place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]

    def randbytes(self, count: int) -> bytes:
        """``count`` bytes."""
        out = b"".join(self.bits().to_bytes(8, "little") for _ in range((count + 7) // 8))
        return out[:count]

    def fork(self, label: str) -> "SeededRandom":
        """An independent generator; the same label always gives the same child."""
        digest = hashlib.blake2b(
            label.encode(), digest_size=8, key=self._seed.to_bytes(8, "big")
        ).digest()
        return SeededRandom(int.from_bytes(digest, "big"))


@functools.lru_cache(maxsize=8)
def _ones(count: int) -> int:
    """1 in each of so many lanes of 128 bits."""
    return sum(1 << 128 * lane for lane in range(count))


@functools.lru_cache(maxsize=8)
def _multiples(count: int) -> int:
    """1, 2, 3 times the increment, modulo 2^64, lane by lane."""
    return sum((lane + 1) * _GAMMA % (1 << 64) << 128 * lane for lane in range(count))
