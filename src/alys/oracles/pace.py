"""Whether blocks come as they should when nothing is in their way any more: of all slots of a calm stretch, at least one in three has one.

A chain that only creeps is alive, so nobody who waits for something ever gives up on it. It is fed with the height that a federation has
reached at two moments, both after the last fault was healed and all nodes had one head.
"""

from alys.oracles.broken import Broken

ORACLE = "pace"
SLOTS_MIN = 6
"""A shorter stretch proves nothing: the first blocks after a trouble may be late."""
SLOTS_OF_A_BLOCK = 3
"""Of three authorities one may be busy coming back, another one slow; a block in three slots is what one alone makes."""


class Pace:
    """One calm stretch, from where it begins; ``slot_s`` is the length of a slot in seconds."""

    def __init__(self, slot_s: float, at: float, height: int) -> None:
        self._slot_s = slot_s
        self._begun = at
        self._height = height
        self.samples = 0

    def long_enough(self, at: float) -> bool:
        """Whether there were slots enough to judge."""
        return self._slots(at) >= SLOTS_MIN

    def ends(self, at: float, height: int) -> None:
        """Raises Broken when too few of the slots since then have a block; a stretch that is too short counts for nothing."""
        if not self.long_enough(at):
            return
        self.samples += 1
        slots, made = self._slots(at), height - self._height
        if made * SLOTS_OF_A_BLOCK < slots:
            raise Broken(ORACLE, "production creeps in a calm", slots=slots, blocks=made)

    def _slots(self, at: float) -> int:
        return int((at - self._begun) / self._slot_s)
