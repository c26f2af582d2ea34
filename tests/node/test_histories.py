"""Several Chain actors in histories of chance: crashes, partitions, losses, proofs. No height is final twice, and after healing all agree.

The rules on paper are tried in ``tests/chain/test_forkchoice.py``; here it is the actor itself, with its store.
"""

import pytest

from alys.chain import blocks
from tests.node.parliament import Parliament

HISTORIES = 8
STEPS = 25


class DoubleFinality(AssertionError):
    """Two nodes call different blocks of one height final."""


class Witness:
    """Looks at every node's final blocks."""

    def __init__(self, house: Parliament) -> None:
        self.house = house
        self.final: dict[int, bytes] = {}
        self._seen = [0] * house.count

    def look(self) -> None:
        for index in range(self.house.count):
            if not self.house.alive[index]:
                continue
            final = self.house.status(index).finalised_height
            for height in range(min(self._seen[index], final) + 1, final + 1):
                block = self.house.block(index, height)
                assert block is not None
                root = blocks.root(block.block)
                if self.final.setdefault(height, root) != root:
                    raise DoubleFinality(f"height {height} at node {index}")
            self._seen[index] = final

    @property
    def height(self) -> int:
        return max(self.final, default=0)


def trouble(house: Parliament) -> None:
    chance = house.chance
    if chance.random() < 0.15:
        house.groups = [int(chance.random() * 2) for _ in range(house.count)]
    if chance.random() < 0.2:
        house.groups = [0] * house.count
    house.loss = (0.0, 0.2, 0.4)[int(chance.random() * 3)]
    for index in range(house.count):
        if house.alive[index] and chance.random() < 0.1:
            house.kill(index)
        elif chance.random() < 0.5:
            house.start(index)
    for index in range(house.count):
        if house.alive[index] and chance.random() < 0.3:
            house.mine(index)


def history(count: int, seed: int) -> tuple[Parliament, Witness]:
    house = Parliament(count, seed)
    witness = Witness(house)
    for _ in range(STEPS):
        trouble(house)
        house.run(2.0 * (0.5 + house.chance.random() * 2))
        witness.look()
        if house.chance.random() < 0.3:
            house.sync()
    return house, witness


def heal(house: Parliament, witness: Witness) -> None:
    house.groups, house.loss = [0] * house.count, 0.0
    for index in range(house.count):
        house.start(index)
    for _ in range(20):
        house.run(6.0)
        house.sync()
        house.run(1.0)
        for index in range(house.count):
            house.mine(index)
        witness.look()


@pytest.mark.parametrize("count", [3, 4])
def test_no_height_is_final_twice_and_after_healing_all_agree_and_go_on(count: int) -> None:
    for seed in range(HISTORIES):
        house, witness = history(count, seed)
        before = witness.height
        heal(house, witness)
        house.until(house.agreed, f"seed {seed}: all agree")
        assert witness.height > before + 3, f"seed {seed}: {house.status(0)}"
        assert not house.deeds, f"seed {seed}: nobody did anything wrong"
        assert not house.errors(), f"seed {seed}"
