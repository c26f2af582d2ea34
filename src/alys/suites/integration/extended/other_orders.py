"""The flows again, each in worlds of its own: other keys, other delays and, in simulation, other orders of events.

A scenario's name is part of its seed, so every number below is another world; a run with another seed has five others again.
"""

import pytest

from alys.suites.integration import (
    block_production_flow,
    bridge_operation_flow,
    multi_actor_coordination,
)
from alys.worlds.network_world import NetworkWorld

ORDERS = range(1, 6)


@pytest.mark.parametrize("order", ORDERS)
async def test_block_production_in_order(world: NetworkWorld, order: int) -> None:
    """Blocks, forgeries, the wait for work."""
    world.note(order=order)
    await block_production_flow.test_block_production_flow(world)


@pytest.mark.parametrize("order", ORDERS)
async def test_bridge_operation_in_order(world: NetworkWorld, order: int) -> None:
    """In and out."""
    world.note(order=order)
    await bridge_operation_flow.test_bridge_operation_flow(world)


@pytest.mark.parametrize("order", ORDERS)
async def test_coordination_in_order(world: NetworkWorld, order: int) -> None:
    """One block with a peg-in and a peg-out."""
    world.note(order=order)
    await multi_actor_coordination.test_multi_actor_coordination(world)
