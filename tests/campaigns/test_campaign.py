"""Many seeds: none lost, in their order, and what they leave unseen is said."""

import itertools
import os
import signal

import msgspec
import pytest

from alys.base import errors
from alys.base.errors import ExitCode
from alys.campaigns import campaign
from alys.campaigns.campaign import Campaign, Options, Progress
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from tests.campaigns import lives


def conduct(options: Options, **given: object) -> Campaign:
    return campaign.conduct(options, lives.doors(**given))  # type: ignore[arg-type]  # made by keyword


def figures_of(found: Campaign) -> object:
    return (found.end, found.figures, found.failures, found.lost)


def test_a_campaign_runs_every_seed_once_and_adds_up_what_they_saw() -> None:
    found = conduct(Options(after=20, jobs=2))
    figures = found.figures
    assert (found.end, figures.seeds, figures.passed) == ("complete", 20, 20)
    assert (figures.steps, figures.simulated_seconds) == (20_000, 2_000.0)
    assert figures.samples == {"ledger": 200, "order": 2_000}
    assert campaign.causes(found) == []


def test_of_a_mixed_campaign_every_tenth_seed_is_the_whole_thing() -> None:
    figures = conduct(Options(after=20)).figures
    assert figures.profiles == {"light": 18, "full": 2}
    assert conduct(Options(after=20, profile="full")).figures.profiles == {"full": 20}


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_first_failure_ends_it_and_is_the_one_of_the_lowest_seed(jobs: int) -> None:
    """However many work at a time: seed 11 takes much longer than 12, and both fail."""

    def run(plan: Plan) -> Outcome:
        rounds = 300_000 if plan.seed == 11 else 1
        assert sum(range(rounds)) >= 0
        return lives.failing_at(11, 12, 13)(plan)

    found = conduct(Options(after=500, jobs=jobs), run=run)
    assert found.end == "failure"
    assert found.first_failure is not None
    assert found.first_failure.plan.seed == 11
    assert (found.figures.seeds, found.figures.passed, found.figures.failed) == (12, 11, 1)


@pytest.mark.parametrize("jobs", [2, 5])
def test_what_is_said_does_not_depend_on_how_many_work(jobs: int) -> None:
    run = lives.failing_at(3, 17)
    alone = conduct(Options(after=30, jobs=1, keep_going=True), run=run)
    together = conduct(Options(after=30, jobs=jobs, keep_going=True), run=run)
    assert figures_of(alone) == figures_of(together)
    assert [one.plan.seed for one in alone.failures] == [3, 17]


def test_a_failure_is_told_with_its_seed_and_its_oracle_in_one_line() -> None:
    found = conduct(Options(after=5), run=lives.failing_at(2))
    told = (ExitCode.FAIL, "seed 2: ledger/short: 3 sat are missing at height 12")
    assert campaign.causes(found) == [told]


def test_a_run_whose_process_dies_is_told_and_the_others_go_on() -> None:
    def run(plan: Plan) -> Outcome:
        if plan.seed == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return lives.passed(plan)

    found = conduct(Options(after=6, jobs=2), run=run)
    assert (found.end, found.figures.seeds, found.figures.lost) == ("complete", 5, 1)
    told = (ExitCode.ENVIRONMENT, "seed 3: its process was killed by SIGKILL")
    assert campaign.causes(found) == [told]


def test_a_run_without_an_end_is_told() -> None:
    def run(plan: Plan) -> Outcome:
        while plan.seed == 1:
            pass
        return lives.passed(plan)

    found = conduct(Options(after=3, run_seconds_max=0.3), run=run)
    assert [one.seed for one in found.lost] == [1]
    ((code, cause),) = campaign.causes(found)
    assert code is ExitCode.ENVIRONMENT
    assert cause.startswith("seed 1: no end within 0.3 s of wall time")


def test_a_machine_on_which_nothing_runs_ends_it() -> None:
    def run(_: Plan) -> Outcome:
        os._exit(9)

    found = conduct(Options(after=1_000, jobs=2), run=run)
    assert (found.end, len(found.lost), found.figures.seeds) == ("lost", campaign.LOST_MAX, 0)
    codes = {code for code, _ in campaign.causes(found)}
    assert codes == {ExitCode.ENVIRONMENT, ExitCode.INCONCLUSIVE}


def test_no_run_begins_when_the_time_is_over() -> None:
    hours = itertools.count()
    found = conduct(Options(after=None, seconds=40.0), clock=lambda: float(next(hours)))
    assert found.end == "time"
    assert 0 < found.figures.seeds < 40


def test_at_least_one_seed_is_run_however_short_the_time() -> None:
    hours = itertools.count(step=100)
    found = conduct(Options(seconds=1.0), clock=lambda: float(next(hours)))
    assert (found.end, found.figures.seeds) == ("time", 1)


def test_who_ends_it_early_gets_what_was_found() -> None:
    seen: list[Progress] = []

    found = conduct(
        Options(after=None, jobs=2, keep_going=True),
        run=lives.failing_at(2),
        progress=seen.append,
        stopped=lambda: bool(seen) and seen[-1].figures.seeds >= 5,
    )
    assert found.end == "interrupted"
    assert found.figures.seeds >= 5
    assert [one.plan.seed for one in found.failures] == [2]
    assert [code for code, _ in campaign.causes(found)] == [ExitCode.INTERRUPTED, ExitCode.FAIL]


def test_an_oracle_that_never_looked_makes_it_inconclusive() -> None:
    def run(plan: Plan) -> Outcome:
        return msgspec.structs.replace(lives.passed(plan), samples={"ledger": 10})

    found = conduct(Options(after=5), run=run)
    told = (ExitCode.INCONCLUSIVE, "oracles that never had anything to look at: order")
    assert campaign.causes(found) == [told]


def test_a_run_that_proved_nothing_makes_it_inconclusive() -> None:
    def run(plan: Plan) -> Outcome:
        return msgspec.structs.replace(
            lives.passed(plan), verdict="inconclusive", sentence="no sample of: order"
        )

    found = conduct(Options(after=1), run=run)
    told = (ExitCode.INCONCLUSIVE, "seed 0: inconclusive: no sample of: order")
    assert campaign.causes(found) == [told]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("0..1000", (0, 1000)), ("7", (7, 8)), ("5..6", (5, 6)), ("017..20", (17, 20))],
)
def test_seeds_are_a_range_or_one(typed: str, meant: tuple[int, int]) -> None:
    assert campaign.seeds(typed) == meant


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("5..2", r"--seeds '5..2' has no seed in it: 5 is not below 2; did you mean 2..5\?"),
        ("5..5", r"the last number is not meant; did you mean 5..6\?"),
        ("x", "allowed: A..B"),
        ("", "allowed: A..B"),
        ("..5", "allowed: A..B"),
        ("5..", "allowed: A..B"),
        ("-1..5", "allowed: A..B"),
        ("1..2..3", "allowed: A..B"),
        (f"0..{2**64}", "out of range"),
    ],
)
def test_seeds_that_are_none_are_refused_with_the_fix(typed: str, told: str) -> None:
    with pytest.raises(errors.UsageError, match=told):
        campaign.seeds(typed)
