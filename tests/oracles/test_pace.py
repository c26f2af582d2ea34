"""A chain that creeps is told from one that goes on, and a short stretch from one that can be judged."""

import pytest

from alys.oracles.broken import Broken
from alys.oracles.pace import Pace


def test_one_block_in_three_slots_is_enough_and_less_is_not() -> None:
    calm = Pace(2.0, 1000.0, 10)
    calm.ends(1024.0, 14)
    with pytest.raises(Broken, match=r"pace: production creeps in a calm \(slots 12, blocks 3\)"):
        calm.ends(1024.0, 13)
    assert calm.samples == 2


def test_a_short_stretch_proves_nothing() -> None:
    calm = Pace(2.0, 1000.0, 10)
    assert not calm.long_enough(1011.9)
    calm.ends(1011.9, 10)
    assert calm.samples == 0
    assert calm.long_enough(1012.0)
