"""The package as a program."""

import subprocess
import sys
from pathlib import Path

import alys


def test_python_dash_m_is_the_command() -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "alys", "version"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"alys {alys.__version__}\n"
