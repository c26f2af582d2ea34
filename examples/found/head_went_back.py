"""What a campaign found on seed 0 at commit 17dfc2d733b5, cut small. Run it with

alys test examples/found/head_went_back.py --world sim
"""

import pytest

from alys.base.trouble import DiskRefuses
from alys.campaigns import scenario
from alys.campaigns.plan import On, Order, Plan, Schedule
from alys.worlds.network_world import NetworkWorld

PLAN = Plan(
    seed=0,
    profile="light",
    weather_s=2.0,
    faults="storm",
    schedule=Schedule(kind="round_robin"),
    orders=(
        Order(
            number=12,
            target="disk-2",
            fault=DiskRefuses(duration_s=1.0),
            when=On(actor="/alys/node-2/health", message="Due"),
        ),
    ),
)


@pytest.mark.needs(plan=PLAN)
async def test_agreement_head_went_back(world: NetworkWorld) -> None:
    """agreement/head_went_back: node 2, height 0: a node's head went back though its finalised height
    did not rise: expected at least 1, found head 0, final 0

    The bug was planted: `begun-anew-on-start` of alys.mutants.

    The campaign had 49 faults and 10 pieces of work; what remains of them:

    - disk refuses disk-2 (duration_s=1.0) when /alys/node-2/health takes up Due for the 1st time

    It passes once that is mended, and its faults must still bite then: where one never comes to its
    moment it is inconclusive, and is to be recorded anew.
    """
    await scenario.play(world, PLAN)
