"""The storm is green over the code as it is, costs little, and each bug that is planted in the runtime or the clients turns it red."""

import pytest

from alys.campaigns.storm import SCENES
from alys.mutants import clients, patching, runtime
from alys.mutants.mutant import Mutant
from alys.oracles.broken import Broken
from tests.campaigns.storms import Alone

SEEDS = range(20)


def test_the_runtime_as_it_is_weathers_it_whatever_the_seed() -> None:
    for seed in SEEDS:
        alone = Alone(seed)
        alone.run()
        assert alone.recorder.crashes == []
        assert all(alone.storm.samples.values())
        assert alone.recorder.living == {}, "all test actors are gone"


def test_every_scene_looks_at_something() -> None:
    alone = Alone(1)
    alone.run()
    assert all(stage_looked for stage_looked in alone.storm.looked().values())
    assert len(alone.storm.looked()) == len(SCENES)


def test_one_seed_is_one_storm_and_another_one_is_another() -> None:
    first, again, other = Alone(7), Alone(7), Alone(8)
    for alone in (first, again, other):
        alone.run()
    assert first.recorder.trace_hash == again.recorder.trace_hash != other.recorder.trace_hash


def test_a_run_of_it_is_short() -> None:
    alone = Alone(3)
    alone.run()
    assert alone.dispatcher.steps < 5000
    assert alone.dispatcher.simulated_seconds < 20


IN_A_WHOLE_WORLD = {"only-the-newest-block-is-read"}
"""What no scene comes to: a run of a federation does."""
MUTANTS = [
    mutant for mutant in (*runtime.MUTANTS, *clients.MUTANTS) if mutant.name not in IN_A_WHOLE_WORLD
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_broken_code_is_noticed_by_an_oracle_that_was_declared(mutant: Mutant) -> None:
    seen = []
    for seed in SEEDS:
        with patching.planted(mutant) as bug:
            try:
                Alone(seed).run()
            except Broken as broken:
                seen.append(broken.oracle)
                if mutant.expects(broken.oracle):
                    assert bug.ran
                    return
    pytest.fail(f"{mutant.name} was not noticed; the storm said: {seen}")
