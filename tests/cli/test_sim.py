"""``alys sim``: what a user types and sees; the lives behind it take no time here."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alys.campaigns import life, proving
from alys.campaigns.detection import Detection
from alys.cli import front as cli
from alys.mutants import catalogue
from tests.campaigns import lives

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(life, "plan_of", lives.plan_of)
    monkeypatch.setattr(life, "run", lives.failing_at(17))
    monkeypatch.setattr(life, "traced", lambda plan: (lives.failing_at(17)(plan), ["one", "two"]))
    monkeypatch.setattr(life, "warm", lambda: None)
    monkeypatch.setattr(life, "PROBES", lives.PROBES)
    monkeypatch.setattr(life, "ORACLES", lives.ORACLES)


def told(capsys: Capture, *words: str) -> tuple[int, Any]:
    code = cli.main(["sim", *words, "-o", "json"], environment={})
    return code, json.loads(capsys.readouterr().out)


def test_a_green_campaign_says_what_it_saw_and_passes(capsys: Capture) -> None:
    assert cli.main(["sim", "--seeds", "0..10", "--jobs", "2"], environment={}) == 0
    shown = capsys.readouterr()
    assert shown.err == "alys: sim, seeds 0..10, faults all, profile mixed, 2 jobs\n"
    lines = shown.out.splitlines()
    assert lines[0].startswith("seeds       10 in ")
    assert re.fullmatch(
        r"PASS  sim: 10 passed, 1,100 samples, .* s for 1,000 simulated seconds; "
        r"report: results/\S+-sim-\w+/report\.html",
        lines[-1],
    )
    assert Path(lines[-1].rpartition("report: ")[2]).is_file()


def test_the_first_failure_ends_it_with_the_line_that_repeats_it(capsys: Capture) -> None:
    assert cli.main(["sim", "--profile", "light", "--jobs", "1"], environment={}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "cause:  seed 17: ledger/short: 3 sat are missing at height 12" in lines
    assert "replay: alys replay 17 --profile light" in lines
    assert Path("results/latest/events.jsonl").read_text() == "one\ntwo\n"


def test_a_failure_is_told_with_the_line_that_repeats_it_while_the_others_go_on(
    capsys: Capture,
) -> None:
    words = ["sim", "--seeds", "16..20", "--profile", "light", "--keep-going", "--jobs", "1"]
    assert cli.main(words, environment={}) == 1
    begun, failure = capsys.readouterr().err.splitlines()
    assert begun.startswith("alys: sim, seeds 16..20")
    assert failure == (
        "alys: seed 17: ledger/short: 3 sat are missing at height 12; alys replay 17 --profile light"
    )


def test_json_is_one_object_and_the_file_of_the_campaign(capsys: Capture) -> None:
    code, found = told(capsys, "--seeds", "10..30", "--keep-going", "--results-dir", "there")
    assert (code, found["verdict"], found["exit_code"]) == (1, "fail", 1)
    assert found["figures"]["seeds"] == 20
    assert found["first_failure"]["oracle"] == "ledger/short"
    assert json.loads((Path(found["results_dir"]) / "campaign.json").read_text()) == found
    assert Path(found["results_dir"]).parent == Path("there")


def test_without_seeds_minutes_decide_how_long(capsys: Capture) -> None:
    code, found = told(capsys, "--minutes", "0.001", "--keep-going")
    assert (code, found["ended"], found["seeds"]) == (0, "time", {"first": 0, "after": None})


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["mutnats"], "no action 'mutnats' of alys sim; did you mean 'mutants'?"),
        (["--seeds", "5..2"], "5 is not below 2; did you mean 2..5?"),
        (["--jobs", "0"], "--jobs '0' cannot stand; allowed: 1 to 256"),
        (["--jobs", "two"], "--jobs 'two' cannot stand"),
        (["--minutes", "0"], "--minutes '0' cannot stand"),
        (["--minutes", "nan"], "--minutes 'nan' cannot stand"),
        (["--minutes", "soon"], "--minutes 'soon' cannot stand"),
        (["--profile", "ligth"], "--profile 'ligth' cannot stand; did you mean 'light'?"),
        (["--faults", "al"], "--faults 'al' cannot stand; did you mean 'all'?"),
        (["--only", "x"], "--only is for alys sim mutants"),
        (["check-determinism", "--minutes", "1"], "--minutes is for alys sim without an action"),
        (["mutants", "--keep-going"], "--keep-going is for alys sim without an action"),
        (["-o", "xml"], "flag -o: "),
    ],
)
def test_what_is_typed_wrong_is_told_with_the_fix_and_runs_nothing(
    words: list[str], line: str, capsys: Capture
) -> None:
    assert cli.main(["sim", *words], environment={}) == 2
    shown = capsys.readouterr()
    assert line in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert not Path("results").exists()


def test_a_results_folder_that_cannot_be_made_is_told_before_anything_runs(
    capsys: Capture,
) -> None:
    Path("results").write_text("in the way")
    assert cli.main(["sim"], environment={}) == 3
    assert "cannot make the results folder" in capsys.readouterr().err


ENDLESS = """
import sys
from alys.campaigns import life
from tests.campaigns import lives
for name in ("plan_of",):
    setattr(life, name, getattr(lives, name))
