"""How hard work is: the rule by figures, its limits, and that the oracle's own arithmetic finds the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.chain import retarget, state, validity
from alys.chain.retarget import RetargetParams
from alys.chain.spec import DEV_RETARGET, REGTEST_BITS
from alys.chain.state import PegState
from alys.oracles import work
from alys.wire import bitcoin
from tests.chain.chains import RETARGETING, SPEC, genesis, grow, pow_header

PARAMS = RETARGETING.retarget
OUTSIDE = work.Retarget(
    spacing=PARAMS.target_spacing,
    timespan=PARAMS.target_timespan,
    easiest=PARAMS.pow_limit,
    hardest=PARAMS.pow_lower_limit,
    step_percent=PARAMS.max_adjustment,
)
BITS = 0x1E0FFFFF


def required(last_bits: int, last_height: int, end_height: int, **changes: Any) -> int:
    params = msgspec.structs.replace(PARAMS, **changes)
    return retarget.required_bits(
        params, last_bits=last_bits, last_height=last_height, end_height=end_height
    )


def percent_of(bits: int, of: int = BITS) -> float:
    return round(100 * bitcoin.target_of(bits) / bitcoin.target_of(of), 2)


@pytest.mark.parametrize(
    ("covered", "percent"),
    [(1, 80), (3, 80), (4, 80), (5, 100), (6, 120), (7, 120), (12, 120)],
)
def test_a_step_is_in_proportion_and_a_fifth_at_most(covered: int, percent: int) -> None:
    """Upstream's lower clamp is 20 % of the target, five times as hard in one step; meant are 20 % off it."""
    assert retarget.adjustment_percent(PARAMS, covered) == percent
    found = required(BITS, 24 - covered, 24)
    assert percent_of(found) == pytest.approx(percent, abs=0.01)


@pytest.mark.parametrize(
    ("covered", "percent"), [(39, 80), (43, 86), (50, 100), (51, 102), (67, 120)]
)
def test_within_a_fifth_it_is_the_ratio_itself(covered: int, percent: int) -> None:
    params = msgspec.structs.replace(PARAMS, target_spacing=50, target_timespan=600)
    assert retarget.adjustment_percent(params, covered) == percent


def test_ratios_are_whole_percents_rounded_half_to_even() -> None:
    params = msgspec.structs.replace(PARAMS, target_spacing=200, target_timespan=600)
    found = [retarget.adjustment_percent(params, covered) for covered in (199, 201, 203, 205)]
    assert found == [100, 100, 102, 102]


def test_the_target_moves_at_multiples_of_the_interval_or_past_it() -> None:
    assert PARAMS.interval == 12
    moved = {end for end in range(2, 60) if required(BITS, end - 2, end) != BITS}
    assert moved == {12, 24, 36, 48}
    assert required(BITS, 1, 13) == BITS, "12 blocks are no more than the interval"
    assert required(BITS, 1, 14) > BITS


def test_without_retargeting_it_never_moves() -> None:
    assert SPEC.retarget.no_retargeting
    for end in (12, 13, 24, 90):
        assert required(BITS, 0, end, no_retargeting=True) == BITS


def test_on_target_not_a_bit_changes() -> None:
    """A percent of a target is cut to whole numbers: a hundred of them would be less than the target."""
    for bits in (BITS, 0x1D00FFFF, 0x1A322A98):
        assert required(bits, 7, 12) == bits


def test_it_is_never_easier_than_the_limit_nor_harder_than_the_other() -> None:
    assert required(0x2100FFFF, 2, 12) == 0x2100FFFF
    assert required(0x2100F000, 2, 12) == 0x2100FFFF, "120 % of it would be beyond"
    assert required(0x1A322A97, 11, 12) == 0x1A322A97
    assert required(0x1A330000, 11, 12) == 0x1A322A97


