"""A campaign in words: what a terminal shows."""

import pytest

from alys.campaigns import campaign, tally, told
from alys.campaigns.campaign import Options, Progress
from tests.campaigns import lives


def now(seeds: int, wall_seconds: float) -> Progress:
    figures = tally.start()
    for seed in range(seeds):
        figures = tally.add(figures, lives.failing_at(3)(lives.plan_of(seed)))
    return Progress(figures=figures, running=2, wall_seconds=wall_seconds)


def test_progress_says_how_many_how_fast_and_how_long_still() -> None:
    said = told.progress(now(10, 5.0), Options(after=100))
    assert said == "10 of 100 seeds, 2.0/s, 1 failure, 950 s simulated in 5 s (190x), 45 s left"


def test_progress_of_a_campaign_without_end_says_what_is_left_of_its_time() -> None:
    said = told.progress(now(2, 20.0), Options(after=None, seconds=60.0))
    assert said == "2 seeds, 0.1/s, 0 failures, 200 s simulated in 20 s (10x), 40 s left"


@pytest.mark.parametrize("wall", [0.0, 1.0])
def test_progress_before_anything_ended_is_a_line_too(wall: float) -> None:
    assert told.progress(now(0, wall), Options()).startswith("0 of 1,000 seeds, 0.0/s")


def test_the_first_line_says_what_is_about_to_be_run() -> None:
    options = Options(first=5, after=None, seconds=600, jobs=2)
    assert told.begun(options) == (
        "alys: sim, seeds 5.., for 10 min, faults all, profile mixed, 2 jobs"
    )


def test_the_summary_names_what_never_happened() -> None:
    found = campaign.conduct(Options(after=6), lives.doors())
    lines = told.summary(found)
    assert "faults      kill 3 of 6" in lines
    assert "never bit   cut" in lines
    assert any(line.startswith("not drawn   latency, error,") for line in lines)
    assert "reached     reorg_after_mint 1" in lines
    assert "not reached two_heads" in lines
    assert "looked at   ledger 60, order 600" in lines
    assert not any("so many seeds" in line for line in lines)


def test_a_thousand_seeds_that_miss_a_rare_state_say_that_they_should_not() -> None:
    figures = tally.start(lives.PROBES)
    for seed in range(campaign.PROBES_EXPECTED_FROM):
        figures = tally.add(figures, lives.passed(lives.plan_of(seed)))
    found = campaign.Campaign(
        options=Options(), end="complete", figures=figures, failures=(), lost=(), wall_seconds=9.0
    )
    assert any("so many seeds should have come to each" in line for line in told.summary(found))


def test_no_line_is_much_wider_than_a_terminal() -> None:
    found = campaign.conduct(Options(after=2), lives.doors())
    assert max(map(len, told.summary(found))) <= 130


def test_an_oracle_of_many_parts_is_one_figure_and_its_blind_parts_are_named() -> None:
    samples = {"storm/lanes": 2, "storm/aside": 3, "storm/senders": 0, "ledger": 4}
    found = campaign.Campaign(
        options=Options(),
        end="complete",
        figures=tally.Figures(seeds=1, samples=samples),
        failures=(),
        lost=(),
        wall_seconds=1.0,
    )
    assert told.summary(found)[-1] == "looked at   storm 5, ledger 4, storm/senders never"
