"""What a thorough run of everything does besides: commands of their own, whose verdicts are cases."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from alys.config.settings import Settings, TestEnvironment
from alys.report import record
from alys.report.record import CaseRecord, Outcome
from alys.runner import nightly
from alys.runner.nightly import Nightly, Slice

ROOT = Path(__file__).parents[2]
THOROUGH = Settings(test_environment=TestEnvironment(comprehensive=True))


def case(folder: Path, program: str, *words: str) -> CaseRecord:
    one = Slice(name="campaign", words=words or ("sim", "--seeds", "0..3"), figures=("figures",))
    made = Nightly({}, lambda: 0.0, (one,), (sys.executable, "-c", program))
    (run,) = made.cases()
    return run(folder)


def answering(told: dict[str, object], code: int = 0) -> str:
    text = msgspec.json.encode(told).decode()
    return f"import sys; print({text!r}); print('progress', file=sys.stderr); sys.exit({code})"


def test_only_a_thorough_run_of_everything_has_them() -> None:
    assert nightly.wanted("regression", None, THOROUGH)
    assert nightly.wanted("all", None, THOROUGH)
    assert not nightly.wanted("regression", None, Settings())
    assert not nightly.wanted("integration", None, THOROUGH)
    assert not nightly.wanted("regression", "bridge", THOROUGH)


def test_a_green_campaign_is_a_case_with_its_figures(tmp_path: Path) -> None:
    told: dict[str, object] = {
        "cause": "",
        "causes": [],
        "simulated_seconds": 95.5,
        "replay": "alys sim --seeds 0..3",
        "figures": {"seeds": 3, "samples": {"ledger": 10, "work": 5}},
    }
    found = case(tmp_path, answering(told))
    assert (found.name, found.outcome, found.exit_code) == ("campaign", Outcome.PASSED, 0)
    assert (found.samples, found.node_time_s, found.cause) == (15, 95.5, "")
    assert found.facts == {"replay": told["replay"], "figures": told["figures"]}
    assert (tmp_path / "simulation" / "campaign.log").read_text() == "progress\n"
    assert msgspec.json.decode((tmp_path / "simulation" / "campaign.json").read_bytes()) == told


def test_planted_bugs_count_as_samples(tmp_path: Path) -> None:
    told: dict[str, object] = {"cause": "", "mutants": [{"name": "a"}, {"name": "b"}]}
    assert case(tmp_path, answering(told), "sim", "mutants").samples == 2


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (1, Outcome.FAILED),
        (2, Outcome.ERROR),
        (3, Outcome.ERROR),
        (4, Outcome.INCONCLUSIVE),
        (130, Outcome.NOT_RUN),
    ],
)
def test_every_other_end_is_the_cases_own(code: int, outcome: Outcome, tmp_path: Path) -> None:
    told: dict[str, object] = {
        "cause": "seed 2: ledger/short: 3 sat are missing",
        "causes": ["one", "two"],
    }
    found = case(tmp_path, answering(told, code))
    assert (found.outcome, found.exit_code) == (outcome, code)
    assert (found.cause, found.detail) == (told["cause"], "one\ntwo")


@pytest.mark.parametrize("code", [0, 1, 3, 77])
def test_no_answer_is_the_wrong_environment_or_worse_never_a_pass(
    code: int, tmp_path: Path
) -> None:
    found = case(tmp_path, f"import sys; sys.exit({code})")
    assert found.outcome is not Outcome.PASSED
    assert found.cause == f"alys sim --seeds 0..3 ended with exit code {code} and no answer"
    assert found.exit_code == {1: 1}.get(code, 3)


def test_the_slices_are_commands_that_there_are(tmp_path: Path) -> None:
    """The words of each are understood, down to their last; what they run takes no time here."""
    for one in nightly.SLICES:
        words = [sys.executable, "-m", "alys", *one.words, "--no-such-flag"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert "unrecognized arguments: --no-such-flag" in done.stderr


INTERRUPTED = """
import pathlib, sys
from alys.runner.nightly import Nightly, Slice
child = "import os, time; print(os.getpid(), file=open('pid', 'w'), flush=True); time.sleep(99)"
one = Slice(name="campaign", words=(), figures=())
(run,) = Nightly({}, lambda: 0.0, (one,), (sys.executable, "-c", child)).cases()
run(pathlib.Path("."))
"""


def test_who_interrupts_it_leaves_no_process_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    process.wait(timeout=30)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_figures_of_a_case_can_be_reported(tmp_path: Path) -> None:
    found = case(tmp_path, answering({"figures": {"seeds": 3}}))
    assert record.plain(found.facts["figures"]) == {"seeds": 3}
