"""All planted bugs are looked for side by side, and what came of it is told to people, programs and the shell."""

import json
import time

import pytest

from alys.base.errors import ExitCode, UsageError
from alys.campaigns import proving
from alys.campaigns.detection import Detection
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.campaigns.proving import Asked, Proof
from alys.mutants import catalogue
from alys.mutants.mutant import Edit, Mutant
from tests.mutants import specimen


def mutant(name: str, word: str) -> Mutant:
    return Mutant(
        name=name,
        story="A word is another.",
        source="none",
        area="runtime",
        oracles=("order",),
        edits=(
            Edit(
                target="tests.mutants.specimen:plain",
                old='return "negative"',
                new=f'return "{word}"',
            ),
        ),
    )


def run(plan: Plan) -> Outcome:
    """A world in which one wrong word is noticed, another is not, and a third is the end of the process."""
    word = specimen.plain(-1)
    if word == "end":
        raise SystemExit(3)
    oracle = "order" if word == "wrong" else ""
    return Outcome(plan=plan, verdict="fail" if oracle else "pass", oracle=oracle)


def prove(*mutants: Mutant) -> Proof:
    return proving.prove(Asked(mutants=mutants, after=2, jobs=2), time.monotonic, run=run)  # noqa: TID251 - the stop-watch of a real proof


def test_each_is_looked_for_and_all_found_is_a_pass() -> None:
    proof = prove(mutant("first", "wrong"), mutant("second", "wrong"))
    assert [(one.name, one.found) for one in proof.detections] == [
        ("first", True),
        ("second", True),
    ]
    assert proof.exit_code == ExitCode.PASS
    assert specimen.plain(-1) == "negative", "it was planted elsewhere"


def test_one_that_nobody_notices_is_a_failure_and_one_without_an_answer_is_named() -> None:
    proof = prove(mutant("first", "wrong"), mutant("second", "other"), mutant("third", "end"))
    assert [one.found for one in proof.detections] == [True, False]
    assert list(proof.lost) == ["third"]
    assert proof.exit_code == ExitCode.FAIL
    assert prove(mutant("third", "end")).exit_code == ExitCode.ENVIRONMENT
    text = proving.as_text(proof)
    assert text.splitlines()[-1] == "1 of 3 planted bugs found"
    assert "NOT found in 2 seeds" in text
    assert "no answer: its process ended with exit code" in text


def test_a_program_is_told_name_found_oracle_seeds_and_faults() -> None:
    one = Detection(
        name="a-bug", area="runtime", found=True, oracle="order", seeds=3, seed=2, shrunk_faults=1
    )
    (told,) = json.loads(proving.as_json(Proof(detections=(one,))))["mutants"]
    wanted = ("name", "found", "oracle", "seeds", "shrunk_faults")
    assert [told[field] for field in wanted] == ["a-bug", True, "order", 3, 1]


def test_whoever_is_stopped_says_what_is_known() -> None:
    asked = Asked(mutants=(mutant("first", "wrong"),))
    proof = proving.prove(asked, lambda: 0.0, stopped=lambda: True, run=run)
    assert proof.detections == ()
    assert proof.exit_code == ExitCode.INTERRUPTED


def test_one_is_chosen_by_its_name_and_a_typing_error_is_answered_with_the_nearest() -> None:
    assert proving.named(catalogue.MUTANTS, None) == catalogue.MUTANTS
    (one,) = proving.named(catalogue.MUTANTS, "intensity-off-by-one")
    assert one.name == "intensity-off-by-one"
    with pytest.raises(UsageError, match="did you mean 'intensity-off-by-one'"):
        proving.named(catalogue.MUTANTS, "intensity-of-by-one")
