"""Three streams come up: registered first, acked, alive; and a node that refuses our token is named, not hammered."""

from typing import Any

import pytest

from alys.suites.stream_actor import _streams as on
from alys.worlds.network import NODE_TREE
from alys.worlds.network_world import NetworkWorld

pytestmark = pytest.mark.needs(nodes=1)  # the streams of one node are counted

REFUSED = "the token is not valid any more"
REFUSER = 1
REFUSALS = 5
"""In a row, until a node is left alone for a while."""


async def test_connection_establishment(world: NetworkWorld) -> None:
    """Registration before all else, Health and GetCapabilities, acked heartbeats, and a refused token."""
    await on.all_ready(world)
    for index in on.indices(world):
        await _registered_first(world, index)
        await _answers_questions(world, index)
    await _heartbeats_are_acked(world)
    await _a_refused_token_is_named(world)


async def _registered_first(world: NetworkWorld, index: int) -> None:
    state: Any = await world.governance.state(index)
    where = {"governance": index + 1}
    streams = {one["stream"] for one in state["seen"]}
    world.check(len(streams) == 1, "one stream leads to each node", streams=len(streams), **where)
    first = state["seen"][0]["kind"]
    world.check(first == "node_registration", "registration comes first", first=first, **where)
    world.check(state["errors"] == 0, "nothing was said out of turn", **where)
    (connection,) = state["connections"]
    world.check(
        connection["registered"] and connection["node_id"] == NODE_TREE,
        "the node is registered under its name",
        connection=connection,
        **where,
    )


async def _answers_questions(world: NetworkWorld, index: int) -> None:
    health: Any = await world.governance.health(index)
    world.check(
        health["status"] == "HEALTH_STATUS_HEALTHY", "Health is answered", health=health["status"]
    )
    can: Any = await world.governance.capabilities(index)
    spec = world.network.spec
    world.check(
        can["limits"]["signature_threshold"] == spec.federation.threshold
        and "v1.0.0" in can["protocol_versions"],
        "GetCapabilities answers the protocol and the threshold that the chain has",
        capabilities=can,
    )


async def _heartbeats_are_acked(world: NetworkWorld) -> None:
    """Both ends say so: the node of its acks, governance of what it received."""
    for index in on.indices(world):

        async def acked(index: int = index) -> bool:
            stream = (await on.streams(world))[index]
            return bool(0 < stream["heartbeats_sent"] == stream["heartbeats_acked"])

        await world.eventually(acked, f"the heartbeats to governance {index + 1} are acked")
        state: Any = await world.governance.state(index)
        heard = state["received"]["heartbeat"]
        world.check(heard >= 1, "governance heard a heartbeat", heard=heard)


async def _a_refused_token_is_named(world: NetworkWorld) -> None:
    """Its stream is refused five times, then left alone; the others do not suffer; healed, it is found again."""
    await world.governance.faults(REFUSER, refuse_token=True)
    await world.governance.stop(REFUSER)
    await world.governance.start(REFUSER)
    await on.in_state(world, REFUSER, "suspended", REFUSED)
    tried = await on.touched(world, REFUSER, "refuse_token")
    world.check(tried == REFUSALS, "the breaker opens after five refusals in a row", tried=tried)
    states = [stream["state"] for stream in await on.streams(world)]
    world.check(states.count("ready") == 2, "the other streams stand", states=states)
    await world.governance.faults(REFUSER, refuse_token=False)
    await on.in_state(world, REFUSER, "ready", timeout_s=120)
