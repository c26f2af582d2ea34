"""A browser shows the report of a real run: everything that matters is visible, on a desk and on a telephone."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# Beside the report, in frames as wide as a desk and a telephone; says as JSON what a reader sees there.
LOOK = """<!DOCTYPE html><title>look</title>
<iframe src="report.html" style="width:1280px;height:900px"></iframe>
<iframe src="report.html" style="width:360px;height:700px"></iframe>
<pre id="seen"></pre>
<script>
onload = () => {
  const pages = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement;
    return {
      text: page.body.innerText,
      spill: root.scrollWidth - root.clientWidth,
      fetched: [...frame.contentWindow.performance.getEntriesByType("resource").map(one => one.name),
        ...[...page.querySelectorAll("[src], link[href]")].map(one => one.outerHTML)],
      mark: frame.contentWindow.getComputedStyle(page.querySelector("h1 .badge")).color,
    };
  });
  document.getElementById("seen").textContent = JSON.stringify(pages);
};
</script>
"""

SCENARIO = """
async def test_three_is_three(world):
    world.check(three == 3, "three is three", three=three)
"""


def report_of(folder: Path, three: int, code: int) -> Mapping[str, Any]:
    """Runs one scenario in the simulated world; returns report.json."""
    scenario = folder / "three_scenario.py"
    scenario.write_text(f"three = {three}\n{SCENARIO}", encoding="utf-8")
    command = [sys.executable, "-m", "alys", "test", str(scenario), "--world", "sim"]
    command += ["--seed", "7", "--results-dir", str(folder / "results"), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def look(results: Path, profile: Path) -> Any:
    """What chromium shows of report.html, per width."""
    assert CHROMIUM is not None
    page = results / "look.html"
    page.write_text(LOOK, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    seen = re.search(r'<pre id="seen">(.+?)</pre>', done.stdout, re.DOTALL)
    assert seen is not None, done.stderr[-2000:]
    return json.loads(unescape(seen[1]))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(
    ("three", "code", "verdict", "mark"),
    [(3, 0, "PASS", "green"), (4, 1, "FAIL", "red")],
    ids=["green", "red"],
)
def test_a_browser_shows_verdict_cause_and_replay_without_fetching_or_spilling(
    tmp_path: Path, three: int, code: int, verdict: str, mark: str
) -> None:
    told = report_of(tmp_path, three, code)
    for page in look(Path(told["results_dir"]), tmp_path / "profile"):
        for words in (verdict, "three_is_three", told["replay"], told["trace_hash"]):
            assert words in page["text"]
        assert told["cause"] in page["text"]
        assert ("three is three" in page["text"]) is (three != 3), "only a failure says what failed"
        assert page["fetched"] == [], "the page needs nothing besides itself"
        assert page["spill"] == 0, "nothing hangs over the right edge"
        assert hue(page["mark"]) == mark


def hue(colour: str) -> str:
    """Red or green, whichever is more in a CSS colour ``rgb(r, g, b)``."""
    red, green, _ = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return "red" if red > green else "green"
