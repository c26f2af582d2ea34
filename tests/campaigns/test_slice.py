"""A slice of what the nightly regression runs: real lives under faults, from the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SEEDS = "0..6"
BUG = "sats-taken-for-gwei"


def alys(folder: Path, *words: str) -> Any:
    """What it prints as JSON; it must pass."""
    done = subprocess.run(
        [sys.executable, "-m", "alys", *words, "-o", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_few_lives_are_green_and_what_befell_them_bit(tmp_path: Path) -> None:
    found = alys(tmp_path, "sim", "--seeds", SEEDS, "--profile", "light", "--jobs", "2")
    figures = found["figures"]
    assert (found["verdict"], figures["passed"], figures["lost"]) == ("pass", 6, 0)
    assert len([kind for kind, bites in figures["faults"].items() if bites["bit"]]) >= 10
    assert found["never_looked"] == []
    assert len(found["never_reached"]) < len(figures["probes"]) * 2 / 3


def test_a_planted_bug_is_found(tmp_path: Path) -> None:
    (mutant,) = alys(tmp_path, "sim", "mutants", "--seeds", "0..5", "--only", BUG, "--no-shrink")[
        "mutants"
    ]
    assert mutant["found"]
    assert mutant["seeds"] < 5


def test_a_seed_leaves_one_trace_in_two_processes(tmp_path: Path) -> None:
    found = alys(tmp_path, "sim", "check-determinism", "--seeds", "0..2", "--profile", "light")
    assert (found["seeds"], found["distinct"], found["differences"]) == (2, 2, [])
