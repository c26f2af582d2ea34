"""From rounds to rows."""

import pytest

from benchmarks.goals import BY_NAME
from benchmarks.samples import Samples, row, short

PEERS = ["asyncio", "pykka"]


def rounds(*pairs: tuple[float, float], figure: str = "tell") -> Samples:
    samples = Samples()
    for ours, queue in pairs:
        samples.add({figure: ours}, queue)
    return samples


def test_the_ratio_is_the_median_of_ratios_and_not_the_ratio_of_medians() -> None:
    made = row(BY_NAME["tell"], rounds((8.0, 2.0), (3.0, 1.0), (20.0, 10.0)), PEERS)
    assert made.each_ratio == [4.0, 3.0, 2.0]
    assert made.ratio_to_queue == 3.0  # and not 8 / 2
    assert made.ours == 8.0
    assert made.rounds == 3
    assert made.met


def test_a_machine_that_halves_its_speed_in_a_round_changes_no_ratio() -> None:
    made = row(BY_NAME["ring"], rounds((13.0, 10.0), (6.5, 5.0), (13.0, 10.0), figure="ring"), [])
    assert made.each_ratio == [1.3, 1.3, 1.3]
    assert made.met


def test_a_latency_has_no_ratio() -> None:
    samples = Samples()
    samples.add({"ask_task_p50": 1.2, "ask_task_p99": 7.0}, 100.0)
    fast, slow = (row(BY_NAME[name], samples, []) for name in ("ask_task_p50", "ask_task_p99"))
    assert (fast.ratio_to_queue, fast.met) == (None, True)
    assert (slow.ratio_to_queue, slow.met) == (None, False)


def test_a_workload_that_failed_has_no_figure_even_if_it_had_some_good_rounds() -> None:
    samples = rounds((9.0, 1.0), (9.0, 1.0))
    samples.failure = "Broken: tell: 99 handled of 100 sent"
    made = row(BY_NAME["tell"], samples, [])
    assert (made.ours, made.ratio_to_queue, made.met, made.above_floor) == (
        None,
        None,
        False,
        False,
    )
    assert made.failure == samples.failure


def test_what_was_never_measured_is_not_met() -> None:
    made = row(BY_NAME["tell"], Samples(), [])
    assert not made.met
    assert made.failure == "not measured"


def test_a_peer_has_the_median_of_its_rounds_or_words_and_never_a_made_up_number() -> None:
    samples = rounds((6.0, 2.0))
    for value in (5.0, 1.0, 3.0):
        samples.add_peer("asyncio", {"tell": value})
    samples.add_peer("pykka", "not installed")
    made = row(BY_NAME["tell"], samples, [*PEERS, "nobody"])
    assert made.peers == {"asyncio": 3.0, "pykka": "not installed", "nobody": "not measured"}


def test_a_peer_that_fails_in_a_later_round_loses_its_number() -> None:
    samples = rounds((6.0, 2.0))
    samples.add_peer("pykka", {"tell": 5.0})
    samples.add_peer("pykka", "failed: its process ended")
    assert row(BY_NAME["tell"], samples, ["pykka"]).peers == {"pykka": "failed: its process ended"}


@pytest.mark.parametrize(("value", "kept"), [(1234567.89, 1234600.0), (0.0123456, 0.012346)])
def test_five_digits_are_kept(value: float, kept: float) -> None:
    assert short(value) == kept
