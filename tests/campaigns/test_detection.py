"""What counts as finding a planted bug, and what does not."""

from collections.abc import Callable

import pytest

from alys.campaigns import draw
from alys.campaigns.detection import Detection, Settings, as_table, detect
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.mutants import catalogue
from alys.mutants.mutant import Edit, Mutant
from tests.mutants import specimen

UNSHRUNK = Settings(shrink_runs=0)

BUG = Mutant(
    name="a-bug",
    story="A negative number is nothing.",
    source="none",
    area="runtime",
    oracles=("order", "ledger/"),
    edits=(
        Edit(
            target="tests.mutants.specimen:plain", old='return "negative"', new='return "nothing"'
        ),
    ),
)


def world(judge: Callable[[Plan, bool], str], *, comes: bool = True) -> Callable[[Plan], Outcome]:
    """Runs whose oracle is what ``judge`` says of a plan and of whether the bug is there; "" passes."""

    def run(plan: Plan) -> Outcome:
        there = specimen.plain(-1 if comes else 3) == "nothing"
        oracle = judge(plan, there)
        return Outcome(
            plan=plan, verdict="fail" if oracle else "pass", oracle=oracle, sentence="wrong"
        )

    return run


def test_it_is_found_on_the_first_seed_on_which_a_declared_oracle_fires() -> None:
    run = world(lambda plan, there: "ledger/lost" if there and plan.seed >= 2 else "")
    found = detect(BUG, range(5), UNSHRUNK, run)
    assert found.found
    assert (found.oracle, found.seed, found.seeds, found.ran) == ("ledger/lost", 2, 3, 3)
    assert found.others == {"passed": 2}


@pytest.mark.parametrize(
    ("oracle", "why"),
    [
        ("crash", "not declared: crash"),
        ("tree", "not declared: tree"),
        ("mailbox", "not declared: mailbox"),
    ],
)
def test_a_crash_or_an_oracle_that_was_not_declared_does_not_count(oracle: str, why: str) -> None:
    found = detect(BUG, range(3), UNSHRUNK, world(lambda plan, there: oracle if there else ""))
    assert not found.found
    assert found.others == {why: 3}


def test_a_seed_that_is_red_without_the_bug_does_not_count() -> None:
    found = detect(BUG, range(2), UNSHRUNK, world(lambda plan, there: "order"))
    assert not found.found
    assert found.others == {"red without it: order": 2}


def test_a_run_that_never_comes_to_the_changed_statement_does_not_count() -> None:
    run = world(lambda plan, there: "order", comes=False)
    found = detect(BUG, range(2), UNSHRUNK, run)
    assert not found.found
    assert (found.ran, found.others) == (0, {"never came to it": 2})


def test_the_failing_plan_is_made_small_while_the_same_oracle_fires() -> None:
    def needs_a_kill(plan: Plan, there: bool) -> str:
        return "order" if there and any(o.fault.kind == "kill" for o in plan.orders) else ""

    stormy = Settings(options=draw.Options(faults="storm"), shrink_runs=300)
    found = detect(BUG, [1], stormy, world(needs_a_kill))
    assert found.shrunk_faults == 1
    found = detect(BUG, [1], stormy, world(lambda plan, there: "order" if there else ""))
    assert found.shrunk_faults == 0


def test_people_are_told_in_a_line_each() -> None:
    found = Detection(
        name="a-bug", area="runtime", found=True, oracle="order", seeds=3, seed=2, shrunk_faults=1
    )
    lost = Detection(
        name="another", area="bridge", found=False, seeds=9, ran=4, others={"passed": 9}
    )
    first, second = as_table([found, lost])
    assert "found by order with seed 2 (3 run, 1 faults left)" in first
    assert "NOT found in 9 seeds, came to it 4 times; passed (9)" in second


@pytest.mark.parametrize("name", ["intensity-off-by-one"])
def test_a_bug_is_found_in_a_whole_run_of_a_federation(name: str) -> None:
    """Two runs of the real thing: some seconds."""
    found = detect(catalogue.named(name), [1], UNSHRUNK)
    assert found.found, found.others
    assert catalogue.named(name).expects(found.oracle)
