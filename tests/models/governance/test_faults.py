"""Faults count what they touch and are switched all or nothing."""

import pytest

from alys.base import faults as kinds
from alys.base.prng import SeededRandom
from alys.models.governance.faults import CALLS, FAULT_NAMES, STATUS_CODES, Faults, UnknownFault


def made() -> Faults:
    return Faults(lambda: 0.0, SeededRandom(1))


def test_a_fault_that_is_off_touches_nothing() -> None:
    faults = made()
    assert not any(faults.hits(name) for name in FAULT_NAMES)
    assert faults.touched == {}


def test_a_fault_counts_each_message_it_touched_and_keeps_the_count_when_switched_off() -> None:
    faults = made()
    faults.change({"refuse_signing": True})
    assert faults.hits("refuse_signing")
    assert faults.hits("refuse_signing")
    faults.change({"refuse_signing": False})
    assert not faults.hits("refuse_signing")
    assert faults.view()["touched"] == {"refuse_signing": 2}


def test_two_nodes_do_not_share_counts() -> None:
    first, second = made(), made()
    first.change({"unhealthy": True})
    assert first.hits("unhealthy")
    assert second.touched == {}


@pytest.mark.parametrize(
    "bad", [{"refuse_singing": True}, {"touched": True}, {"unhealthy": "yes"}], ids=str
)
def test_a_wrong_name_or_value_changes_nothing_and_the_error_lists_the_names(
    bad: dict[str, object],
) -> None:
    faults = made()
    with pytest.raises(UnknownFault, match="wrong_signature") as caught:
        faults.change({"refuse_signing": True, **bad})
    assert caught.value.name in bad
    assert faults.view() == made().view()


def test_every_switch_is_a_kind_of_the_common_vocabulary() -> None:
    faults = made()
    faults.change(dict.fromkeys(FAULT_NAMES, True))
    on = faults.misbehaviour.view()
    assert tuple(one.fault.kind for one in on) == FAULT_NAMES
    faults.change(dict.fromkeys(FAULT_NAMES, True))
    assert faults.misbehaviour.view() == on


def test_a_fault_with_a_limit_shows_as_a_switch_while_it_lasts() -> None:
    faults = made()
    faults.misbehaviour.add(kinds.RefuseSigning(times=1))
    assert faults.view()["refuse_signing"] is True
    assert faults.hits("refuse_signing")
    assert faults.view()["refuse_signing"] is False
    assert faults.touched == {"refuse_signing": 1}


def test_no_switch_of_another_name_can_be_asked_for() -> None:
    with pytest.raises(AttributeError):
        assert made().refuse_singing


def test_the_calls_and_codes_are_the_protocols() -> None:
    import grpc

    assert {"Stream", "Health", "GetCapabilities", "heartbeat", "signature_request"} <= CALLS
    assert {code.name for code in grpc.StatusCode} - {"OK"} == STATUS_CODES
