"""What befalls the connections between nodes by order: frames that are late, lost or doubled, and ways that are cut.

Faults of one way add up. Each counts what it touched: a frame, or an attempt to connect. Chance is drawn only while a fault is on.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from alys.base.prng import Random
from alys.base.trouble import Duplicate, Late, Lose

Way = tuple[str, str]
"""From a node to another."""

AGAIN_SECONDS = 0.05
"""At most so much later comes a frame for the second time."""

FrameFault = Late | Lose | Duplicate


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one frame."""

    lost: bool = False
    late_s: float = 0.0
    again_s: float | None = None
    """How long after it a copy arrives; None: there is none."""


UNHARMED = Fate()


class WireTroubles:
    """See the module's docstring."""

    def __init__(self, random: Random, changed: Callable[[], None]) -> None:
        """``changed`` is called when something was cut or mended."""
        self._random = random
        self._changed = changed
        #: Ways on which nothing passes.
        self.severed: Counter[Way] = Counter()
        #: How often each fault bit, by its number.
        self.touched: Counter[int] = Counter()
        self._cuts: dict[int, frozenset[Way]] = {}
        self._bad: dict[int, tuple[FrameFault, frozenset[Way]]] = {}
        self._numbers = 0

    # Orders

    def cut(self, ways: Iterable[Way]) -> int:
        """Let nothing pass on these; the number by which it is lifted."""
        self._numbers += 1
        self._cuts[self._numbers] = frozenset(ways)
        self.severed.update(self._cuts[self._numbers])
        self._changed()
        return self._numbers

    def spoil(self, fault: FrameFault, ways: Iterable[Way]) -> int:
        """Let frames on these suffer; the number by which it is lifted."""
        self._numbers += 1
        self._bad[self._numbers] = (fault, frozenset(ways))
        return self._numbers

    def lift(self, number: int) -> None:
        """End one; harmless when it has ended."""
        self._bad.pop(number, None)
        if (cut := self._cuts.pop(number, None)) is not None:
            self.severed -= Counter(cut)
            self._changed()

    # Bites

    def met(self, *ways: Way) -> None:
        """Somebody was held up on these by a cut."""
        for number, cut in self._cuts.items():
            if not cut.isdisjoint(ways):
                self.touched[number] += 1

    def fate(self, way: Way) -> Fate:
        """What becomes of a frame that is sent on this way now."""
        if not self._bad:
            return UNHARMED
        lost, late_s, again_s = False, 0.0, None
        for number, (fault, ways) in self._bad.items():
            if way not in ways:
                continue
            match fault:
                case Late(ms=ms):
                    late_s += ms / 1000 * self._random.random()
                case Lose(rate=rate) if self._random.random() < rate:
                    lost = True
                case Duplicate(rate=rate) if self._random.random() < rate:
                    again_s = AGAIN_SECONDS * self._random.random()
                case _:
                    continue
            self.touched[number] += 1
        return Fate(lost=lost, late_s=late_s, again_s=again_s)
