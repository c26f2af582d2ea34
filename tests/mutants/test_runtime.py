"""A runtime with one promise broken turns the checks red that stand for it; unbroken they are green."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120  # of wall time: in virtual time a mutant that hangs is found at once


def run(name: str, checks: tuple[str, ...]) -> tuple[int, list[str], str]:
    """Exit code, names of the tests that failed, and all that was said."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests" / "mutants" / "runner.py"),
            name,
            "tests/actors/conformance",
            "-q",
            "-x",  # one red test is enough; some of the others would run on for long
            "-k",
            f"({' or '.join(checks)}) and not loop",  # on a loop a lost wake-up is a long wait
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    failed = re.findall(r"^FAILED \S+::(\w+)", done.stdout, re.MULTILINE)
    return done.returncode, failed, done.stdout + done.stderr


def test_69_planted_bugs_the_runtime_as_it_is_passes_the_checks_that_mutants_are_caught_by() -> (
    None
):
    checks = tuple(sorted({check for mutant in MUTANTS for check in mutant.caught_by}))
    code, failed, said = run("none", checks)
    assert (code, failed) == (0, []), said


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_69_planted_bugs_each_is_caught_by_every_check_that_is_named_for_it(
    mutant: Mutant,
) -> None:
    for check in mutant.caught_by:
        code, failed, said = run(mutant.name, (check,))
        assert code == 1, said
        assert any(name.startswith(check) for name in failed), f"{check} did not notice\n{said}"


def test_there_are_ten_mutants_each_with_a_promise_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len({m.promise for m in MUTANTS}) >= 10
