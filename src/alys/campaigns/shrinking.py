"""From a plan that fails to a scenario that keeps the failure: run it, make it small, give it conditions, write it down."""

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
from typing_extensions import override

from alys.actors.envelope import Envelope
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.base.errors import EnvironmentFailure
from alys.base.trouble import DISK, NODE, service_of
from alys.campaigns import conditions, keepsake, run, shrink, telling
from alys.campaigns.conditions import Taken
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from alys.campaigns.run import Hearing
from alys.campaigns.shrink import DoesNotFail, Shrunk, Step
from alys.worlds import network
from alys.worlds.sim import SimWorld

BUDGET_RUNS = 400

Run = Callable[[Plan, Hearing | None], Outcome]
"""``run.run``, or what runs it with a bug planted."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    shrunk: Shrunk
    """Before conditions."""
    plan: Plan
    """With them: the one that is written down."""
    outcome: Outcome
    """Of that plan."""
    first: Outcome
    """Of the plan that was given."""
    runs: int
    """All in all."""
    simulated_seconds: float
    real_seconds: float


class Takings(Observer):
    """Writes down what actors take up, from the beginning of the weather on."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self._world: SimWorld | None = None
        self._begun = 0.0

    def begin(self, world: SimWorld) -> None:
        """This is the beginning."""
        self._world, self._begun = world, world.now()

    @override
    def handling(self, envelope: Envelope, target: Ref) -> None:
        if self._world is not None:
            at, message = self._world.now() - self._begun, type(envelope.message).__name__
            self.taken.append(Taken(at=at, actor=target.path, message=message))


class _Lab:
    """Runs plans, counts what that costs, and says whether they fail for the same reason as the first."""

    def __init__(self, run_plan: Run) -> None:
        self._run = run_plan
        self.oracle = ""
        self.runs = 0
        self.simulated_seconds = 0.0
        self.real_seconds = 0.0

    def outcome(self, plan: Plan, hearing: Hearing | None = None) -> Outcome:
        """Of one run."""
        done = self._run(plan, hearing)
        self.runs += 1
        self.simulated_seconds += done.simulated_seconds
        self.real_seconds += done.real_seconds
        return done

    def fails(self, plan: Plan) -> bool:
        """By the same oracle, and what that names by the same cause."""
        done = self.outcome(plan)
        return done.verdict == "fail" and done.oracle == self.oracle

    def fails_bitten(self, plan: Plan) -> bool:
        """The same, and each order bit."""
        done = self.outcome(plan)
        bit = all(done.bitten.get(order.number) for order in plan.orders)
        return bit and done.verdict == "fail" and done.oracle == self.oracle

    def taken_in(self, plan: Plan) -> list[Taken]:
        """What actors took up while the weather lasted."""
        takings = Takings()
        self.outcome(plan, Hearing(observers=[takings], weather=takings.begin))
        return takings.taken


def keep(
    plan: Plan,
    *,
    budget_runs: int = BUDGET_RUNS,
    budget_seconds: float = math.inf,
    run_plan: Run = run.run,
    progress: Callable[[Step], object] = lambda _: None,
) -> Kept:
    """Shrink a plan that fails, in so many runs and about so many real seconds; raises DoesNotFail."""
    lab = _Lab(run_plan)
    first = lab.outcome(plan)
    if first.verdict != "fail":
        why = f": {first.sentence}" if first.sentence else ""
        raise DoesNotFail(
            f"the plan of seed {plan.seed} does not fail here, it is {first.verdict}{why}; only a failing plan can be shrunk"
        )
    lab.oracle = first.oracle
    shrunk = shrink.shrink(
        plan,
        lab.fails,
        budget_runs=budget_runs,
        spent=lambda: lab.real_seconds >= budget_seconds,
        bitten=first.bitten,
        progress=progress,
    )
    small = conditions.conditions(
        shrunk.plan,
        lab.taken_in,
        lab.fails_bitten,
        lambda target: home_of(target, shrunk.plan.nodes),
    )
    outcome = lab.outcome(small)
    return Kept(
        shrunk=shrunk,
        plan=small,
        outcome=outcome,
        first=first,
        runs=lab.runs,
        simulated_seconds=lab.simulated_seconds,
        real_seconds=lab.real_seconds,
    )


def home_of(target: str, nodes: int) -> str:
    """The path above all actors of the node that a target is or belongs to; empty where it is of none."""
    if service_of(target) not in (NODE, DISK, "ethereum"):
        return ""
    return f"/alys/{network.tree_name(int(target.rpartition('-')[2]), nodes)}"


def finding_of(kept: Kept, commit: str) -> keepsake.Finding:
    """What goes into the scenario."""
    return keepsake.Finding(
        plan=kept.plan,
        oracle=kept.outcome.oracle,
        sentence=kept.outcome.sentence,
        commit=commit,
        orders_before=len(kept.shrunk.before.orders),
        work_before=len(kept.shrunk.before.work),
    )


def write(kept: Kept, commit: str, out: Path) -> None:
    """The scenario file. Raises EnvironmentFailure where it cannot be written; a file that is there is replaced."""
    text = keepsake.render(finding_of(kept, commit), str(out))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFailure(f"cannot write the scenario {out}: {error.strerror}") from error


def progress_line(step: Step) -> str:
    """How far shrinking is."""
    return (
        f"{step.phase}: {step.runs} runs, {step.orders} faults and {step.work} pieces of work left"
    )


def summary(kept: Kept) -> list[str]:
    """For a terminal: how small it got, what remains, and what that took."""
    before, plan = kept.shrunk.before, kept.plan
    lines = [
        f"{kept.outcome.oracle}: {kept.outcome.sentence}",
        f"faults: {len(before.orders)} -> {len(plan.orders)}, work: {len(before.work)} -> {len(plan.work)}, "
        f"nodes: {before.nodes} -> {plan.nodes}, weather: {before.weather_s:g} s -> {plan.weather_s:g} s, "
        f"schedule: {before.schedule.kind} -> {plan.schedule.kind}",
    ]
    lines += [f"  {telling.order(order)}" for order in plan.orders]
    lines += [f"  {telling.work(piece)}" for piece in plan.work]
    if not kept.shrunk.minimal:
        lines.append("the budget was used up: more of it might be left out")
    lines.append(
        f"{kept.runs} runs, {kept.simulated_seconds:.0f} simulated seconds in {kept.real_seconds:.1f} s"
    )
    return lines
