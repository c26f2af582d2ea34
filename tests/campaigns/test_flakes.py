"""The verdict on a red scenario, from what its replays did."""

from collections.abc import Sequence

import pytest

from alys.campaigns import flakes
from alys.report.record import Outcome, Replay
from tests.report import records


def replays(
    world: str, results: Sequence[str], seeds: Sequence[int] = (7, 7, 8, 9, 10)
) -> list[Replay]:
    """Twice on seed 7 and once on three others, unless told: R is red, G green, n neither."""
    words = {"R": "red", "G": "green", "n": "none"}
    return [
        Replay(world=world, seed=seed, result=words[result], trace_hash="aa")  # type: ignore[arg-type]  # short words
        for seed, result in zip(seeds, results, strict=True)
    ]


@pytest.mark.parametrize(
    ("results", "kind", "said"),
    [
        ("RRRRR", "deterministic", "on 3 of 3 new seeds (8, 9, 10): the seed does not matter"),
        ("RRRGR", "schedule-dependent", "on 2 of 3 new seeds (8, 10): the seed decides"),
        ("RRGGG", "schedule-dependent", "on 0 of 3 new seeds: the seed decides"),
        ("RGRRR", "environmental", "its own seed repeats it in 1 of 2 replays"),
        ("GGGGG", "environmental", "its own seed repeats it in 0 of 2 replays"),
        ("RnRRR", "environmental", "in 1 of 2 replays"),
    ],
)
def test_in_simulation(results: str, kind: str, said: str) -> None:
    flake = flakes.judge("sim", 7, "aa", replays("sim", results))
    assert flake.kind == kind
    assert said in flake.sentence
    assert len(flake.replays) == 5


def test_one_green_seed_of_many_does_not_make_it_a_matter_of_seeds() -> None:
    many = replays("sim", "RR" + "R" * 19 + "G", (7, 7, *range(8, 28)))
    assert flakes.judge("sim", 7, "aa", many).kind == "deterministic"


def test_red_by_another_course_of_events_is_not_the_seeds_doing() -> None:
    flake = flakes.judge("sim", 7, "bb", replays("sim", "RRRRR"))
    assert flake.kind == "environmental"
    assert "another course of events" in flake.sentence


def test_where_traces_are_never_alike_they_are_not_compared() -> None:
    assert flakes.judge("local", 7, "", replays("local", "RRRRR")).kind == "deterministic"


@pytest.mark.parametrize(
    ("local", "sim", "kind", "said"),
    [
        ("GRGGG", "GRGG", "schedule-dependent", "in simulation red on 1 of 4 seeds (8): --world sim --seed 8 repeats it"),
        ("GRGGG", "RRRR", "deterministic", "in simulation red on 4 of 4 seeds"),
        ("GRGGG", "GGGG", "environmental", "in simulation never red (4 seeds): look at what only this world has"),
        ("RRRRR", "GGGG", "deterministic", "in simulation never red"),
        ("GRGGG", "nnnn", "environmental", "something outside the seed decides"),
    ],
)  # fmt: skip
def test_in_the_local_world_simulation_has_a_word(
    local: str, sim: str, kind: str, said: str
) -> None:
    seen = [*replays("local", local), *replays("sim", sim, (7, 8, 9, 10))]
    flake = flakes.judge("local", 7, "", seen)
    assert flake.kind == kind
    assert said in flake.sentence


@pytest.mark.parametrize("outcome", Outcome)
def test_a_replay_is_red_green_or_says_nothing(outcome: Outcome) -> None:
    made = flakes.replay(records.case(outcome=outcome), "sim", 8, "aa")
    expected = {Outcome.FAILED: "red", Outcome.THRESHOLD: "red", Outcome.PASSED: "green"}
    assert made.result == expected.get(outcome, "none")
    assert (made.world, made.seed, made.trace_hash) == ("sim", 8, "aa")
