"""The quick profile on real sockets, in processes of their own: how many samples there are and that they add up, never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RATE, SECONDS = 200, 8


@pytest.mark.slow
def test_the_quick_profile_measures_all_that_it_planned(tmp_path: Path) -> None:
    """Whether this machine meets the thresholds is not asked: it may be busy."""
    told = {"PERFORMANCE_TEST_DURATION": "10", "TARGET_MESSAGE_RATE": str(RATE)}
    done = subprocess.run(
        [sys.executable, "-m", "alys", "test", "performance", "-o", "json",
         "--seed", "7", "--results-dir", str(tmp_path)],
        env={**os.environ, **told, "PYTHONPATH": str(ROOT / "src")},  # noqa: TID251 - for a child
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    run = json.loads(done.stdout)
    assert done.returncode in (0, 5), done.stderr
    (case,) = run["cases"]
    facts = case["facts"]
    figures, process = facts["figures"], facts["process"]
    assert facts["load"] == {"rate_per_s": RATE, "warmup_s": 1, "measured_s": SECONDS}
    assert figures["wanted"] == figures["offered"] == figures["answered"] == RATE * SECONDS
    assert (figures["lost"], figures["refused"]) == (0, 0)
    assert 0 < figures["rate_per_s"] <= RATE
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert process["samples"] > SECONDS  # more than one look a second
    assert process["resident_max_mb"] > 10
    assert process["cpu_percent"] > 0
    assert facts["beside_the_load"]["blocks"] > 0
    assert facts["beside_the_load"]["deposits"] > 0
    assert facts["ledger"]["samples"]["mints"] == facts["beside_the_load"]["deposits"]
    assert case["samples"] > RATE * SECONDS
    missed = [row for row in facts["thresholds"] if not row["met"]]
    assert (run["exit_code"] == 5) == bool(missed)
    for row in facts["thresholds"]:
        within = row["measured"] >= row["limit"]
        if row["bound"] == "at most":
            within = row["measured"] <= row["limit"]
        assert row["met"] == within
