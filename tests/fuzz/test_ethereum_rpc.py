"""Malformed calls to the execution client: each gets geth's own error and changes nothing, and nothing of it stays."""

from collections.abc import Callable

import pytest

from alys.wire.jsonrpc import Dialect
from tests.fuzz import ethereum_crafted, ethereum_good
from tests.fuzz.bodies import Bodies
from tests.fuzz.run import fuzz, nothing_stays, well
from tests.models.ethereum import builders

SEEDS = (1, 2, 3, 4, 5)
UNDRIVEN = (4, 5)
CALLS = 17_000
"""For each of the seeds, on a node of its own."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_malformed_call_breaks_the_client(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    """Through the Engine port, which has the public calls too; the last ones to a node that nobody drives, which mines by itself."""
    node = ethereum_good.node_with_history()
    bodies = Bodies(ethereum_good.good_calls(node), ethereum_crafted.crafted(node), seed)
    handle = node.handle_engine
    if seed in UNDRIVEN:
        node.development.driven = False
        handle = node.handle
    outcome = fuzz(handle, Dialect.ETHEREUM, bodies, CALLS, lambda: ethereum_good.state_of(node))
    left = nothing_stays(outcome, handle, Dialect.ETHEREUM)
    record_property("requests", dict(bodies.made))
    record_property("left", str(left))
    well(outcome, bodies, CALLS)
    height = int(builders.head_of(node)["number"], 16)
    builders.mined(node)
    assert int(builders.head_of(node)["number"], 16) == height + 1
