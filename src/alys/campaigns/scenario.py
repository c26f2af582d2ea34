"""Plays a plan as a scenario: what a campaign found stays found, in a file that can join a suite.

The scenario's world is the plan's, made as a campaign makes it, so that its seed means the same here. What was wrong is judged as a
campaign judges it, the closing of the world included: an oracle speaks before a user who waits in vain.
"""

from collections.abc import Sequence
from functools import partial

import msgspec
from typing_extensions import override

from alys.base.errors import AlysError, Inconclusive
from alys.campaigns import naming, run, telling
from alys.campaigns.plan import Order, Plan
from alys.worlds.network_world import NetworkWorld
from alys.worlds.protocol import ScenarioInfo
from alys.worlds.sim import SimWorld


class PlanWorld(SimWorld):
    """The world of a plan. It closes once, however often it is told to."""

    def __init__(self, plan: Plan, info: ScenarioInfo) -> None:
        super().__init__(run.settings_of(plan), info, partial(run.schedule_of, plan))
        #: The plan's life in it, which watches from before the first actor.
        self.life = run.Life(self, plan)
        self._closed = False

    @override
    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await super().close()


def world_of(plan: Plan, info: ScenarioInfo) -> PlanWorld:
    """The world that the plan means, for a scenario of that description; not open yet."""
    named = msgspec.structs.replace(info, name=run.NAME, seed=plan.seed, nodes=plan.nodes)
    return PlanWorld(plan, named)


class OtherWorld(AlysError):
    """A plan was to be played in a world that is not its own: mark the scenario ``needs(plan=PLAN)``."""


async def play(world: NetworkWorld, plan: Plan) -> None:
    """The plan's whole life in its world, and the world's end.

    Raises what was wrong; Inconclusive where nothing was, but an order of the plan bit nobody, so that nothing is known.
    """
    if not isinstance(world, PlanWorld) or world.life.plan != plan:
        raise OtherWorld(
            "this world was not made for this plan: mark the scenario needs(plan=PLAN)"
        )
    life = world.life
    findings: list[run.Finding] = []
    errors: list[Exception] = []
    start = world.now()

    def found(error: Exception) -> None:
        errors.append(error)
        oracle, at = naming.name_of(error), world.now() - start
        findings.append(run.Finding(oracle=oracle, sentence=str(error), at=at))

    await run.through(life, found)
    try:
        life.question()
    except Exception as error:  # told like all that is found, and raised below if it is the worst
        found(error)
    if errors:
        worst = naming.worst([one.oracle for one in findings])
        world.note(oracle=findings[worst].oracle, bitten=life.bitten())
        raise errors[worst]
    outcome = run.outcome_of(life, findings, 0.0)
    world.sample(sum(outcome.samples.values()))
    world.note(trace=outcome.trace_hash, bitten=outcome.bitten)
    if outcome.verdict != "pass":
        raise Inconclusive(outcome.sentence)
    require_bites(plan.orders, outcome.bitten)


def require_bites(orders: Sequence[Order], bitten: dict[int, int]) -> None:
    """Raises Inconclusive that names the orders which bit nobody."""
    idle = [order for order in orders if not bitten.get(order.number)]
    if idle:
        raise Inconclusive(
            f"of what this was kept for, this did not happen: {'; '.join(map(telling.order, idle))}; "
            "so it shows nothing any more: find it anew with a campaign, or remove the scenario"
        )
