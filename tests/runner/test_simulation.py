"""What a campaign leaves: verdict, folder, and lines that repeat it."""

import json
from pathlib import Path

import msgspec
import pytest

from alys.base.errors import EnvironmentFailure
from alys.campaigns import campaign, kept, proving
from alys.campaigns.campaign import Campaign, Options
from alys.campaigns.detection import Detection
from alys.campaigns.determinism import Asked, Difference, Found
from alys.campaigns.hashes import Seen
from alys.campaigns.kept import Kept
from alys.config.settings import Settings
from alys.mutants import catalogue
from alys.report import record
from alys.runner import provenance, simulation
from alys.runner.simulation import Again
from tests.campaigns import lives


def conducted(*failing: int, after: int = 6, keep_going: bool = True) -> Campaign:
    options = Options(after=after, keep_going=keep_going)
    return campaign.conduct(options, lives.doors(lives.failing_at(*failing)))


def reported(found: Campaign, folder: Path, again: Again | None = None) -> record.RunRecord:
    run = simulation.run_record(found, again, folder, 0.0, Settings())
    simulation.write(found, again, run, Settings())
    return run


def repeated(found: Campaign) -> Again:
    assert found.first_failure is not None
    return Again(outcome=found.first_failure, records=["one", "two"])


def test_a_green_campaign_is_a_pass_with_its_figures(tmp_path: Path) -> None:
    folder = tmp_path / "sim"
    folder.mkdir()
    run = reported(conducted(), folder)
    assert (run.verdict, run.exit_code, run.cause) == ("pass", 0, "")
    assert (run.counts.passed, run.counts.samples) == (1, 660)
    assert run.replay == "alys sim --seeds 0..6 --keep-going"
    told = json.loads((folder / "campaign.json").read_text())
    assert (told["figures"]["seeds"], told["never_reached"]) == (6, ["two_heads"])
    assert (told["never_bit"], told["first_failure"]) == (["cut"], None)
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "report.json", "junit.xml", "replay.txt"} <= names
    assert not {"plan.json", "outcome.json", "events.jsonl"} & names
    assert (tmp_path / "latest").resolve() == folder


def test_a_failure_leaves_its_plan_its_outcome_and_its_records(tmp_path: Path) -> None:
    found = conducted(2, 4)
    run = reported(found, tmp_path, repeated(found))
    assert (run.verdict, run.exit_code, run.seed) == ("fail", 1, 2)
    assert run.cause == "seed 2: ledger/short: 3 sat are missing at height 12 (and 1 more)"
    assert run.replay == "alys replay 2"
    assert (tmp_path / "events.jsonl").read_text() == "one\ntwo\n"
    assert "3 sat are missing" in (tmp_path / "timeline.html").read_text()
    plan = kept.read(tmp_path)
    assert (plan.plan, plan.oracle) == (lives.plan_of(2), "ledger/short")
    assert plan.commit == provenance.versions("").commit
    told = json.loads((tmp_path / "campaign.json").read_text())
    assert told["first_failure"]["seed"] == 2
    assert [one["seed"] for one in told["failures"]] == [2, 4]
    junit = (tmp_path / "junit.xml").read_text()
    assert (junit.count("<failure"), junit.count("<testcase")) == (2, 3)


def test_a_failure_that_leaves_another_trace_when_it_is_repeated_says_so(tmp_path: Path) -> None:
    found = conducted(2)
    assert found.first_failure is not None
    other = msgspec.structs.replace(found.first_failure, trace_hash="ff")
    run = reported(found, tmp_path, Again(outcome=other, records=[]))
    assert run.causes[-1].startswith("seed 2: determinism: run once more it left another trace")


def test_a_lost_run_outweighs_a_failure_and_both_are_told(tmp_path: Path) -> None:
    lost = campaign.Lost(seed=5, sentence="its process was killed by SIGKILL")
    found = msgspec.structs.replace(conducted(2), lost=(lost,))
    run = reported(found, tmp_path)
    assert (run.verdict, run.exit_code) == ("environment", 3)
    assert run.cause == "seed 5: its process was killed by SIGKILL"
    assert (run.counts.failed, run.counts.error) == (1, 1)


def test_an_oracle_without_a_sample_makes_it_inconclusive(tmp_path: Path) -> None:
    found = conducted()
    figures = msgspec.structs.replace(found.figures, samples={"ledger": 5, "order": 0})
    run = reported(msgspec.structs.replace(found, figures=figures), tmp_path)
    assert (run.verdict, run.exit_code) == ("inconclusive", 4)
    assert run.cause == "oracles that never had anything to look at: order"
    assert run.counts.inconclusive == 1


def test_an_interrupted_campaign_tells_what_it_found(tmp_path: Path) -> None:
    found = msgspec.structs.replace(conducted(2), end="interrupted")
    run = reported(found, tmp_path)
    assert (run.verdict, run.exit_code) == ("interrupted", 130)
    assert (tmp_path / "plan.json").exists()


def test_the_words_end_with_the_verdict_and_name_the_line_that_repeats_the_failure(
    tmp_path: Path,
) -> None:
    found = conducted(2, 4)
    lines = simulation.told(found, reported(found, tmp_path, repeated(found)))
    assert lines[-5:-1] == [
        "cause:  seed 4: ledger/short: 3 sat are missing at height 12",
        "replay: alys replay 2",
        f"        or, however seeds are drawn: alys replay {tmp_path}",
        f"look:   {tmp_path}/timeline.html",
    ]
    assert lines[-1].startswith("FAIL  sim: 4 passed, 2 failed, 450 samples, ")
    assert lines[-1].endswith(f"report: {tmp_path}/report.html")


