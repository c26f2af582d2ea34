"""Whether a node does only what its store would let it remember: the intent is on its disk before the act leaves the node (D15).

It is fed with every act that others can see or that cannot be taken back, and with whether the node's disk had the word for it at that
moment. A node that ends right after the act would otherwise do it again in another way, or not know that it did it.
"""

import enum
from collections import Counter
from collections.abc import Callable

from alys.base.errors import Inconclusive
from alys.oracles.broken import Broken


class Act(enum.StrEnum):
    """What a node does to the outside; the value says what must be on its disk."""

    APPROVAL = "an approval without its vote"
    PROPOSAL = "a proposal without its author's vote"
    HEAD = "a head of the execution client without its block"
    SIGNING = "a request for signatures without its attempt"
    BROADCAST = "a broadcast without the signed payout"
    OFFER = "a deposit for the next block without its record"
    HALT = "word of a halt without its record"
    CURSOR = "that a Bitcoin block is read, without the deposits of it"


class NotOnDisk(Broken):
    """A node acted, and had the intent in memory only."""

    def __init__(self, act: Act, node: str, key: str) -> None:
        super().__init__("durability", f"{node} let out {act.value} on its disk: {key}")
        self.act = act
        self.node = node
        self.key = key


class Durability:
    """Feed it as things happen. What is found first is kept until ``require``, as whoever listens must not raise."""

    def __init__(self, found: Callable[[NotOnDisk], object] | None = None) -> None:
        """``found`` is told of what is found first, at once."""
        self._tell = found
        self.found: NotOnDisk | None = None
        self._samples: Counter[str] = Counter()

    def feed(self, act: Act, node: str, key: str, *, kept: bool) -> None:
        """An act, and whether the disk has the word for it."""
        self._samples[act.name.lower()] += 1
        if not kept and self.found is None:
            self.found = NotOnDisk(act, node, key)
            if self._tell is not None:
                self._tell(self.found)

    @property
    def samples(self) -> dict[str, int]:
        """Acts seen, by kind."""
        return dict(sorted(self._samples.items()))

    def require(self, *acts: Act) -> None:
        """Raise what was found; Inconclusive when one of these acts was never seen."""
        if self.found is not None:
            raise self.found
        empty = [act.name.lower() for act in acts if not self._samples[act.name.lower()]]
        if empty:
            raise Inconclusive(f"no {', '.join(empty)} was seen: nothing was proven")
