"""One seed, one sequence; a named child does not disturb its parent."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.base.prng import SeededRandom

SEEDS = st.integers(0, 2**64 - 1)


def test_the_numbers_are_those_of_splitmix64() -> None:
    """The reference implementation's first outputs for seed 1234567."""
    random = SeededRandom(1234567)
    assert [random.bits() for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(SEEDS, st.integers(1, 300))
def test_a_batch_is_the_same_numbers_at_once(seed: int, count: int) -> None:
    single, batch = SeededRandom(seed), SeededRandom(seed)
    assert batch.batch(count) == [single.bits() for _ in range(count)]
    assert batch.bits() == single.bits()


@given(SEEDS, st.integers(1, 1000))
def test_numbers_stay_below_their_bound(seed: int, bound: int) -> None:
    random = SeededRandom(seed)
    assert all(0 <= random.below(bound) < bound for _ in range(20))
    assert 0 <= random.random() < 1


@given(SEEDS)
def test_a_fork_depends_on_seed_and_label_and_not_on_what_was_drawn(seed: int) -> None:
    fresh, used = SeededRandom(seed), SeededRandom(seed)
    used.bits()
    assert fresh.fork("a").bits() == used.fork("a").bits()
    assert fresh.fork("a").bits() != fresh.fork("b").bits()


def test_every_value_turns_up_about_equally_often() -> None:
    random = SeededRandom(7)
    counts = Counter(random.below(10) for _ in range(10_000))
    assert set(counts) == set(range(10))
    assert max(counts.values()) < 1.2 * min(counts.values())


def test_a_shuffle_keeps_what_it_shuffles_and_bytes_have_their_length() -> None:
    random = SeededRandom(7)
    items = list(range(50))
    random.shuffle(items)
    assert sorted(items) == list(range(50)) != items
    assert [len(random.randbytes(n)) for n in (0, 1, 8, 9, 32)] == [0, 1, 8, 9, 32]


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="bound must be positive, not 0"):
        SeededRandom(1).below(0)
