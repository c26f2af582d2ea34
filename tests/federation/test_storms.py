"""Three nodes weather fifty storms: whatever is killed or cut off, one finalised chain, one head in the end, pegs exact."""

import pytest

from tests.federation import storm

SEEDS = range(1, 51)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_storm_is_weathered(seed: int) -> None:
    found = storm.weather(seed)
    assert found.finalised_height > 0


@pytest.mark.slow
def test_a_seed_is_one_storm() -> None:
    assert storm.weather(1) == storm.weather(1)
    assert storm.weather(1).events != storm.weather(2).events
