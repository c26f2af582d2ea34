"""Every workload does its work, in small: no time is looked at. The checks beside the stop-watch can fail."""

import asyncio

import pytest

from benchmarks import throughput
from benchmarks.catalogue import WORKLOADS, Workload
from benchmarks.runtime import Broken, expect
from benchmarks.throughput import BOUND, Peaks, check_bound

SMALL = 2_000  # more than the bound of the fan-in, so that somebody has to wait there


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_workload_gives_every_figure_it_names(workload: Workload) -> None:
    values = asyncio.run(workload.run(SMALL))
    assert sorted(values) == sorted(workload.figures)


@pytest.mark.parametrize(
    "workload", [one for one in WORKLOADS if one.check], ids=lambda workload: workload.name
)
def test_a_checked_pass_says_what_it_saw(workload: Workload) -> None:
    assert workload.check is not None
    assert "checked in a pass of its own" in asyncio.run(workload.check(4 * SMALL))


def test_a_mailbox_above_its_bound_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "mailbox_length", lambda _: BOUND + 1)
    with pytest.raises(Broken, match=f"held {BOUND + 1} messages"):
        asyncio.run(check_bound(4 * SMALL))


def test_a_fan_in_in_which_nobody_has_to_wait_proves_nothing() -> None:
    with pytest.raises(Broken, match="nobody had to wait"):
        asyncio.run(check_bound(BOUND // 4))


def test_messages_taken_out_in_advance_count_as_waiting() -> None:
    peaks = Peaks()
    peaks.entered = 1_500  # a mailbox that hands them all over at once and calls itself empty
    peaks.look(0)
    assert (peaks.longest, peaks.outstanding) == (0, 1_499)


def test_a_lost_message_is_broken() -> None:
    expect("tell", 5, 5)
    with pytest.raises(Broken, match="tell: 4 handled of 5 sent"):
        expect("tell", 4, 5)