life.run, life.traced = lives.failing_at(2), lambda plan: (lives.failing_at(2)(plan), [])
life.warm = lambda: None
life.PROBES, life.ORACLES = lives.PROBES, lives.ORACLES
from alys.cli import front
sys.exit(front.main(sys.argv[1:]))
"""


def test_ctrl_c_ends_it_with_what_was_found_and_no_process_left(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    words = ["sim", "--minutes", "5", "--keep-going", "--results-dir", str(tmp_path / "r")]
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, *words, "--jobs", "2", "-o", "json"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "sim, seeds 0.., for 5 min" in process.stderr.readline()
    while not (running := children(process.pid)):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it, to all
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    found = json.loads(out)
    assert (found["verdict"], found["ended"]) == ("interrupted", "interrupted")
    assert not any(Path(f"/proc/{pid}").exists() for pid in running)


def children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


LEAKY = "tests.campaigns.leaky"


def test_determinism_is_checked_in_two_processes(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alys.campaigns import determinism

    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(
        determinism.check,
        "__kwdefaults__",
        {**(determinism.check.__kwdefaults__ or {}), "program": LEAKY},
    )
    assert cli.main(["sim", "check-determinism", "--seeds", "0..3"], environment={}) == 0
    assert "PASS  3 seeds in two processes each: 3 left one trace" in capsys.readouterr().out
    code, found = told(capsys, "check-determinism", "--seeds", "2..5")
    assert (code, [one["seed"] for one in found["differences"]]) == (1, [3])
    assert "record 2 is two" in found["cause"]


def test_planted_bugs_are_looked_for_on_the_light_profile_unless_told(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[proving.Asked] = []

    def prove(wanted: proving.Asked, *_: object, **__: object) -> proving.Proof:
        asked.append(wanted)
        found = [
            Detection(name=one.name, area=one.area, found=True, seeds=1) for one in wanted.mutants
        ]
        return proving.Proof(detections=tuple(found))

    monkeypatch.setattr(proving, "prove", prove)
    code, found = told(capsys, "mutants", "--seeds", "5..20", "--jobs", "1")
    assert (code, len(found["mutants"])) == (0, len(catalogue.MUTANTS))
    assert (asked[0].first, asked[0].after, asked[0].profile) == (5, 20, "light")
    name = catalogue.MUTANTS[0].name
    told(capsys, "mutants", "--only", name, "--no-shrink", "--profile", "mixed")
    assert (asked[1].mutants, asked[1].shrink_runs) == (catalogue.MUTANTS[:1], 0)
    assert (asked[1].after, asked[1].profile) == (1_000, "mixed")
    assert cli.main(["sim", "mutants", "--only", name[:-1]], environment={}) == 2
    assert f"did you mean {name!r}?" in capsys.readouterr().err
    assert cli.main(["sim", "--no-shrink"], environment={}) == 2
    assert "--no-shrink is for alys sim mutants" in capsys.readouterr().err
