"""The vocabulary of faults reads what its kinds have, and refuses the rest by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from alys.base import faults
from alys.base.faults import KINDS, BadFault, plain, read


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"kind": "latncy"}, "no fault of kind 'latncy'; did you mean 'latency'"),
        ({"ms": 3}, "a fault without a kind"),
        ({"kind": 7}, "no fault of kind 7"),
        ([], "a fault is an object"),
        ("hang", "a fault is an object"),
        ({"kind": "reorg", "calls": []}, r"the fault reorg: .*`calls` \(fields: depth, empty\)"),
        ({"kind": "hang", "ms": 1}, "unknown field `ms`"),
        ({"kind": "latency"}, "ms or jitter_ms must be above 0"),
        ({"kind": "latency", "ms": -1}, ">= 0.0"),
        ({"kind": "latency", "ms": "500"}, "Expected `float`"),
        ({"kind": "error", "rate": 0}, "> 0.0 - at `\\$.rate`"),
        ({"kind": "error", "rate": 1.5}, "<= 1.0"),
        ({"kind": "hang", "times": 0}, ">= 1"),
        ({"kind": "hang", "times": 1.5}, "Expected `int"),
        ({"kind": "hang", "duration_s": 0}, "> 0.0"),
        ({"kind": "hang", "calls": "getblock"}, "Expected `array`"),
        ({"kind": "hang", "calls": ["get block"]}, r"at `\$.calls\[0\]`"),
        ({"kind": "drop", "after_bytes": -1}, ">= 0"),
        ({"kind": "malformed", "form": "rude"}, "form"),
        ({"kind": "clock_skew"}, "missing required field `seconds`"),
        ({"kind": "clock_skew", "seconds": 0}, "seconds must not be 0"),
        ({"kind": "clock_skew", "seconds": 9, "times": 1}, "unknown field `times`"),
        ({"kind": "reorg", "depth": 0}, ">= 1"),
        ({"kind": "unhealthy", "calls": ["Health"]}, "unknown field `calls`"),
    ],
)
def test_what_is_no_fault_is_refused_by_kind_and_field(value: object, reason: str) -> None:
    with pytest.raises(BadFault, match=reason):
        read(value)


LEAST: dict[str, dict[str, object]] = {"latency": {"ms": 5}, "clock_skew": {"seconds": -3}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_back_as_it_was_told(kind: str) -> None:
    least = LEAST.get(kind, {})
    fault = read({"kind": kind, **least})
    assert fault.kind == kind
    assert type(fault) is KINDS[kind]
    assert plain(fault) == {"kind": kind, **least}
    assert read(plain(fault)) == fault
    assert set(fault.services) <= set(faults.SERVICES)


def test_what_nobody_set_is_not_shown() -> None:
    fault = faults.Latency(calls=("eth_*",), ms=500, times=3)
    assert plain(fault) == {"kind": "latency", "calls": ("eth_*",), "ms": 500, "times": 3}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FIELDS = sorted({f.encode_name for kind in KINDS.values() for f in structs.fields(kind)})


@given(
    st.fixed_dictionaries(
        {"kind": st.sampled_from([*KINDS, "", "Latency"])},
        optional=dict.fromkeys(FIELDS, JSON),
    )
    | JSON
)
def test_whatever_comes_is_a_fault_or_is_refused(value: object) -> None:
    try:
        fault = read(value)
    except BadFault:
        return
    assert read(plain(fault)) == fault
