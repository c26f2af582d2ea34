"""Slots: whose turn it is, and how many make a quorum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.chain import slots


@given(slot=st.integers(0, 2_000_000_000), duration=st.integers(50, 10_000))
def test_a_slot_begins_at_its_start_and_not_before(slot: int, duration: int) -> None:
    start = slots.slot_start(slot, duration)
    assert slots.slot_at(start, duration) == slot
    assert slots.slot_at(start + duration / 1_000 - 0.01, duration) == slot
    if slot:
        assert slots.slot_at(start - 0.01, duration) == slot - 1


def test_a_slot_shorter_than_a_second_works() -> None:
    assert [slots.slot_at(n / 10, 400) for n in (0, 3, 4, 7, 8)] == [0, 0, 1, 1, 2]


@given(slot=st.integers(0, 10**9), authorities=st.integers(1, 15))
def test_turns_go_round(slot: int, authorities: int) -> None:
    turns = [slots.author_index(slot + n, authorities) for n in range(authorities)]
    assert sorted(turns) == list(range(authorities))


@pytest.mark.parametrize(("members", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (15, 10)])
def test_a_quorum_is_two_thirds_rounded_up(members: int, needed: int) -> None:
    assert slots.quorum(members) == needed


@given(members=st.integers(1, 1_000))
def test_a_quorum_is_never_below_two_thirds_and_never_above_all(members: int) -> None:
    needed = slots.quorum(members)
    assert 3 * (needed - 1) < 2 * members <= 3 * needed
    assert needed <= members


def test_payload_times_are_whole_seconds_and_always_rise() -> None:
    assert slots.payload_timestamp(100.9, 90) == 100
    assert slots.payload_timestamp(100.9, 100) == 101
    assert slots.payload_timestamp(100.9, 500) == 501


def test_nonsense_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="slot_duration_ms"):
        slots.slot_at(1.0, 0)
    with pytest.raises(ValueError, match="slot_duration_ms"):
        slots.slot_start(1, -1)
    with pytest.raises(ValueError, match="authorities"):
        slots.author_index(1, 0)
    with pytest.raises(ValueError, match="members"):
        slots.quorum(0)
