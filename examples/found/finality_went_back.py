"""What a campaign found on seed 0 at commit bb8aa3ff28c2, cut small. Run it with

alys test examples/found/finality_went_back.py --world sim
"""

import pytest

from alys.base.trouble import Kill
from alys.campaigns import scenario
from alys.campaigns.plan import On, Order, Plan, Schedule
from alys.worlds.network_world import NetworkWorld

PLAN = Plan(
    seed=0,
    profile="light",
    weather_s=12.0,
    faults="storm",
    schedule=Schedule(kind="round_robin"),
    orders=(
        Order(
            number=3,
            target="node-0",
            fault=Kill(down_s=1.0),
            when=On(actor="/alys/node/network/sync", message="Look", nth=3),
        ),
        Order(
            number=4,
            target="node-1",
            fault=Kill(down_s=1.0),
            when=On(actor="/alys/node-1/network/network", message="WireDown", nth=2),
        ),
        Order(
            number=5,
            target="node-2",
            fault=Kill(down_s=0.9),
            when=On(actor="/alys/node-2/consensus/chain", message="BlockSealed", nth=3),
        ),
    ),
)


@pytest.mark.needs(plan=PLAN)
async def test_agreement_finality_went_back(world: NetworkWorld) -> None:
    """agreement/finality_went_back: node 1, height 0: a node's finalised height went back: expected at
    least 4, found head 0, final 0

    The bug was planted: `begun-anew-on-start` of alys.mutants.

    The campaign had 49 faults and 10 pieces of work; what remains of them:

    - kill node-0 (down_s=1.0) when /alys/node/network/sync takes up Look for the 3rd time
    - kill node-1 (down_s=1.0) when /alys/node-1/network/network takes up WireDown for the 2nd time
    - kill node-2 (down_s=0.9) when /alys/node-2/consensus/chain takes up BlockSealed for the 3rd
      time

    It passes once that is mended, and its faults must still bite then: where one never comes to its
    moment it is inconclusive, and is to be recorded anew.
    """
    await scenario.play(world, PLAN)