def test_of_very_many_causes_a_terminal_shows_the_first(tmp_path: Path) -> None:
    found = conducted(*range(9), after=9)
    lines = simulation.told(found, reported(found, tmp_path))
    shown = [line for line in lines if line.startswith("cause: ")]
    assert len(shown) == simulation.CAUSES_SHOWN
    assert "        4 more in the report" in lines


def test_a_line_that_repeats_says_what_is_not_the_default() -> None:
    options = Options(first=3, after=9, faults="disk", profile="light", seconds=90)
    assert simulation.repeat_line(options) == (
        "alys sim --seeds 3..9 --minutes 1.5 --faults disk --profile light"
    )
    assert simulation.replay_line(4, options) == "alys replay 4 --faults disk --profile light"
    assert simulation.repeat_line(Options(after=None, seconds=60)) == "alys sim --minutes 1"


def test_a_disk_that_refuses_is_the_wrong_environment(tmp_path: Path) -> None:
    run = simulation.run_record(conducted(), None, tmp_path / "gone", 0.0, Settings())
    with pytest.raises(EnvironmentFailure, match=r"cannot write .*gone"):
        simulation.write(conducted(), None, run, Settings())


FAILED = lives.failed(lives.plan_of(7))


def test_a_replay_says_same_or_another() -> None:
    before = kept.of(FAILED, "abc1", "lock1")
    same = simulation.replayed(before, FAILED)
    assert same.exit_code == 1
    assert ", the same as before" in same.text
    assert "cause:  ledger/short: 3 sat are missing at height 12, at 12.50 s" in same.text
    passing = lives.passed(lives.plan_of(7))
    assert simulation.replayed(before, passing).exit_code == 0
    changed = msgspec.structs.replace(passing, trace_hash="ff")
    other = simulation.replayed(before, changed)
    assert other.exit_code == 1
    assert f"another than before: {7:064x}" in other.text
    assert "determinism: one plan, two traces" in other.text
    assert simulation.replayed(before, changed, forced=True).exit_code == 0
    assert json.loads(other.json)["same"] is False


def test_a_replay_of_which_nothing_is_known_compares_nothing() -> None:
    judged = simulation.replayed(Kept(plan=FAILED.plan), FAILED)
    assert "before" not in judged.text
    assert json.loads(judged.json)["same"] is None


ASKED = Asked(first=0, after=9)


def test_two_traces_of_a_seed_are_a_failure_that_names_where_they_part() -> None:
    difference = Difference(seed=3, hashes=("aa", "bb"), sentence="record 2 is x in one")
    found = Found(seeds=9, distinct=9, differences=(difference,))
    judged = simulation.determinism(found, ASKED, 1.0, stopped=False)
    assert judged.exit_code == 1
    assert "seed 3 leaves two traces, aa and bb: record 2 is x in one" in judged.text
    assert "8 left one trace, 1 two" in judged.text


def test_seeds_that_decide_nothing_are_a_failure() -> None:
    judged = simulation.determinism(Found(seeds=9, distinct=1), ASKED, 1.0, stopped=False)
    assert (judged.exit_code, "seeds decide nothing" in judged.text) == (1, True)
    alone = simulation.determinism(Found(seeds=1, distinct=1), ASKED, 1.0, stopped=False)
    assert alone.exit_code == 0


def test_seeds_that_were_not_compared_are_no_pass() -> None:
    nothing = simulation.determinism(Found(), ASKED, 1.0, stopped=False)
    assert nothing.exit_code == 4
    lost = Found(seeds=8, distinct=8, lost=(Seen(seed=2, lost="it died"),))
    assert simulation.determinism(lost, ASKED, 1.0, stopped=False).exit_code == 3
    assert simulation.determinism(Found(seeds=2), ASKED, 1.0, stopped=True).exit_code == 130


TO_PROVE = proving.Asked(mutants=catalogue.MUTANTS[:2], after=50)
SEEN = Detection(
    name="one", area="chain", found=True, oracle="ledger/short", seeds=3, seed=2, ran=9
)
UNSEEN = Detection(name="two", area="chain", found=False, seeds=50, ran=0, others={"passed": 50})


def test_planted_bugs_that_are_all_found_are_a_pass() -> None:
    judged = simulation.proved(proving.Proof(detections=(SEEN, SEEN)), TO_PROVE, 9.0)
    assert judged.exit_code == 0
    assert judged.text.splitlines()[-1] == (
        "PASS  2 of 2 planted bugs found, 6 runs with a bug in them, 9.0 s"
    )
    told = json.loads(judged.json)
    assert (told["verdict"], told["cause"]) == ("pass", "")
    mutant = told["mutants"][0]
    assert {"name", "found", "oracle", "seeds", "shrunk_faults"} <= mutant.keys()


def test_a_planted_bug_that_nobody_finds_is_a_failure_with_its_name() -> None:
    judged = simulation.proved(proving.Proof(detections=(SEEN, UNSEEN)), TO_PROVE, 9.0)
    assert judged.exit_code == 1
    assert "cause:  not found in seeds 0..50: two" in judged.text
    assert "1 of 2 planted bugs found" in judged.text


def test_a_search_that_had_no_end_or_none_at_all_is_no_pass() -> None:
    lost = proving.Proof(detections=(UNSEEN,), lost={"two": "it died\nthere"})
    judged = simulation.proved(lost, TO_PROVE, 9.0)
    assert (judged.exit_code, json.loads(judged.json)["cause"]) == (3, "two: it died there")
    nothing = proving.Proof(detections=())
    assert simulation.proved(nothing, TO_PROVE, 9.0).exit_code == 4
    stopped = proving.Proof(detections=(UNSEEN,), stopped=True)
    assert simulation.proved(stopped, TO_PROVE, 9.0).exit_code == 130
