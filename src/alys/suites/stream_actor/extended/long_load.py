"""The load of ``load_testing`` ten times as long: what fills up, leaks or falls behind slowly has the time to show it."""

from alys.suites.stream_actor import load_testing
from alys.worlds.network_world import NetworkWorld

SECONDS = 40


async def test_long_load(world: NetworkWorld) -> None:
    """Four thousand requests, each answered once and rightly, at the same rate and latency as four hundred."""
    await load_testing.steady(world, SECONDS)
