"""The types of the API refuse misuse: the lines of ``misuse.py`` are wrong, each in the way that it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MISUSE = ROOT / "tests" / "actors" / "misuse.py"
IGNORE = re.compile(r"# type: ignore\[([a-z-]+)\]")


@pytest.mark.slow
def test_mypy_refuses_every_wrong_line_for_the_reason_given_and_no_other_line(
    tmp_path: Path,
) -> None:
    text = MISUSE.read_text(encoding="utf-8")
    wanted = {
        (number, code.group(1))
        for number, line in enumerate(text.splitlines(), 1)
        if (code := IGNORE.search(line))
    }
    assert len(wanted) > 10
    bare = tmp_path / "misuse.py"
    bare.write_text(IGNORE.sub("#", text), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            str(ROOT / "pyproject.toml"),
            "--no-error-summary",
            "--hide-error-context",
            "--cache-dir",
            str(tmp_path / "cache"),
            str(bare),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {
        (int(match.group(1)), match.group(2))
        for line in done.stdout.splitlines()
        if (match := re.match(r".*misuse\.py:(\d+): error: .*\[([a-z-]+)\]$", line))
    }
    assert found == wanted, done.stdout + done.stderr