def test_an_empty_range_is_refused() -> None:
    for end in (11, 12):
        with pytest.raises(ValueError, match="covers nothing"):
            required(BITS, 12, end)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"target_spacing": 0}, "target_spacing 0"),
        ({"target_spacing": 61}, "target_timespan 60"),
        ({"max_adjustment": 100}, "max_adjustment"),
        ({"max_adjustment": -1}, "max_adjustment"),
        ({"pow_limit": 0x1A322A96}, "pow_lower_limit 1a322a97"),
        ({"pow_lower_limit": 0}, "pow_lower_limit 00000000"),
    ],
)
def test_impossible_parameters_are_refused_by_name(changes: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        msgspec.structs.replace(DEV_RETARGET, **changes)


def test_a_first_target_beyond_the_limits_is_refused() -> None:
    assert PARAMS.allows(REGTEST_BITS)
    assert not PARAMS.allows(0x2101FFFF)
    assert not PARAMS.allows(0x1A322A96)
    with pytest.raises(ValueError, match="bits 1a322a96 are beyond"):
        msgspec.structs.replace(RETARGETING, bits=0x1A322A96)


params = st.builds(
    lambda spacing, intervals, step: RetargetParams(
        pow_limit=0x2100FFFF,
        pow_lower_limit=0x1A322A97,
        target_spacing=spacing,
        target_timespan=spacing * intervals,
        no_retargeting=False,
        max_adjustment=step,
    ),
    spacing=st.integers(1, 300),
    intervals=st.integers(1, 40),
    step=st.integers(0, 99),
)
targets = st.integers(bitcoin.target_of(0x1A322A97), bitcoin.target_of(0x2100FFFF)).map(
    bitcoin.compact_of
)


@given(own=params, last=targets, height=st.integers(0, 10_000), covered=st.integers(1, 2_000))
def test_the_oracle_finds_the_same_by_arithmetic_of_its_own(
    own: RetargetParams, last: int, height: int, covered: int
) -> None:
    end = height + covered
    found = retarget.required_bits(own, last_bits=last, last_height=height, end_height=end)
    outside = work.Retarget(
        spacing=own.target_spacing,
        timespan=own.target_timespan,
        easiest=own.pow_limit,
        hardest=own.pow_lower_limit,
        step_percent=own.max_adjustment,
    )
    assert found == work.bits_after(last, covered, end, outside)
    assert own.allows(found) or found == last


def proven(parent: PegState, blocks: int) -> PegState:
    """So many blocks more, the last of which proves all before it."""
    for _ in range(blocks - 1):
        parent = grow(parent, spec=RETARGETING)
    return grow(parent, header=pow_header(parent, spec=RETARGETING), spec=RETARGETING)


def test_a_chain_remembers_the_target_of_its_last_proof() -> None:
    now = state.genesis_state(genesis())
    assert now.pow_bits == RETARGETING.bits
    seen = []
    for _ in range(10):
        now = proven(now, 3)
        seen.append((now.finalised_height, now.pow_bits))
    heights = [height for height, _ in seen]
    assert heights == [2, 5, 8, 11, 14, 17, 20, 23, 26, 29]
    assert {bits for _, bits in seen} == {RETARGETING.bits}, "no range ended at a multiple of 12"
    now = proven(now, 7)
    assert (now.finalised_height, now.pow_bits) == (36, required(RETARGETING.bits, 29, 36))
    assert now.pow_bits != RETARGETING.bits
    later = proven(now, 4)
    assert (later.finalised_height, later.pow_bits) == (40, now.pow_bits)


def test_work_stays_valid_whatever_the_head_is() -> None:
    """Upstream takes the head's height, and refuses valid work when a block comes in between."""
    now = state.genesis_state(genesis())
    for _ in range(11):
        now = grow(now, spec=RETARGETING)
    header = pow_header(now, spec=RETARGETING)
    assert header.height == 11
    for _ in range(3):
        validity.check_auxpow_range(header, now, RETARGETING)
        now = grow(now, spec=RETARGETING)
    assert pow_header(now, spec=RETARGETING).bits != header.bits


def test_the_bits_of_another_height_are_refused() -> None:
    now = state.genesis_state(genesis())
    for _ in range(12):
        now = grow(now, spec=RETARGETING)
    right = pow_header(now, spec=RETARGETING)
    assert right.bits == 0x21009999, "120 % of 207fffff"
    for wrong in (RETARGETING.bits, right.bits + 1):
        with pytest.raises(validity.Invalid, match="wrong-bits"):
            validity.check_auxpow_range(
                msgspec.structs.replace(right, bits=wrong), now, RETARGETING
            )
