"""Whatever is done to both, our node stands where bitcoind stands after every step."""

from pathlib import Path

import pytest

from tests.parity import histories, verdicts
from tests.parity.stage import Stage

SEEDS = 4
STEPS = 120


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_two_nodes_that_are_told_the_same_stand_at_the_same(seed: int, tmp_path: Path) -> None:
    stage = Stage()
    ours = verdicts.ours(stage)
    history = histories.History(stage, seed)
    said: set[str] = set()
    with verdicts.bitcoind(tmp_path, stage) as theirs:
        for block in stage.blocks:
            for ask in (ours, theirs):
                assert ask("submitblock", block.serialize().hex()) is None
        for number in range(STEPS):
            step = history.next()
            here, there = histories.answer(ours, step), histories.answer(theirs, step)
            told = f"step {number}: {step.method} {str(step.params)[:90]}"
            assert here == there, told
            assert histories.stands(ours) == histories.stands(theirs), told
            said.add(here if here.startswith("-") else step.method)
    assert len(said) > 5, "there were refusals among the answers"
