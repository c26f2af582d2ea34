"""The examples run as they are, as their first lines say."""

import re
import subprocess
import sys
from pathlib import Path

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
