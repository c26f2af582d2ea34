"""Does the bench find a bug? Plant it, run seed after seed, and see whether one of those that were declared beforehand notices.

Found means all of this: the run failed, and it is an oracle that was declared for this bug that says so (no mere crash, no
tree that gave up); the changed statement was come to; and the same plan without the bug passes. Whatever else goes wrong on a seed is
kept as ``others`` and does not count.
"""

from collections.abc import Callable, Iterable

import msgspec

from alys.campaigns import draw, naming
from alys.campaigns import run as runs
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.campaigns.shrink import DoesNotFail, shrink
from alys.mutants import patching
from alys.mutants.mutant import Mutant

Run = Callable[[Plan], Outcome]

SHRINK_RUNS_MAX = 60
OTHERS_MAX = 20
"""Names of findings that did not count: more say nothing new."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What came of looking for one bug."""

    name: str
    area: str
    found: bool
    oracle: str = ""
    """Who found it."""
    seeds: int
    """How many were run; with ``found``, how many it took."""
    seed: int | None = None
    """On which it was found."""
    sentence: str = ""
    ran: int = 0
    """How often a changed statement was come to, over all these seeds."""
    shrunk_faults: int | None = None
    """How many faults are left when the failing plan has been made small; None where nobody tried."""
    shrunk_work: int | None = None
    others: dict[str, int] = {}
    """What the other runs ended with, and how often: ``passed``, a crash, an oracle that was not declared, a seed that is red anyway."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How it is looked for."""

    options: draw.Options = draw.DEFAULTS
    shrink_runs: int = SHRINK_RUNS_MAX
    """Runs that shrinking may take; 0 leaves it out."""


def detect(
    mutant: Mutant,
    seeds: Iterable[int],
    settings: Settings | None = None,
    run: Run = runs.run,
) -> Detection:
    """See the module's docstring; ends at the first seed that counts. Raises NotPlanted when its texts do not fit the code."""
    asked = settings if settings is not None else Settings()
    ran, tried = 0, 0
    others: dict[str, int] = {}
    for seed in seeds:
        tried += 1
        plan = draw.plan_of(seed, asked.options)
        outcome, came = _with(mutant, plan, run)
        ran += came
        if reason := _why_not(mutant, plan, outcome, came, run):
            if reason in others or len(others) < OTHERS_MAX:
                others[reason] = others.get(reason, 0) + 1
            continue
        faults, work = _shrunk(mutant, plan, outcome, asked.shrink_runs, run)
        return Detection(
            name=mutant.name,
            area=mutant.area,
            found=True,
            oracle=outcome.oracle,
            seeds=tried,
            seed=seed,
            sentence=outcome.sentence,
            ran=ran,
            shrunk_faults=faults,
            shrunk_work=work,
            others=others,
        )
    return Detection(
        name=mutant.name, area=mutant.area, found=False, seeds=tried, ran=ran, others=others
    )


def _with(mutant: Mutant, plan: Plan, run: Run) -> tuple[Outcome, int]:
    """A run over the broken code, and how often it came to the change."""
    with patching.planted(mutant) as bug:
        return run(plan), bug.ran


def _why_not(mutant: Mutant, plan: Plan, outcome: Outcome, came: int, run: Run) -> str:
    """Why a run is no proof that the bug is found; empty where it is one."""
    if not came:
        return "never came to it"
    if outcome.verdict == "pass":
        return "passed"
    if outcome.verdict == "inconclusive":
        return naming.INCONCLUSIVE
    if outcome.oracle in naming.UNJUDGED or not mutant.expects(outcome.oracle):
        return f"not declared: {outcome.oracle}"
    sound = run(plan)
    return "" if sound.verdict == "pass" else f"red without it: {sound.oracle or sound.verdict}"


def _shrunk(
    mutant: Mutant, plan: Plan, outcome: Outcome, budget: int, run: Run
) -> tuple[int | None, int | None]:
    """Faults and work of a small plan that still fails so; the work is only cut where faults are needed."""
    if not budget:
        return None, None

    def fails(candidate: Plan) -> bool:
        again, came = _with(mutant, candidate, run)
        return came > 0 and again.verdict == "fail" and again.oracle == outcome.oracle

    bare = msgspec.structs.replace(plan, orders=())
    if fails(bare):  # most need no fault at all, and that costs one run
        return 0, len(plan.work)
    try:
        small = shrink(plan, fails, budget_runs=budget, bitten=outcome.bitten)
    except DoesNotFail:  # it fails once and not again: that is no failure of a plan
        return None, None
    return len(small.plan.orders), len(small.plan.work)


def as_table(detections: Iterable[Detection]) -> list[str]:
    """For people: a line for each bug, those that were not found with what happened instead."""
    lines = []
    for one in detections:
        if one.found:
            faults = "" if one.shrunk_faults is None else f", {one.shrunk_faults} faults left"
            said = f"found by {one.oracle} with seed {one.seed} ({one.seeds} run{faults})"
        else:
            instead = ", ".join(f"{what} ({count})" for what, count in one.others.items())
            said = f"NOT found in {one.seeds} seeds, came to it {one.ran} times; {instead or 'no seed was run'}"
        lines.append(f"{one.name:40} {said}")
    return lines
