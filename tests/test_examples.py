"""The examples run as they are, as their first lines say."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front
from alys.mutants import catalogue, patching

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str) -> str:
    """What it prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pool_runs_on_asyncio_answers_crashes_and_goes_on() -> None:
    told = run("examples/actors/pool.py").splitlines()
    assert told[:2] == ["1: 1", "2: 2"]
    assert "worker0 failed on Parse: ValueError" in told[2]
    assert told[3] == "4: 4"
    assert "/alys/pool/workers/worker0 is running, restarts: 1" in told
    assert told[-1] == "shutdown"


def test_the_tests_of_the_pool_pass_in_ten_orders_of_events() -> None:
    words = ["-m", "pytest", "-q", "-p", "alys.runner.actor_kit", "examples/actors"]
    told = run(*words, "--actor-orders=10")
    assert "50 passed" in told
    assert "5 passed" in run(*words)


def test_the_pool_imports_nothing_but_the_runtime() -> None:
    source = (ROOT / "examples" / "actors" / "pool.py").read_text(encoding="utf-8")
    rooms = set(re.findall(r"^from alys\.(\w+)", source, re.MULTILINE))
    assert rooms == {"actors", "base"}


FOUND = ROOT / "examples" / "found" / "head_went_back.py"


def kept(results: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `alys test` says of the scenario that keeps what a campaign found."""
    front.main(["test", str(FOUND), "--world", "sim", "-o", "json", "--results-dir", str(results)])
    return json.loads(capsys.readouterr().out)


def test_what_a_campaign_found_is_found_again_by_the_scenario_that_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the bug planted that it was found with, it fails for the same reason; without, it passes, and each fault bites."""
    with patching.planted(catalogue.named("begun-anew-on-start")) as bug:
        (case,) = kept(tmp_path, capsys)["cases"]
    assert bug.ran
    assert (case["outcome"], case["facts"]["oracle"]) == ("failed", "agreement/head_went_back")
    told = kept(tmp_path, capsys)
    assert (told["exit_code"], told["verdict"]) == (0, "pass"), told["cause"]
    assert set(told["cases"][0]["facts"]["bitten"]) == {"12"}
