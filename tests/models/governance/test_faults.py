"""Faults count what they touch and are switched all or nothing."""

import pytest

from alys.models.governance.faults import FAULT_NAMES, Faults, UnknownFault


def test_a_fault_that_is_off_touches_nothing() -> None:
    faults = Faults()
    assert not any(faults.hits(name) for name in FAULT_NAMES)
    assert faults.touched == {}


def test_a_fault_counts_each_message_it_touched_and_keeps_the_count_when_switched_off() -> None:
    faults = Faults()
    faults.change({"refuse_signing": True})
    assert faults.hits("refuse_signing")
    assert faults.hits("refuse_signing")
    faults.change({"refuse_signing": False})
    assert not faults.hits("refuse_signing")
    assert faults.view()["touched"] == {"refuse_signing": 2}


def test_two_nodes_do_not_share_counts() -> None:
    first, second = Faults(unhealthy=True), Faults()
    first.hits("unhealthy")
    assert second.touched == {}


@pytest.mark.parametrize(
    "bad", [{"refuse_singing": True}, {"touched": True}, {"unhealthy": "yes"}], ids=str
)
def test_a_wrong_name_or_value_changes_nothing_and_the_error_lists_the_names(
    bad: dict[str, object],
) -> None:
    faults = Faults()
    with pytest.raises(UnknownFault, match="wrong_signature") as caught:
        faults.change({"refuse_signing": True, **bad})
    assert caught.value.name in bad
    assert faults == Faults()
